"""What calling was worth: the customers who were called against their control group.

A hash draws the control group from the same lists, so that whatever differs between the two beyond
chance is the effect of the calls. Everyone counts in the group they were drawn into, whether the
call reached them or not (intention to treat).

The control share may change during a campaign, and so may the customers: the groups are compared
within strata of consecutive days, weighted by the calls of each. Money is heavy-tailed, so that one
rich customer can decide; subtracting from each loss what the model expected before the call,
probability times value, removes most of that without bias, for the expectation is known before the
groups are drawn (covariate adjustment with a fixed coefficient).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from churn.campaign.control_group import ARMS, CONTACT, CONTROL
from churn.errors import ChurnError
from churn.statistics.intervals import wilson

# Below these nothing is estimated. Leavers are counted by what the model expected, before anything
# happened: a rule on those who left would speak where chance had been generous, and only there.
LEAST_KNOWN, LEAST_EXPECTED = 30, 5
# A stratum has so many of each group, unless all of them together have fewer.
LEAST_STRATUM = 10


@dataclass(frozen=True)
class Arm:
    """One group.

    Attributes
    ----------
    drawn, known : int
        Customers, and those of them whose outcome is known.
    left : int
        Of those known, how many left.
    expected : float
        Of those known, how many the model expected to leave before any call.
    """

    drawn: int
    known: int
    left: int
    expected: float


@dataclass(frozen=True)
class Savings:
    """What calling was worth.

    Attributes
    ----------
    contact, control : Arm
    kept : dict or None
        Customers who stayed because of the calls: value, low and high, the 95 % interval. None
        where there is too little data.
    saved : dict or None
        Money that those bring, less what was spent; None as well.
    spent : float
    strata : int
        The periods within which the groups were compared.
    insufficient_data : list of str
        Why nothing is estimated.
    ignored : list of str
        Outcomes that do not count, in words.
    """

    contact: Arm
    control: Arm
    kept: dict[str, float] | None
    saved: dict[str, float] | None
    spent: float
    strata: int
    insufficient_data: list[str]
    ignored: list[str]

    def __str__(self) -> str:
        lines = [
            f"{name:<8} {arm.drawn:,} customers, outcome known of {arm.known:,}"
            + (
                f", of whom {arm.left:,} left ({arm.left / arm.known:.1%}; "
                f"{arm.expected / arm.known:.1%} expected)"
                if arm.known
                else ""
            )
            for name, arm in zip(ARMS, (self.contact, self.control), strict=True)
        ]
        if self.kept:
            lines.append(
                f"Kept by calling {self.contact.known:,}: {_span(self.kept, ',.1f')} customers"
            )
            costs = f"less {self.spent:,.2f} spent" if self.spent else "before the costs of calling"
            lines.append(f"Saved: {_span(self.saved, ',.2f')}, {costs}")
            if self.strata > 1:
                lines.append(f"Compared within {self.strata} periods of consecutive days.")
            if self.kept["low"] <= 0 <= self.kept["high"]:
                lines.append("The interval includes no effect at all: this may be chance.")
        return "\n".join([*lines, *self.insufficient_data, *self.ignored])


def one_campaign(calls: pd.DataFrame) -> pd.DataFrame:
    """The calls of one campaign, each customer as when first listed.

    Parameters
    ----------
    calls : DataFrame
        See `churn.campaign.reading.read_call_lists`.

    Returns
    -------
    DataFrame
        The same columns, one row per customer.

    Raises
    ------
    ChurnError
        If nobody is on the lists, they are of different campaigns or of different id columns, or
        disagree on the control group.
    """
    problems = [] if len(calls) else ["nobody is on them"]
    for name, what in {"campaign": "campaigns", "key": "id columns"}.items():
        found = sorted(calls[name].unique())
        if len(found) > 1:
            problems.append(f"they are of different {what}: {', '.join(found)}")
    pairs = calls[["customer", "arm"]].drop_duplicates()
    both = pairs["customer"][pairs["customer"].duplicated()].tolist()
    if both and not problems:
        some = ", ".join(both[:5]) + (", …" if len(both) > 5 else "")
        problems.append(f"{len(both)} customers are in both groups: {some}")
    if problems:
        raise ChurnError("These call lists cannot be compared:", problems)
    return calls.drop_duplicates("customer", ignore_index=True)


def measure(calls: pd.DataFrame, outcomes: pd.DataFrame, spent: float = 0.0) -> Savings:
    """Compare the called customers with their control group.

    The difference of the shares who left has Newcombe's (1998, method 10) interval, from Wilson's
    of each share, with the effective sample size of the stratum weights (Kish). The money is the
    difference of the mean residual loss, the customer's value where they left less probability
    times value, with Welch's (1947) interval from the variances within strata, or from those that
    the probabilities imply where they are greater. Both are multiplied by the number of called
    customers whose outcome is known.

    Parameters
    ----------
    calls : DataFrame
        See `one_campaign`.
    outcomes : DataFrame
        customer, date (NaT where it is not known), left, recorded; see
        `churn.feedback.outcomes.read_table`. A customer's last state after the call counts.
    spent : float
        What the calls and offers cost, in all.
    """
    left, ignored = _outcomes_of(calls, outcomes)
    every = calls.assign(left=left)
    known = every[every["left"].notna()]
    arms = {}
    for name in ARMS:
        of = known[known["arm"] == name]
        drawn = int((every["arm"] == name).sum())
        arms[name] = Arm(drawn, len(of), int(of["left"].sum()), float(of["probability"].sum()))
    insufficient = [
        f"Too few to compare: of {arm.known} in {name} the outcome is known, {LEAST_KNOWN} are "
        "needed."
        for name, arm in arms.items()
        if arm.known < LEAST_KNOWN
    ] or [
        f"Too few to compare: in {name} {arm.expected:.1f} were expected to leave, "
        f"{LEAST_EXPECTED} are needed."
        for name, arm in arms.items()
        if arm.expected < LEAST_EXPECTED
    ]
    if insufficient:
        return Savings(**arms, kept=None, saved=None, spent=spent, strata=0,
                       insufficient_data=insufficient, ignored=ignored)  # fmt: skip
    strata = _strata(known)
    called = arms[CONTACT].known
    worth = known["value_at_risk"] / known["probability"]
    residual = known["left"] * worth - known["value_at_risk"]
    variance = worth**2 * known["probability"] * (1 - known["probability"])
    groups = {name: list(_groups(known, strata, name)) for name in ARMS}
    kept = _newcombe(*(_share(known["left"], groups[name]) for name in (CONTROL, CONTACT)))
    saved = _welch(*(_mean(residual, variance, groups[name]) for name in (CONTROL, CONTACT)))
    return Savings(
        **arms,
        kept={end: called * value for end, value in kept.items()},
        saved={end: called * value - spent for end, value in saved.items()},
        spent=spent,
        strata=int(strata.max()) + 1,
        insufficient_data=[],
        ignored=ignored,
    )


def _outcomes_of(calls: pd.DataFrame, outcomes: pd.DataFrame) -> tuple[np.ndarray, list[str]]:
    """The last state of each customer after the call, NaN where it is not known."""
    pairs = calls[["customer", "day"]].merge(outcomes, on="customer")
    early = pairs["date"] <= pairs["day"]  # NaT is not
    pairs = pairs[~early].sort_values(["date", "recorded", "left"], kind="stable")
    last = pairs.drop_duplicates("customer", keep="last").set_index("customer")["left"]
    unlisted = len(outcomes) - outcomes["customer"].isin(calls["customer"]).sum()
    ignored = (
        (unlisted, "are of customers who are on no list"),
        (int(early.sum()), "are dated on or before the day of the list"),
    )
    told = [f"{count:,} outcomes do not count: they {why}." for count, why in ignored if count]
    return last.astype(np.float64).reindex(calls["customer"]).to_numpy(), told


def _strata(known: pd.DataFrame) -> np.ndarray:
    """Consecutive days, joined until each stratum has enough of both groups: (n,) int."""
    by_day = pd.crosstab(known["day"], known["arm"]).reindex(columns=list(ARMS), fill_value=0)
    stratum, sizes, of_day = 0, np.zeros(2, dtype=int), {}
    for day, counts in zip(by_day.index, by_day.to_numpy(), strict=True):
        if sizes.min() >= LEAST_STRATUM:
            stratum, sizes = stratum + 1, np.zeros(2, dtype=int)
        sizes = sizes + counts
        of_day[day] = stratum
    # The last days may be too few to stand alone.
    last = max(stratum - (sizes.min() < LEAST_STRATUM), 0)
    return known["day"].map(of_day).clip(upper=last).to_numpy()


def _groups(
    known: pd.DataFrame, strata: np.ndarray, arm: str
) -> Iterator[tuple[np.ndarray, float]]:
    """Of each stratum the rows of one group, and the stratum's share of the calls."""
    of = (known["arm"] == arm).to_numpy()
    called = (known["arm"] == CONTACT).to_numpy()
    for stratum in range(strata.max() + 1):
        inside = strata == stratum
        yield inside & of, (inside & called).sum() / called.sum()


