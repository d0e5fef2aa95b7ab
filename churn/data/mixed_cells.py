"""Columns of cells of several types, as workbooks and databases have them, as texts in Parquet.

Parquet has one type for a column. A cell is written as a letter for its type and its text, so that
a table is read from Parquet with the cells that its source has.
"""

import base64
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow as pa

__all__ = ["decode", "encode", "is_mixed", "marked"]

_MARK = {b"churn": b"mixed cells"}
# bool is an int for Python, and a datetime a date: the first type that fits is the cell's.
_WRITE: tuple[tuple[str, type, Callable[[Any], str]], ...] = (
    ("s", str, str),
    ("b", bool, lambda cell: "1" if cell else ""),
    ("i", int, str),
    ("f", float, float.hex),
    ("t", datetime, datetime.isoformat),
    ("d", date, date.isoformat),
    ("c", time, time.isoformat),
    ("n", Decimal, str),
    ("x", bytes, lambda cell: base64.b64encode(cell).decode()),
)
_READ: dict[str, Callable[[str], Any]] = {
    "s": str, "b": bool, "i": int, "f": float.fromhex, "t": datetime.fromisoformat,
    "d": date.fromisoformat, "c": time.fromisoformat, "n": Decimal, "x": base64.b64decode,
}  # fmt: skip


def encode(column: pd.Series) -> pa.Array:
    """A column as an array of texts; a cell of another type than these is its text.

    Whatever else a database returns (an UUID, an interval) is read by its text everywhere.
    """
    return pa.array([_written(cell) for cell in column.tolist()], pa.large_string())


def decode(array: pa.Array | pa.ChunkedArray) -> pd.Series:
    """The column that `encode` wrote, of dtype object."""
    cells = [None if text is None else _READ[text[0]](text[1:]) for text in array.to_pylist()]
    return pd.Series(cells, dtype=object)


def marked(name: str) -> pa.Field:
    """The field of a schema for such a column."""
    return pa.field(name, pa.large_string(), metadata=_MARK)


def is_mixed(field: pa.Field) -> bool:
    """Whether `marked` made the field."""
    return bool(field.metadata) and field.metadata.get(b"churn") == _MARK[b"churn"]


def _written(cell: Any) -> str | None:
    if cell is None or cell is pd.NA or cell is pd.NaT or cell != cell:
        return None
    for letter, kind, write in _WRITE:
        if isinstance(cell, kind):
            return letter + write(cell)
    return f"s{cell}"
