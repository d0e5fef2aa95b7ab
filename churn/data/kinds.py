"""What a column is: a flag, a number, a date, a category, or nothing to learn from, and why."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from churn.data.amounts import NUMBER, decimal_mark, number_of, units_of
from churn.data.contract import Category, Date, Feature, Flag, Number
from churn.data.dates import day_of, order_of
from churn.data.doubtful_texts import (
    case_variants,
    mixed_dates,
    numbers_with_words,
    seconds_since_1970,
)
from churn.data.parsing import (
    is_marker,
    is_numeric,
    parse_dates,
    parse_flags,
    parse_numbers,
    parse_texts,
)
from churn.data.source import SourceOptions
from churn.data.values import FLAGS, MISSING

__all__ = ["TOLERANCE", "Kind", "kind_of"]

# A column is of a kind if all but this share of its cells are; the rest are reported as mistakes.
TOLERANCE = 0.001
# A text with few levels is a category: at most this share of the rows, and between these numbers.
MAX_LEVEL_SHARE = 0.05
MAX_LEVELS = 200
MIN_LEVELS = 20
# A text with more levels (cities, postcodes) is a category if each has so many rows on average, and
# a name or a key otherwise; the contract has to list them, so there is a limit.
MIN_ROWS_PER_LEVEL = 4
MOST_LEVELS = 25_000
# A word for a missing value is a category if so many cells say it, while others are empty.
MIN_WORD_SHARE = 0.01
# In a column of numbers at most so many distinct words, in at most this share of the cells, stand
# for missing values.
MAX_WORDS = 3
MAX_WORD_SHARE = 0.1


@dataclass(frozen=True)
class Kind:
    """The kind of a column.

    Attributes
    ----------
    feature : Feature or None
        Its entry in a contract; None where it cannot be a feature.
    bad : ndarray of bool, shape (n,)
        The cells that do not fit.
    reason : str
        Why it cannot be a feature, or why it is of this kind, for the user.
    """

    feature: Feature | None
    bad: np.ndarray
    reason: str = ""


def kind_of(column: pd.Series, options: SourceOptions) -> Kind:
    """Infer the kind of a column.

    Parameters
    ----------
    column : Series
        Raw cells.
    options : SourceOptions
        What is known about decimal marks and dates.

    Raises
    ------
    ChurnError
        If its numbers can be read in two ways.
    """
    fine = np.zeros(len(column), dtype=bool)
    if is_numeric(column) and _has_fraction(column):
        return Kind(Number(), fine)
    texts = parse_texts(column)
    filled = texts.codes >= 0
    if not filled.any():
        return Kind(None, fine, "it is empty")
    counts = np.bincount(texts.codes[filled], minlength=len(texts.categories))
    allowed = TOLERANCE * filled.sum()
    usual = (_flag, _code, _number)
    for find in (_date, *usual) if _compact(list(texts.categories)) else (*usual, _date):
        kind = find(column, texts, counts, allowed, options)
        if kind is not None:
            return kind
    cells = list(texts.categories)
    if reason := mixed_dates(cells, counts):
        return Kind(None, fine, reason)
    levels, rows = len(cells), int(filled.sum())
    if levels <= most_levels(rows):
        note = numbers_with_words(cells) or case_variants(cells)
        return Kind(_category(column, few_levels(rows)), fine, note)
    return Kind(None, fine, _many(column, texts, levels, most_levels(rows)))


def few_levels(rows: int) -> int:
    """The most levels of a category of so many cells that is trained on without a test."""
    return int(max(MIN_LEVELS, min(MAX_LEVELS, MAX_LEVEL_SHARE * rows)))


def most_levels(rows: int) -> int:
    """The most levels of a category of so many cells."""
    return max(few_levels(rows), min(MOST_LEVELS, rows // MIN_ROWS_PER_LEVEL))


def _category(column: pd.Series, few: int) -> Category:
    """A category of the column's texts; one of many levels accepts others in a request."""
    every = parse_texts(column, keep=MISSING[1:])
    counts = np.bincount(every.codes[every.codes >= 0], minlength=len(every.categories))
    empty = (every.codes < 0).any()
    levels, nullable = [], bool(empty)
    for text, count in zip(every.categories, counts, strict=True):
        if text not in MISSING or (empty and count >= MIN_WORD_SHARE * len(column)):
            levels.append(text)
        else:
            nullable = True
    unseen = "refuse" if len(levels) <= few else "flag"
    return Category(categories=tuple(sorted(levels)), nullable=nullable, unseen=unseen)


