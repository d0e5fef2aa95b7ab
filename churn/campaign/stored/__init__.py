"""Call lists in the database of the prediction log: what an agent works on, and what was done.

ScoreFlow writes a day's list (`listing`), the app reads it and records each call (`store`); the
tables are in `tables`. The history of calls is only ever added to.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from churn.campaign.stored.entries import (
    ACCEPTED,
    CALLED,
    CONTACT,
    CONTROL,
    DONE,
    LATER,
    NOT_REACHED,
    OPEN,
    REFUSED,
    STATES,
    Assignment,
    CallEvent,
    ListedCustomer,
    StoredList,
)
from churn.campaign.stored.query import SORTS, Changed, NotListed, Page, Query

if TYPE_CHECKING:
    from churn.campaign.stored.store import CallListStore

__all__ = [
    "ACCEPTED",
    "CALLED",
    "CONTACT",
    "CONTROL",
    "DONE",
    "LATER",
    "NOT_REACHED",
    "OPEN",
    "REFUSED",
    "SORTS",
    "STATES",
    "Assignment",
    "CallEvent",
    "CallListStore",
    "Changed",
    "ListedCustomer",
    "NotListed",
    "Page",
    "Query",
    "StoredList",
]


def __getattr__(name: str) -> Any:
    # At first use: a worker of the app that shows no list does not load SQLAlchemy.
    if name == "CallListStore":
        return import_module(f"{__name__}.store").CallListStore
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
