"""95 % intervals: a bootstrap over rows, and Wilson's for a share."""

from collections.abc import Callable, Hashable
from typing import TypeVar

import numpy as np

LEVEL = 0.95
# The normal quantile of a two-sided 95 % interval.
Z = 1.959964
RESAMPLES, MIN_RESAMPLES = 1000, 400
# The cells (resamples times rows) of one chunk of a bootstrap: few enough to fit in the cache.
CHUNK_CELLS = 300_000


Key = TypeVar("Key", bound=Hashable)


def bootstrap(
    metrics: Callable[[np.ndarray], dict[Key, np.ndarray]],
    n: int,
    seed: int,
    row_weights: np.ndarray | None = None,
) -> dict[Key, dict[str, float]]:
    """Metrics of a sample with percentile intervals from a bootstrap over its rows (Efron 1979).

    Parameters
    ----------
    metrics : callable
        Takes weights of the rows, (n_resamples, n) float64, and returns for each metric an array
        of shape (n_resamples,). The weights of a resample count how often each row is sampled.
    n : int
        The number of rows.
    seed : int
    row_weights : ndarray of float64, shape (n,), optional
        How many rows of the population each one stands for: rows are resampled, each with its
        weight, so that the interval is as wide as few rows of a large weight make it.

    Returns
    -------
    dict of str to dict
        For each metric its `value` on the sample, and `low` and `high`, the ends of the interval.
        Resamples where a metric is NaN, as with one class only, are left out of its interval.
    """
    rng = np.random.default_rng(seed)
    times = np.ones(n) if row_weights is None else row_weights
    value = {name: float(array[0]) for name, array in metrics(times[None]).items()}
    # Large samples take longer, so they get fewer resamples; below 400 the ends are too noisy.
    resamples = int(np.clip(RESAMPLES * 2_000 / n, MIN_RESAMPLES, RESAMPLES))
    chunk = max(1, CHUNK_CELLS // n)
    draws = []
    for start in range(0, resamples, chunk):
        size = min(chunk, resamples - start)
        weights = np.stack([np.bincount(rng.integers(0, n, n), minlength=n) for _ in range(size)])
        with np.errstate(invalid="ignore", divide="ignore"):  # a resample may have one class only
            draws.append(metrics(weights * times))
    tail = (1 - LEVEL) / 2
    result = {}
    for name in value:
        spread = np.concatenate([draw[name] for draw in draws])
        low, high = np.nanquantile(spread, [tail, 1 - tail])
        result[name] = {"value": value[name], "low": float(low), "high": float(high)}
    return result


def wilson(successes: float, n: float, z: float = Z) -> tuple[float, float]:
    """Wilson's (1927) score interval for a share."""
    share = successes / n
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    return float(centre - half), float(centre + half)
