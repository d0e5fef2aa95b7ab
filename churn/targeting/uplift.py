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
    effects: np.ndarray, differences: np.ndarray, weighting: str = "autoc", seed: int = 0
) -> Ranking:
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

    Returns
    -------
    Ranking
    """
    rng = np.random.default_rng(seed)
    # Ties in random order: their order must not be that of the table.
    order = np.lexsort((rng.random(len(effects)), -effects))
    ordered = differences[order]
    value = _area(ordered, weighting)
    half = len(ordered) // 2
    draws = []
    for _ in range(RESAMPLES):
        keep = np.sort(rng.choice(len(ordered), half, replace=False))
        draws.append(_area(ordered[keep], weighting))
    # The spread of half samples around the whole is that of the whole around the truth.
    se = float(np.std(draws, ddof=1))
    return Ranking(value, value - Z * se, value + Z * se)


def _area(ordered: np.ndarray, weighting: str) -> float:
    n = len(ordered)
    counts = np.arange(1, n + 1)
    characteristic = np.cumsum(ordered) / counts - ordered.mean()
    weights = np.ones(n) if weighting == "autoc" else counts / n
    return float((characteristic * weights).mean())


def group_effects(
    effects: np.ndarray, differences: np.ndarray, groups: int = GROUPS
) -> pd.DataFrame:
    """Sorted group average treatment effects (GATES, Chernozhukov et al. 2018).

    Returns
    -------
    DataFrame
        A row per group, from the smallest predicted effects to the greatest: `customers`,
        `predicted` and `observed` mean effects, `se`, and `low` and `high` of a 95 % interval.
    """
    ranks = pd.Series(effects).rank(method="first").to_numpy()
    group = np.minimum((ranks - 1) * groups // len(effects), groups - 1).astype(int)
    rows = []
    for number in range(groups):
        inside = differences[group == number]
        mean, se = inside.mean(), inside.std(ddof=1) / np.sqrt(len(inside))
        rows.append(
            (len(inside), effects[group == number].mean(), mean, se, mean - Z * se, mean + Z * se)
        )
    return pd.DataFrame(rows, columns=["customers", "predicted", "observed", "se", "low", "high"])
