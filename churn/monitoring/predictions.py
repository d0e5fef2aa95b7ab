"""A model's predictions from the log, one per customer and period, in bounded memory."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any

import numpy as np
import pandas as pd

from churn.data.contract import Contract
from churn.data.parsing import parse_feature
from churn.errors import ChurnError
from churn.feedback.prediction_log import Prediction, PredictionLog
from churn.monitoring.drift import MOST
from churn.registry.runs import fetch_run
from churn.scoring.deployment import Deployment


@dataclass(frozen=True)
class ScoredCustomers:
    """Customers that a model scored, by their first prediction in each period.

    Attributes
    ----------
    answers : DataFrame of n rows
        period (str), prediction (its id), customer (str, None where not known), time
        (datetime, UTC), probability.
    features : DataFrame of n rows
        The record, typed; cells that cannot be read are missing.
    unreadable : dict of str to int
        How many cells of a feature are neither missing nor readable; only those above 0.
    predictions : int
        The number of predictions of the model, including repeated ones.
    others : int
        The number of predictions of other models in the window, which are left out.
    """

    answers: pd.DataFrame
    features: pd.DataFrame
    unreadable: dict[str, int]
    predictions: int
    others: int

    @property
    def probabilities(self) -> np.ndarray:
        """The probabilities of leaving: (n,) float64."""
        return self.answers["probability"].to_numpy()


@dataclass(frozen=True)
class Window:
    """The time from `start` to before `end`, and the name of the period of each moment in it."""

    start: datetime
    end: datetime
    period: Callable[[datetime], str] = lambda _: ""


def same_model(log: PredictionLog, deployment: Deployment, window: Window) -> frozenset[str]:
    """The runs in the log whose model is this one.

    A run that was resumed, or repeated on the same table with the same seed, has another name but
    the same fingerprint, so it is the same model.

    Raises
    ------
    ChurnError
        If the log cannot be read.
    """
    same = {deployment.run}
    for run in log.runs(window.start, window.end) - same:
        try:
            fingerprint = fetch_run(run).fingerprint
        except ChurnError:  # the run is deleted: its predictions count as another model's
            continue
        if fingerprint == deployment.fingerprint:
            same.add(run)
    return frozenset(same)


def read_predictions(
    log: PredictionLog,
    runs: Collection[str],
    contract: Contract,
    windows: Sequence[Window],
    most: int = MOST,
) -> list[ScoredCustomers]:
    """Read the predictions of a model in several windows, the log once for all of them.

    More than `most` customers in a period are sampled by a hash of the key, which is independent of
    every property of a customer. Each prediction without a customer counts as one customer.

    Parameters
    ----------
    runs : collection of str
        The runs of the model, see `same_model`.

    Raises
    ------
    ChurnError
        If the log cannot be read.
    """
    names = list(contract.features)
    readers = [_Reader(window, names, most) for window in windows]
    start, end = min(one.start for one in windows), max(one.end for one in windows)
    for row in log.between(start, end):
        for reader in readers:
            reader.add(row, row.run in runs)
    return [reader.scored(contract) for reader in readers]


class _Reader:
    """The predictions of one window."""

    def __init__(self, window: Window, names: list[str], most: int):
        self.window, self.names, self.most = window, names, most
        self.draws: dict[str, _Draw] = {}
        self.predictions = self.others = 0

    def add(self, row: Prediction, of_model: bool) -> None:
        if not self.window.start <= row.time < self.window.end:
            return
        if not of_model:
            self.others += 1
            return
        self.predictions += 1
        period = self.window.period(row.time)
        if period not in self.draws:
            self.draws[period] = _Draw(self.most)
        self.draws[period].add(row, self.names)

    def scored(self, contract: Contract) -> ScoredCustomers:
        rows = [(name, *row) for name, draw in self.draws.items() for row in draw.rows()]
        head = ["period", "prediction", "customer", "time", "probability"]
        answers = pd.DataFrame([row[:5] for row in rows], columns=head)
        answers = answers.astype({"probability": np.float64})
        answers["customer"] = answers["customer"].astype(object)
        columns, unreadable = {}, {}
        # A date in a request counts days to the day of the request.
        times = pd.to_datetime(answers["time"], utc=True).dt.tz_localize(None)
        days = times.to_numpy().astype("datetime64[D]")
        for place, (name, feature) in enumerate(contract.features.items(), start=5):
            cells = pd.Series([row[place] for row in rows], dtype=object)
            columns[name], bad = parse_feature(cells, feature, days)
            if bad.any():
                unreadable[name] = int(bad.sum())
        features = pd.DataFrame(columns, index=answers.index, copy=False)
        return ScoredCustomers(answers, features, unreadable, self.predictions, self.others)


class _Draw:
    """The first prediction for each customer, for the customers with the smallest hashes."""

    def __init__(self, most: int):
        self.most = most
        self.kept: dict[bytes, tuple[Any, ...]] = {}
        self.bound = b"\xff" * 9

    def add(self, row: Prediction, names: list[str]) -> None:
        key = row.customer if row.customer is not None else f"\0{row.prediction}"
        hashed = blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        if hashed > self.bound or hashed in self.kept:
            return
        cells = map(row.inputs.get, names)
        self.kept[hashed] = (row.prediction, row.customer, row.time, row.probability, *cells)
        if len(self.kept) > 2 * self.most:
            self._prune()

    def rows(self) -> Iterator[tuple[Any, ...]]:
        if len(self.kept) > self.most:
            self._prune()
        return iter(self.kept.values())

    def _prune(self) -> None:
        self.bound = sorted(self.kept)[self.most - 1]
        self.kept = {hashed: row for hashed, row in self.kept.items() if hashed <= self.bound}
