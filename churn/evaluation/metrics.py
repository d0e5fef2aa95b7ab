"""Metrics of predicted probabilities, with intervals and paired differences; gains."""

import numpy as np
import pandas as pd

from churn.evaluation.calibration import calibration_error, calibration_line
from churn.statistics.intervals import bootstrap
from churn.statistics.log_odds import row_losses
from churn.statistics.roc_auc import RankedRows, area_under_roc


def evaluate(
    target: np.ndarray,
    probabilities: np.ndarray,
    seed: int = 0,
    weights: np.ndarray | None = None,
) -> dict[str, dict[str, float]]:
    """Metrics, each with a 95 % interval from a bootstrap over customers.

    Parameters
    ----------
    target : ndarray of int, shape (n,)
        1 for customers who left; both classes must occur.
    probabilities : ndarray of float, shape (n,)
    weights : ndarray of float64, shape (n,), optional
        How many customers each row stands for.

    Returns
    -------
    dict of str to dict
        For roc_auc, pr_auc (average precision), log_loss (nats), brier, top_decile_lift,
        expected_calibration_error, calibration_slope, calibration_intercept: the `value`, and
        `low` and `high`, the ends of the interval. The calibration error has more, and no
        bootstrap; see `churn.evaluation.calibration.calibration_error`.
    """
    metrics = bootstrap(_Metrics(target, probabilities), len(target), seed, weights)
    return metrics | _calibration(target, probabilities, seed, weights)


def compare(
    target: np.ndarray,
    probabilities: np.ndarray,
    others: dict[str, np.ndarray],
    seed: int = 0,
    weights: np.ndarray | None = None,
) -> tuple[
    dict[str, dict[str, float]],
    dict[str, dict[str, dict[str, float]]],
    dict[str, dict[str, dict[str, float]]],
]:
    """Metrics of several sets of probabilities, and their paired differences to the first.

    Parameters
    ----------
    target : ndarray of int, shape (n,)
    probabilities : ndarray of float, shape (n,)
    others : dict of str to ndarray of float, shape (n,)
        The probabilities to compare with, by name.
    weights : ndarray of float64, shape (n,), optional
        How many customers each row stands for.

    Returns
    -------
    metrics : dict
        Of `probabilities`, as `evaluate` returns them.
    beside : dict of str to dict
        The same of each of the others.
    differences : dict of str to dict
        For each of the others, metric by metric but for calibration, `probabilities` less the
        other: value, low and high. All have the same resamples, so their noise partly cancels.
    """
    ours = _Metrics(target, probabilities)
    theirs = {name: _Metrics(target, chance) for name, chance in others.items()}

    def every(times: np.ndarray) -> dict[tuple[str, ...], np.ndarray]:
        mine = ours(times)
        found: dict[tuple[str, ...], np.ndarray] = {
            ("ours", metric): value for metric, value in mine.items()
        }
        for name, metrics in theirs.items():
            for metric, value in metrics(times).items():
                found["theirs", name, metric] = value
                found["difference", name, metric] = mine[metric] - value
        return found

    intervals = bootstrap(every, len(target), seed, weights)

    def part(*which: str) -> dict[str, dict[str, float]]:
        return {key[-1]: value for key, value in intervals.items() if key[:-1] == which}

    metrics = part("ours") | _calibration(target, probabilities, seed, weights)
    beside = {
        name: part("theirs", name) | _calibration(target, chance, seed, weights)
        for name, chance in others.items()
    }
    return metrics, beside, {name: part("difference", name) for name in others}


def gains(
    target: np.ndarray,
    probabilities: np.ndarray,
    points: int = 100,
    weights: np.ndarray | None = None,
) -> pd.DataFrame:
    """The share of leavers that is reached by calling the riskiest share of customers.

    Returns
    -------
    DataFrame
        called (share of all customers), reached (share of those who left), lift (reached/called).
    """
    order = np.argsort(-probabilities, kind="stable")
    sizes = np.unique(np.ceil(np.arange(1, points + 1) / points * len(target)).astype(int))
    if weights is None:
        reached = np.cumsum(target[order]) / target.sum()
        called = sizes / len(target)
    else:
        reached = np.cumsum((weights * target)[order]) / (weights * target).sum()
        called = np.cumsum(weights[order])[sizes - 1] / weights.sum()
    return pd.DataFrame(
        {"called": called, "reached": reached[sizes - 1], "lift": reached[sizes - 1] / called}
    )


def _calibration(
    target: np.ndarray, probabilities: np.ndarray, seed: int, weights: np.ndarray | None
) -> dict[str, dict[str, float]]:
    error = calibration_error(target, probabilities, seed=seed, weights=weights)
    line = calibration_line(target, probabilities, weights)
    return {"expected_calibration_error": error} | line


class _Metrics:
    """The metrics of one set of probabilities under any weights of the rows.

    Sorting is done once, so that a thousand resamples cost a thousand cumulative sums.
    """

    def __init__(self, target: np.ndarray, probabilities: np.ndarray):
        self.ranked = RankedRows(target, probabilities)
        self.left, self.chance = self.ranked.target, self.ranked.scores
        self.losses = row_losses(self.left, self.chance)

    def __call__(self, weights: np.ndarray) -> dict[str, np.ndarray]:
        """`weights` (resamples, n) to one array (resamples,) per metric."""
        w = weights[:, self.ranked.order]
        total = w.sum(axis=1)
        positive, called = self.ranked.cumulate(w)
        hits = positive[:, -1]
        found = np.diff(positive, axis=1, prepend=0)
        precision = positive / np.where(called > 0, called, 1)
        squares = (self.chance - self.left) ** 2
        return {
            "roc_auc": area_under_roc(positive, called),
            "pr_auc": (found * precision).sum(axis=1) / hits,
            "log_loss": w @ self.losses / total,
            "brier": w @ squares / total,
            "top_decile_lift": self._lift(positive, called, hits, total),
        }

    @staticmethod
    def _lift(
        positive: np.ndarray,
        called: np.ndarray,
        hits: np.ndarray,
        total: np.ndarray,
        share: float = 0.1,
    ) -> np.ndarray:
        """Churn rate of the riskiest tenth over that of all; a tie at its edge counts in part."""
        quota = share * total
        last = (called < quota[:, None]).sum(axis=1)
        rows = np.arange(len(total))
        before = np.where(last > 0, called[rows, last - 1], 0.0)
        found = np.where(last > 0, positive[rows, last - 1], 0.0)
        part = (quota - before) / np.maximum(called[rows, last] - before, 1e-12)
        found = found + part * (positive[rows, last] - found)
        lift: np.ndarray = (found / quota) / (hits / total)
        return lift
