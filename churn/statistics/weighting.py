"""Weights of rows: None where every row counts once, else how many customers a row stands for.

Without weights, and with weights of 1, the figures are bit for bit those of numpy's mean.
"""

import numpy as np

__all__ = ["effective_rows", "mean_and_error", "take", "weighted_mean"]


def take(weights: np.ndarray | None, rows: np.ndarray | slice) -> np.ndarray | None:
    """The weights of some rows; None stays None."""
    return None if weights is None else weights[rows]


def weighted_mean(values: np.ndarray, weights: np.ndarray | None = None) -> float:
    """The mean of values, each with the weight of its row."""
    if weights is None:
        return float(values.mean())
    return float((values * weights).sum() / weights.sum())


def mean_and_error(values: np.ndarray, weights: np.ndarray | None = None) -> tuple[float, float]:
    """The weighted mean, and its standard error.

    With weights it is that of a ratio of sums (Hájek 1971), as in a sample of unequal chances.
    """
    mean, n = weighted_mean(values, weights), len(values)
    if weights is None:
        return mean, float(values.std(ddof=1) / np.sqrt(n))
    squares = (weights**2 * (values - mean) ** 2).sum() * n / (n - 1)
    return mean, float(np.sqrt(squares) / weights.sum())


def effective_rows(weights: np.ndarray) -> float:
    """How many rows of equal weight tell as much as these (Kish 1965)."""
    return float(weights.sum() ** 2 / (weights**2).sum())
