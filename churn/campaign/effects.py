"""The settings of EffectFlow, and its decision in words."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

import pandas as pd

from churn.campaign.experiment import CampaignExperiment, read_experiment
from churn.data.contract import Contract
from churn.errors import ChurnError
from churn.feedback.prediction_log import database_url
from churn.feedback.reports import EFFECTS, ReportStore
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
    """

    budget: float | None
    horizon: int | None
    as_of: date | None


def check_settings(promote: str, budget: float, horizon: int, as_of: str) -> Settings:
    """Validate all settings at once, before anything is read.

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
    return Settings(budget or None, horizon or None, day)


def read_campaign(
    url: str, campaign: str, contract: Contract, settings: Settings
) -> CampaignExperiment:
    """Read the experiment of a campaign; see `churn.campaign.experiment.read_experiment`."""
    url = database_url(url)
    horizon = settings.horizon or contract.horizon_days or HORIZON_DAYS
    found = read_experiment(url, campaign, contract, horizon, settings.as_of)
    if settings.budget is None:
        return found
    return replace(found, budget=settings.budget)


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


def per_protocol(report: EffectReport, reached: float | None) -> str:
    """The mean effect of a call that reaches a customer, in a sentence.

    Only called customers can be reached, so it is the effect of being called over the share reached
    (Angrist, Imbens and Rubin 1996); comparing those reached with all others would be biased.
    """
    if reached is None:
        return "Nothing is recorded about the calls: whom they reached is not known."
    if not reached:
        return "No call has reached a customer."
    _, mean, se = report.mean_effects[0]
    low, high = ((mean + sign * Z * se) / reached for sign in (-1, 1))
    return (
        f"{reached:.1%} of those to be called were reached. A call that reaches a customer keeps "
        f"{100 * mean / reached:+.1f} of 100 ({100 * low:+.1f} to {100 * high:+.1f}); being on the "
        f"list to be called keeps {100 * mean:+.1f}."
    )


POLICY_WORDS = {
    "nobody": "call nobody", "everybody": "call everybody", "random": "call at random",
    "risk": "the list by risk", "hybrid": "the learned policy",
}  # fmt: skip


def effects_report(
    campaign: str, run: str, report: EffectReport, kinds: pd.DataFrame, reached: float | None
) -> dict[str, Any]:
    """What EffectFlow found, as plain values for the app."""
    shown = ("value", "treated", "gain", "low", "high")
    return {
        "campaign": campaign,
        "run": run,
        "why": decision_text(report),
        "customers": report.customers,
        "budget": report.budget,
        "reached": per_protocol(report, reached),
        "policies": [
            {"policy": POLICY_WORDS[one.policy], **{name: getattr(one, name) for name in shown}}
            for one in report.values
            if one.policy in POLICY_WORDS
        ],
        "kinds": kinds.to_dict("records"),
        "checks": [vars(check) for check in report.checks],
    }


def store_report(url: str, as_of: str, body: dict[str, Any]) -> None:
    """Keep a report in the database of the log, where the app shows it."""
    day = date.fromisoformat(as_of) if as_of else datetime.now(UTC).date()
    with ReportStore(database_url(url)) as store:
        store.add(EFFECTS, day, body)


def customer_kinds(found: CampaignExperiment, effects: Effects) -> pd.DataFrame:
    """How many customers a call keeps, loses, or leaves as they are; see `quarters`."""
    known, effect = found.known, effects.effects["hybrid"][:, 0]
    benefit = effect * known.values - found.costs[:, 0]
    return quarters(1 - known.offsets, effect, benefit, known.weights)
