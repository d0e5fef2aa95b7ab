"""The results of calls as a table: who was reached, who accepted, what it cost."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

import numpy as np
import pandas as pd

from churn.campaign.stored.entries import CONTACT, OPEN, STATES, ListedCustomer, StoredList
from churn.campaign.stored.store import CallListStore
from churn.data.parsing import parse_ids, parse_numbers
from churn.data.readers import load_table
from churn.errors import ChurnError
from churn.words import plural

SHOWN = 20
RESULTS = tuple(state for state in STATES if state != OPEN)


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


def read_results(
    source: str, query: str = "", by: str = "", today: date | None = None
) -> list[CallResult]:
    """Read a table of results.

    Parameters
    ----------
    source, query : str
        See `churn.data.readers.load_table`. The columns are customer, result, and perhaps date
        (ISO 8601), by, note, cost, and action (where it is another than the list's).
    by : str
        Who called, where the table has no such column.
    today : date, optional
        The day of rows without a date; by default today, in UTC.

    Raises
    ------
    ChurnError
        Naming every column that is missing and every cell that cannot be read.
    """
    table = load_table(source, query)
    problems = [
        f"{name}: the column is missing" for name in ("customer", "result") if name not in table
    ]
    if problems:
        raise ChurnError(f"The results in {source} cannot be read:", problems)
    today = today or datetime.now(UTC).date()
    ids = parse_ids(table["customer"]).to_pylist()
    texts = {name: _texts(table, name) for name in ("result", "date", "by", "note", "action")}
    costs = np.full(len(table), np.nan)
    if "cost" in table:
        costs, bad = parse_numbers(table["cost"])
        bad |= costs < 0
        problems += [
            f"cost: row {row + 1} is not a number of 0 or more" for row in np.flatnonzero(bad)
        ]
    found = []
    for row, customer in enumerate(ids):
        result = texts["result"][row].casefold().replace(" ", "_")
        day = _day(texts["date"][row], today)
        if not customer:
            problems.append(f"customer: row {row + 1} is empty")
        if result not in RESULTS:
            problems.append(
                f"result: row {row + 1} is {texts['result'][row]!r}, none of {', '.join(RESULTS)}"
            )
        if day is None:
            problems.append(f"date: row {row + 1} is {texts['date'][row]!r}, not like 2026-01-31")
        elif day > today:
            problems.append(f"date: row {row + 1} is {day}, after today")
        if not problems and customer and day:
            cost = None if np.isnan(costs[row]) else float(costs[row])
            who = texts["by"][row] or by or "a table"
            note, action = texts["note"][row], texts["action"][row]
            found.append(CallResult(customer, result, day, who, note, cost, action))
    if problems:
        more = len(problems) - SHOWN
        shown = problems[:SHOWN] + ([f"… and {more} more"] if more > 0 else [])
        raise ChurnError(f"The results in {source} cannot be read:", shown)
    return found


def record_results(store: CallListStore, campaign: str, results: list[CallResult]) -> Recorded:
    """Record results on the lists of a campaign, the earliest first.

    A result counts for the customer's last list on or before its day. Of several the last one
    holds, whenever it arrives; the same one twice is one.
    """
    done = Recorded()
    for one in sorted(results, key=lambda result: result.day):
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
            note = one.note
            if one.action and row.action not in (one.action, CONTACT):
                note = "; ".join(filter(None, [f"{one.action} instead of {row.action}", note]))
                done.other += 1
            store.record(
                of.list_id, row.customer, row.version, one.result, one.by, note=note, at=at,
                cost=one.cost,
            )  # fmt: skip
            done.new += 1
    return done


def _rows(
    store: CallListStore, campaign: str, one: CallResult
) -> Iterator[tuple[StoredList, ListedCustomer]]:
    for of, row in store.of_customer(one.customer):
        if of.campaign == campaign and of.as_of <= one.day:
            yield of, row


def _texts(table: pd.DataFrame, name: str) -> list[str]:
    if name not in table:
        return [""] * len(table)
    return ["" if pd.isna(cell) else str(cell).strip() for cell in table[name]]


def _day(text: str, today: date) -> date | None:
    if not text:
        return today
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None
