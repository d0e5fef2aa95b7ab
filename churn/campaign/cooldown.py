"""Customers who rest: they were on a list in the last days, and are not on the next one."""

from collections.abc import Sequence
from datetime import date, timedelta

from churn.campaign.stored import CallListStore
from churn.errors import ChurnError
from churn.feedback.prediction_log import OFF, database_url
from churn.words import plural


def resting_customers(url: str, as_of: date, days: int) -> tuple[str, ...]:
    """The customers on any list of the last days before a day, of whatever campaign.

    Those who were not to be called rest as well: otherwise the next list would call them, and
    nothing could be learned from either.

    Parameters
    ----------
    url : str
        Of the log; where it is empty, the one that the environment names.
    as_of : date
        The day of the list, whose own earlier version does not count.
    days : int
        0 for nobody.

    Returns
    -------
    tuple of str
        Sorted ids.

    Raises
    ------
    ChurnError
        If there is no log.
    """
    if not days:
        return ()
    url = database_url(url)
    if url == OFF:
        hint = "the lists of earlier days are in the database of the log: --log"
        raise ChurnError("Who rests is not known:", [hint])
    with CallListStore(url) as store:
        return tuple(store.listed_between(as_of - timedelta(days=days), as_of))


def describe_resting(ids: Sequence[str], found: int, days: int) -> str:
    """How many of the table's customers rest, in a sentence; empty where nobody may."""
    if not days:
        return ""
    return (
        f"{plural(found, 'customer rests', 'customers rest')}: on a list of the last "
        f"{plural(days, 'day')} ({len(ids):,} in the database)."
    )
