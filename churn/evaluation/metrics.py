"""How good probabilities are, and how sure that is: metrics, intervals, calibration, gains."""

import math
from itertools import pairwise

import numpy as np
import pandas as pd

from churn.statistics.log_odds import logit, row_losses

RESAMPLES = 1000
# Cells (resamples times rows) a bootstrap works on at once: few enough to stay in the cache.
CHUNK_CELLS = 300_000
BINS = 10
LEVEL = 0.95


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
    metrics = interval(_Metrics(target, probabilities), len(target), seed)
    return metrics | calibration_line(target, probabilities)


def roc_auc(target: np.ndarray, scores: np.ndarray) -> float:
    """The share of pairs, one who left and one who stayed, that `scores` ranks right; ties half."""
    return float(_Metrics(target, scores)(np.ones((1, len(target))))["roc_auc"][0])


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

    intervals = interval(every, len(target), seed)

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
    weights, half = _logistic_line(logit(probabilities), target)
    return {
        f"calibration_{name}": {"value": value, "low": value - width, "high": value + width}
        for name, value, width in zip(("intercept", "slope"), weights, half, strict=True)
    }


def _logistic_line(x: np.ndarray, target: np.ndarray) -> tuple[list[float], list[float]]:
    """Intercept and slope by Newton's method, and the half widths of their intervals."""
    unknown = [math.nan, math.nan], [math.nan, math.nan]
    left, stayed = x[target == 1], x[target == 0]
    if np.ptp(x) < 1e-9 or left.min() >= stayed.max() or left.max() <= stayed.min():
        return unknown
    design, weights = np.column_stack([np.ones_like(x), x]), np.array([0.0, 1.0])
    for _ in range(100):
        fitted = 1 / (1 + np.exp(-np.clip(design @ weights, -30, 30)))
        information = design.T @ (design * (fitted * (1 - fitted))[:, None])
        step = np.linalg.solve(information, design.T @ (target - fitted))
        weights = weights + np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-10:
            half = 1.959964 * np.sqrt(np.diag(np.linalg.inv(information)))
            return weights.tolist(), half.tolist()
    return unknown


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


def wilson(successes: float, n: int, z: float = 1.959964) -> tuple[float, float]:
    """Wilson's (1927) score interval for a share."""
    share = successes / n
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    return float(centre - half), float(centre + half)


class _Metrics:
    """The metrics of one set of probabilities under any weights of the rows.

    Sorting is done once, so that a thousand resamples cost a thousand cumulative sums.
    """

    def __init__(self, target, probabilities):
        self.order = np.argsort(-probabilities, kind="stable")
        chance = probabilities[self.order]
        self.left = target[self.order].astype(np.float64)
        self.chance = chance
        self.losses = row_losses(self.left, chance)
        # Ties: the last row of each run of equal probabilities.
        self.run_ends = np.append(np.flatnonzero(np.diff(chance)), len(chance) - 1)
        self.bins = _bin_ends(len(chance), BINS)[:-1]

    def __call__(self, weights: np.ndarray) -> dict[str, np.ndarray]:
        """`weights` (resamples, n) to one array (resamples,) per metric."""
        w = weights[:, self.order]
        total = w.sum(axis=1)
        positive = np.cumsum(w * self.left, axis=1)[:, self.run_ends]
        called = np.cumsum(w, axis=1)[:, self.run_ends]
        negative = called - positive
        hits, misses = positive[:, -1], negative[:, -1]
        before = np.pad(positive, ((0, 0), (1, 0)))[:, :-1]
        gained = np.diff(negative, axis=1, prepend=0)
        area = (gained * (before + positive) / 2).sum(axis=1) / (hits * misses)
        found = np.diff(positive, axis=1, prepend=0)
        precision = positive / np.where(called > 0, called, 1)
        squares = (self.chance - self.left) ** 2
        promised = np.add.reduceat(w * self.chance, self.bins, axis=1)
        happened = np.add.reduceat(w * self.left, self.bins, axis=1)
        return {
            "roc_auc": area,
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


def interval(metrics, n: int, seed: int) -> dict:
    """`metrics` on the sample as it is, and its spread over resamples of the customers."""
    rng = np.random.default_rng(seed)
    value = {name: float(array[0]) for name, array in metrics(np.ones((1, n))).items()}
    # Larger samples need fewer resamples for an interval that is as good.
    resamples = int(np.clip(RESAMPLES * 2_000 / n, 100, RESAMPLES))
    chunk = max(1, CHUNK_CELLS // n)
    draws = []
    for start in range(0, resamples, chunk):
        size = min(chunk, resamples - start)
        weights = np.stack([np.bincount(rng.integers(0, n, n), minlength=n) for _ in range(size)])
        with np.errstate(invalid="ignore", divide="ignore"):  # a resample may have one class only
            draws.append(metrics(weights.astype(np.float64)))
    tail = (1 - LEVEL) / 2
    result = {}
    for name in value:
        spread = np.concatenate([draw[name] for draw in draws])
        low, high = np.nanquantile(spread, [tail, 1 - tail])
        result[name] = {"value": value[name], "low": float(low), "high": float(high)}
    return result
