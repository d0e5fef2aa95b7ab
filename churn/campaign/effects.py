"""The settings of EffectFlow, and its decision in words."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pandas as pd

from churn.campaign.campaign_file import CampaignFile
from churn.campaign.champion_review import ChampionReview
from churn.campaign.experiment import CALL, CampaignExperiment, read_experiment
from churn.campaign.list_policy import ListPolicy
from churn.campaign.settings import Campaign
from churn.campaign.stored.entries import CAMPAIGN
from churn.data.contract import Contract
from churn.errors import ChurnError
from churn.feedback.prediction_log import database_url
from churn.feedback.reports import EFFECTS, ReportStore
from churn.registry.policies import newest_policy
from churn.statistics.intervals import Z
from churn.targeting.effects import Effects
from churn.targeting.policies import RISK
from churn.targeting.quarters import quarters
from churn.targeting.report import EffectReport, decision_text

HORIZON_DAYS = 30
PROMOTE = ("auto", "never")


@dataclass(frozen=True)
class Settings:
    """The settings of EffectFlow.

    Attributes
    ----------
    budget : float or None
        The share of customers to call; that of the lists where it is None.
    horizon : int or None
        Days until an outcome is known; the contract's, or 30, where it is None.
    as_of : date or None
        Today where it is None.
    campaign : str
        Whose lists.
    capacities : dict of str to int
        The most customers of a day who get each action, where there is a limit.
    """

    budget: float | None
    horizon: int | None
    as_of: date | None
    campaign: str = CAMPAIGN
    capacities: Mapping[str, int] = field(default_factory=dict)


def check_settings(
    promote: str, budget: float, horizon: int, as_of: str, campaign: str = "",
    file: CampaignFile | None = None,
) -> Settings:  # fmt: skip
    """Validate all settings at once, before anything is read.

    Parameters
    ----------
    campaign : str
        That of the file, or `retention`, where it is empty.
    file : CampaignFile, optional
        Has the name, the horizon and the capacities.

    Raises
    ------
    ChurnError
        Naming every value out of its range.
    """
    problems = []
    if promote not in PROMOTE:
        problems.append(f"--promote {promote}: auto or never")
    if not 0 <= budget <= 1:
        problems.append(f"--budget {budget}: a share from 0 to 1; 0 for that of the lists")
    if horizon < 0:
        problems.append(f"--horizon {horizon}: days of 0 or more; 0 for the contract's")
    day = None
    try:
        day = date.fromisoformat(as_of) if as_of else None
    except ValueError:
        problems.append(f"--as-of {as_of}: a day like 2026-01-31")
    if problems:
        raise ChurnError("The effects cannot be learned:", problems)
    limits = {one.name: one.capacity for one in file.actions if one.capacity} if file else {}
    return Settings(
        budget or None, horizon or (file.horizon_days if file else None), day,
        campaign or (file.campaign if file else CAMPAIGN), limits,
    )  # fmt: skip


def read_campaign(url: str, contract: Contract, settings: Settings) -> CampaignExperiment:
    """Read the experiment of a campaign; see `churn.campaign.experiment.read_experiment`."""
    url = database_url(url)
    horizon = settings.horizon or contract.horizon_days or HORIZON_DAYS
    found = read_experiment(url, settings.campaign, contract, horizon, settings.as_of)
    return found if settings.budget is None else replace(found, budget=settings.budget)


def rest_of_drawn(campaign: Campaign, contract: Contract, file: CampaignFile | None) -> int:
    """For how many days customers of the exploration are on no other list: until the outcome."""
    if not campaign.explore:
        return 0
    return (file.horizon_days if file else None) or contract.horizon_days or HORIZON_DAYS


def compare_with_newest(policy: ListPolicy, campaign: Campaign) -> tuple[ListPolicy, list[str]]:
    """The policy of a list by risk with the newest learned one, which the exploration compares.

    Returns
    -------
    ListPolicy
    list of str
        In a sentence, what the exploration compares, or why it cannot.
    """
    if not campaign.explore or policy.learned is not None:
        return policy, []
    newest = newest_policy(campaign.campaign)
    if newest is None:
        return policy, []
    if problems := policy.unfit(newest):
        why = "; ".join(problems)
        return policy, [f"The draw at random does not compare risk with {newest.run}: {why}."]
    words = (
        f"The draw at random favours customers about whom risk and {newest.run}, which is not "
        "proven, disagree."
    )
    return replace(policy, candidate=newest), [words]


def capacity_shares(found: CampaignExperiment, capacities: Mapping[str, int]) -> np.ndarray:
    """The largest share of the customers of a list who may get each action: (n_actions,) float."""
    return np.array(
        [
            min(capacities[name] / max(found.eligible, 1), 1.0) if name in capacities else 1.0
            for name in found.known.names[1:]
        ]
    )


def decide(report: EffectReport) -> dict[str, Any]:
    """The decision as plain values: whether the gain of the learned policy is proven, and why."""
    (learned,) = (one for one in report.values if one.policy == "hybrid")
    return {
        "proven": report.chosen.policy != RISK,
        "gain": learned.gain,
        "low": learned.low,
        "high": learned.high,
        "customers": report.customers,
        "budget": report.budget,
        "why": decision_text(report),
    }


def per_protocol(report: EffectReport, reached: Mapping[str, float]) -> list[str]:
    """The mean effect of each action that reaches a customer, in sentences.

    Only called customers can be reached, so it is the effect of being called over the share reached
    (Angrist, Imbens and Rubin 1996); comparing those reached with all others would be biased.
    """
    if not reached:
        return ["Nothing is recorded about the calls: whom they reached is not known."]
    lines = []
    for name, mean, se in report.mean_effects:
        what = "A call" if name == CALL else f"{name!r}"
        share = reached.get(name, 0.0)
        if not share:
            lines.append(f"{what} has reached no customer.")
            continue
        low, high = ((mean + sign * Z * se) / share for sign in (-1, 1))
        lines.append(
            f"{share:.1%} of those to be called were reached. {what} that reaches a customer keeps "
            f"{100 * mean / share:+.1f} of 100 ({100 * low:+.1f} to {100 * high:+.1f}); being on "
            f"the list to be called keeps {100 * mean:+.1f}."
        )
    return lines


POLICY_WORDS = {
    "nobody": "call nobody", "everybody": "call everybody", "random": "call at random",
    "risk": "the list by risk", "hybrid": "the learned policy",
}  # fmt: skip


def effects_report(
    campaign: str, run: str, report: EffectReport, kinds: pd.DataFrame,
    reached: Mapping[str, float], review: ChampionReview | None = None,
) -> dict[str, Any]:  # fmt: skip
    """What EffectFlow found, as plain values for the app."""
    shown = ("value", "treated", "gain", "low", "high")
    return {
        "campaign": campaign,
        "run": run,
        "why": decision_text(report),
        "customers": report.customers,
        "budget": report.budget,
        "reached": " ".join(per_protocol(report, reached)),
        "review": "" if review is None else review.sentence(),
        "actions": action_effects(report),
        "policies": [
            {"policy": POLICY_WORDS[one.policy], **{name: getattr(one, name) for name in shown}}
            for one in report.values
            if one.policy in POLICY_WORDS
        ],
        "kinds": kinds.to_dict("records"),
        "checks": [vars(check) for check in report.checks],
    }


def action_effects(report: EffectReport) -> list[dict[str, Any]]:
    """The mean effect of each action on those who might get it, and the money, with intervals."""
    found = []
    for (name, *effect), (_, *money) in zip(report.mean_effects, report.mean_money, strict=True):
        ends = {
            what: {"value": mean, "low": mean - Z * se, "high": mean + Z * se}
            for what, (mean, se) in (("effect", effect), ("money", money))
        }
        found.append({"action": name, **ends})
    return found


def store_report(url: str, as_of: str, body: dict[str, Any]) -> None:
    """Keep a report in the database of the log, where the app shows it."""
    day = date.fromisoformat(as_of) if as_of else datetime.now(UTC).date()
    with ReportStore(database_url(url)) as store:
        store.add(EFFECTS, day, body)


def customer_kinds(found: CampaignExperiment, effects: Effects) -> pd.DataFrame:
    """How many customers a call keeps, loses, or leaves as they are; see `quarters`."""
    known, every = found.known, effects.effects["hybrid"]
    benefit = np.where(known.possible[:, 1:], every * known.values[:, None] - found.costs, -np.inf)
    # Of several actions the one that brings most to the customer.
    best = (np.arange(len(every)), benefit.argmax(axis=1))
    return quarters(1 - known.offsets, every[best], benefit[best], known.weights)
