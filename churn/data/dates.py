"""Dates as people write them, as days: the same in a table, in a database, and in a request.

`2024-03-25` (also with a time after it, with `/` or `.`, or without the day), `20240325`,
`25/03/2024` and `03/25/2024` in the given order, `25.03.2024`, `25 March 2024`, and, by its first
day, `2024-W13` or `2024-Q1`. A time of day
and its zone are ignored: the day is the one that is written.
"""

import re
from collections.abc import Iterable
from datetime import date

__all__ = ["DAY_FIRST", "MONTH_FIRST", "SHORT_YEAR", "day_of", "order_of"]

DAY_FIRST, MONTH_FIRST = "day-first", "month-first"
_TIME = r"(?:[T ]\s*\d{1,2}:\d\d.*)?"
_ISO = re.compile(rf"(\d{{4}})[-/.](\d\d?)(?:[-/.](\d\d?))?{_TIME}", re.ASCII)
_COMPACT = re.compile(r"((?:19|20)\d\d)(\d\d)(\d\d)", re.ASCII)
_TWO = re.compile(rf"(\d\d?)([-/.])(\d\d?)\2(\d{{4}}){_TIME}", re.ASCII)
_NAMED = re.compile(
    rf"(?:(\d\d?)[- .]+([A-Za-z]{{3,9}})\.?|([A-Za-z]{{3,9}})\.? (\d\d?),?)[- ,]+(\d{{4}}){_TIME}",
    re.ASCII,
)
_WEEK = re.compile(r"(\d{4})-?W(\d\d)", re.ASCII)
_QUARTER = re.compile(r"(\d{4})[- ]?Q([1-4])", re.ASCII)
# A year of two digits does not say its century, and mostly not which number is the day.
SHORT_YEAR = re.compile(rf"\d\d?([-/.])(\d\d?|[A-Za-z]{{3}})\1\d\d{_TIME}", re.ASCII)
_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = {name: number for number, name in enumerate(_NAMES, start=1)}
FIRST_YEAR, LAST_YEAR = 1900, 2200


def day_of(text: str, order: str = "") -> date | None:
    """The day that a text contains; None if it is no date.

    Parameters
    ----------
    text : str
    order : {"", "day-first", "month-first"}
        Which of two numbers before a year is the day; without it such a text is no date, except
        for `25.03.2024`, whose first number is always the day.
    """
    if found := _ISO.fullmatch(text) or _COMPACT.fullmatch(text):
        year, month, day = found.groups()
    elif found := _TWO.fullmatch(text):
        one, mark, other, year = found.groups()
        if not order and mark != ".":
            return None
        month, day = (one, other) if order == MONTH_FIRST else (other, one)
    elif found := _NAMED.fullmatch(text):
        day, name, before, behind, year = found.groups()
        day, month = day or behind, _MONTHS.get((name or before).lower()[:3], 0)
    elif found := _QUARTER.fullmatch(text):
        year, month, day = found[1], 3 * int(found[2]) - 2, 1
    elif found := _WEEK.fullmatch(text):
        return _monday(int(found[1]), int(found[2]))
    else:
        return None
    if not FIRST_YEAR <= int(year) <= LAST_YEAR:
        return None
    try:
        return date(int(year), int(month), int(day or 1))
    except ValueError:
        return None


def _monday(year: int, week: int) -> date | None:
    try:
        return date.fromisocalendar(year, week, 1)
    except ValueError:
        return None


def order_of(texts: Iterable[str]) -> str | None:
    """Whether the day or the month stands first in dates of two numbers before a year.

    Parameters
    ----------
    texts : iterable of str

    Returns
    -------
    str or None
        `day-first` or `month-first` where a number above 12 makes it certain; empty where no text
        needs it; None where it is not certain.
    """
    first = second = 0
    needed = False
    for text in texts:
        found = _TWO.fullmatch(text)
        if found and found[2] != ".":
            needed = True
            first, second = max(first, int(found[1])), max(second, int(found[3]))
    if not needed:
        return ""
    if first > 12 >= second:
        return DAY_FIRST
    return MONTH_FIRST if second > 12 >= first else None
