"""Frames whose columns may have any name."""

from collections.abc import Mapping

import pandas as pd

__all__ = ["with_columns"]


def with_columns(frame: pd.DataFrame, columns: Mapping) -> pd.DataFrame:
    """The frame with columns added or replaced, as `assign` does.

    `assign` takes names as keyword arguments, so it cannot add a column named `self`.
    """
    made = frame.copy(deep=False)
    for name, values in columns.items():
        made[name] = values
    return made
