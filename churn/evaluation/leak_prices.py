"""What a suspicious column is worth: the log loss of a simple model with it and without it.

A leak makes the hold-out look good, and an honest column that is dropped makes the model worse; the
figures of both cases are the same, so a person who knows the column has to read them.
"""

import numpy as np
import pandas as pd

from churn.data.contract import Contract
from churn.data.findings import USELESS
from churn.data.parsing import labels
from churn.data.rows import Part, Rows, rows_of
from churn.modeling.model import ChurnModel
from churn.modeling.search_space import Candidate
from churn.modeling.threads import threads_per_task
from churn.statistics.log_odds import row_losses
from churn.statistics.weighting import take, weighted_mean

__all__ = ["describe_price", "leak_prices"]

# Checks that find columns without information of their own, which cost nothing.
FREE = ("constant", "copy", "formula", "id in disguise", USELESS)
MODEL = Candidate(
    "boosting, 8 leaves", "boosting", {"max_leaf_nodes": 8, "learning_rate": 0.1, "max_iter": 80}
)
MAX_ROWS = 20_000


def leak_prices(
    leaks: pd.DataFrame,
    full: Contract,
    used: Contract,
    train: "pd.DataFrame | Rows",
    holdout: "pd.DataFrame | Rows",
    seed: int = 0,
    weights: tuple[np.ndarray | None, np.ndarray | None] = (None, None),
) -> pd.DataFrame:
    """The log loss with and without each column that leaks, or is suspected to.

    Parameters
    ----------
    leaks : DataFrame
        From `churn.data.leakage.findings_table`.
    full, used : Contract
        Before and after columns were dropped.
    train, holdout : DataFrame or Rows
        Typed rows with the target. Where nobody is held out, a fifth of the training rows is.
    seed : int
    weights : pair of ndarray of float64 or None
        How many customers each row of `train` and of `holdout` stands for.

    Returns
    -------
    DataFrame
        column, with_it, without_it (nats, of small boosting on at most 20,000 rows), customers
        (that it is measured on).
    """
    names = ["column", "with_it", "without_it", "customers"]
    suspects = [str(leak.column) for leak in leaks.itertuples() if leak.check not in FREE]
    if not suspects:
        return pd.DataFrame(columns=names)
    train, holdout = rows_of(train), rows_of(holdout)
    if not len(holdout):
        test = np.random.default_rng(seed).random(len(train)) < 0.2
        train, holdout = Part(train, ~test), Part(train, test)
        weights = take(weights[0], ~test), take(weights[0], test)
    fitted, tested = _thinned(train, weights[0]), _thinned(holdout, weights[1])
    rows = []
    for name in suspects:
        others = [column for column in full.features if column not in used.features]
        with_it = full.without([column for column in others if column != name])
        rest = [column for column in with_it.features if column != name]
        without_it = _loss(with_it.without([name]), fitted, tested, seed) if rest else np.nan
        rows.append((name, _loss(with_it, fitted, tested, seed), without_it, len(tested[0])))
    return pd.DataFrame(rows, columns=names)


def describe_price(prices: pd.DataFrame, column: str) -> str:
    """The price of a column in a sentence; empty for a column that has none."""
    for price in prices[prices["column"] == column].itertuples():
        return (
            f"The log loss of {price.customers:,} customers who are not trained on is "
            f"{price.with_it:.3f} nats with it and {price.without_it:.3f} without it, by small "
            "boosting."
        )
    return ""


Weighted = tuple[pd.DataFrame, np.ndarray | None]


def _thinned(rows: Rows, weights: np.ndarray | None) -> Weighted:
    some = np.arange(0, len(rows), -(-len(rows) // MAX_ROWS))
    return rows.read(some), take(weights, some)


def _loss(contract: Contract, train: Weighted, holdout: Weighted, seed: int) -> float:
    model = ChurnModel(contract, MODEL, seed).fit(train[0], threads_per_task(1), train[1])
    chance = model.predict_proba_typed(holdout[0][list(contract.features)])[:, 1]
    return weighted_mean(row_losses(labels(holdout[0], contract), chance), holdout[1])