def _share(left: pd.Series, groups) -> tuple[float, float, float]:
    """A weighted share with Wilson's interval of the effective sample size."""
    share = sum(weight * left[rows].mean() for rows, weight in groups)
    size = 1 / sum(weight**2 / rows.sum() for rows, weight in groups)
    return share, *wilson(share * size, size)


def _newcombe(one: tuple[float, float, float], other: tuple[float, float, float]) -> dict:
    (p, low, high), (q, low_q, high_q) = one, other
    return {
        "value": p - q,
        "low": p - q - float(np.hypot(p - low, high_q - q)),
        "high": p - q + float(np.hypot(high - p, q - low_q)),
    }


def _mean(values: pd.Series, variance: pd.Series, groups) -> tuple[float, float, int]:
    """A weighted mean, its variance from that within strata, and the degrees of freedom.

    The variance within strata is at least what the probabilities imply: a small group without a
    rich leaver shows too little of it.
    """
    parts = [(values[rows].to_numpy(), weight) for rows, weight in groups]
    freedom = sum(len(part) - 1 for part, _ in parts)
    spread = sum(((part - part.mean()) ** 2).sum() for part, _ in parts) / freedom
    spread = max(spread, np.concatenate([variance[rows].to_numpy() for rows, _ in groups]).mean())
    error = spread * sum(weight**2 / len(part) for part, weight in parts)
    return sum(weight * part.mean() for part, weight in parts), error, freedom


def _welch(one: tuple[float, float, int], other: tuple[float, float, int]) -> dict:
    gap, errors = one[0] - other[0], (one[1], other[1])
    freedom = sum(errors) ** 2 / (errors[0] ** 2 / one[2] + errors[1] ** 2 / other[2])
    half = float(stdtrit(freedom, 0.975) * np.sqrt(sum(errors)))
    return {"value": float(gap), "low": gap - half, "high": gap + half}


def _span(found: dict[str, float], form: str) -> str:
    return f"{found['value']:{form}} ({found['low']:{form}} to {found['high']:{form}})"
