"""How well predicted effects rank customers, and whether they are right: AUTOC, Qini, GATES.

All are means of doubly robust differences, so they are unbiased in a randomised experiment whatever
the learner does, and the score of a learner that knows nothing has an interval around zero.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from churn.statistics.intervals import Z

GROUPS = 5
RESAMPLES = 400


@dataclass(frozen=True)
class Ranking:
    """A measure of a ranking by predicted effects, with its 95 % interval.

    Attributes
    ----------
    value, low, high : float
        In the units of the outcome.
    """

    value: float
    low: float
    high: float


def ranking(
    effects: np.ndarray, differences: np.ndarray, weighting: str = "autoc", seed: int = 0,
    weights: np.ndarray | None = None,
) -> Ranking:  # fmt: skip
    """The area under the targeting operator characteristic (Yadlowsky et al. 2021).

    At each share q of customers, those with the greatest predicted effects have a mean effect; less
    the mean of all it is the characteristic. Its mean over q is AUTOC; weighted by q it is Qini's
    area. Both are 0 for a ranking that knows nothing. Interval: half-sample bootstrap.

    Parameters
    ----------
    effects : ndarray of float, shape (n,)
        Predicted out of fold.
    differences : ndarray of float, shape (n,)
        Doubly robust scores of the action less those of no action.
    weighting : str
        `autoc` or `qini`.
    seed : int
    weights : ndarray of float, shape (n,), optional
        How many customers each stands for.

    Returns
    -------
    Ranking
    """
    weights = np.ones(len(effects)) if weights is None else weights
    rng = np.random.default_rng(seed)
    # Ties in random order: their order must not be that of the table.
    order = np.lexsort((rng.random(len(effects)), -effects))
    ordered, weights = differences[order], weights[order]
    value = _area(ordered, weights, weighting)
    draws = []
    for _ in range(RESAMPLES):
        keep = rng.random(len(ordered), dtype=np.float32) < 0.5
        draws.append(_area(ordered[keep], weights[keep], weighting))
    # The spread of half samples around the whole is that of the whole around the truth.
    se = float(np.std(draws, ddof=1))
    return Ranking(value, value - Z * se, value + Z * se)


def _area(ordered: np.ndarray, weights: np.ndarray, weighting: str) -> float:
    total = np.cumsum(weights)
    sums = np.cumsum(weights * ordered)
    characteristic = sums / total - sums[-1] / total[-1]
    of_share = total / total[-1] if weighting == "qini" else 1.0
    return float((weights * characteristic * of_share).sum() / total[-1])


def group_effects(
    effects: np.ndarray, differences: np.ndarray, groups: int = GROUPS,
    weights: np.ndarray | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Sorted group average treatment effects (GATES, Chernozhukov et al. 2018).

    Returns
    -------
    DataFrame
        A row per group, from the smallest predicted effects to the greatest: `customers`,
        `predicted` and `observed` mean effects, `se`, and `low` and `high` of a 95 % interval.
    """
    weights = np.ones(len(effects)) if weights is None else weights
    order = np.argsort(effects, kind="stable")
    before = np.cumsum(weights[order]) - weights[order] / 2
    group = np.empty(len(effects), dtype=np.int64)
    group[order] = np.minimum(before * groups // weights.sum(), groups - 1)
    rows = []
    for number in range(groups):
        inside = group == number
        own, found = weights[inside] / weights[inside].sum(), differences[inside]
        mean, predicted = own @ found, own @ effects[inside]
        spread = (own * (found - mean)) ** 2
        se = np.sqrt(spread.sum() * len(own) / max(len(own) - 1, 1))
        rows.append((len(own), predicted, mean, se, mean - Z * se, mean + Z * se))
    return pd.DataFrame(rows, columns=["customers", "predicted", "observed", "se", "low", "high"])
