"""A number's values in bins of about equally many rows."""

from collections.abc import Sequence

import numpy as np

# The inner edges of quarters.
QUARTILES = (0.25, 0.5, 0.75)
MISSING = -1


def quantile_edges(
    numbers: np.ndarray, shares: Sequence[float] | np.ndarray = QUARTILES
) -> np.ndarray:
    """The inner edges of bins at quantiles: values that occur, ascending, each once.

    Parameters
    ----------
    numbers : ndarray of float64, shape (n,)
        NaN where missing.
    shares : sequence of float
        Ascending, in (0, 1).

    Returns
    -------
    ndarray of float64, shape (n_edges,)
        At most one per share; none where every value is missing.
    """
    known = numbers[~np.isnan(numbers)]
    if not len(known):
        return np.empty(0)
    return np.unique(np.quantile(known, shares, method="lower"))


def to_bins(numbers: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """The bin of each number: 0 up to the first edge, that edge included; `MISSING` for NaN."""
    return np.where(np.isnan(numbers), MISSING, np.searchsorted(edges, numbers))
