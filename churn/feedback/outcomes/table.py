"""Outcomes as a table: read from a file or a database, and converted to rows and back."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from churn.data.parsing import lost_digits, parse_ids, parse_texts
from churn.data.readers import load_table, public_name
from churn.data.source import add_note, notes
from churn.data.target import read_labels
from churn.errors import ChurnError
from churn.feedback.outcomes.entries import FIRST, Outcome, last_day
from churn.scoring.request_schema import MAX_ID
from churn.words import plural

# A date with fewer digits is ambiguous.
DAY = re.compile(r"\d{4}-\d\d-\d\d([T ].+)?", re.ASCII)
RECORDED = "recorded"
SHOWN = 5


def frame_of(rows: Iterable[Outcome]) -> pd.DataFrame:
    """Outcomes as a frame.

    Returns
    -------
    DataFrame
        customer (str), date (datetime64[us], midnight), left (bool) and recorded
        (datetime64[us, UTC]).
    """
    frame = pd.DataFrame(list(rows), columns=list(Outcome._fields))
    return frame.assign(
        customer=frame["customer"].astype("str"),
        date=pd.to_datetime(frame["date"]).astype("datetime64[us]"),
        left=frame["left"].astype(bool),
        recorded=pd.to_datetime(frame["recorded"], utc=True).astype("datetime64[us, UTC]"),
    )


def rows_of(frame: pd.DataFrame) -> Iterator[Outcome]:
    """The rows of a frame as `frame_of` makes it."""
    for customer, day, left, recorded in frame[list(Outcome._fields)].itertuples(index=False):
        yield Outcome(customer, day.date(), bool(left), recorded.to_pydatetime())


def read_table(
    source: str,
    key: str | Sequence[str] = "customer",
    *,
    left: str = "",
    positive: str = "",
    date: str = "date",
    dated: bool = True,
    query: str = "",
) -> pd.DataFrame:
    """Read a table of outcomes.

    The column `recorded`, if there is one, has the time of recording; by default it is now.

    Parameters
    ----------
    source, query : str
        See `churn.data.readers.load_table`.
    key : str or sequence of str
        The column with the customers; of several names the first that the table has.
    left : str
        The column with the state of the customers; by default the only column that is none of the
        others.
    positive : str
        Its value for customers who left; without it every value must be a flag.
    date : str
        The column with the days, in ISO 8601; a time becomes its day in UTC.
    dated : bool
        Whether each outcome must have a day. If not, a table without the column has the current
        states, its days are NaT, and customers with an empty state are left out.

    Returns
    -------
    DataFrame
        See `frame_of`; repeated rows are dropped. What was recognised is in
        `churn.data.source.notes`.

    Raises
    ------
    ChurnError
        Naming every problem: columns that are missing, how many cells of each cannot be used, and
        customers who both left and stayed on one day in outcomes recorded at the same time.
    """
    table = load_table(source, query)
    keys = [key] if isinstance(key, str) else list(dict.fromkeys(key))
    key = next((name for name in keys if name in table), keys[0])
    others = [name for name in table.columns if name not in (key, date, RECORDED)]
    needed = (key, date) if dated else (key,)
    problems = [f"{name}: the column is missing" for name in needed if name not in table]
    if left and left not in table:
        problems.append(f"{left}: the column is missing")
    elif not left and len(others) != 1:
        among = f" among {', '.join(others)}" if others else ""
        problems.append(f"say which column tells who left{among}")
    remarks = notes(table)
    if not problems:
        left = left or others[0]
        if not dated:
            table = table[parse_texts(table[left]).codes >= 0]
        columns = {"customer": _customers(table[key], problems), "date": pd.NaT}
        if date in table:
            columns["date"] = _times(table[date], problems).floor("D").tz_localize(None)
        columns["left"] = _left(table[left], positive, problems, remarks)
        columns["recorded"] = datetime.now(UTC)
        if RECORDED in table:
            columns["recorded"] = _times(table[RECORDED], problems)
    if not problems:
        types = {"date": "datetime64[us]", "recorded": "datetime64[us, UTC]"}
        frame = pd.DataFrame(columns).astype(types).drop_duplicates(ignore_index=True)
        problems += _contradictions(frame)
    if problems:
        raise ChurnError(f"The outcomes in {public_name(source)} cannot be used:", problems)
    add_note(frame, *remarks)
    return frame


def _customers(column: pd.Series, problems: list[str]) -> pd.api.extensions.ExtensionArray:
    keys = parse_ids(column).to_pandas().astype("str")
    usable = (keys.str.len() <= MAX_ID).to_numpy(dtype=bool) & ~lost_digits(column)
    _add_problem(column, ~usable, f"keys of 1 to {MAX_ID} characters", problems)
    array: pd.api.extensions.ExtensionArray = keys.array
    return array


def _times(column: pd.Series, problems: list[str]) -> pd.DatetimeIndex:
    texts = parse_texts(column)
    shaped = [text if DAY.fullmatch(text) else None for text in texts.categories]
    times = pd.to_datetime(
        pd.Index([*shaped, None], dtype=object), errors="coerce", format="ISO8601", utc=True
    )
    first, end = (pd.Timestamp(day, tz="UTC") for day in (FIRST, last_day()))
    usable = (times >= first) & (times < end + pd.Timedelta(days=1))
    _add_problem(
        column, ~usable[texts.codes], f"days like 2025-01-31 from {FIRST} to tomorrow", problems
    )
    found: pd.DatetimeIndex = times.as_unit("us")[texts.codes]
    return found


def _left(column: pd.Series, positive: str, problems: list[str], remarks: list[str]) -> np.ndarray:
    left, wrong, found = read_labels(column, positive)
    problems += wrong
    remarks += found
    words = "filled" if positive else "yes or no; say which value means left"
    if not wrong:
        _add_problem(column, np.isnan(left), words, problems)
    return np.asarray(left == 1)


def _add_problem(column: pd.Series, bad: np.ndarray, words: str, problems: list[str]) -> None:
    if bad.any():
        row = int(np.argmax(bad))
        cell = column.iloc[row]
        got = "empty" if pd.isna(cell) else repr(str(cell)[:80])
        cells = plural(int(bad.sum()), "cell is", "cells are")
        problems.append(f"{column.name}: {cells} not {words}, the first in row {row + 1}: {got}")


def _contradictions(frame: pd.DataFrame) -> list[str]:
    both = frame[frame.duplicated(["customer", "date", "recorded"])]
    if both.empty:
        return []
    pairs = zip(both["customer"], both["date"].dt.date, strict=True)
    some = [
        customer if pd.isna(day) else f"{customer} on {day}"
        for customer, day in list(pairs)[:SHOWN]
    ]
    more = ", …" if len(both) > SHOWN else ""
    return [f"{plural(len(both), 'time')} a customer both left and stayed: {', '.join(some)}{more}"]