def bounded(kind: Kind, column: pd.Series, sound: np.ndarray) -> Feature:
    """A column's feature, with the bounds and categories of the rows without any mistake."""
    feature = kind.feature
    if feature is None:
        raise ValueError("a column that is no feature has no bounds")
    if isinstance(feature, Category):
        texts = parse_texts(column[sound], keep=feature.categories)
        nullable = bool((texts.codes < 0).any())
        return feature.model_copy(
            update={"categories": tuple(sorted(texts.categories)), "nullable": nullable}
        )
    if isinstance(feature, Flag):
        return feature
    if isinstance(feature, Date):
        days, _ = parse_dates(column[sound], feature.order, feature.missing)
        return feature.model_copy(update={"nullable": bool(np.isnat(days).any())})
    numbers, _ = parse_numbers(column[sound], feature.decimal, feature.missing)
    known = numbers[~np.isnan(numbers)]
    integer = bool(np.all(known % 1 == 0))
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
    room = (high - low) / 2
    lower = low - room if low < 0 else max(0.0, low - room)
    upper = high + room if high > 0 else min(0.0, high + room)
    return feature.model_copy(
        update={
            "integer": integer,
            "min": _round(lower, math.floor, integer),
            "max": _round(upper, math.ceil, integer),
            "nullable": bool(np.isnan(numbers).any()),
        }
    )


def _flag(
    column: pd.Series,
    texts: pd.Categorical,
    counts: np.ndarray,
    allowed: float,
    options: SourceOptions,
) -> Kind | None:
    _, bad = parse_flags(column)
    if bad.sum() > allowed:
        return None
    others = {
        number: count
        for text, count in zip(texts.categories, counts, strict=True)
        if text.lower() not in FLAGS
        and NUMBER.fullmatch(text)
        and (number := number_of(text)) is not None
    }
    if min(others, default=0) == 2 and sum(others.values()) > 1:
        return None  # a count with mostly 0 and 1
    return Kind(Flag(nullable=bool((texts.codes < 0).any())), bad)


def _code(
    column: pd.Series,
    texts: pd.Categorical,
    counts: np.ndarray,
    allowed: float,
    options: SourceOptions,
) -> Kind | None:
    """Digits of one width, some with a zero in front, as postcodes have: no quantity."""
    if is_numeric(column):
        return None
    digits = [text.isdigit() and text.isascii() for text in texts.categories]
    widths = {len(text) for text, yes in zip(texts.categories, digits, strict=True) if yes}
    padded = [text for text in texts.categories if text.startswith("0") and len(text) > 1]
    rows = int(counts.sum())
    if not (
        all(digits) and len(widths) == 1 and padded and len(texts.categories) <= most_levels(rows)
    ):
        return None
    reason = f"is read as codes, like {padded[0]!r}, for their zeros in front"
    return Kind(_category(column, few_levels(rows)), np.zeros(len(column), dtype=bool), reason)


