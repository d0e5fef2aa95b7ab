"""Raw cells to typed columns, the same for a CSV's texts, Parquet's types and a JSON record.

Numbers, flags and dates (as days) become float64 (NaN when missing), categories a Categorical, ids
texts, times datetimes. No row is rejected here: an unreadable cell is reported, not dropped.
"""

import re
from collections.abc import Collection
from datetime import UTC, datetime
from decimal import Decimal
from numbers import Real

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from churn.data.amounts import number_of
from churn.data.contract import Category, Contract, Feature, Flag, label_key
from churn.data.dates import day_of
from churn.data.frames import category
from churn.data.ids import LARGEST_FLOAT_ID, id_text
from churn.data.values import FLAGS, MARKERS, MISSING, as_text
from churn.errors import ChurnError
from churn.words import plural

# An id of only these characters needs no normalisation: no blanks to trim, and no 12.0 for a 12.
_SCIENTIFIC = re.compile(r"^\d\.\d+E\+\d\d$", re.ASCII)
PLAIN_ID = "^[!-\\-/-~]+$"


def parse_texts(column: pd.Series, keep: Collection[str] = ()) -> pd.Categorical:
    """Cells as trimmed texts; whole numbers without a point, whatever their type was.

    Parameters
    ----------
    column : Series
        Raw cells.
    keep : collection of str
        Words of `values.MISSING` that are values in this column.
    """
    if column.dtype == object:  # factorize takes True and 1 for one value
        column = column.map(lambda value: _text(value, keep))
    codes, values = pd.factorize(column)
    texts = np.array([_text(value, keep) for value in values], dtype=object)
    recode, categories = pd.factorize(texts)
    codes = np.where(codes < 0, -1, np.append(recode, -1)[codes])
    return category(codes, categories)


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
    """Which ids have lost digits.

    They are floating-point numbers too large to distinguish neighbouring ids, or texts like
    `1.23E+15`, as Excel writes them.
    """
    dtype = getattr(column, "dtype", None)
    if isinstance(column, pd.Series) and (
        column.dtype == object or pd.api.types.is_string_dtype(column.dtype)
    ):
        texts = parse_texts(column)
        lost = [bool(_SCIENTIFIC.fullmatch(text)) for text in texts.categories]
        return np.asarray(np.array([*lost, False])[texts.codes])
    if isinstance(column, pa.Array) and (
        pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
    ):
        matched = pc.match_substring_regex(column, _SCIENTIFIC.pattern)
        found: np.ndarray = pc.fill_null(matched, False).to_numpy(zero_copy_only=False)
        return found
    if isinstance(column, pa.Array) and pa.types.is_floating(column.type):
        numbers = column.to_numpy(zero_copy_only=False)
    elif isinstance(dtype, np.dtype) and dtype.kind == "f":
        numbers = column.to_numpy()
    else:
        return np.zeros(len(column), dtype=bool)
    return np.asarray(np.abs(numbers) >= LARGEST_FLOAT_ID)


def parse_numbers(
    column: pd.Series, decimal: str = ".", missing: Collection[str] = ()
) -> tuple[np.ndarray, np.ndarray]:
    """Cells as finite float64, and which cells are no numbers.

    Amounts, per cent and thousands are read as numbers, see `churn.data.amounts`; an infinite
    number and a word for a missing one (`is_marker`) are missing.
    """
    if is_numeric(column):
        numbers = column.to_numpy(dtype=np.float64, na_value=np.nan)
        return np.where(np.isfinite(numbers), numbers + 0.0, np.nan), np.zeros(len(column), bool)
    if decimal != "." and column.dtype == object:
        # A cell that is a number already, as in a workbook or a request, has no decimal comma.
        typed = np.array([_is_number(cell) for cell in column], dtype=bool)
        if typed.any():
            numbers, bad = parse_numbers(column.mask(typed, None), decimal, missing)
            cells = np.array([float(cell) for cell in column[typed]])
            numbers[typed] = np.where(np.isfinite(cells), cells + 0.0, np.nan)
            return numbers, bad
    texts = parse_texts(column)
    values = [number_of(text, decimal) for text in texts.categories]
    marked = [is_marker(text, missing) for text in texts.categories]
    bad = np.array([v is None and not m for v, m in zip(values, marked, strict=True)] + [False])
    numbers = np.array([np.nan if value is None else value for value in values] + [np.nan])
    numbers = np.where(np.isfinite(numbers), numbers + 0.0, np.nan)[texts.codes]  # no -0.0
    return numbers, bad[texts.codes]


