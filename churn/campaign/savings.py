"""The effect of the calls: called customers compared with their control group.

A hash assigns customers of the same lists to the control group, so that a difference beyond chance
between the two is the effect of the calls. All customers count in the group to which they were
assigned, whether the call reached them or not (intention to treat).

The control share may change during a campaign, and so may the customers: the groups are compared
within strata of consecutive days, weighted by the calls of each. Money is heavy-tailed, so that a
single customer of high value can dominate the difference. Subtracting from each loss its
expectation before the call, probability times value, removes most of this variance without bias,
since the expectation is known before the groups are assigned (covariate adjustment with a fixed
coefficient).
"""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from churn.campaign.control_group import ARMS, CONTACT, CONTROL
from churn.campaign.exploration import LIST
from churn.campaign.stratified import (
    dispersion,
    groups_of,
    newcombe,
    strata_of_days,
    weighted_mean,
    weighted_share,
    welch,
)
from churn.errors import ChurnError
from churn.statistics.sequences import always_valid
from churn.words import plural

# Below these nothing is estimated. The rule uses the expected number of leavers, not the observed
# one, because selection on the outcome would bias the estimate.
MIN_OUTCOMES, MIN_EXPECTED = 30, 5
# The intervals that hold at every look are best at so many expected leavers in the smaller group.
EXPECTED_AT_BEST = 50


@dataclass(frozen=True)
class Arm:
    """One group: called customers, or their control group.

    Attributes
    ----------
    drawn, known : int
        The number of customers assigned to the group, and of those whose outcome is known.
    left : int
        The number of those known who left.
    expected : float
        The number of those known whom the model expected to leave before any call.
    """

    drawn: int
    known: int
    left: int
    expected: float