def _number(
    column: pd.Series,
    texts: pd.Categorical,
    counts: np.ndarray,
    allowed: float,
    options: SourceOptions,
) -> Kind | None:
    if reason := seconds_since_1970(list(texts.categories)):
        return Kind(None, np.zeros(len(column), dtype=bool), reason)
    if is_numeric(column):
        return Kind(Number(), np.zeros(len(column), dtype=bool))
    cells = list(texts.categories)
    numbers = [
        number_of(text, ".") is not None or number_of(text, ",") is not None for text in cells
    ]
    marked = [is_marker(text) for text in cells]
    either = zip(numbers, marked, strict=True)
    other = [i for i, (number, marker) in enumerate(either) if not (number or marker)]
    share = counts[other].sum()
    if not any(numbers) or sum(counts[i] for i, yes in enumerate(numbers) if yes) <= share:
        return None
    missing: tuple[str, ...] = ()
    if share > allowed:
        if not (
            len(other) <= MAX_WORDS
            and share <= MAX_WORD_SHARE * counts.sum()
            and sum(numbers) > MIN_LEVELS
        ):
            return None
        missing = tuple(cells[i] for i in other)
    digits = [text for text, number in zip(cells, numbers, strict=True) if number]
    fine, units = np.zeros(len(column), dtype=bool), units_of(digits)
    if len(units) > 1:
        named = ", ".join(repr(unit) if unit else "none" for unit in units)
        return Kind(None, fine, f"its numbers have several units: {named}")
    decimal = decimal_mark(digits, str(column.name), options.decimal)
    feature = Number(decimal=decimal, missing=missing, unit="".join(units))
    reason = "" if decimal == "." else "is read with a decimal comma"
    return Kind(feature, parse_numbers(column, decimal, missing)[1], reason)


def _date(
    column: pd.Series,
    texts: pd.Categorical,
    counts: np.ndarray,
    allowed: float,
    options: SourceOptions,
) -> Kind | None:
    if isinstance(column.dtype, np.dtype | pd.DatetimeTZDtype) and column.dtype.kind == "M":
        return Kind(Date(), np.zeros(len(column), dtype=bool))
    cells = list(texts.categories)
    order = order_of(cells)
    asked = order is None
    order = options.dates or order if asked else order
    guess = order or "day-first"  # whether a cell is a date does not depend on the order
    days = [day_of(text, guess) for text in cells]
    bad = sum(
        count
        for text, day, count in zip(cells, days, counts, strict=True)
        if day is None and not is_marker(text)
    )
    found = sum(day is not None for day in days)
    other = [
        text for text, day in zip(cells, days, strict=True) if day is None and not is_marker(text)
    ]
    missing: tuple[str, ...] = ()
    if allowed < bad <= MAX_WORD_SHARE * counts.sum() and len(other) <= MAX_WORDS:
        missing, bad = tuple(other), 0  # 0000-00-00, never
    if asked and not options.dates and bad <= allowed and found:
        cell = next(text for text, day in zip(cells, days, strict=True) if day)
        reason = (
            f"its dates, like {cell!r}, may have the day or the month first: say --dates day-first "
            "or --dates month-first"
        )
        return Kind(None, np.zeros(len(column), dtype=bool), reason)
    if not found or bad > allowed:
        return None
    return Kind(
        Date(order=order or "", missing=missing), parse_dates(column, order or "", missing)[1]
    )


def _has_fraction(column: pd.Series) -> bool:
    numbers = column.to_numpy(dtype=np.float64, na_value=np.nan)
    return bool((numbers[np.isfinite(numbers)] % 1 != 0).any())


def _compact(cells: Sequence[str]) -> bool:
    """Whether all cells are days like 20240325, which are numbers as well."""
    return len(cells) > 1 and all(text.isdigit() and day_of(text) for text in cells)


def _many(column: pd.Series, texts: pd.Categorical, levels: int, most: int) -> str:
    row = int(np.argmax(texts.codes >= 0))
    words = f"{levels:,} different texts, more than the {most:,} of a category"
    numbers = np.array([number_of(text) is not None for text in texts.categories])
    if numbers.mean() > 0.5:
        words += "; most are numbers, but not all"
        row = int(np.argmax(np.append(~numbers, False)[texts.codes]))
    return f"{words}; row {row + 1} is {str(column.iloc[row])[:60]!r}"


def _round(bound: float, outwards: Callable[[float], int], integer: bool) -> float:
    """To two significant digits (whole numbers to no less than a whole number)."""
    if bound == 0:
        return 0.0
    step = 10.0 ** (math.floor(math.log10(abs(bound))) - 1)
    step = max(step, 1.0) if integer else step
    return float(f"{outwards(bound / step) * step:.12g}")
