"""How good probabilities are, and how sure that is: metrics, intervals, calibration, gains."""

import math
from itertools import pairwise

import numpy as np
import pandas as pd

from churn.statistics.intervals import Z, bootstrap, wilson
from churn.statistics.log_odds import logit, row_losses
from churn.statistics.logistic import fisher_errors, fit_logistic
from churn.statistics.ranking import RankedRows, area_under_roc

BINS = 10
# Nats that a step of the calibration line may still gain, far below what anybody reads.
LINE_TOLERANCE = 1e-12


def evaluate(target: np.ndarray, probabilities: np.ndarray, seed: int = 0) -> dict:
    """Metrics, each with a 95 % interval from a bootstrap over customers.

    Parameters
    ----------
    target : ndarray of int, shape (n,)
        1 for customers who left; both classes must occur.
    probabilities : ndarray of float, shape (n,)

    Returns
    -------
    dict of str to dict
        For roc_auc, pr_auc (average precision), log_loss (nats), brier, top_decile_lift,
        expected_calibration_error, calibration_slope, calibration_intercept: the `value`, and
        `low` and `high`, the ends of the interval.
    """
    metrics = bootstrap(_Metrics(target, probabilities), len(target), seed)
    return metrics | calibration_line(target, probabilities)


def compare(target: np.ndarray, probabilities: np.ndarray, others: dict, seed: int = 0):
    """Metrics of several sets of probabilities, and their paired differences to the first.

    Parameters
    ----------
    target : ndarray of int, shape (n,)
    probabilities : ndarray of float, shape (n,)
    others : dict of str to ndarray of float, shape (n,)
        What to set beside them, by name.

    Returns
    -------
    metrics : dict
        Of `probabilities`, as `evaluate` returns them.
    beside : dict of str to dict
        The same of each of the others.
    differences : dict of str to dict
        For each of the others, metric by metric, `probabilities` less the other: value, low and
        high. All are looked at on the same resamples, so what makes a sample hard cancels.
    """
    ours = _Metrics(target, probabilities)
    theirs = {name: _Metrics(target, chance) for name, chance in others.items()}

    def every(weights):
        mine = ours(weights)
        found = {("ours", metric): value for metric, value in mine.items()}
        for name, metrics in theirs.items():
            for metric, value in metrics(weights).items():
                found["theirs", name, metric] = value
                found["difference", name, metric] = mine[metric] - value
        return found

    intervals = bootstrap(every, len(target), seed)

    def part(*which):
        return {key[-1]: value for key, value in intervals.items() if key[:-1] == which}

    metrics = part("ours") | calibration_line(target, probabilities)
    beside = {
        name: part("theirs", name) | calibration_line(target, chance)
        for name, chance in others.items()
    }
    return metrics, beside, {name: part("difference", name) for name in others}


def calibration_line(target: np.ndarray, probabilities: np.ndarray) -> dict:
    """Slope and intercept of the outcome's logit on the prediction's (Cox 1958).

    1 and 0 are perfect; a slope below 1 means that the probabilities are too extreme. The
    intervals are Wald's, from the Fisher information. Where no line is determined (all
    predictions alike, or the outcomes perfectly separated by them) the values are NaN.
    """
    x, names = logit(probabilities), ("calibration_slope", "calibration_intercept")
    left, stayed = x[target == 1], x[target == 0]
    if np.ptp(x) < 1e-9 or left.min() >= stayed.max() or left.max() <= stayed.min():
        return {name: dict.fromkeys(("value", "low", "high"), math.nan) for name in names}
    weights = fit_logistic(x[:, None], target, tolerance=LINE_TOLERANCE)
    half = Z * fisher_errors(x[:, None], weights)
    return {
        name: {"value": value, "low": value - width, "high": value + width}
        for name, value, width in zip(names, weights.tolist(), half.tolist(), strict=True)
    }


def reliability(target: np.ndarray, probabilities: np.ndarray, bins: int = BINS) -> pd.DataFrame:
    """What was promised beside what happened, in bins of equally many customers.

    Returns
    -------
    DataFrame
        predicted (mean probability), observed (share who left), low and high (its 95 % interval
        by Wilson 1927), count.
    """
    edges = _bin_ends(len(target), bins)
    order = np.argsort(probabilities, kind="stable")
    rows = []
    for start, end in pairwise(edges):
        at = order[start:end]
        low, high = wilson(target[at].sum(), len(at))
        rows.append((probabilities[at].mean(), target[at].mean(), low, high, len(at)))
    return pd.DataFrame(rows, columns=["predicted", "observed", "low", "high", "count"])


def gains(target: np.ndarray, probabilities: np.ndarray, points: int = 100) -> pd.DataFrame:
    """Which share of those who left is reached by calling the riskiest share.

    Returns
    -------
    DataFrame
        called (share of all customers), reached (share of those who left), lift (reached/called).
    """
    order = np.argsort(-probabilities, kind="stable")
    reached = np.cumsum(target[order]) / target.sum()
    sizes = np.unique(np.ceil(np.arange(1, points + 1) / points * len(target)).astype(int))
    called = sizes / len(target)
    return pd.DataFrame(
        {"called": called, "reached": reached[sizes - 1], "lift": reached[sizes - 1] / called}
    )


class _Metrics:
    """The metrics of one set of probabilities under any weights of the rows.

    Sorting is done once, so that a thousand resamples cost a thousand cumulative sums.
    """

    def __init__(self, target, probabilities):
        self.ranked = RankedRows(target, probabilities)
        self.left, self.chance = self.ranked.target, self.ranked.scores
        self.losses = row_losses(self.left, self.chance)
        self.bins = _bin_ends(len(target), BINS)[:-1]

    def __call__(self, weights: np.ndarray) -> dict[str, np.ndarray]:
        """`weights` (resamples, n) to one array (resamples,) per metric."""
        w = weights[:, self.ranked.order]
        total = w.sum(axis=1)
        positive, called = self.ranked.cumulate(w)
        hits = positive[:, -1]
        found = np.diff(positive, axis=1, prepend=0)
        precision = positive / np.where(called > 0, called, 1)
        squares = (self.chance - self.left) ** 2
        promised = np.add.reduceat(w * self.chance, self.bins, axis=1)
        happened = np.add.reduceat(w * self.left, self.bins, axis=1)
        return {
            "roc_auc": area_under_roc(positive, called),
            "pr_auc": (found * precision).sum(axis=1) / hits,
            "log_loss": w @ self.losses / total,
            "brier": w @ squares / total,
            "top_decile_lift": self._lift(positive, called, hits, total),
            "expected_calibration_error": np.abs(promised - happened).sum(axis=1) / total,
        }

    @staticmethod
    def _lift(positive, called, hits, total, share=0.1):
        """Churn rate of the riskiest tenth over that of all; a tie at its edge counts in part."""
        quota = share * total
        last = (called < quota[:, None]).sum(axis=1)
        rows = np.arange(len(total))
        before = np.where(last > 0, called[rows, last - 1], 0.0)
        found = np.where(last > 0, positive[rows, last - 1], 0.0)
        part = (quota - before) / np.maximum(called[rows, last] - before, 1e-12)
        found = found + part * (positive[rows, last] - found)
        return (found / quota) / (hits / total)


def _bin_ends(n: int, bins: int) -> np.ndarray:
    return np.unique(np.round(np.linspace(0, n, bins + 1)).astype(int))
