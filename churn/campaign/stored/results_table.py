"""The results of calls as a table."""

from datetime import UTC, date, datetime

import numpy as np
import pandas as pd

from churn.campaign.stored.call_results import EXPECTED, RESULTS, CallResult
from churn.data.parsing import parse_ids, parse_numbers
from churn.data.readers import load_table
from churn.errors import ChurnError

SHOWN = 20


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
            f"cost: row {row + 1} is not {EXPECTED['cost']}" for row in np.flatnonzero(bad)
        ]
    found = []
    for row, customer in enumerate(ids):
        result = texts["result"][row].casefold().replace(" ", "_")
        day = _day(texts["date"][row], today)
        if not customer:
            problems.append(f"customer: row {row + 1} is empty")
        if result not in RESULTS:
            problems.append(
                f"result: row {row + 1} is {texts['result'][row]!r}, not {EXPECTED['result']}"
            )
        if day is None or day > today:
            problems.append(
                f"date: row {row + 1} is {texts['date'][row]!r}, not {EXPECTED['date']}"
            )
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
