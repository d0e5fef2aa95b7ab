"""Frames whose columns may have any name."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["category", "with_columns"]


def with_columns(frame: pd.DataFrame, columns: Mapping[str, Any]) -> pd.DataFrame:
    """The frame with columns added or replaced, as `assign` does.

    `assign` takes names as keyword arguments, so it cannot add a column named `self`.
    """
    if not isinstance(frame, pd.DataFrame):  # a table that is read column by column
        made: pd.DataFrame = frame.with_columns(columns)
        return made
    made = frame.copy(deep=False)
    for name, values in columns.items():
        made[name] = values
    return made


def category(codes: np.ndarray, texts: Iterable[str]) -> pd.Categorical:
    """Categories by their codes, -1 where missing; see `pandas.Categorical.from_codes`."""
    # The stubs of pandas do not know a list of categories.
    made: pd.Categorical = pd.Categorical.from_codes(codes, list(texts))  # type: ignore[call-overload]
    return made
