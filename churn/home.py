"""One place for the state of a project: its runs and cards, the prediction log, the last models."""

import os
from pathlib import Path

STORE = "METAFLOW_DATASTORE_SYSROOT_LOCAL"


def home() -> Path:
    """The folder that holds the state of this project, whatever the working directory is.

    Returns
    -------
    Path
        CHURN_HOME; else the folder that is set for Metaflow's local store
        (METAFLOW_DATASTORE_SYSROOT_LOCAL); else the checkout that contains this library; and for an
        installed library, as Metaflow does it, the next folder upward from the working directory
        that has a `.metaflow`, or the working directory itself.
    """
    named = os.environ.get("CHURN_HOME") or os.environ.get(STORE)
    if named:
        return Path(named).absolute()
    checkout = Path(__file__).resolve().parents[1]
    if (checkout / "flows" / "churn_flow.py").is_file():
        return checkout
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if _has_store(folder)), here)


def use_home() -> Path:
    """Set the folder of Metaflow's local store; call it before Metaflow is imported.

    A datastore on S3, Azure or Google, and a folder set by the environment, stay as they are.

    Returns
    -------
    Path
        See `home`.
    """
    folder = home()
    os.environ.setdefault(STORE, str(folder))
    return folder


def _has_store(folder: Path) -> bool:
    return (folder / ".metaflow").is_dir()
