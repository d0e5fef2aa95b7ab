"""The start of the flows, their console, and retraining, in which one flow starts another."""

from pathlib import Path


def library_folder() -> Path:
    """The folder to import the library from.

    In a checkout it is next to `flows`, in a code package in Metaflow's own folder. The package
    has precedence: an image into which it is extracted may have an older library.
    """
    here = Path(__file__).resolve().parents[1]
    packaged = here / ".mf_code"
    return packaged if (packaged / "churn").is_dir() else here.parent
