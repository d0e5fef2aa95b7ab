"""The predictions of a period, one per customer, as typed columns, in bounded memory."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b

import numpy as np
import pandas as pd

from churn.data.contract import Contract
from churn.data.parsing import parse_feature
from churn.errors import ChurnError
from churn.evaluation.profit import RetentionCosts
from churn.feedback.outcomes import OutcomeStore, frame_of, read_table
from churn.feedback.prediction_log import Prediction, PredictionLog, locations
from churn.monitoring.drift import MOST, Reference
from churn.registry.training_run import TrainingRun
from churn.scoring.deployment import Deployment


@dataclass(frozen=True)
class ScoredCustomers:
    """Customers who were asked about, each once per period, when first asked about.

    Attributes
    ----------
    answers : DataFrame of n rows
        period (str), prediction (its id), customer (str, None where it was not said), time
        (datetime, UTC), probability.
    features : DataFrame of n rows
        The record, typed; what cannot be read is missing.
    unreadable : dict of str to int
        How many cells of a feature are neither missing nor readable; only where there are some.
    predictions : int
        How many the run made, repeated ones too.
    others : int
        How many other runs made in the time; they are left out.
    """

    answers: pd.DataFrame
    features: pd.DataFrame
    unreadable: dict[str, int]
    predictions: int
    others: int

    @property
    def probabilities(self) -> np.ndarray:
        """What was said of each customer."""
        return self.answers["probability"].to_numpy()


@contextmanager
def open_log(url: str) -> Iterator[tuple[PredictionLog, OutcomeStore]]:
    """The predictions and the outcomes in the database of the log.

    Parameters
    ----------
    url : str
        See `PredictionLog`; where it is empty, the one that the environment names.

    Raises
    ------
    ChurnError
        If it cannot be used, or has no prediction at all: then it is hardly the right one.
    """
    url = url or locations(os.environ)[1]
    with PredictionLog(url) as log, OutcomeStore(url) as outcomes:
        if not log.count():
            raise ChurnError(f"There are no predictions in {log.where}.", ["say where: --log"])
        yield log, outcomes


def read_answers(
    log: PredictionLog,
    run: str,
    contract: Contract,
    start: datetime,
    end: datetime,
    period: Callable[[datetime], str] = lambda _: "",
    most: int = MOST,
) -> ScoredCustomers:
    """Read what a run answered from `start` to before `end`.

    Of more than `most` customers in a period some are drawn, by a hash of the key, so that nobody
    is kept or left out for what he is. Predictions that do not say whom they are about count as
    customers of their own.

    Parameters
    ----------
    period : function of a time
        The name of the period it falls into; by default all are one.

    Raises
    ------
    ChurnError
        If the log cannot be read.
    """
    draws: dict[str, _Draw] = {}
    predictions = others = 0
    names = list(contract.features)
    for row in log.between(start, end):
        if row.run != run:
            others += 1
            continue
        predictions += 1
        draws.setdefault(period(row.time), _Draw(most)).add(row, names)
    rows = [(name, *row) for name, draw in draws.items() for row in draw.rows()]
    head = ["period", "prediction", "customer", "time", "probability"]
    answers = pd.DataFrame([row[:5] for row in rows], columns=head)
    answers = answers.astype({"probability": np.float64})
    answers["customer"] = answers["customer"].astype(object)
    columns, unreadable = {}, {}
    for place, (name, feature) in enumerate(contract.features.items(), start=5):
        cells = pd.Series([row[place] for row in rows], dtype=object)
        columns[name], bad = parse_feature(cells, feature)
        if bad.any():
            unreadable[name] = int(bad.sum())
    features = pd.DataFrame(columns, index=answers.index, copy=False)
    return ScoredCustomers(answers, features, unreadable, predictions, others)


def read_reference(deployment: Deployment) -> tuple[Reference, RetentionCosts]:
    """The customers that a run's model knows, and what the run was told about money.

    Raises
    ------
    ChurnError
        If the artifacts of the run cannot be read.
    """
    run = TrainingRun.open(deployment.run)
    reference = Reference.of_run(
        deployment, run.frame, run.split, run.sample.rows, run.trial.probabilities
    )
    return reference, run.costs


def read_outcomes(store: OutcomeStore, customers: pd.Series, table: str, key: str) -> pd.DataFrame:
    """What happened to customers: from the database of the log, and from a table.

    Parameters
    ----------
    customers : Series of str
        Who is asked about in the database; missing ones are nobody.
    table, key : str
        See `churn.feedback.outcomes.read_table`; no table where that is empty.

    Returns
    -------
    DataFrame
        One row per customer and day, as it was recorded last; see
        `churn.feedback.outcomes.frame_of`.

    Raises
    ------
    ChurnError
        If they cannot be read.
    """
    found = [frame_of(store.of(customers.dropna().unique()))]
    if table:
        found.append(read_table(table, key))
    every = pd.concat(found, ignore_index=True).sort_values(["recorded", "left"], kind="stable")
    return every.drop_duplicates(["customer", "date"], keep="last")


class _Draw:
    """The first prediction about each customer, of customers with the smallest hashes."""

    def __init__(self, most: int):
        self.most = most
        self.kept: dict[bytes, tuple] = {}
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

    def rows(self) -> Iterator[tuple]:
        if len(self.kept) > self.most:
            self._prune()
        return iter(self.kept.values())

    def _prune(self) -> None:
        self.bound = sorted(self.kept)[self.most - 1]
        self.kept = {hashed: row for hashed, row in self.kept.items() if hashed <= self.bound}
