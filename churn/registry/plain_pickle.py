"""Pickles of plain values, loaded without running code.

Metaflow stores every artifact as a pickle, which may name any function to be called when it is
loaded. A deployment consists of texts, numbers and containers, which need no function, so a pickle
that names one is refused.
"""

import io
import pickle
from typing import TYPE_CHECKING, Any

from churn.errors import ChurnError
from churn.metaflow_compat import read_artifact

if TYPE_CHECKING:
    from metaflow import Run


def load_plain(content: bytes) -> Any:
    """Read a pickle of None, booleans, numbers, texts, bytes, lists, tuples, dicts and sets.

    Raises
    ------
    ChurnError
        If it names a class or a function, or is no pickle.
    """
    try:
        return _PlainUnpickler(io.BytesIO(content)).load()
    except ChurnError:
        raise
    except Exception as error:  # the opcodes of a broken pickle may raise anything
        reason = f"{type(error).__name__}: {error}"
        raise ChurnError("What is stored is no pickle of plain values:", [reason]) from error


def read_plain(run: "Run", name: str) -> Any:
    """An artifact of plain values of the last task of a `metaflow.Run`.

    Raises
    ------
    ChurnError
        If the run has no such artifact, or it is not plain values.
    """
    try:
        task = run["end"].task
        if task is None:
            raise KeyError("end")
        content = read_artifact(task, name)
    except KeyError:
        lacks = f"it has no {name}; name a run of ChurnFlow"
        raise ChurnError(f"{run.pathspec} cannot be used:", [lacks]) from None
    try:
        return load_plain(content)
    except ChurnError as error:
        raise ChurnError(f"{run.pathspec} cannot be used:", error.problems) from error


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        problem = (
            f"it holds a {module}.{name}, which is not loaded because reading it could run "
            "anything: the run was made by another version of churn, or by somebody else; "
            "train again"
        )
        raise ChurnError("What is stored is not plain values:", [problem])
