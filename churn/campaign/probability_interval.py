"""The interval of the probability of a group of customers, from the model's reliability."""

from collections.abc import Mapping, Sequence

import numpy as np


def probability_interval(
    probabilities: np.ndarray, reliability: Sequence[Mapping[str, float]]
) -> tuple[np.ndarray, np.ndarray]:
    """The 95 % interval of the share who leave among customers with such a probability.

    For each bin of the model's reliability on held-out customers, the ends of Wilson's interval
    of the observed churn rate have a distance to the predicted one. The interval of a probability
    has the distances of its neighbouring bins, interpolated between their means. It is about the
    group, not about one customer, and does not include changes in the future. It always contains
    the probability itself.

    Parameters
    ----------
    probabilities : ndarray of float, shape (n,)
    reliability : sequence of mapping
        See `churn.evaluation.calibration.reliability`.

    Returns
    -------
    low, high : ndarray of float64, shape (n,)
    """
    predicted, low, high = (
        np.array([bin[name] for bin in reliability]) for name in ("predicted", "low", "high")
    )
    below = np.interp(probabilities, predicted, np.minimum(low - predicted, 0))
    above = np.interp(probabilities, predicted, np.maximum(high - predicted, 0))
    return np.maximum(probabilities + below, 0), np.minimum(probabilities + above, 1)
