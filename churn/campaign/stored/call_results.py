"""The results of calls: who was reached, who accepted, what it cost.

They come in a table (`results_table`) or in a request (`results_body`), by the same rules.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING

from churn.campaign.stored.entries import CONTACT, OPEN, STATES, ListedCustomer, StoredList
from churn.campaign.stored.query import Changed
from churn.words import plural

if TYPE_CHECKING:  # a worker of the app loads SQLAlchemy when it first needs it
    from churn.campaign.stored.store import CallListStore

# How often a result is tried again whose customer somebody changes in the meantime.
TRIES = 5
RESULTS = tuple(state for state in STATES if state != OPEN)
# What is expected of each field, in the same words for a table and for a request.
EXPECTED = {
    "result": f"one of {', '.join(RESULTS)}",
    "date": "a day like 2026-01-31, today at the latest",
    "cost": "a number of 0 or more",
}


@dataclass(frozen=True)
class CallResult:
    """What came of one call.

    Attributes
    ----------
    customer : str
    result : str
        One of `RESULTS`.
    day : date
    by, note : str
    cost : float or None
        Money that was spent.
    action : str
        What the customer got; empty for the action of the list.
    """

    customer: str
    result: str
    day: date
    by: str
    note: str
    cost: float | None
    action: str = ""


@dataclass
class Recorded:
    """How many results are new, were known, are older than what is known, or fit no list.

    `other` is how many customers got another action than the list's.
    """

    new: int = 0
    known: int = 0
    older: int = 0
    unlisted: int = 0
    control: int = 0
    other: int = 0

    def __str__(self) -> str:
        lines = [
            f"{plural(self.new, 'result is', 'results are')} recorded, "
            f"{self.known:,} were known already."
        ]
        if self.older:
            lines.append(f"{self.older:,} are older than what is known, and change nothing.")
        if self.unlisted:
            lines.append(f"{self.unlisted:,} are of customers on no list of the campaign then.")
        if self.control:
            called = plural(self.control, "customer was", "customers were")
            lines.append(
                f"{called} called though in the control group: that is recorded nowhere, and makes "
                "the measured effect smaller."
            )
        if self.other:
            got = plural(self.other, "customer has", "customers have")
            lines.append(
                f"{got} got another action than the list's: the note says so, and they count for "
                "the list's, as they were drawn."
            )
        return " ".join(lines)


def record_results(
    store: "CallListStore", campaign: str, results: Sequence[CallResult]
) -> Recorded:
    """Record results on the lists of a campaign, the earliest first.

    A result counts for the customer's last list on or before its day. Of several the last one
    holds, whenever it arrives; the same one twice is one.
    """
    done = Recorded()
    for one in sorted(results, key=lambda result: result.day):
        for tries in range(1, TRIES + 1):
            try:
                _record(store, campaign, one, done)
                break
            except Changed:  # by an agent just now: what holds is decided by the row as it is
                if tries == TRIES:
                    raise
    return done


def record_all(store: "CallListStore", results: Mapping[str, Sequence[CallResult]]) -> Recorded:
    """Record the results of several campaigns, by their names; see `record_results`."""
    total: Counter[str] = Counter()
    for campaign, some in results.items():
        total.update(vars(record_results(store, campaign, some)))
    return Recorded(**total)


def _record(store: "CallListStore", campaign: str, one: CallResult, done: Recorded) -> None:
    of, row = next(_rows(store, campaign, one), (None, None))
    if of is None or row is None:
        done.unlisted += 1
    elif row.control:
        done.control += 1
    elif row.state == one.result:
        done.known += 1
    elif row.changed_at is not None and row.changed_at.date() > one.day:
        done.older += 1
    else:
        at = datetime.combine(one.day, time(12), tzinfo=UTC)
        at = max(at, row.changed_at) if row.changed_at else at
        note, other = one.note, bool(one.action) and row.action not in (one.action, CONTACT)
        if other:
            note = "; ".join(filter(None, [f"{one.action} instead of {row.action}", note]))
        store.record(
            of.list_id, row.customer, row.version, one.result, one.by, note=note, at=at,
            cost=one.cost,
        )  # fmt: skip
        done.new += 1
        done.other += other


def _rows(
    store: "CallListStore", campaign: str, one: CallResult
) -> Iterator[tuple[StoredList, ListedCustomer]]:
    for of, row in store.of_customer(one.customer):
        if of.campaign == campaign and of.as_of <= one.day:
            yield of, row
