"""The origin of a model: enough to train it again."""

import hashlib
import platform
from importlib.metadata import version
from typing import Any

import pandas as pd

from churn.registry.commit import git_commit

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
