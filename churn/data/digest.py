"""The digest of a raw table: the same for the same cells, however they are read or stored."""

import hashlib
from collections.abc import Iterable

import numpy as np
import pandas as pd

from churn.data.frames import with_columns

__all__ = ["TableDigest", "digest_of"]


class TableDigest:
    """SHA-256 over the column names and every cell of a raw table, in order, some rows at a time.

    Parameters
    ----------
    columns : iterable of str
    """

    def __init__(self, columns: Iterable[object]):
        self._sha = hashlib.sha256("\x1f".join(map(str, columns)).encode())

    def add(self, rows: pd.DataFrame) -> None:
        """Add the next rows of the table."""
        self._sha.update(_row_hashes(rows).tobytes())

    def hexdigest(self) -> str:
        """The digest of all rows so far, in hex."""
        return self._sha.hexdigest()


def digest_of(table: pd.DataFrame) -> str:
    """The digest of a table that is in memory."""
    digest = TableDigest(table.columns)
    digest.add(table)
    return digest.hexdigest()


def _row_hashes(rows: pd.DataFrame) -> np.ndarray:
    """A hash of each row: (n,) uint64.

    pandas hashes a column of mixed cells by their texts, and one of texts by themselves. Which of
    both it is must not depend on the rows that are read together, so cells are texts here.
    """
    mixed = [name for name in rows if rows[name].dtype == object]
    if mixed:
        rows = with_columns(rows, {str(name): _texts(rows[name]) for name in mixed})
    hashes: np.ndarray = pd.util.hash_pandas_object(rows, index=False).to_numpy()
    return hashes


def _texts(column: pd.Series) -> pd.Series:
    return column.map(str, na_action="ignore").where(column.notna(), None).astype(object)
