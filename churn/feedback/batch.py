"""Predictions of a whole table for the prediction log: a sample that is the same every day.

Monitoring compares at most some thousands of customers of a period, so of a larger table no more
are logged: those whose ids have the smallest hashes, which are independent of every property of a
customer. The same customers are sampled every day, so that a month of lists has the same customers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b
from typing import Any

import numpy as np
import pandas as pd

from churn.data.contract import Contract
from churn.data.ids import id_text
from churn.feedback.prediction_log import OFF, Prediction, PredictionLog, database_url
from churn.scoring.deployment import Deployment
from churn.words import plural

MOST = 20_000
# It differs from the control group's and the hold-out's, so that the sample is independent of both.
HASH_KEY = "prediction log.."
CHUNK = 2_000


class Sample:
    """The customers with the smallest hashes, over all parts of a table.

    Parameters
    ----------
    most : int
        The size of the sample.
    """

    def __init__(self, most: int = MOST):
        self.most = most
        self._parts: list[pd.DataFrame] = []
        self._rows = 0

    def add(self, ids: Sequence[str], probabilities: np.ndarray, features: pd.DataFrame) -> None:
        """Add scored customers.

        Parameters
        ----------
        ids : sequence of str
        probabilities : ndarray of float64, shape (n,)
        features : DataFrame of n rows
            Typed.
        """
        texts = np.asarray(ids, dtype=object)
        hashes = pd.util.hash_array(texts, hash_key=HASH_KEY, categorize=False)
        some = np.argsort(hashes, kind="stable")[: self.most]
        columns = {"id": texts[some], "probability": probabilities[some], "hash": hashes[some]}
        part = pd.DataFrame(columns, index=features.index[some])
        self.merge(part.join(features.iloc[some], rsuffix=" of the table"))

    def merge(self, part: pd.DataFrame) -> None:
        """Add the customers of another sample."""
        self._parts.append(part)
        self._rows += len(part)
        if self._rows > 2 * self.most:
            self._parts = [self.frame]
            self._rows = len(self._parts[0])

    @property
    def frame(self) -> pd.DataFrame:
        """The sample: id, probability, hash, and the features; the smallest hash first."""
        every = pd.concat(self._parts)
        return every.iloc[np.argsort(every["hash"], kind="stable")[: self.most]]


@dataclass(frozen=True)
class Logged:
    """The number of predictions logged, the number of customers, and the log; empty for none."""

    predictions: int
    customers: int
    where: str

    def __str__(self) -> str:
        if not self.where:
            return "The predictions are in no log: MonitorFlow will not see them."
        if self.predictions == self.customers:
            logged = plural(self.predictions, "prediction is", "predictions are")
            return f"{logged} in the prediction log {self.where}."
        return (
            f"{self.predictions:,} of {plural(self.customers, 'prediction')}, drawn by a hash of "
            f"the id, are in the prediction log {self.where}."
        )


def log_sample(
    sample: pd.DataFrame, customers: int, deployment: Deployment, as_of: date, url: str
) -> Logged:
    """Add the predictions of a sample to the prediction log, with the day's beginning as time.

    A prediction's id depends on model, day and customer only: a day that is scored twice is logged
    once.

    Parameters
    ----------
    sample : DataFrame
        See `Sample.frame`.
    customers : int
        The number of customers scored.
    deployment : Deployment
        Of the model.
    as_of : date
    url : str
        See `PredictionLog`; where it is empty, the one that the environment names. `off`: nothing
        is logged.

    Raises
    ------
    ChurnError
        If the log cannot be used.
    """
    url = database_url(url)
    if url == OFF:
        return Logged(0, customers, "")
    threshold, run = deployment.scorer.threshold, deployment.run
    time = datetime(as_of.year, as_of.month, as_of.day, tzinfo=UTC)
    rows = []
    for customer, chance, record in zip(
        sample["id"],
        sample["probability"],
        records_of(sample, deployment.contract, as_of),
        strict=True,
    ):
        if deployment.contract.id:
            record = {deployment.contract.id: customer, **record}
        key = f"{run}\n{as_of}\n{customer}".encode("utf-8", "surrogatepass")
        name = f"batch-{blake2b(key, digest_size=12).hexdigest()}"
        chance = float(chance)
        rows.append(
            Prediction(
                name,
                time,
                run,
                id_text(customer),
                chance,
                chance >= threshold,
                threshold,
                record,
            )
        )
    with PredictionLog(url) as log:
        for start in range(0, len(rows), CHUNK):
            log.add(rows[start : start + CHUNK])
    return Logged(len(rows), customers, log.where)


def records_of(customers: pd.DataFrame, contract: Contract, as_of: date) -> list[dict[str, Any]]:
    """The features of typed customers as values of JSON, None where they are missing."""
    names = list(contract.features)
    cells = customers[names].astype(object).where(customers[names].notna(), None)
    for name, feature in contract.features.items():
        if feature.kind == "date":  # its type is the days until the day of the observation
            cells[name] = cells[name].map(
                lambda days: None if days is None else str(as_of - timedelta(days=days))
            )
    return [{str(name): value for name, value in row.items()} for row in cells.to_dict("records")]