def _is_number(cell: object) -> bool:
    return isinstance(cell, Real | Decimal) and not isinstance(cell, bool) and cell == cell


def is_numeric(column: pd.Series) -> bool:
    """Whether a column holds numbers already, whatever their type."""
    return pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(
        column.dtype
    )


def is_marker(text: str, missing: Collection[str] = ()) -> bool:
    """Whether a cell of a number or date column stands for a missing value."""
    return text.casefold() in MARKERS or text in missing


def unavailable(column: pd.Series, feature: Feature) -> dict[str, np.ndarray]:
    """Cells that are filled but read as missing, and words for missing values that are categories.

    Returns
    -------
    dict of str to ndarray of bool, shape (n,)
        By the sentence for the user.
    """
    if isinstance(feature, Category | Flag):
        return _words(column, feature)
    if is_numeric(column):
        infinite = np.isinf(column.to_numpy(dtype=np.float64, na_value=np.nan))
        return {"infinite, taken as missing": infinite}
    if not (column.dtype == object or pd.api.types.is_string_dtype(column.dtype)):
        return {}
    texts = parse_texts(column, keep=MISSING[1:])
    marked = [is_marker(text, feature.missing) for text in texts.categories]
    infinite = [
        feature.kind == "number" and bool(np.isinf(number_of(text, feature.decimal) or 0.0))
        for text in texts.categories
    ]
    return {
        "a word for a missing value, taken as missing": np.array([*marked, False])[texts.codes],
        "infinite, taken as missing": np.array([*infinite, False])[texts.codes],
    }


def _words(column: pd.Series, feature: Feature) -> dict[str, np.ndarray]:
    """Words for missing values in a category or flag: read as missing, or as a category."""
    if not (column.dtype == object or pd.api.types.is_string_dtype(column.dtype)):
        return {}
    listed = feature.categories if feature.kind == "category" else ()
    missing = feature.missing if feature.kind == "category" else ()
    texts = parse_texts(column, keep=MISSING[1:])
    read = [
        text not in listed and (text in MISSING or text in missing) for text in texts.categories
    ]
    kept = [text in listed and is_marker(text) for text in texts.categories]
    add = "; `categories` in the contract changes it" if feature.kind == "category" else ""
    return {
        f"a word for a missing value, taken as missing{add}": np.array([*read, False])[texts.codes],
        "a word for a missing value elsewhere, a category here; "
        "`missing` in the contract changes it": np.array([*kept, False])[texts.codes],
    }


def parse_dates(
    column: pd.Series, order: str = "", missing: Collection[str] = ()
) -> tuple[np.ndarray, np.ndarray]:
    """Cells as datetime64[D], and which cells are no dates; see `churn.data.dates`."""
    if isinstance(column.dtype, np.dtype | pd.DatetimeTZDtype) and column.dtype.kind == "M":
        days = column.dt.tz_localize(None) if column.dt.tz is not None else column
        return days.to_numpy().astype("datetime64[D]"), np.zeros(len(column), dtype=bool)
    texts = parse_texts(column)
    days = [day_of(text, order) for text in texts.categories]
    marked = [is_marker(text, missing) for text in texts.categories]
    bad = np.array([d is None and not m for d, m in zip(days, marked, strict=True)] + [False])
    return np.array([*days, None], dtype="datetime64[D]")[texts.codes], bad[texts.codes]


