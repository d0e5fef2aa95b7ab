"""The image of the app has what the app imports, and no more is imported."""

import json
import re
import subprocess
import sys

from running import ROOT

SCRIPT = """
import json, sys
from importlib.metadata import packages_distributions
import serve, serve.__main__, serve.api, serve.server.front, serve.server.keeper
import churn.registry.runs
from churn.feedback.outcomes import OutcomeStore
from churn.feedback.prediction_log import PredictionLog
import metaflow, psycopg
owners = packages_distributions()
top = {name.split(".")[0] for name in sys.modules}
print(json.dumps(sorted({owner for name in top for owner in owners.get(name, [])})))
"""


def test_what_the_app_imports_is_in_its_lock():
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True, check=True
    )
    lock = (ROOT / "serve" / "requirements.lock").read_text()
    locked = {name.replace("_", "-") for name in re.findall(r"^([\w.-]+)==", lock, re.M)}
    imported = {re.sub(r"[-_.]+", "-", name).lower() for name in json.loads(done.stdout)}
    # What Granian and Metaflow use where it happens to be installed.
    optional = {"anyio", "pyyaml", "watchfiles"}
    assert imported - optional - {"churn", "setuptools", "pip"} <= locked
