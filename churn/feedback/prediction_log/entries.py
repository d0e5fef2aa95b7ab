"""One answer as a line of text, and the predictions in such a line."""

import itertools
import json
import os
import secrets
import time as clock
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from pydantic_core import from_json

from churn.data.ids import id_text


class Prediction(NamedTuple):
    """The prediction for one customer.

    Attributes
    ----------
    prediction : str
        Its id.
    time : datetime
        When, in UTC.
    run : str
        The run whose model answered.
    customer : str or None
        The customer's key, as text.
    probability : float
        Of leaving.
    churn : bool
        Whether the probability reached the threshold.
    threshold : float
    inputs : dict
        The record as it was sent.
    """

    prediction: str
    time: datetime
    run: str
    customer: str | None
    probability: float
    churn: bool
    threshold: float
    inputs: dict[str, Any]


def entry(
    prediction: str,
    time: float,
    run: str,
    threshold: float,
    probabilities: list[float | None],
    body: bytes,
    *,
    key: str | None = None,
    batch: bool = False,
) -> bytes:
    """One answer as a line: the answer, a tab, and the request's body.

    Parameters
    ----------
    prediction : str
        The id; the i-th of a batch is `<prediction>-<i>`.
    time : float
        Seconds since 1970.
    run : str
    threshold : float
    probabilities : list of float or None
        One for each customer; None where one was refused.
    body : bytes
        Valid JSON: a record, or of a batch `{"customers": [...]}`.
    key : str or None
        The column that is the customer's key.
    batch : bool

    Returns
    -------
    bytes
        With its newline.
    """
    # Without the json module, which takes longer than all other work for a small request.
    numbers = ", ".join(
        ["null" if chance is None else float.__repr__(chance) for chance in probabilities]
    )
    answer_json = (
        f'{{"id": "{prediction}", "time": {time!r}, {_constants(run, threshold, key)}, '
        f'"batch": {"true" if batch else "false"}, "probabilities": [{numbers}]}}\t'
    )
    # In valid JSON a line break can only be where a blank can be.
    return b"%b%b\n" % (answer_json.encode(), body.replace(b"\n", b" ").replace(b"\r", b" "))


@lru_cache(maxsize=64)
def _constants(run: str, threshold: float, key: str | None) -> str:
    return json.dumps({"run": run, "threshold": float(threshold), "key": key})[1:-1]


def read_entry(line: bytes) -> list[Prediction]:
    """The predictions in a line of `entry`.

    Raises
    ------
    ValueError
        If it is not a complete line of `entry`.
    """
    answer_json, _, body = line.partition(b"\t")
    try:
        # The parser that validated the request, so a body that it accepted is accepted here.
        answer, asked = from_json(answer_json), from_json(body)
        time, run = datetime.fromtimestamp(answer["time"], UTC), answer["run"]
        threshold, key, first = answer["threshold"], answer["key"], answer["id"]
        records = asked["customers"] if answer["batch"] else [asked]
        return [
            Prediction(
                f"{first}-{i}" if answer["batch"] else first,
                time,
                run,
                id_text(record.get(key)),
                chance,
                chance >= threshold,
                threshold,
                record,
            )
            for i, (chance, record) in enumerate(zip(answer["probabilities"], records, strict=True))
            if chance is not None
        ]
    except (LookupError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"no entry of the prediction log: {error!r}") from error


_process: str
_count: Callable[[], int]


def new_id() -> str:
    """A unique id across processes, machines and time; within a process ids are increasing."""
    return f"{_process}{_count():010x}"


def _start() -> None:
    global _process, _count
    _process = f"{clock.time_ns() // 1_000_000:011x}{secrets.token_hex(5)}"
    _count = itertools.count().__next__


_start()
os.register_at_fork(after_in_child=_start)
