"""Texts that look like one kind and are another: why a column is no feature, or what to tell.

Each function takes the distinct texts of a column, and returns a reason or a note for the user;
empty where there is none.
"""

import re
from collections.abc import Sequence

import numpy as np

from churn.data.dates import SHORT_YEAR, day_of

__all__ = ["case_variants", "mixed_dates", "numbers_with_words", "seconds_since_1970"]

# So many different numbers may be counts of seconds; fewer are codes.
MIN_COUNTS = 20
# A number with a word behind it: 12 GB, 3 months.
_WITH_UNIT = re.compile(r"[-+]?\d[\d.,' ]*[ ]?[A-Za-z/°]{1,12}\.?", re.ASCII)
MIN_WITH_NUMBER = 3
# A count of seconds or milliseconds after 1999.
_EPOCH = re.compile(r"(9[5-9]\d{7}|1\d{9})(\d{3})?(\.\d+)?", re.ASCII)


def mixed_dates(cells: Sequence[str], counts: np.ndarray) -> str:
    """Why texts must not be a category: they are absolute dates; empty where they are not."""
    short = np.array([bool(SHORT_YEAR.fullmatch(text)) for text in cells])
    if counts[short].sum() > counts.sum() / 2:
        first = cells[int(np.argmax(short))]
        return f"its dates, like {first!r}, have years of two digits: write all four"
    days = np.array([day_of(text, "day-first") is not None for text in cells])
    if counts[days].sum() > counts.sum() / 2 and not all(text.isdigit() for text in cells):
        other = cells[int(np.argmin(days))]
        return f"most of its cells are dates, but {other!r} and others are not"
    return ""


def numbers_with_words(cells: Sequence[str]) -> str:
    """A note on a category whose texts are numbers with a word."""
    if len(cells) < MIN_WITH_NUMBER or not all(map(_WITH_UNIT.fullmatch, cells)):
        return ""
    return (
        f"is read as categories, like {cells[0]!r}; as a number it would have no word in its cells"
    )


def case_variants(cells: Sequence[str]) -> str:
    """A note on texts that differ only in case, which are categories of their own."""
    spellings: dict[str, list[str]] = {}
    for text in cells:
        spellings.setdefault(" ".join(text.split()).casefold(), []).append(text)
    twins = [", ".join(map(repr, some)) for some in spellings.values() if len(some) > 1]
    if not twins:
        return ""
    return f"has categories that differ only in case or blanks, and count as several: {twins[0]}"


def seconds_since_1970(cells: Sequence[str]) -> str:
    """Why numbers are no feature: they count seconds since 1970; empty where they do not."""
    if len(cells) < MIN_COUNTS or not all(map(_EPOCH.fullmatch, cells)):
        return ""
    return f"its numbers, like {cells[0]}, may be seconds since 1970: make them dates (2024-01-31)"
