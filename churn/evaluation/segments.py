"""Where a model is worse: segments of customers, each compared with all the others."""

import math
from collections.abc import Iterator, Sequence
from itertools import combinations, product

import numpy as np
import pandas as pd

from churn.data.contract import Contract, Feature
from churn.data.levels import FeatureLevels
from churn.statistics.intervals import Z
from churn.statistics.log_odds import row_losses
from churn.statistics.multiplicity import holm
from churn.statistics.roc_auc import delong
from churn.statistics.weighting import mean_and_error, take, weighted_mean

MIN_CUSTOMERS = 50
MARGIN = 0.02
LEVEL = 0.05
QUESTIONS = ("gap", "ranking")

COLUMNS = [
    "feature", "level", "customers", "left", "observed", "predicted", "gap", "gap_low",
    "gap_high", "log_loss", "expected_log_loss", "roc_auc", "roc_auc_low", "roc_auc_high",
    "expected_roc_auc", "rest_gap", "rest_roc_auc", "rest_expected_roc_auc", "gap_p", "roc_auc_p",
    "worse", "why",
]  # fmt: skip


def segments(
    contract: Contract,
    frame: pd.DataFrame,
    target: np.ndarray,
    probabilities: np.ndarray,
    crossed: Sequence[str] = (),
    min_customers: int = MIN_CUSTOMERS,
    margin: float = MARGIN,
    weights: np.ndarray | None = None,
) -> pd.DataFrame:
    """Test whether the model is worse in a segment of customers than among all the others.

    A segment is a level of a category or flag, a quarter of the customers by a number, those with
    a missing value, or a combination of two. Segments of the same customers are listed once, under
    the first name. Each has two tests:

    - Is the gap between the observed and the predicted churn rate wider than among the others?
    - Is the ROC-AUC further below the expected one? In a segment of similar customers even the
      best model ranks poorly, so the ROC-AUC is not compared with that of the others but with the
      one expected if the probabilities are true, the model-based concordance of van Klaveren et
      al. (2016).

    Both are differences to the others, so that an error of the whole model is not attributed to a
    segment. A Wald test decides whether the difference exceeds `margin`, with variances over
    customers (of ROC-AUC by DeLong et al. 1988), and all p-values together are adjusted by Holm
    (1979), so that the family-wise error rate of a model with true probabilities is at most 5 %.

    A gap is tested where at least `min_customers` left and as many stayed, by count or by
    prediction, both in the segment and among the others; a ranking where that is so by count.

    Parameters
    ----------
    contract : Contract
    frame : DataFrame of n rows
        Typed features of customers that the model was not fitted to; see `parse_features`.
    target : ndarray of int, shape (n,)
        1 for customers who left.
    probabilities : ndarray of float, shape (n,)
    crossed : sequence of str
        Features whose levels are also combined in pairs.
    min_customers : int
        See above; smaller segments than that are left out.
    margin : float
        How much worse a segment may be: in points of probability, and of ROC-AUC.
    weights : ndarray of float64, shape (n,), optional
        How many customers each row stands for.

    Returns
    -------
    DataFrame
        One row per segment, the worst first, those that cannot be tested last: feature and level
        (in words, parts of a pair joined by ×), customers, left (count), observed (share who
        left), predicted (mean probability), gap (observed less predicted) with its 95 % interval
        gap_low and gap_high, log_loss (nats), expected_log_loss (were the probabilities true),
        roc_auc with its 95 % interval roc_auc_low and roc_auc_high, expected_roc_auc; of the
        others rest_gap, rest_roc_auc, rest_expected_roc_auc; gap_p and roc_auc_p (adjusted; NaN
        where not tested); worse (bool: one of them is below 0.05), and why (`gap`, `ranking`, both
        joined by a comma, or empty).
    """
    # Sorted once, so that every segment is sorted.
    order = np.argsort(probabilities, kind="stable")
    typed = frame.iloc[order]
    chance, left = probabilities[order], target[order].astype(np.float64)
    times = take(weights, order)
    rows = []
    for feature, level, inside in _segments(typed, contract, crossed, min_customers):
        here, others = (_Part(chance[at], left[at], take(times, at)) for at in (inside, ~inside))
        rows.append(
            {"feature": feature, "level": level, **_row(here, others, min_customers, margin)}
        )
    table = pd.DataFrame(rows, columns=COLUMNS)
    raw = table[["gap_p", "roc_auc_p"]].to_numpy(dtype=np.float64)
    adjusted = holm(raw.ravel()).reshape(raw.shape)
    table = table.assign(gap_p=adjusted[:, 0], roc_auc_p=adjusted[:, 1])
    blamed = adjusted < LEVEL  # False for NaN
    table["worse"] = np.asarray(blamed.any(axis=1))
    table["why"] = [", ".join(np.array(QUESTIONS)[row]) for row in blamed]
    smallest = np.fmin(raw[:, 0], raw[:, 1])
    return table.iloc[np.lexsort([-table["gap"].abs(), smallest])].reset_index(drop=True)


