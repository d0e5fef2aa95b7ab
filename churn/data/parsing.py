"""Raw cells to typed columns, the same for a CSV's texts, Parquet's types and a JSON record.

Numbers and flags become float64 (NaN when missing), categories a Categorical, ids texts, times
datetimes. Nothing is judged here: a cell that cannot be read is reported, not dropped.
"""

import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from churn.data.contract import Contract, Feature, label_key
from churn.data.ids import LARGEST_FLOAT_ID, id_text
from churn.data.values import FLAGS, MISSING, as_text
from churn.errors import ChurnError

# An id of these characters alone is a text as it stands: nothing to trim, and no 12.0 for a 12.
PLAIN_ID = "^[!-\\-/-~]+$"
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def parse_texts(column: pd.Series) -> pd.Categorical:
    """Cells as trimmed texts; whole numbers without a point, whatever their type was."""
    if column.dtype == object:  # True and 1 are one value to factorize
        column = column.map(_text)
    codes, values = pd.factorize(column)
    recode, categories = pd.factorize(np.array([_text(value) for value in values], dtype=object))
    codes = np.where(codes < 0, -1, np.append(recode, -1)[codes])
    return pd.Categorical.from_codes(codes, categories=list(categories))


def parse_ids(column: pd.Series | pa.Array | pa.ChunkedArray) -> pa.Array:
    """Ids as texts, null where missing; `churn.data.ids.id_text` of every cell.

    Returns
    -------
    pa.Array of string
    """
    if isinstance(column, pd.Series):
        if column.dtype == object or isinstance(column.dtype, pd.CategoricalDtype):
            return pa.array([id_text(cell) for cell in _cells(column)], pa.string())
        column = pa.array(column, from_pandas=True)
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if pa.types.is_integer(column.type):
        return column.cast(pa.string())
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        plain = pc.match_substring_regex(column, PLAIN_ID)
        absent = pc.is_in(column, pa.array(MISSING, column.type))
        if pc.all(pc.and_not(plain, absent), min_count=0).as_py():
            return column.cast(pa.string())
    known = column.dictionary_encode()
    texts = pa.array([id_text(cell) for cell in known.dictionary.to_pylist()], pa.string())
    return texts.take(known.indices)


def lost_digits(column: pd.Series | pa.Array) -> np.ndarray:
    """Which ids are floating-point numbers too large to tell one id from the next."""
    dtype = getattr(column, "dtype", None)
    if isinstance(column, pa.Array) and pa.types.is_floating(column.type):
        numbers = column.to_numpy(zero_copy_only=False)
    elif isinstance(dtype, np.dtype) and dtype.kind == "f":
        numbers = column.to_numpy()
    else:
        return np.zeros(len(column), dtype=bool)
    return np.abs(numbers) >= LARGEST_FLOAT_ID


def parse_numbers(column: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Cells as finite float64, and which cells hold something else."""
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "iuf":
        numbers = column.to_numpy(dtype=np.float64)
        filled = ~np.isnan(numbers)
    else:
        texts = parse_texts(column)
        # float() is exact to the last bit, which pandas' own parser is not.
        values = [float(t) if NUMBER.fullmatch(t) else np.nan for t in texts.categories]
        numbers = np.append(np.array(values, dtype=np.float64), np.nan)[texts.codes]
        filled = texts.codes >= 0
    finite = np.isfinite(numbers)
    return np.where(finite, numbers + 0.0, np.nan), filled & ~finite  # + 0.0: no -0.0


def parse_flags(column: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Cells as 1.0 or 0.0, and which cells hold something else."""
    texts = parse_texts(column)
    values = [FLAGS.get(text.lower(), np.nan) for text in texts.categories]
    flags = np.append(np.array(values, dtype=np.float64), np.nan)[texts.codes]
    return flags, (texts.codes >= 0) & np.isnan(flags)


def parse_times(column: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Cells as datetimes (ISO 8601), and which cells hold something else."""
    times = pd.to_datetime(column, errors="coerce", format="ISO8601", utc=True)
    return times.dt.tz_localize(None).array, (column.notna() & times.isna()).to_numpy()


def parse_feature(column: pd.Series, feature: Feature):
    """A feature's column as typed cells, and which cells cannot be read."""
    if feature.kind == "number":
        return parse_numbers(column)
    if feature.kind == "flag":
        return parse_flags(column)
    texts = parse_texts(column)
    unseen = [text for text in texts.categories if text not in feature.categories]
    return texts.set_categories([*feature.categories, *unseen]), np.zeros(len(column), bool)


def parse_features(frame: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """The features of a raw frame, typed; what scoring needs.

    Parameters
    ----------
    frame : DataFrame
        Raw columns; others than the features are left alone.

    Returns
    -------
    DataFrame
        One typed column per feature, in the contract's order, with the same index.

    Raises
    ------
    ChurnError
        Naming every feature that is missing and every cell that cannot be read.
    """
    problems = [f"{name}: the column is missing" for name in contract.features if name not in frame]
    columns = {}
    for name, feature in contract.features.items():
        if name in frame:
            columns[name], bad = parse_feature(frame[name], feature)
            if bad.any():
                cell = frame[name].iloc[int(np.argmax(bad))]
                problems.append(
                    f"{name}: {bad.sum()} cells are no {feature.kind}, "
                    f"the first in row {int(np.argmax(bad)) + 1}: {str(cell)!r}"
                )
    if problems:
        raise ChurnError("These customers cannot be scored:", problems)
    return pd.DataFrame(columns, index=frame.index, copy=False)


def labels(frame: pd.DataFrame, contract: Contract) -> np.ndarray:
    """Whether customers left: (n,) int8, 1 for the positive value of the target."""
    texts = parse_texts(frame[contract.target])
    positive = label_key(contract.positive)
    left = [label_key(text) == positive for text in texts.categories]
    return np.append(np.array(left, dtype=np.int8), np.int8(0))[texts.codes]


def parse_target(column: pd.Series, contract: Contract) -> pd.Categorical:
    """The target's cells in the contract's spelling; other values as they are."""
    texts = parse_texts(column)
    known = {label_key(text): text for text in (contract.positive, *contract.negative)}
    spelled = [known.get(label_key(text), text) for text in texts.categories]
    recode, categories = pd.factorize(np.array(spelled, dtype=object))
    codes = np.where(texts.codes < 0, -1, np.append(recode, -1)[texts.codes])
    return pd.Categorical.from_codes(codes, categories=list(categories))


def _text(value) -> str | None:
    return None if value is None or value is pd.NA or value is pd.NaT else as_text(value)


def _cells(column: pd.Series) -> list:
    """The cells of a column as Python objects, None where missing."""
    return [None if value is pd.NA or value is pd.NaT else value for value in column.tolist()]
