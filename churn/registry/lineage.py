"""The origin of a model: enough to train it again."""

import hashlib
import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from churn.metaflow_compat import packaged_commit

PACKAGES = ("metaflow", "numpy", "pandas", "scikit-learn", "scipy")


def data_digest(table: pd.DataFrame) -> str:
    """SHA-256, in hex, over the column names and every cell of a raw table, in order."""
    digest = hashlib.sha256("\x1f".join(map(str, table.columns)).encode())
    digest.update(pd.util.hash_pandas_object(table, index=False).to_numpy().tobytes())
    return digest.hexdigest()


def package_versions() -> dict[str, str]:
    """The versions of the packages that affect a fit."""
    return {"python": platform.python_version()} | {name: version(name) for name in PACKAGES}


def run_lineage(seed: int) -> dict[str, Any]:
    """The commit of the code, the versions of packages, and the seed."""
    return {"code": git_commit(), "packages": package_versions(), "seed": seed}


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
