"""What calling brought, month by month, and whether the experiment behind it is sound."""

from typing import Any

import numpy as np
import pandas as pd

from churn.campaign.control_group import ARMS, CONTACT, CONTROL
from churn.campaign.savings import Savings, measure, one_campaign
from churn.errors import ChurnError
from churn.targeting.experiment import ALARM, Experiment, association, sample_ratio

NAMES = RATIO, BALANCE, KNOWN = "Sample ratio", "Balance", "Outcomes known"
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
        months (see `_figures`), groups (by `offer` and by `segment`, where there are any: name and
        figures of each), health (see `experiment_health`).
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
                "groups": {
                    "offer": _by(with_their_action(every), "policy_action", mine),
                    "segment": _by(every, "segment", mine),
                },
                "health": experiment_health(every, mine),
            }
        )
    return found


def experiment_health(calls: pd.DataFrame, outcomes: pd.DataFrame) -> list[dict[str, Any]]:
    """Checks of the random assignment behind the comparison of the two arms.

    - The number in the control group is the expected one (sample ratio).
    - Both arms had the same risk before the calls (balance of the predicted probability).
    - The outcome is known of as many in both arms: labels that depend on the call bias the effect.

    They are those of `churn.targeting.experiment`, which hold although the control share changes
    during a campaign. Where the probabilities are not known, they are taken as the shares of the
    day, and the sample ratio cannot be tested.

    Returns
    -------
    list of dict
        name, ok (bool, or None where it cannot be tested), and text.
    """
    contact, control = (calls[calls["arm"] == arm] for arm in ARMS)
    called = (calls["arm"] == CONTACT).to_numpy()
    drawn = np.where(called, calls["propensity"], 1 - calls["propensity"])
    known = calls["customer"].isin(set(outcomes.loc[outcomes["date"].notna(), "customer"]))
    ratio = "The lists do not say how probable each assignment was."
    sound: dict[str, bool | None] = dict.fromkeys(NAMES)
    stated = bool(len(drawn)) and bool(np.isfinite(drawn).all())
    if not stated:
        drawn = pd.Series(called).groupby(calls["day"].to_numpy()).transform("mean").to_numpy()
    experiment = Experiment(
        pd.DataFrame(index=calls.index), called.astype(np.int64), known.to_numpy(dtype=np.float64),
        np.column_stack([1 - drawn, drawn]), (CONTROL, CONTACT),
    )  # fmt: skip
    if stated:
        expected = (1 - drawn).sum()
        ratio = f"{len(control):,} are in the control group, {expected:,.0f} were expected."
        sound[RATIO] = sample_ratio(experiment).passed
    if min(len(contact), len(control)) < FEWEST:
        few = f"Fewer than {FEWEST} customers are in one of the groups."
        texts = (ratio, few, few)
    else:
        risk = calls["probability"].to_numpy(dtype=np.float64)
        for name, values in ((BALANCE, risk), (KNOWN, experiment.outcome)):
            sound[name] = association(experiment, values)[0] >= ALARM
        means = [arm["probability"].mean() for arm in (contact, control)]
        shares = [known[arm.index].mean() for arm in (contact, control)]
        texts = (
            ratio,
            f"The risk before the calls was {means[0]:.1%} of those called, {means[1]:.1%} of the "
            "control group.",
            f"The outcome is known of {shares[0]:.1%} of those called, {shares[1]:.1%} of the "
            "control group.",
        )
    return [
        {"name": name, "ok": sound[name], "text": text}
        for name, text in zip(NAMES, texts, strict=True)
    ]


def with_their_action(calls: pd.DataFrame) -> pd.DataFrame:
    """The customers who got the action that the policy preferred, and those in the control group.

    Which action a customer got is drawn, so that among the customers for whom the policy prefers an
    action, those who got it and those who got none differ by chance only.
    """
    got = (calls["assigned_action"] == calls["policy_action"]) | (calls["arm"] == CONTROL)
    return calls[got]


def _by(calls: pd.DataFrame, column: str, outcomes: pd.DataFrame) -> list[dict[str, Any]]:
    """The figures of each group of customers, the largest first."""
    sizes = calls[column].value_counts()
    return [
        {"name": str(name), **_figures(measure(part, _of(outcomes, part)))}
        for name in sizes.index
        if len(part := calls[calls[column] == name].reset_index(drop=True))
    ]


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
        "always": found.always,
        "insufficient": found.insufficient_data,
    }
