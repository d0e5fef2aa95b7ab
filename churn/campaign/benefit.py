"""The money columns of a call list: value at risk, net benefit with interval, and cost."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from churn.campaign.probability_interval import probability_interval
from churn.evaluation.profit import expected_profit
from churn.evaluation.retention_costs import RetentionCosts

__all__ = ["MONEY", "money_columns", "probability_interval"]

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
