"""Called customers compared with their control group within strata of days: shares and means."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from churn.campaign.control_group import ARMS, CONTACT
from churn.statistics.intervals import wilson

# The minimum size of each group in a stratum, unless the whole campaign has fewer.
MIN_STRATUM_SIZE = 10

# The rows of a group in a stratum, and the share of the calls in the stratum.
Group = tuple[np.ndarray, float]


def strata_of_days(known: pd.DataFrame) -> np.ndarray:
    """Consecutive days, joined until each stratum has enough of both groups: (n,) int."""
    by_day = pd.crosstab(known["day"], known["arm"]).reindex(columns=list(ARMS), fill_value=0)
    stratum, sizes, of_day = 0, np.zeros(2, dtype=int), {}
    for day, counts in zip(by_day.index, by_day.to_numpy(), strict=True):
        if sizes.min() >= MIN_STRATUM_SIZE:
            stratum, sizes = stratum + 1, np.zeros(2, dtype=int)
        sizes = sizes + counts
        of_day[day] = stratum
    # The last days may be too few for a stratum of their own.
    last = max(stratum - (sizes.min() < MIN_STRATUM_SIZE), 0)
    return known["day"].map(of_day).clip(upper=last).to_numpy()


def groups_of(known: pd.DataFrame, strata: np.ndarray, arm: str) -> Iterator[Group]:
    """For each stratum the rows of one group, and the stratum's share of the calls."""
    of = (known["arm"] == arm).to_numpy()
    called = (known["arm"] == CONTACT).to_numpy()
    for stratum in range(strata.max() + 1):
        inside = strata == stratum
        yield inside & of, (inside & called).sum() / called.sum()


def weighted_share(left: pd.Series, groups: Sequence[Group]) -> tuple[float, float, float]:
    """A weighted share with Wilson's interval for the effective sample size."""
    share = sum(weight * left[rows].mean() for rows, weight in groups)
    size = 1 / sum(weight**2 / rows.sum() for rows, weight in groups)
    return share, *wilson(share * size, size)


def newcombe(
    one: tuple[float, float, float], other: tuple[float, float, float]
) -> dict[str, float]:
    (p, low, high), (q, low_q, high_q) = one, other
    return {
        "value": p - q,
        "low": p - q - float(np.hypot(p - low, high_q - q)),
        "high": p - q + float(np.hypot(high - p, q - low_q)),
    }


def dispersion(values: pd.Series, variance: pd.Series, groups: Sequence[Group]) -> float:
    """How much wider values spread within groups than `variance` implies; at least 1.

    As in quasi-likelihood (Wedderburn 1974). All groups have one factor: a small group without a
    customer of high value spreads too little by itself.
    """
    parts = [values[rows].to_numpy() for rows, _ in groups]
    freedom = sum(len(part) - 1 for part in parts)
    spread = sum(((part - part.mean()) ** 2).sum() for part in parts) / freedom
    return max(float(spread / variance.mean()), 1.0)


def weighted_mean(
    values: pd.Series, variance: pd.Series, groups: Sequence[Group]
) -> tuple[float, float, int]:
    """A weighted mean, its variance from those of the rows, and the degrees of freedom."""
    parts = [(values[rows], variance[rows], weight) for rows, weight in groups]
    error = sum(weight**2 * of.mean() / len(of) for _, of, weight in parts)
    freedom = sum(len(part) - 1 for part, _, _ in parts)
    return sum(weight * part.mean() for part, _, weight in parts), error, freedom


def welch(one: tuple[float, float, int], other: tuple[float, float, int]) -> dict[str, float]:
    gap, errors = one[0] - other[0], (one[1], other[1])
    freedom = sum(errors) ** 2 / (errors[0] ** 2 / one[2] + errors[1] ** 2 / other[2])
    half = float(stdtrit(freedom, 0.975) * np.sqrt(sum(errors)))
    return {"value": float(gap), "low": gap - half, "high": gap + half}
