"""The money columns of a call list: value at risk, net benefit with interval, and cost."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from churn.evaluation.profit import expected_profit
from churn.evaluation.retention_costs import RetentionCosts

MONEY = ("value_at_risk", "net_benefit", "net_benefit_low", "net_benefit_high", "call_cost")


def money_columns(
    chance: np.ndarray,
    customers: pd.DataFrame,
    offer: RetentionCosts,
    reliability: Sequence[Mapping[str, float]],
) -> dict[str, np.ndarray]:
    """The columns `MONEY` of customers; see `churn.campaign.export.list_schema`.

    Parameters
    ----------
    chance : ndarray of float64, shape (n,)
        The probability of leaving.
    customers : DataFrame of n rows
        With the columns that the costs name.
    reliability : sequence of mapping
        Of the model; see `probability_interval`.
    """
    low, high = probability_interval(chance, reliability)
    benefits = (expected_profit(one, customers, offer) for one in (chance, low, high))
    worth, spent = chance * offer.values(customers), offer.spending(chance, customers)
    return dict(zip(MONEY, (worth, *benefits, spent), strict=True))


def probability_interval(
    probabilities: np.ndarray, reliability: Sequence[Mapping[str, float]]
) -> tuple[np.ndarray, np.ndarray]:
    """The 95 % interval of the share who leave among customers with such a probability.

    For each bin of the model's reliability on held-out customers, the ends of Wilson's interval
    of the observed churn rate have a distance to the predicted one. The interval of a probability
    has the distances of its neighbouring bins, interpolated between their means. It is about the
    group, not about one customer, and does not include changes in the future. It always contains
    the probability itself.

    Parameters
    ----------
    probabilities : ndarray of float, shape (n,)
    reliability : sequence of mapping
        See `churn.evaluation.metrics.reliability`.

    Returns
    -------
    low, high : ndarray of float64, shape (n,)
    """
    predicted, low, high = (
        np.array([bin[name] for bin in reliability]) for name in ("predicted", "low", "high")
    )
    below = np.interp(probabilities, predicted, np.minimum(low - predicted, 0))
    above = np.interp(probabilities, predicted, np.maximum(high - predicted, 0))
    return np.maximum(probabilities + below, 0), np.minimum(probabilities + above, 1)
