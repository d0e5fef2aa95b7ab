"""What every flow needs of its surroundings; import it before Metaflow.

A flow is started as `python flows/NAME.py`, from any directory, by anybody, root included, on
this machine or inside a task on a cluster.
"""

import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import churn  # noqa: F401 (what is imported now goes to a cluster with the code)

# Metaflow refuses to run for a user without a name, and for one called root.
_names = (os.environ.get(key) for key in ("METAFLOW_USER", "SUDO_USER", "USERNAME", "USER"))
if not any(name and name != "root" for name in _names):
    os.environ["METAFLOW_USER"] = "churn"

# As many tasks at once as there are cores (Metaflow's own default is 16); each task then bounds
# its threads, see churn.training. The tasks inherit the number and need not count again.
if "METAFLOW_RUN_MAX_WORKERS" not in os.environ:
    from joblib import cpu_count

    os.environ["METAFLOW_RUN_MAX_WORKERS"] = str(cpu_count())
os.environ.setdefault("METAFLOW_RESUME_MAX_WORKERS", os.environ["METAFLOW_RUN_MAX_WORKERS"])

# The table that ships with the project goes to a cluster with the code.
os.environ.setdefault("METAFLOW_DEFAULT_PACKAGE_SUFFIXES", ".py,.csv,.toml")


def start(flow) -> None:
    """What `flow()` does in a script, with tasks that start warm; see `warm`.

    What a user can mend, a ChurnError, is told without a traceback.
    """
    from metaflow import parameters
    from metaflow.exception import MetaflowException

    from churn.errors import ChurnError

    with parameters.flow_context(flow), _entrypoint() as entrypoint:
        from metaflow import cli  # it reads the flow's Configs when it is imported

        try:
            cli.main(flow(use_cli=False), entrypoint=entrypoint, handle_exceptions=False)
        except ChurnError as error:
            sys.exit(str(error))
        except MetaflowException as error:
            cli.print_metaflow_exception(error)
            sys.exit(1)


@contextmanager
def _entrypoint():
    """How Metaflow is to start a task: None for its own way."""
    if not {"run", "resume"} & set(sys.argv[1:]) or os.environ.get("CHURN_WARM") == "0":
        yield None
        return
    warm = str(Path(__file__).with_name("warm.py"))
    # Not in TMPDIR: the path of a socket may have no more than about a hundred characters.
    with tempfile.TemporaryDirectory(prefix="churn-", dir="/tmp") as folder:
        address = os.path.join(folder, "warm")
        # It ends when its standard input closes, however this process ends.
        server = subprocess.Popen([sys.executable, "-u", warm, address], stdin=subprocess.PIPE)
        try:
            yield [sys.executable, "-I", "-S", warm, address, sys.argv[0]]
        finally:
            server.stdin.close()
            server.wait()
