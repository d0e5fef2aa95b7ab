"""Clean rows of a customer table, in memory or by reference: read by position, or in chunks."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
import pandas as pd

from churn.data.contract import Contract
from churn.data.parsing import labels

__all__ = ["FrameRows", "Part", "Rows", "column_of", "labels_of", "rows_of"]


class Rows(Protocol):
    """Rows of a customer table that satisfy its contract, typed."""

    def __len__(self) -> int:
        """How many rows there are."""

    def read(
        self, rows: np.ndarray | None = None, columns: Sequence[str] | None = None
    ) -> pd.DataFrame:
        """The rows at these positions, or where a mask is true; all by default."""

    def chunks(self, columns: Sequence[str] | None = None) -> Iterator[tuple[int, pd.DataFrame]]:
        """All rows, some at a time, each time with the position of the first."""


class FrameRows:
    """The rows of a frame.

    Parameters
    ----------
    frame : DataFrame
    """

    def __init__(self, frame: pd.DataFrame):
        self.frame = frame

    def __len__(self) -> int:
        return len(self.frame)

    def read(
        self, rows: np.ndarray | None = None, columns: Sequence[str] | None = None
    ) -> pd.DataFrame:
        frame = self.frame if columns is None else self.frame[list(columns)]
        if rows is None:
            return frame
        return frame[rows] if rows.dtype == bool else frame.iloc[rows]

    def chunks(self, columns: Sequence[str] | None = None) -> Iterator[tuple[int, pd.DataFrame]]:
        yield 0, self.read(None, columns)


class Part:
    """Some of the rows of a table, as rows.

    Parameters
    ----------
    table : Rows
    mask : ndarray of bool, shape (len(table),)
    """

    def __init__(self, table: Rows, mask: np.ndarray):
        self.table, self.mask = table, mask

    def __len__(self) -> int:
        return int(self.mask.sum())

    def read(
        self, rows: np.ndarray | None = None, columns: Sequence[str] | None = None
    ) -> pd.DataFrame:
        if rows is None:
            return self.table.read(self.mask, columns)
        return self.table.read(np.flatnonzero(self.mask)[rows], columns)

    def chunks(self, columns: Sequence[str] | None = None) -> Iterator[tuple[int, pd.DataFrame]]:
        place = 0
        for first, frame in self.table.chunks(columns):
            frame = frame[self.mask[first : first + len(frame)]]
            yield place, frame
            place += len(frame)


def rows_of(table: "pd.DataFrame | Rows") -> Rows:
    """The rows of a table, whichever way it is there."""
    return FrameRows(table) if isinstance(table, pd.DataFrame) else table


def column_of(table: "pd.DataFrame | Rows", name: str) -> pd.Series:
    """One column of all rows."""
    parts = [frame[name] for _, frame in rows_of(table).chunks([name])]
    return parts[0] if len(parts) == 1 else pd.concat(parts)


def labels_of(table: "pd.DataFrame | Rows", contract: Contract) -> np.ndarray:
    """Whether the customers left: (n,) int8; see `churn.data.parsing.labels`."""
    parts = [labels(frame, contract) for _, frame in rows_of(table).chunks([contract.target])]
    return np.concatenate(parts)
