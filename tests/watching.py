"""Helpers for tests of monitoring: periods of customers, predictions, and outcomes."""

from datetime import UTC, date, datetime

import numpy as np
import pandas as pd

from churn.campaign.reading import read_call_lists
from churn.data.contract import Contract
from churn.data.readers import TELCO
from churn.data.synthetic import generate_sample_data
from churn.monitoring.cohorts import month
from churn.monitoring.predictions import ScoredCustomers
from churn.scoring.deployment import Deployment
from churn.scoring.export.models import records

CONTRACT = Contract.read(TELCO / "contract.toml")
JANUARY, APRIL = datetime(2026, 1, 10, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
NOBODY = read_call_lists([])


def score(deployment: Deployment, typed: pd.DataFrame) -> np.ndarray:
    return np.array([deployment.scorer(record) for record in records(typed)])


def period(n: int = 800, seed: int = 10) -> pd.DataFrame:
    return generate_sample_data(n, seed).astype({"tenure": float})


def answered(customers, times, chance=0.5, features=None) -> ScoredCustomers:
    answers = pd.DataFrame({"customer": customers, "time": times}).assign(
        period=[month(time) for time in times], probability=chance,
        prediction=[str(number) for number in range(len(customers))],
    )  # fmt: skip
    features = pd.DataFrame(index=answers.index) if features is None else features
    return ScoredCustomers(answers, features, {}, len(answers), 0)


def outcomes(*rows) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["customer", "date", "left"])
    return frame.assign(recorded=pd.Timestamp(APRIL))


def happened(asked: ScoredCustomers, left: np.ndarray) -> pd.DataFrame:
    days = np.where(left, date(2026, 1, 20), date(2026, 2, 15))
    customers = asked.answers["customer"]
    return outcomes(*zip(customers, days, left.astype(bool), strict=True))
