"""What is asked of a stored list, what is found, and why something is not recorded."""

from dataclasses import dataclass
from datetime import date

from churn.campaign.stored.entries import STATES, ListedCustomer
from churn.errors import ChurnError


class NotListed(ChurnError):
    """A customer is not to be called on a list: not on it, or in its control group."""


class Changed(ChurnError):
    """A listed customer was changed by somebody else in the meantime.

    Attributes
    ----------
    now : ListedCustomer
        The row as it is.
    """

    def __init__(self, now: ListedCustomer):
        by, state = now.changed_by or "somebody", STATES[now.state]
        super().__init__(f"{by} has set {now.customer} to {state} in the meantime.")
        self.now = now


# The orders of a list, each with its words.
SORTS = {
    "rank": "greatest benefit first",
    "risk": "greatest risk first",
    "customer": "by customer",
    "changed": "last changed first",
}


@dataclass(frozen=True)
class Query:
    """Which customers of a list are asked for; the control group is never among them.

    Attributes
    ----------
    states : tuple of str
        Empty for all.
    agent : str or None
        Whose; None for everybody's.
    unassigned : bool
        Whether those without an agent are wanted too.
    due_by : date or None
        Of those to be called later only the ones whose day is not after it.
    segment : str or None
    text : str
        Contained in the id or the contact details, in any case.
    sort : str
        One of `SORTS`.
    """

    states: tuple[str, ...] = ()
    agent: str | None = None
    unassigned: bool = False
    due_by: date | None = None
    segment: str | None = None
    text: str = ""
    sort: str = "rank"


@dataclass(frozen=True)
class Page:
    """Some customers of a list, and how many the query finds in all."""

    customers: list[ListedCustomer]
    total: int
