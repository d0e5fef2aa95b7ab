"""What calling brought, month by month, and whether the experiment behind it is sound."""

import math
from typing import Any

import numpy as np
import pandas as pd

from churn.campaign.control_group import ARMS, CONTACT, CONTROL
from churn.campaign.savings import Savings, measure, one_campaign
from churn.errors import ChurnError

# Beyond so many standard errors a difference between the arms is no chance: 1 in 1,000.
MOST_SIGMA = 3.29
# The smallest number of customers of an arm with which the arms are compared.
FEWEST = 30


def results_by_month(calls: pd.DataFrame, outcomes: pd.DataFrame) -> list[dict[str, Any]]:
    """The effect of each campaign's calls, as a whole and by the month of the first list.

    Parameters
    ----------
    calls : DataFrame
        See `churn.campaign.reading.read_call_lists`.
    outcomes : DataFrame
        See `churn.campaign.savings.measure`.

    Returns
    -------
    list of dict
        For each campaign: campaign, problem (why it cannot be compared; else empty), total and
        months (see `_figures`), health (see `experiment_health`).
    """
    found: list[dict[str, Any]] = []
    for name, lists in calls.groupby("campaign", sort=True):
        try:
            every = one_campaign(lists)
        except ChurnError as error:
            problem = " ".join([error.summary, *error.problems])
            found.append({"campaign": name, "problem": problem, "months": []})
            continue
        mine = outcomes[outcomes["customer"].isin(every["customer"])]
        months = every["day"].dt.strftime("%Y-%m")
        found.append(
            {
                "campaign": name,
                "problem": "",
                "total": _figures(measure(every, mine)),
                "months": [
                    {"month": month, **_figures(measure(part, _of(mine, part)))}
                    for month, part in every.groupby(months, sort=True)
                ],
                "health": experiment_health(every, mine),
            }
        )
    return found


def experiment_health(calls: pd.DataFrame, outcomes: pd.DataFrame) -> list[dict[str, Any]]:
    """Checks of the random assignment behind the comparison of the two arms.

    - The number in the control group is the expected one, where propensities are known (sample
      ratio, by a normal approximation of the binomial).
    - Both arms had the same risk before the calls (balance of the predicted probability, by the
      difference of the means in standard errors).
    - The outcome is known of as many in both arms: labels that depend on the call bias the effect.

    Returns
    -------
    list of dict
        name, ok (bool, or None where it cannot be tested), and text.
    """
    contact, control = (calls[calls["arm"] == arm] for arm in ARMS)
    checks: list[dict[str, Any]] = []

    def check(name: str, sigma: float | None, text: str) -> None:
        ok = None if sigma is None else bool(abs(sigma) <= MOST_SIGMA)
        checks.append({"name": name, "ok": ok, "text": text})

    drawn = np.where(calls["arm"] == CONTROL, calls["propensity"], 1 - calls["propensity"])
    if np.isfinite(drawn).all() and len(drawn):
        spread = math.sqrt(max((drawn * (1 - drawn)).sum(), 1e-12))
        expected = drawn.sum()
        text = f"{len(control):,} are in the control group, {expected:,.0f} were expected."
        check("Sample ratio", (len(control) - expected) / spread, text)
    else:
        check("Sample ratio", None, "The lists do not say how probable each assignment was.")
    if min(len(contact), len(control)) < FEWEST:
        few = f"Fewer than {FEWEST} customers are in one of the groups."
        check("Balance", None, few)
        check("Outcomes known", None, few)
        return checks
    means = [arm["probability"].mean() for arm in (contact, control)]
    error = math.sqrt(sum(arm["probability"].var() / len(arm) for arm in (contact, control)))
    text = f"The risk before the calls was {means[0]:.1%} of those called, {means[1]:.1%} of the "
    check("Balance", (means[0] - means[1]) / error if error else 0.0, text + "control group.")
    known = set(outcomes.loc[outcomes["date"].notna(), "customer"])
    shares = [arm["customer"].isin(known).mean() for arm in (contact, control)]
    pooled = calls["customer"].isin(known).mean()
    error = math.sqrt(pooled * (1 - pooled) * (1 / len(contact) + 1 / len(control)))
    text = f"The outcome is known of {shares[0]:.1%} of those called, {shares[1]:.1%} of the "
    check("Outcomes known", (shares[0] - shares[1]) / error if error else 0.0,
          text + "control group.")  # fmt: skip
    return checks


def _of(outcomes: pd.DataFrame, calls: pd.DataFrame) -> pd.DataFrame:
    return outcomes[outcomes["customer"].isin(calls["customer"])]


def _figures(found: Savings) -> dict[str, Any]:
    """The figures of a comparison as plain values."""
    arms = {
        name: {"drawn": arm.drawn, "known": arm.known, "left": arm.left, "expected": arm.expected}
        for name, arm in ((CONTACT, found.contact), (CONTROL, found.control))
    }
    return {
        **arms,
        "kept": found.kept,
        "saved": found.saved,
        "insufficient": found.insufficient_data,
    }
