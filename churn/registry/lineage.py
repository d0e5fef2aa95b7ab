"""The origin of a model: enough to train it again."""

import platform
from importlib.metadata import version
from typing import Any

from churn.registry.commit import git_commit

PACKAGES = ("metaflow", "numpy", "pandas", "scikit-learn", "scipy")


def package_versions() -> dict[str, str]:
    """The versions of the packages that affect a fit."""
    return {"python": platform.python_version()} | {name: version(name) for name in PACKAGES}


def run_lineage(seed: int) -> dict[str, Any]:
    """The commit of the code, the versions of packages, and the seed."""
    return {"code": git_commit(), "packages": package_versions(), "seed": seed}