@dataclass(frozen=True)
class Savings:
    """The estimated effect of the calls.

    Attributes
    ----------
    contact, control : Arm
    kept : dict or None
        Customers who stayed because of the calls: value, low and high, the 95 % interval. None
        where there is too little data.
    saved : dict or None
        Money that those bring, less what was spent; None where there is too little data.
    always : dict of dict
        The same two with intervals that hold at every look, see `churn.statistics.sequences`.
    spent : float
    strata : int
        The number of strata within which the groups are compared.
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
    always: dict[str, dict[str, float]] = field(default_factory=dict)

    def __str__(self) -> str:
        lines = [
            f"{name:<8} {plural(arm.drawn, 'customer')}, outcome known of {arm.known:,}"
            + (
                f", of whom {arm.left:,} left ({arm.left / arm.known:.1%}; "
                f"{arm.expected / arm.known:.1%} expected)"
                if arm.known
                else ""
            )
            for name, arm in zip(ARMS, (self.contact, self.control), strict=True)
        ]
        if self.kept and self.saved:
            lines.append(
                f"Kept by calling {self.contact.known:,}: {_span(self.kept, ',.1f')} customers"
            )
            costs = f"less {self.spent:,.2f} spent" if self.spent else "before the costs of calling"
            lines.append(f"Saved: {_span(self.saved, ',.2f')}, {costs}")
            if self.strata > 1:
                lines.append(f"Compared within {self.strata} periods of consecutive days.")
            if self.kept["low"] <= 0 <= self.kept["high"]:
                lines.append("The interval includes no effect at all: this may be chance.")
            lines.append(
                "Those intervals hold for one look that was planned. If you look again and again: "
                f"{_span(self.always['kept'], ',.1f')} customers, "
                f"{_span(self.always['saved'], ',.2f')} saved."
            )
        return "\n".join([*lines, *self.insufficient_data, *self.ignored])


def one_campaign(calls: pd.DataFrame) -> pd.DataFrame:
    """The calls of one campaign, one row per customer, from their first list.

    Customers who were called at random, beside the list, are left out: the control group is that of
    the list.

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
        If no customer is on the lists, or they are of different campaigns or id columns, or
        assign a customer to both groups.
    """
    calls = calls[calls["stratum"] == LIST]
    problems = [] if len(calls) else ["nobody is on them"]
    for name, what in {"campaign": "campaigns", "key": "id columns"}.items():
        found = sorted(calls[name].unique())
        if len(found) > 1:
            problems.append(f"they are of different {what}: {', '.join(found)}")
    pairs = calls[["customer", "arm"]].drop_duplicates()
    both = pairs["customer"][pairs["customer"].duplicated()].tolist()
    if both and not problems:
        some = ", ".join(both[:5]) + (", …" if len(both) > 5 else "")
        problems.append(
            f"{plural(len(both), 'customer is', 'customers are')} in both groups: {some}"
        )
    if problems:
        raise ChurnError("These call lists cannot be compared:", problems)
    return calls.drop_duplicates("customer", ignore_index=True)


def measure(calls: pd.DataFrame, outcomes: pd.DataFrame, spent: float = 0.0) -> Savings:
    """Compare the called customers with their control group.

    The difference of the shares who left has Newcombe's (1998, method 10) interval, from Wilson's
    of each share, with the effective sample size of the stratum weights (Kish). The money is the
    difference of the mean residual loss, the customer's value where they left less probability
    times value, with Welch's (1947) interval from the variances that the probabilities imply, times
    the dispersion of the residuals where it is above 1. Both are multiplied by the number of called
    customers whose outcome is known.

    Parameters
    ----------
    calls : DataFrame
        See `one_campaign`.
    outcomes : DataFrame
        customer, date (NaT where not known), left, recorded; see
        `churn.feedback.outcomes.read_table`. A customer's last state after the call counts.
    spent : float
        The total cost of the calls and offers.
    """
    left, ignored = outcomes_of(calls, outcomes)
    every = calls.assign(left=left)
    known = every[every["left"].notna()]
    arms = {}
    for name in ARMS:
        of = known[known["arm"] == name]
        drawn = int((every["arm"] == name).sum())
        arms[name] = Arm(drawn, len(of), int(of["left"].sum()), float(of["probability"].sum()))
    insufficient = [
        f"Too few to compare: of {arm.known} in {name} the outcome is known, {MIN_OUTCOMES} are "
        "needed."
        for name, arm in arms.items()
        if arm.known < MIN_OUTCOMES
    ] or [
        f"Too few to compare: in {name} {arm.expected:.1f} were expected to leave, "
        f"{MIN_EXPECTED} are needed."
        for name, arm in arms.items()
        if arm.expected < MIN_EXPECTED
    ]
    if insufficient:
        return Savings(
            contact=arms[CONTACT], control=arms[CONTROL], kept=None, saved=None, spent=spent,
            strata=0, insufficient_data=insufficient, ignored=ignored,
        )  # fmt: skip
    strata = strata_of_days(known)
    called = arms[CONTACT].known
    worth = known["value_at_risk"] / known["probability"]
    residual = known["left"] * worth - known["value_at_risk"]
    variance = worth**2 * known["probability"] * (1 - known["probability"])
    groups = {name: list(groups_of(known, strata, name)) for name in ARMS}
    variance = variance * dispersion(residual, variance, [*groups[CONTROL], *groups[CONTACT]])
    kept = newcombe(*(weighted_share(known["left"], groups[name]) for name in (CONTROL, CONTACT)))
    saved = welch(*(weighted_mean(residual, variance, groups[name]) for name in (CONTROL, CONTACT)))
    kept = {end: called * value for end, value in kept.items()}
    saved = {end: called * value - spent for end, value in saved.items()}
    # Expected before any call, so it does not depend on the outcomes.
    information = min(arm.expected for arm in arms.values()) / EXPECTED_AT_BEST
    return Savings(
        contact=arms[CONTACT],
        control=arms[CONTROL],
        kept=kept,
        saved=saved,
        always={"kept": always_valid(kept, information), "saved": always_valid(saved, information)},
        spent=spent,
        strata=int(strata.max()) + 1,
        insufficient_data=[],
        ignored=ignored,
    )


def outcomes_of(
    calls: pd.DataFrame, outcomes: pd.DataFrame, within: int | None = None
) -> tuple[np.ndarray, list[str]]:
    """The last state of each customer after each call, NaN where not known.

    Parameters
    ----------
    calls : DataFrame
        customer, and day.
    outcomes : DataFrame
        See `measure`.
    within : int, optional
        Who leaves after more days than that stayed for as long as counts.

    Returns
    -------
    left : ndarray of float64, shape (n,)
    notes : list of str
        How many outcomes do not count, and why.
    """
    pairs = calls[["customer", "day"]].merge(outcomes, on="customer")
    early = pairs["date"] <= pairs["day"]  # False for NaT
    if within is not None:
        late = pairs["date"] > pairs["day"] + pd.Timedelta(days=within)
        pairs = pairs.assign(left=pairs["left"] & ~late)
    pairs = pairs[~early].sort_values(["date", "recorded", "left"], kind="stable")
    key = ["customer", "day"]
    last = pairs.drop_duplicates(key, keep="last").set_index(key)["left"]
    unlisted = len(outcomes) - outcomes["customer"].isin(calls["customer"]).sum()
    ignored = (
        (unlisted, "are of customers who are on no list"),
        (int(early.sum()), "are dated on or before the day of the list"),
    )
    notes = [
        f"{plural(n, 'outcome does', 'outcomes do')} not count: they {why}."
        for n, why in ignored
        if n
    ]
    return last.astype(np.float64).reindex(pd.MultiIndex.from_frame(calls[key])).to_numpy(), notes


def _span(found: dict[str, float], form: str) -> str:
    return f"{found['value']:{form}} ({found['low']:{form}} to {found['high']:{form}})"