class _Part:
    """A segment, or all others: predicted and observed values, and their standard errors.

    Parameters
    ----------
    chance : ndarray of float, shape (n,)
        Ascending.
    left : ndarray of float, shape (n,)
    weights : ndarray of float64, shape (n,), or None
    """

    def __init__(self, chance: np.ndarray, left: np.ndarray, weights: np.ndarray | None):
        self.customers, self.left = len(chance), left.sum()
        self.observed, self.predicted = (weighted_mean(of, weights) for of in (left, chance))
        self.gap = self.observed - self.predicted
        self.gap_error = (left - chance).std() / math.sqrt(len(chance))
        if weights is not None:
            self.gap_error = mean_and_error(left - chance, weights)[1]
        self.log_loss = weighted_mean(row_losses(left, chance), weights)
        surprise = chance * row_losses(np.ones(1), chance)
        surprise = surprise + (1 - chance) * row_losses(np.zeros(1), chance)
        self.expected_log_loss = weighted_mean(surprise, weights)
        self.roc_auc, seen = delong(chance, left, weights)
        self.expected_roc_auc, expected = delong(chance, chance, weights)
        self.roc_auc_error = math.sqrt((seen**2).sum())
        self.shortfall = self.expected_roc_auc - self.roc_auc
        self.shortfall_error = math.sqrt(((expected - seen) ** 2).sum())

    def has(self, min_customers: int, predicted: bool) -> bool:
        """Whether `min_customers` left and as many stayed, by count, or perhaps by prediction."""
        expected = self.predicted * self.customers if predicted else self.left
        left = max(self.left, expected)
        stayed = self.customers - min(self.left, expected)
        return bool(min(left, stayed) >= min_customers)


def _row(here: _Part, others: _Part, min_customers: int, margin: float) -> dict[str, float]:
    def judged(predicted: bool) -> bool:
        return here.has(min_customers, predicted) and others.has(min_customers, predicted)

    wider = abs(here.gap) - abs(others.gap) - margin
    # A ranking of the others that is better than expected does not count against this segment.
    poorer = here.shortfall - max(others.shortfall, 0) - margin
    return {
        **{name: getattr(here, name) for name in COLUMNS if hasattr(here, name)},
        **{f"rest_{name}": getattr(others, name) for name in ("gap", "roc_auc")},
        "rest_expected_roc_auc": others.expected_roc_auc,
        "left": int(here.left),
        "gap_low": here.gap - Z * here.gap_error,
        "gap_high": here.gap + Z * here.gap_error,
        "roc_auc_low": max(here.roc_auc - Z * here.roc_auc_error, 0),
        "roc_auc_high": min(here.roc_auc + Z * here.roc_auc_error, 1),
        # Two-sided: a gap may have either sign.
        "gap_p": 2 * _tail(wider, here.gap_error, others.gap_error) if judged(True) else math.nan,
        "roc_auc_p": _tail(poorer, here.shortfall_error, others.shortfall_error)
        if judged(False)
        else math.nan,
    }


def _tail(excess: float, *errors: float) -> float:
    """The one-sided p-value: the probability of such an excess, or a larger one, under the null."""
    error = math.hypot(*errors)
    return 0.5 * math.erfc(excess / max(error, 1e-12) / math.sqrt(2))


def _segments(
    typed: pd.DataFrame, contract: Contract, crossed: Sequence[str], min_customers: int
) -> Iterator[tuple[str, str, np.ndarray]]:
    """Feature, level, and the rows in it; no two of the same customers, none of all of them."""
    single = {
        name: list(_levels(typed[name], feature, min_customers))
        for name, feature in contract.features.items()
    }
    found = [(name, level, inside) for name in single for level, inside in single[name]]
    found += [
        (f"{a} × {b}", f"{level} × {other}", inside & also)
        for a, b in combinations(crossed, 2)
        for (level, inside), (other, also) in product(single[a], single[b])
    ]
    seen = set()
    for name, level, inside in found:
        key = inside.tobytes()
        if min_customers <= inside.sum() < len(inside) and key not in seen:
            seen.add(key)
            yield name, level, inside


def _levels(
    column: pd.Series, feature: Feature, min_customers: int
) -> Iterator[tuple[str, np.ndarray]]:
    """The levels of enough customers in words, and their rows; new ones count as missing."""
    levels = FeatureLevels(feature, column)
    codes = levels.assign(column)
    counts = np.bincount(codes[codes >= 0], minlength=len(levels.texts))
    for code in np.flatnonzero(counts >= min_customers):  # thousands of levels are tiny
        yield levels.texts[code], codes == code
    yield feature.say(None), codes < 0