def observation_days(frame: pd.DataFrame, contract: Contract) -> np.ndarray:
    """The day of each row's observation: of the time column, or `as_of`, or today (in UTC).

    Returns
    -------
    ndarray of datetime64[D], shape (n,)
    """
    if contract.time in frame:
        times, _ = parse_times(frame[contract.time], contract.time_order)
        return np.asarray(times).astype("datetime64[D]")
    day = contract.as_of or datetime.now(UTC).date()
    return np.full(len(frame), np.datetime64(day, "D"))


def parse_flags(column: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Cells as 1.0 or 0.0, and which cells are no flags."""
    texts = parse_texts(column)
    values = [FLAGS.get(text.lower(), np.nan) for text in texts.categories]
    flags = np.append(np.array(values, dtype=np.float64), np.nan)[texts.codes]
    return flags, (texts.codes >= 0) & np.isnan(flags)


def parse_times(
    column: pd.Series, order: str = ""
) -> tuple[pd.api.extensions.ExtensionArray | np.ndarray, np.ndarray]:
    """Cells as datetimes, and which cells are no times.

    Parameters
    ----------
    order : str
        Empty for ISO 8601, whose time of day is kept, in UTC; else only the day is read, see
        `churn.data.dates`.
    """
    if order:
        days, bad = parse_dates(column, order)
        return pd.to_datetime(pd.Series(days)).array, bad
    times = pd.to_datetime(column, errors="coerce", format="ISO8601", utc=True)
    bad = (column.notna() & times.isna()).to_numpy()
    if bad.any():
        bad = bad & (parse_texts(column).codes >= 0)  # a word for a missing value is no mistake
    return times.dt.tz_localize(None).array, bad


def parse_feature(
    column: pd.Series, feature: Feature, observed: np.ndarray | None = None
) -> tuple[np.ndarray | pd.Categorical, np.ndarray]:
    """A feature's column as typed cells, and which cells cannot be read.

    Parameters
    ----------
    observed : ndarray of datetime64[D], shape (n,)
        For a date, see `observation_days`. A column of float64 is days already.
    """
    if feature.kind == "number":
        return parse_numbers(column, feature.decimal, feature.missing)
    if feature.kind == "flag":
        return parse_flags(column)
    if feature.kind == "date":
        if column.dtype == np.float64:
            return column.to_numpy(), np.zeros(len(column), dtype=bool)
        days, bad = parse_dates(column, feature.order, feature.missing)
        since = (observed - days) / np.timedelta64(1, "D")
        return np.where(np.isnat(days), np.nan, since), bad
    texts = parse_texts(column, keep=feature.categories)
    texts = texts.remove_categories(texts.categories.intersection(list(feature.missing)))
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
    observed = observation_days(frame, contract)
    for name, feature in contract.features.items():
        if name in frame:
            columns[name], bad = parse_feature(frame[name], feature, observed)
            if bad.any():
                cell = frame[name].iloc[int(np.argmax(bad))]
                problems.append(
                    f"{name}: {plural(int(bad.sum()), 'cell is', 'cells are')} no {feature.kind}, "
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
    return np.asarray(np.append(np.array(left, dtype=np.int8), np.int8(0))[texts.codes])


def parse_target(column: pd.Series, contract: Contract) -> pd.Categorical:
    """The target's cells in the contract's spelling; other values as they are."""
    texts = parse_texts(column)
    known = {label_key(text): text for text in (contract.positive, *contract.negative)}
    spelled = [known.get(label_key(text), text) for text in texts.categories]
    recode, categories = pd.factorize(np.array(spelled, dtype=object))
    codes = np.where(texts.codes < 0, -1, np.append(recode, -1)[texts.codes])
    return category(codes, categories)


def _text(value: object, keep: Collection[str] = ()) -> str | None:
    return None if value is None or value is pd.NA or value is pd.NaT else as_text(value, keep)


def _cells(column: pd.Series) -> list[object]:
    """The cells of a column as Python objects, None where missing."""
    return [None if value is pd.NA or value is pd.NaT else value for value in column.tolist()]
