"""Calibration: whether as many customers leave as the probabilities predict."""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from churn.statistics.intervals import LEVEL, Z, wilson
from churn.statistics.log_odds import logit
from churn.statistics.logistic import fisher_errors, fit_logistic
from churn.statistics.weighting import effective_rows, take, weighted_mean

BINS = 10
# The tolerance of the calibration line's fit in nats, far below any figure that is shown.
LINE_TOLERANCE = 1e-12
# True errors that are tried, and samples that are simulated for each.
ERRORS, SIMULATIONS = 31, 500


def calibration_line(
    target: np.ndarray, probabilities: np.ndarray, weights: np.ndarray | None = None
) -> dict[str, dict[str, float]]:
    """Slope and intercept of a logistic regression of outcomes on the logit (Cox 1958).

    1 and 0 are perfect; a slope below 1 means that the probabilities are too extreme. The
    intervals are Wald's, from the Fisher information; with `weights`, how many customers each row
    stands for, from the sandwich. Where the line is not determined (all
    predictions are equal, or they separate the outcomes perfectly) the values are NaN.
    """
    x, names = logit(probabilities), ("calibration_slope", "calibration_intercept")
    left, stayed = x[target == 1], x[target == 0]
    if np.ptp(x) < 1e-9 or left.min() >= stayed.max() or left.max() <= stayed.min():
        return {name: dict.fromkeys(("value", "low", "high"), math.nan) for name in names}
    line = fit_logistic(x[:, None], target, tolerance=LINE_TOLERANCE, row_weights=weights)
    half = Z * fisher_errors(x[:, None], line, target, weights)
    return {
        name: {"value": value, "low": value - width, "high": value + width}
        for name, value, width in zip(names, line.tolist(), half.tolist(), strict=True)
    }


def reliability(
    target: np.ndarray,
    probabilities: np.ndarray,
    bins: int = BINS,
    weights: np.ndarray | None = None,
) -> pd.DataFrame:
    """Predicted probabilities and observed churn rates, in bins of about equally many customers.

    Returns
    -------
    DataFrame
        predicted (mean probability), observed (share who left), low and high (its 95 % interval
        by Wilson 1927), count. With `weights`, how many customers each row stands for, means are
        weighted, and the interval is that of as many rows as they are effectively.
    """
    order = np.argsort(probabilities, kind="stable")
    rows = []
    for start, end in pairwise(_bin_ends(probabilities[order], bins)):
        at = order[start:end]
        times = take(weights, at)
        predicted, observed = (weighted_mean(of[at], times) for of in (probabilities, target))
        n = len(at) if times is None else effective_rows(times)
        left = target[at].sum() if times is None else observed * n
        rows.append((predicted, observed, *wilson(left, n), len(at)))
    return pd.DataFrame(rows, columns=["predicted", "observed", "low", "high", "count"])


