"""One outcome, and what makes it one."""

from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

# Whatever is older is a slip of the pen.
FIRST = date(1900, 1, 1)


class Outcome(NamedTuple):
    """What was the case with a customer on a day.

    Attributes
    ----------
    customer : str or int
        The customer's key; as text when it comes from the database.
    date : date
        The day, in UTC.
    left : bool
        Whether the customer had left on that day, or was still there.
    recorded : datetime
        When somebody said so, with a time zone.
    """

    customer: str | int
    date: date
    left: bool
    recorded: datetime


class Added(NamedTuple):
    """What became of the outcomes that were added.

    Attributes
    ----------
    new : int
        Nothing was known of that customer's day.
    corrected : int
        The opposite was known.
    unchanged : int
        The same was known, or something that was recorded later.
    """

    new: int
    corrected: int
    unchanged: int


def last_day() -> date:
    """The last day of which anybody can tell: where the sun rises first, it is tomorrow in UTC."""
    return (datetime.now(UTC) + timedelta(days=1)).date()


def check_day(day: date) -> date:
    """The day, if there can be an outcome of it.

    Raises
    ------
    ValueError
        If it is before `FIRST` or after tomorrow.
    """
    if not FIRST <= day <= last_day():
        raise ValueError(f"not from {FIRST} to tomorrow")
    return day
