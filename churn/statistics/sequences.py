"""Intervals that hold at every look: confidence sequences.

A 95 % interval holds for one look that was planned. Whoever looks every day until it excludes zero
sees an effect in a third of campaigns that have none. A confidence sequence is wide enough for all
looks together.
"""

from collections.abc import Mapping

import numpy as np

from churn.statistics.intervals import Z

ALPHA = 0.05


def always_valid_factor(information: float, alpha: float = ALPHA) -> float:
    """By how many standard errors an interval extends so that it holds at every look.

    The normal mixture of Robbins (1970), "Statistical methods related to the law of the iterated
    logarithm", which holds asymptotically for means in general (Waudby-Smith et al. 2024,
    "Time-uniform central limit theory and asymptotic confidence sequences").

    Parameters
    ----------
    information : float
        The information so far (the inverse variance of the estimate), as a multiple of the one at
        which the sequence is narrowest relative to a fixed interval. It must grow from look to look
        and not depend on the outcomes.
    alpha : float
        The probability that the sequence ever misses.
    """
    return float(np.sqrt((1 + 1 / information) * (np.log1p(information) - 2 * np.log(alpha))))


def always_valid(interval: Mapping[str, float], information: float) -> dict[str, float]:
    """A 95 % interval widened so that it holds at every look.

    Parameters
    ----------
    interval : mapping
        value, low and high.
    information : float
        See `always_valid_factor`.
    """
    value, wider = interval["value"], always_valid_factor(information) / Z
    return {end: value + wider * (interval[end] - value) for end in ("value", "low", "high")}
