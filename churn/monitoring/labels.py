"""Labels of scored customers within the horizon, and which of them were called."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pandas as pd

from churn.campaign.control_group import ARMS
from churn.data.ids import id_text

# Why an outcome labels no prediction.
UNKNOWN_CUSTOMER = "are of customers who have no prediction in these months"
EARLY = "are dated on or before the day of the prediction"
TOO_SOON = "say that a customer was still there before the horizon was over"


@dataclass(frozen=True)
class Labels:
    """The labels of n predictions.

    Attributes
    ----------
    values : ndarray of float64, shape (n,)
        1 for customers who left within the horizon, 0 for those who stayed, NaN where not known.
    unused : mapping of str to int
        The number of outcomes that label no prediction, by reason; only those above 0.
    unknown : str or None
        The first customer with an outcome and no prediction.
    """

    values: np.ndarray
    unused: Mapping[str, int]
    unknown: str | None = None

    @property
    def known(self) -> np.ndarray:
        """Which customers have a label: (n,) bool."""
        return np.asarray(~np.isnan(self.values))


def label_predictions(answers: pd.DataFrame, outcomes: pd.DataFrame, horizon: int) -> Labels:
    """Label predictions with the outcomes within the horizon.

    The label is 1 for a customer who had left on a day after the prediction's and at most `horizon`
    days later, and 0 for one who was still a customer that many days later, or left after that. It
    is not known for a customer without such an outcome, or who had left before the prediction.

    Parameters
    ----------
    answers : DataFrame of n rows
        customer and time, see `churn.monitoring.predictions.ScoredCustomers`.
    outcomes : DataFrame
        customer (str), date, left (bool), one row per customer and day.
    horizon : int
        Days.
    """
    happened = pd.DataFrame(
        {
            "customer": outcomes["customer"].map(id_text).astype(object),
            "date": pd.to_datetime(outcomes["date"]),
            "left": outcomes["left"].astype(bool),
            "outcome": np.arange(len(outcomes)),
        }
    )
    asked = _by_day(answers)
    pairs = asked.merge(happened, on="customer")
    start, day, left = pairs["start"], pairs["date"], pairs["left"]
    end = start + timedelta(days=horizon)
    early = day.le(start)
    stayed = day.ge(end) & ~left | day.gt(end) & left
    gone = left & ~early & day.le(end)
    label = np.full(len(answers), np.nan)
    label[pairs["row"][stayed]] = 0
    label[pairs["row"][gone]] = 1
    label[pairs["row"][left & early]] = np.nan
    reason = pd.Series(UNKNOWN_CUSTOMER, index=happened["outcome"], dtype=object)
    for text, which in ((EARLY, early), (TOO_SOON, ~early), ("", stayed | gone)):
        reason[pairs["outcome"][which].unique()] = text
    counts = reason[reason != ""].value_counts(sort=False)
    strangers = happened["customer"][(reason == UNKNOWN_CUSTOMER).to_numpy()]
    unused = {str(why): int(n) for why, n in counts.items()}
    return Labels(label, unused, next(iter(strangers), None))


def called(answers: pd.DataFrame, calls: pd.DataFrame, horizon: int) -> np.ndarray:
    """Which customers were on a call list from the prediction's day until the horizon.

    Parameters
    ----------
    calls : DataFrame
        See `churn.campaign.reading.read_call_lists`.

    Returns
    -------
    ndarray of str, shape (n,)
        `contact`, `control`, or empty.
    """
    pairs = _by_day(answers).merge(calls[["customer", "arm", "day"]], on="customer")
    end = pairs["start"] + timedelta(days=horizon)
    within = (pairs["day"] >= pairs["start"]) & (pairs["day"] <= end)
    arm = np.full(len(answers), "", dtype=object)
    for name in reversed(ARMS):  # `contact` takes precedence
        arm[pairs["row"][within & (pairs["arm"] == name)]] = name
    return arm


def _by_day(answers: pd.DataFrame) -> pd.DataFrame:
    """Customer, day of the prediction, and row, without rows whose customer is not known."""
    times = pd.to_datetime(answers["time"], utc=True).dt.tz_localize(None)
    frame = pd.DataFrame(
        {
            "customer": answers["customer"].to_numpy(dtype=object),
            "start": times.dt.normalize().to_numpy(),
            "row": np.arange(len(answers)),
        }
    )
    return frame.dropna(subset="customer")
