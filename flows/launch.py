"""What every flow needs of its surroundings; import it before Metaflow.

A flow is started as `python flows/NAME.py`, from any directory, by anybody, root included, on
this machine or inside a task on a cluster.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

# Metaflow refuses to run for a user without a name, and for one called root.
names = (os.environ.get(key) for key in ("METAFLOW_USER", "SUDO_USER", "USERNAME", "USER"))
if not any(name and name != "root" for name in names):
    os.environ["METAFLOW_USER"] = "churn"

# As many tasks at once as there are cores (Metaflow's own default is 16); each task then bounds
# its threads, see churn.training. The tasks inherit the number and need not count again.
if "METAFLOW_RUN_MAX_WORKERS" not in os.environ:
    from joblib import cpu_count

    os.environ["METAFLOW_RUN_MAX_WORKERS"] = str(cpu_count())
os.environ.setdefault("METAFLOW_RESUME_MAX_WORKERS", os.environ["METAFLOW_RUN_MAX_WORKERS"])

# The table that ships with the project goes to a cluster with the code.
os.environ.setdefault("METAFLOW_DEFAULT_PACKAGE_SUFFIXES", ".py,.csv,.toml")
