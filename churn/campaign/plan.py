"""What a budget brings: the threshold, the number of calls and the money, by costs and acceptance.

For customers of the same value the net benefit of a call rises with the risk (see
`churn.evaluation.profit.expected_profit`), so those with the highest risk are called, up to the
budget, and nobody below the threshold. Where the campaign's list goes by a learned policy, what a
call brings is the effect of a call times the value, less what the call costs, as in
`churn.campaign.list_policy.ListPolicy`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from typing import NamedTuple

import numpy as np

from churn.campaign.probability_interval import probability_interval

__all__ = ["Band", "Bin", "Plan", "PlanSettings", "bins_of", "make_plan"]

# The ends of the bands of risk.
BANDS = (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0)


@dataclass(frozen=True)
class PlanSettings:
    """The settings of a plan: money for all customers alike, and the most calls of a day."""

    budget: int
    contact_cost: float
    offer_cost: float
    acceptance: float
    customer_value: float


class Bin(NamedTuple):
    """Customers of about the same risk, and where it is learned, of about the same effect.

    Attributes
    ----------
    customers : float
        How many.
    probability, low, high : float
        Their mean probability, and its interval.
    effect : tuple of float or None
        The share of them that a call keeps, and its interval; None where the list goes by risk.
    """

    customers: float
    probability: float
    low: float
    high: float
    effect: tuple[float, float, float] | None = None

    def brings(self, settings: PlanSettings) -> tuple[float, float, float]:
        """What a call of one of them brings, in money, and its interval."""
        cost = settings.contact_cost + settings.offer_cost
        saved = settings.offer_cost * (1 - settings.acceptance)
        if self.effect is not None:
            spent = cost - saved * self.probability
            value, low, high = (settings.customer_value * kept - spent for kept in self.effect)
            return value, low, high
        gain = settings.acceptance * settings.customer_value + saved
        value, low, high = (
            chance * gain - cost for chance in (self.probability, self.low, self.high)
        )
        return value, low, high


@dataclass(frozen=True)
class Band:
    """Customers between two risks: how many, how many leave, the money at risk, and the calls."""

    low: float
    high: float
    customers: float
    leavers: float
    at_risk: float
    called: float


@dataclass(frozen=True)
class Plan:
    """What the settings bring.

    Attributes
    ----------
    threshold : float
        The risk from which on a call pays; infinite where none does.
    pays : float
        The number of customers from there on.
    calls : float
        Of those as many as the budget allows.
    money : dict of str to float
        What the calls bring: value, low and high. The ends are the sums of the bins' ends, as if
        the model's errors all had the same sign.
    lowest : float
        The lowest risk that is called, or the smallest effect; infinite without a call.
    by_effect : bool
    taken : list of (Bin, float)
        How many of each bin are called, the greatest benefit first.
    bands : list of Band
    """

    threshold: float
    pays: float
    calls: float
    money: dict[str, float]
    lowest: float
    bands: list[Band]
    by_effect: bool
    taken: list[tuple[Bin, float]]


def bins_of(
    histogram: Sequence[tuple[int, float]], customers: int,
    reliability: Sequence[Mapping[str, float]],
) -> list[Bin]:  # fmt: skip
    """The customers of a table by risk, the highest first.

    Parameters
    ----------
    histogram : sequence of (int, float)
        Of a sample of them, see `PredictionLog.histogram`.
    customers : int
        How many there are.
    reliability : sequence of mapping
        Of the model.
    """
    ranked = sorted(histogram, key=lambda one: -one[1])
    if not ranked:
        return []
    scale = customers / sum(many for many, _ in ranked)
    means = np.array([mean for _, mean in ranked])
    low, high = probability_interval(means, reliability) if reliability else (means, means)
    return [
        Bin(scale * many, float(mean), float(down), float(up))
        for (many, _), mean, down, up in zip(ranked, means, low, high, strict=True)
    ]


def make_plan(bins: Sequence[Bin], settings: PlanSettings) -> Plan:
    """What the settings bring.

    Parameters
    ----------
    bins : sequence of Bin
        See `bins_of`.
    """
    cost = settings.offer_cost + settings.contact_cost
    gain = settings.acceptance * (settings.customer_value - settings.offer_cost)
    gain += settings.offer_cost
    # As `RetentionCosts.break_even`, which needs a table.
    threshold = cost / gain if gain > 0 and gain >= cost else inf
    by_effect = any(one.effect is not None for one in bins)
    left, lowest = float(settings.budget), inf
    calls = pays = 0.0
    money = dict.fromkeys(("value", "low", "high"), 0.0)
    called = []
    bins = sorted(bins, key=lambda one: one.brings(settings)[0], reverse=True)
    for one in bins:
        brings = one.brings(settings)
        take = min(left, one.customers) if brings[0] > 0 else 0.0
        left, calls = left - take, calls + take
        pays += one.customers if brings[0] > 0 else 0.0
        if take:
            lowest = min(lowest, one.effect[0] if one.effect else one.probability)
        for end, each in zip(money, brings, strict=True):
            money[end] += take * each
        called.append(take)
    bands = [
        _band(low, high, bins, called, settings.customer_value) for low, high in pairwise(BANDS)
    ]
    taken = list(zip(bins, called, strict=True))
    return Plan(threshold, pays, calls, money, lowest, bands, by_effect, taken)


def _band(
    low: float, high: float, bins: Sequence[Bin], called: Sequence[float], value: float
) -> Band:
    inside = [
        (one, calls)
        for one, calls in zip(bins, called, strict=True)
        if low <= one.probability < high or one.probability == high == 1.0
    ]
    leavers = sum(one.customers * one.probability for one, _ in inside)
    many, calls = sum(one.customers for one, _ in inside), sum(calls for _, calls in inside)
    return Band(low, high, many, leavers, leavers * value, calls)