def calibration_error(
    target: np.ndarray,
    probabilities: np.ndarray,
    bins: int = BINS,
    seed: int = 0,
    weights: np.ndarray | None = None,
) -> dict[str, float]:
    """The expected calibration error, corrected for chance, with its interval.

    Chance alone makes the observed error positive, also that of a perfect model, and resampling
    the customers adds chance once more. So the test is inverted instead (Neyman 1937): samples are
    simulated whose true error is c, and the interval holds each c for which the observed error is
    among the middle 95 %. Which bins err is not known. Errors spread over all of them hide best
    among chance and give the high end and the value, whose median sample is the observed one; an
    error of one bin alone adds most to chance and gives the low end.

    Parameters
    ----------
    target : ndarray of int, shape (n,)
        1 for customers who left.
    probabilities : ndarray of float, shape (n,)
    bins : int
        Of about equally many customers by probability; see `reliability`.
    seed : int
    weights : ndarray of float64, shape (n,), optional
        How many customers each row stands for; a bin is simulated with as many rows as it has
        effectively.

    Returns
    -------
    dict of str to float
        `value`, `low` and `high`, the true error and its 95 % interval; `observed`, that of this
        sample; `perfect`, the median of what a perfect model shows on so many customers.
    """
    table = reliability(target, probabilities, bins, weights)
    sizes, predicted = table["count"].to_numpy(), table["predicted"].to_numpy()
    share, deviation = sizes / sizes.sum(), np.sqrt(predicted * (1 - predicted))
    if weights is not None:
        share, sizes = _weighted_bins(probabilities, weights, bins)
    observed = float(share @ (table["observed"] - predicted).abs())
    rng = np.random.default_rng(seed)
    spread = rng.choice([-1.0, 1.0], (SIMULATIONS, len(sizes))) * deviation
    # Errors point towards a half, where there is room for any size.
    single = rng.integers(0, len(sizes), SIMULATIONS)[:, None] == np.arange(len(sizes))
    single = single * np.where(predicted < 0.5, 1, -1) * deviation
    errors = np.linspace(0, observed + 4 * share @ (deviation / np.sqrt(sizes)), ERRORS)
    tail = (1 - LEVEL) / 2
    shown = _simulate(spread, errors, predicted, sizes, share, [tail, 0.5, 1 - tail], rng)
    alone = _simulate(single, errors, predicted, sizes, share, [1 - tail], rng)
    return {
        "value": _largest(shown[1], errors, observed),
        "low": _largest(np.maximum(shown[2], alone[0]), errors, observed),
        "high": _largest(shown[0], errors, observed),
        "observed": observed,
        "perfect": float(shown[1][0]),
    }


def _simulate(
    patterns: np.ndarray,
    errors: np.ndarray,
    predicted: np.ndarray,
    sizes: np.ndarray,
    share: np.ndarray,
    quantiles: Sequence[float],
    rng: np.random.Generator,
) -> np.ndarray:
    """Quantiles of the observed error for each true one: (n_quantiles, n_errors), ascending.

    `patterns`, (n_simulations, n_bins), is how a true error is distributed over the bins.
    """
    rows = []
    for error in errors:
        scale = np.full(len(patterns), error) / (np.abs(patterns) @ share)
        for _ in range(4):  # the part outside [0, 1] is moved to the other bins
            rates = np.clip(predicted + patterns * scale[:, None], 0, 1)
            reached = np.abs(rates - predicted) @ share
            scale *= np.divide(error, reached, out=np.ones_like(scale), where=reached > 0)
        left = rng.binomial(sizes, rates)
        rows.append(np.quantile(np.abs(left / sizes - predicted) @ share, quantiles))
    # The observed error increases with the true one; a decrease is simulation noise.
    return np.maximum.accumulate(rows).T


def _largest(shown: np.ndarray, errors: np.ndarray, observed: float) -> float:
    """The largest true error whose simulated one is at most `observed`; 0 if there is none."""
    more = int(np.searchsorted(shown, observed, side="right"))
    if more in (0, len(errors)):
        return float(errors[-1 if more else 0])
    return float(np.interp(observed, shown[more - 1 : more + 1], errors[more - 1 : more + 1]))


def _weighted_bins(
    probabilities: np.ndarray, weights: np.ndarray, bins: int
) -> tuple[np.ndarray, np.ndarray]:
    """The share of each bin of `reliability` in the weights, and its effective number of rows."""
    order = np.argsort(probabilities, kind="stable")
    ends = pairwise(_bin_ends(probabilities[order], bins))
    parts = [weights[order[start:end]] for start, end in ends]
    share = np.array([part.sum() for part in parts]) / weights.sum()
    return share, np.array([max(round(effective_rows(part)), 1) for part in parts])


def _bin_ends(ordered: np.ndarray, bins: int) -> np.ndarray:
    """Where bins of ascending probabilities end; equal probabilities are in one bin."""
    n = len(ordered)
    inner = np.round(np.linspace(0, n, bins + 1)).astype(int)[1:-1]
    runs = np.searchsorted(ordered, ordered[np.maximum(inner - 1, 0)], side="right")
    return np.unique([0, *runs, n])
