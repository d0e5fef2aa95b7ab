"""The commit of the code; apart from `churn.registry.lineage`, as the app has no pandas."""

import os
import subprocess
from pathlib import Path

from churn.metaflow_compat import packaged_commit


def git_commit() -> str:
    """The commit of the code, followed by `+` if files differ.

    Returns
    -------
    str
        That of the checkout; in a task on a cluster that of the code package, which Metaflow
        records when it makes the package; in an image CHURN_COMMIT; or `unknown`.
    """
    root = Path(__file__).parents[2]
    try:
        run = subprocess.run(
            ["git", "describe", "--always", "--abbrev=40", "--dirty=+", "--exclude=*"],
            cwd=root, capture_output=True, text=True, check=True,
        )  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        return packaged_commit() or os.environ.get("CHURN_COMMIT") or "unknown"
    return run.stdout.strip()
