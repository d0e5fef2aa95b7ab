"""One outcome, and its valid days."""

from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

# An earlier date is a typing mistake.
FIRST = date(1900, 1, 1)


class Outcome(NamedTuple):
    """The state of a customer on a day.

    Attributes
    ----------
    customer : str or int
        The customer's key; as text when it comes from the database.
    date : date
        The day, in UTC.
    left : bool
        Whether the customer had left on that day, or was still there.
    recorded : datetime
        When the outcome was recorded, with a time zone.
    """

    customer: str | int
    date: date
    left: bool
    recorded: datetime


class Added(NamedTuple):
    """How many of the added outcomes changed the store.

    Attributes
    ----------
    new : int
        Outcomes of a customer's day that had none.
    corrected : int
        Outcomes that replaced the opposite.
    unchanged : int
        Outcomes that were stored already, or that are older than the stored one.
    """

    new: int
    corrected: int
    unchanged: int


def last_day() -> date:
    """The last day with outcomes: in the time zones ahead of UTC it may be tomorrow."""
    return (datetime.now(UTC) + timedelta(days=1)).date()


def check_day(day: date) -> date:
    """Validate the day of an outcome, and return it.

    Raises
    ------
    ValueError
        If it is before `FIRST` or after tomorrow.
    """
    if not FIRST <= day <= last_day():
        raise ValueError(f"not from {FIRST} to tomorrow")
    return day
