"""Customers who rest: they were on a list in the last days, and are not on the next one."""

from collections.abc import Sequence
from datetime import date, timedelta

from churn.campaign.exploration import EXPLORATION
from churn.campaign.stored import CallListStore
from churn.errors import ChurnError
from churn.feedback.prediction_log import OFF, database_url
from churn.words import plural


def resting_customers(url: str, as_of: date, days: int, drawn_days: int = 0) -> tuple[str, ...]:
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
    drawn_days : int
        Days for which customers of the exploration rest at least, see
        `churn.campaign.exploration`: until their outcome is known.

    Returns
    -------
    tuple of str
        Sorted ids.

    Raises
    ------
    ChurnError
        If there is no log.
    """
    url = database_url(url)
    if url == OFF:
        if not days:  # without lists in a database nothing is learned from the exploration either
            return ()
        hint = "the lists of earlier days are in the database of the log: --log"
        raise ChurnError("Who rests is not known:", [hint])
    if not days and not drawn_days:
        return ()
    with CallListStore(url) as store:
        ids = store.listed_between(as_of - timedelta(days=days), as_of)
        drawn = store.listed_between(as_of - timedelta(days=drawn_days), as_of, EXPLORATION)
    return tuple(sorted({*ids, *drawn}))


def describe_resting(ids: Sequence[str], found: int, days: int, drawn_days: int = 0) -> str:
    """How many of the table's customers rest, in a sentence; empty where nobody may."""
    if not days and not drawn_days:
        return ""
    lists = f"on a list of the last {plural(days, 'day')}" if days else ""
    drawn = f"drawn at random in the last {plural(drawn_days, 'day')}" if drawn_days > days else ""
    return (
        f"{plural(found, 'customer rests', 'customers rest')}: "
        f"{' or '.join(filter(None, [lists, drawn]))} ({len(ids):,} in the database)."
    )
