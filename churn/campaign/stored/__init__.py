"""Call lists in the database of the prediction log: what an agent works on, and what was done.

ScoreFlow writes a day's list (`listing`), the app reads it and records each call (`store`); the
tables are in `tables`. The history of calls is only ever added to.
"""

from churn.campaign.stored.entries import (
    ACCEPTED,
    CALLED,
    DONE,
    LATER,
    NOT_REACHED,
    OPEN,
    REFUSED,
    STATES,
    CallEvent,
    ListedCustomer,
    StoredList,
)
from churn.campaign.stored.store import CallListStore, Changed, Page, Query

__all__ = [
    "ACCEPTED",
    "CALLED",
    "DONE",
    "LATER",
    "NOT_REACHED",
    "OPEN",
    "REFUSED",
    "STATES",
    "CallEvent",
    "CallListStore",
    "Changed",
    "ListedCustomer",
    "Page",
    "Query",
    "StoredList",
]
