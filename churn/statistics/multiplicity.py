"""Many tests at once: p-values adjusted for their number."""

import numpy as np


def holm(p_values: np.ndarray) -> np.ndarray:
    """Adjust p-values for their number (Holm 1979).

    If those below 5 % are rejected, the family-wise error rate is at most 5 %, whatever the
    dependence between the tests.

    Parameters
    ----------
    p_values : ndarray of float, shape (n,)
        NaN for tests that were not made.

    Returns
    -------
    ndarray of float, shape (n,)
        At most 1; NaN where there was NaN.
    """
    adjusted = np.full(len(p_values), np.nan)
    order = np.argsort(p_values, kind="stable")  # NaN last
    order = order[: np.isfinite(p_values).sum()]
    left_over = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(p_values[order] * left_over), 1)
    return adjusted
