"""The rejected rows of a table, written to a file, so that they can be corrected and sent again."""

from pathlib import Path

import pandas as pd

from churn.errors import ChurnError
from churn.files import write_file
from churn.pods import lost_with_pod

__all__ = ["MOST_KEPT", "write_rejected"]

# Rejected rows in the artifact of a run; the file has all.
MOST_KEPT = 10_000


def write_rejected(rejected: pd.DataFrame, path: str, total: int | None = None) -> str:
    """Write rejected rows as CSV, with the number of each row and the reason.

    Parameters
    ----------
    rejected : DataFrame
        See `churn.data.validation.Validation`; the index is the row number.
    path : str
        Empty for no file; no file is written where no row is rejected either, nor on the disk of a
        pod, which is deleted with it.
    total : int, optional
        How many rows are rejected, where `rejected` has not all of them.

    Returns
    -------
    str
        What was written, in a sentence; empty where nothing was.

    Raises
    ------
    ChurnError
        If the file cannot be written.
    """
    if not path or rejected.empty:
        return ""
    total = len(rejected) if total is None else total
    some = "" if total == len(rejected) else f"the first {len(rejected):,} of "
    if lost_with_pod({"--rejected": path}):
        return (
            f"{some}{total:,} rejected rows are in the artifact `rejected`, each with its reason."
        )
    try:
        write_file(Path(path), rejected.to_csv(index_label="row", lineterminator="\n"))
    except OSError as error:
        raise ChurnError(f"The rejected rows cannot be written to {path}:", [str(error)]) from error
    return f"{some}{total:,} rejected rows are in {path}, each with its reason."
