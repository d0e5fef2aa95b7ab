"""Drift in money: the expected profit of calling by the model, in a period and in the reference.

The drift tests detect a change; this module estimates its value. A customer's net benefit is
`churn.evaluation.profit.expected_profit`; a call pays for a customer if it is positive.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtr

from churn.data.contract import Contract
from churn.data.levels import NEW, FeatureLevels
from churn.evaluation.profit import expected_profit
from churn.evaluation.retention_costs import RetentionCosts
from churn.monitoring.drift import LEVEL, MIN_CUSTOMERS, Reference
from churn.statistics.bins import MISSING
from churn.statistics.multiplicity import holm

# The smallest relative change of the expected profit per customer that is reported.
CHANGE = 0.2
# The share of customers who are called first: the top of the ranking.
TOP = 0.1
# A segment is tested if, without a change, calls pay for so many of its customers before and now:
# with fewer the mean is far from normally distributed.
MIN_CALLED = 30

COLUMNS = [
    "feature", "level", "customers", "share_before", "share", "profit_before", "profit",
    "calls_before", "calls", "top_before", "top", "adjusted", "changed",
]  # fmt: skip


@dataclass(frozen=True)
class Difference:
    """A mean before and now: the two values, their difference, and its 95 % interval."""

    before: float
    now: float
    low: float
    high: float
    p: float

    @property
    def relative(self) -> float:
        """The difference relative to the value before; infinite if that is 0."""
        return (self.now - self.before) / self.before if self.before else np.inf

    @classmethod
    def of(cls, before: np.ndarray, now: np.ndarray) -> "Difference":
        """The interval uses Welch's standard error, the p-value that of the pooled customers.

        Most customers bring nothing and a few much: a sample that has few of those by chance also
        has a small variance, so that Welch's test has far too many false positives.
        """
        gap = float(now.mean() - before.mean())
        half = 1.959964 * float(
            np.sqrt(sum(part.var(ddof=1) / len(part) for part in (before, now)))
        )
        spread = np.concatenate([before, now]).var(ddof=1)
        error = float(np.sqrt(spread * (1 / len(before) + 1 / len(now))))
        p = 2 * ndtr(-abs(gap) / error) if error else float(gap == 0)
        return cls(float(before.mean()), float(now.mean()), gap - half, gap + half, float(p))


@dataclass(frozen=True)
class Money:
    """The expected profit of the period compared with the reference.

    Attributes
    ----------
    customers : int
        The number of customers of the period for whom all amounts are known.
    missing_amount : int
        The number of those without an amount in a column that the costs name.
    profit : Difference or None
        Money per customer of the base, if every call that pays is made; None where there are too
        few customers.
    calls : Difference or None
        The share of customers for whom a call pays.
    top : Difference or None
        The share of customers with a score in the range of the first tenth of the reference.
    mix : float
        How far the ranking changed: the largest total variation distance, over the features,
        between the customers called first (the first tenth) then and now; 0 to 1.
    mix_feature : str
        The feature with that distance.
    segments : DataFrame
        One row per segment, those that changed first, then by how much money: feature, level,
        customers, share (of the customers), profit (money per customer of the segment), calls
        (share for whom a call pays), top (share of the segment among those called first), each
        with `_before`; adjusted (the p-value of the profit's change, by Holm), changed (bool).
    """

    customers: int
    missing_amount: int
    profit: Difference | None
    calls: Difference | None
    top: Difference | None
    mix: float
    mix_feature: str
    segments: pd.DataFrame

    @property
    def changed(self) -> bool:
        """Whether the change of the expected profit is significant and at least `CHANGE`."""
        return _changed(self.profit) if self.profit else False


def appraise(
    reference: Reference,
    features: pd.DataFrame,
    probabilities: np.ndarray,
    contract: Contract,
    offer: RetentionCosts,
    min_customers: int = MIN_CUSTOMERS,
) -> Money:
    """Compare the expected profit of a period with the reference's.

    Parameters
    ----------
    reference, features, probabilities, contract, min_customers
        See `churn.monitoring.drift.compare`.
    offer : RetentionCosts
        Constants, and columns that are features.

    Raises
    ------
    ChurnError
        If the offer names a column that is no feature.
    """
    offer.check(features.head(0))
    usable = ~_missing_amount(features, offer)
    missing_amount = int((~usable).sum())
    if usable.sum() < min_customers:
        empty = pd.DataFrame(columns=COLUMNS).astype({"changed": bool})
        return Money(int(usable.sum()), missing_amount, None, None, None, 0.0, "", empty)
    before = _Ranked(reference.features, reference.probabilities, offer)
    now = _Ranked(features[usable], probabilities[usable], offer)
    segments = _segments(before, now, contract)
    gaps = (segments["top"] - segments["top_before"]).abs().groupby(segments["feature"]).sum() / 2
    return Money(
        customers=int(usable.sum()),
        missing_amount=missing_amount,
        profit=Difference.of(before.earned, now.earned),
        calls=Difference.of(before.called, now.called),
        top=Difference.of(
            *((part.profit >= before.cut).astype(np.float64) for part in (before, now))
        ),
        mix=float(gaps.max()),
        mix_feature=str(gaps.idxmax()),
        segments=segments,
    )


class _Ranked:
    """Customers ranked by the expected profit of calling them."""

    def __init__(self, features: pd.DataFrame, chance: np.ndarray, offer: RetentionCosts):
        usable = ~_missing_amount(features, offer)
        self.features = features[usable].reset_index(drop=True)
        self.profit = expected_profit(chance[usable], self.features, offer)
        self.earned = np.maximum(self.profit, 0)
        self.called = (self.profit > 0).astype(np.float64)
        self.cut = np.quantile(self.profit, 1 - TOP)
        self.first = self.profit >= self.cut


def _missing_amount(features: pd.DataFrame, offer: RetentionCosts) -> np.ndarray:
    bad = [at for _, _, at in offer.unusable(features)]
    return np.logical_or.reduce(bad) if bad else np.zeros(len(features), dtype=bool)


def _changed(change: Difference | None) -> bool:
    return change is not None and change.p < LEVEL and abs(change.relative) >= CHANGE


def _segments(before: _Ranked, now: _Ranked, contract: Contract) -> pd.DataFrame:
    rows, p = [], []
    for feature, level, was, is_ in _levels(before.features, now.features, contract):
        row = {"feature": feature, "level": level, "customers": int(is_.sum())}
        for end, part, inside in (("_before", before, was), ("", now, is_)):
            here = inside.any()
            row |= {
                f"share{end}": inside.mean(),
                f"profit{end}": part.earned[inside].mean() if here else np.nan,
                f"calls{end}": part.called[inside].mean() if here else np.nan,
                f"top{end}": inside[part.first].mean(),
            }
        called = np.concatenate([before.called[was], now.called[is_]]).mean()
        enough = called * min(was.sum(), is_.sum()) >= MIN_CALLED
        change = Difference.of(before.earned[was], now.earned[is_]) if enough else None
        rows.append(row | {"changed": _changed(change)})
        p.append(np.nan if change is None else change.p)
    table = pd.DataFrame(rows).assign(adjusted=holm(np.array(p)))
    table["changed"] &= table["adjusted"] < LEVEL
    moved = (
        table["profit"] * table["share"] - table["profit_before"] * table["share_before"]
    ).abs()
    order = np.lexsort([-moved.fillna(0), ~table["changed"]])
    return table[COLUMNS].iloc[order].reset_index(drop=True)


def _levels(
    before: pd.DataFrame, now: pd.DataFrame, contract: Contract
) -> Iterator[tuple[str, str, np.ndarray, np.ndarray]]:
    """Feature, level, and its rows before and now; each customer is in one level of a feature."""
    for name, feature in contract.features.items():
        levels = FeatureLevels(feature, before[name])
        codes = [levels.assign(columns[name]) for columns in (before, now)]
        texts = dict(enumerate(levels.texts)) | {NEW: "new", MISSING: feature.say(None)}
        for code, text in texts.items():
            inside = [found == code for found in codes]
            if any(at.any() for at in inside):
                yield name, text, *inside


def terms(offer: RetentionCosts, given: dict[str, str]) -> RetentionCosts:
    """An offer with some of its terms replaced; empty texts leave a term as it is.

    Raises
    ------
    ChurnError
        See `RetentionCosts.parse`.
    """
    return RetentionCosts.parse(
        **asdict(offer) | {name: text for name, text in given.items() if text}
    )
