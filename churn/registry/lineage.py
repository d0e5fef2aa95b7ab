"""Where a model comes from: enough to make it again."""

import hashlib
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

import pandas as pd

PACKAGES = ("metaflow", "numpy", "pandas", "scikit-learn", "scipy")


def data_digest(table: pd.DataFrame) -> str:
    """SHA-256, in hex, over the column names and every cell of a raw table, in order."""
    digest = hashlib.sha256("\x1f".join(map(str, table.columns)).encode())
    digest.update(pd.util.hash_pandas_object(table, index=False).to_numpy().tobytes())
    return digest.hexdigest()


def package_versions() -> dict[str, str]:
    """The versions that decide what a fit comes to."""
    return {"python": platform.python_version()} | {name: version(name) for name in PACKAGES}


def git_commit() -> str:
    """The commit of the code, `+` behind it if files differ, or `unknown` outside a checkout."""
    root = Path(__file__).parents[2]
    try:
        run = subprocess.run(
            ["git", "describe", "--always", "--abbrev=40", "--dirty=+", "--exclude=*"],
            cwd=root, capture_output=True, text=True, check=True,
        )  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return run.stdout.strip()
