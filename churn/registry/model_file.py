"""The fitted model of a run as a joblib file, which batch scoring needs.

Unpickling it runs code. It is loaded only if its SHA-256 is that in the run's document, and only
with the version of scikit-learn that wrote it.
"""

import hashlib
import io
from collections.abc import Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING

from churn.errors import ChurnError
from churn.modeling.own_families import look_in_working_directory

if TYPE_CHECKING:
    from churn.modeling.model import ChurnModel

ANY_VERSION = "CHURN_ANY_SCIKIT_LEARN"


def dump_model(model: object) -> bytes:
    """A fitted model as the bytes of a file."""
    import joblib

    file = io.BytesIO()
    joblib.dump(model, file)
    return file.getvalue()


def describe_model(content: bytes) -> dict[str, str]:
    """The entries about the file in a document: `sha256`, and the version of `scikit_learn`."""
    digest = hashlib.sha256(content).hexdigest()
    return {"sha256": digest, "scikit_learn": version("scikit-learn")}


def load_model(
    content: bytes, described: Mapping[str, str] | None = None, any_version: bool = False
) -> "ChurnModel":
    """Read a fitted model.

    Parameters
    ----------
    content : bytes
        See `dump_model`.
    described : mapping, optional
        The expected file; see `describe_model`. None within the run that has just made it.
    any_version : bool
        Load it with another version of scikit-learn too, whose predictions may differ.

    Raises
    ------
    ChurnError
        If the file is not the expected one, was written by another version of scikit-learn, or
        needs a module that cannot be imported, as of a family of one's own.
    """
    import joblib

    if described is not None:
        _check(content, described, any_version)
    look_in_working_directory()
    try:
        model: ChurnModel = joblib.load(io.BytesIO(content))
    except ImportError as error:
        problem = f"{error}: install its module, or start in the folder where it lies"
        raise ChurnError("The fitted model is not loaded:", [problem]) from error
    return model


def _check(content: bytes, described: Mapping[str, str], any_version: bool) -> None:
    found = describe_model(content)
    if found["sha256"] != described["sha256"]:
        problem = (
            f"its SHA-256 is {found['sha256']} and the run's document names "
            f"{described['sha256']}: it was changed after the run; train again"
        )
        raise ChurnError("The fitted model is not loaded:", [problem])
    here, there = found["scikit_learn"], described["scikit_learn"]
    if here != there and not any_version:
        problem = (
            f"scikit-learn {there} wrote it and {here} is installed, which may read it wrongly: "
            f"install scikit-learn=={there}, train again, or set {ANY_VERSION}=1"
        )
        raise ChurnError("The fitted model is not loaded:", [problem])
