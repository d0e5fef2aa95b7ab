"""Policies of a campaign: the list goes by risk, or by a learned policy that was promoted.

As for models, a promotion only adds tags to the run that learned the policy (see
`churn.registry.promotion`); a campaign is to policies what a project is to models. A campaign
without a promotion goes by risk, and so does one whose last promotion restores number 0.
"""

from dataclasses import dataclass, replace
from typing import Any, cast

from churn.errors import ChurnError
from churn.metaflow_compat import client, translate_errors
from churn.registry.history import list_runs, read_history, tag_promotion
from churn.registry.model_file import describe_model, dump_model, load_model
from churn.registry.plain_pickle import read_plain
from churn.registry.promotion import Promotion, one_at_a_time, read_why
from churn.targeting.learned import LearnedPolicy

FLOW = "EffectFlow"
RISK, CHAMPION = "risk", "champion"
# The number that a promotion restores when the list goes by risk again.
NO_POLICY = 0


@dataclass(frozen=True)
class Candidate:
    """A run of EffectFlow, as `churn policies` lists it.

    Attributes
    ----------
    run : str
    decision : dict
        See `describe_policy`; empty where the run has none.
    champion : bool
    """

    run: str
    decision: dict[str, Any]
    champion: bool


def describe_policy(policy: LearnedPolicy, content: bytes, **found: Any) -> dict[str, Any]:
    """The document of a policy, of plain values: its campaign, its file, and what was found."""
    return {"campaign": policy.campaign, **describe_model(content), **found}


def dump_policy(policy: LearnedPolicy) -> bytes:
    """A learned policy as the bytes of a file."""
    return dump_model(policy)


def campaign_history(campaign: str) -> list[Promotion]:
    """Every promotion of a campaign's policies, the newest first."""
    promotions, _ = read_history(FLOW)
    return [one for one in promotions if one.project == campaign]


def champion_policy(campaign: str) -> Promotion | None:
    """The promotion by which a campaign's list goes; None where it goes by risk."""
    newest = next(iter(campaign_history(campaign)), None)
    return None if newest is None or newest.restores == NO_POLICY else newest


def list_policies(last: int = 20) -> list[Candidate]:
    """The newest runs of EffectFlow that finished."""
    found = []
    for run in list_runs(flow=FLOW)[:last]:
        if not run.successful:
            continue
        try:
            decision = dict(read_plain(run, "decision"))
        except ChurnError:
            decision = {}
        now = champion_policy(decision["campaign"]) if decision else None
        found.append(Candidate(run.pathspec, decision, bool(now and now.run == run.pathspec)))
    return found


def fetch_policy(name: str, campaign: str) -> LearnedPolicy | None:
    """The policy by which a campaign's list goes.

    Unpickling a learned policy runs code: name only runs you trust.

    Parameters
    ----------
    name : str
        `risk`, `champion`, or a run: `EffectFlow/<id>`.
    campaign : str

    Returns
    -------
    LearnedPolicy or None
        None where the list goes by risk.

    Raises
    ------
    ChurnError
        If there is no such run, or it has learned nothing, or from another campaign.
    """
    if name == RISK:
        return None
    if name == CHAMPION:
        now = champion_policy(campaign)
        if now is None:
            return None
        name = now.run
    decision = _read_decision(name)
    if decision["campaign"] != campaign:
        problem = f"it was learned from the campaign {decision['campaign']!r}, not {campaign!r}"
        raise ChurnError(f"{name} cannot rank this list:", [problem])
    with translate_errors(f"The policy of {name} cannot be read:"):
        content = read_plain(client().Run(name), "policy_file")
    return cast("LearnedPolicy", load_model(content, decision))


def newest_policy(campaign: str, last: int = 20) -> LearnedPolicy | None:
    """The policy that was learned last from a campaign, promoted or not; None where there is none.

    Parameters
    ----------
    campaign : str
    last : int
        How many runs of EffectFlow are looked at.
    """
    for one in list_policies(last):
        if one.decision.get("campaign") == campaign:
            return fetch_policy(one.run, campaign)
    return None


def promote_policy(
    run: str, why: str, campaign: str | None = None, *, finished: bool = True
) -> Promotion:
    """Let a campaign's list go by the policy of a run, or by risk again.

    Parameters
    ----------
    run : str
        `EffectFlow/<id>`, or `risk`, which needs `campaign`.
    why : str
        The reason, for the history.
    campaign : str, optional
        By default that of the run.
    finished : bool
        False in the last step of the run itself, which needs `campaign`.

    Returns
    -------
    Promotion
        With a `note` where the list went by it before: then nothing is done.

    Raises
    ------
    ChurnError
        If there is no such run, the list goes by risk already, or there is no reason.
    """
    why = read_why(why)
    if campaign is None:
        if run == RISK:
            raise ChurnError("Which campaign goes by risk?", ["say --campaign"])
        campaign = str(_read_decision(run)["campaign"])
    elif finished and run != RISK:
        fetch_policy(run, campaign)
    with one_at_a_time():
        past = campaign_history(campaign)
        now = champion_policy(campaign)
        if run == RISK:
            if now is None:
                raise ChurnError(f"The campaign {campaign!r} goes by risk already.")
            return tag_promotion(now.run, why, campaign, NO_POLICY)
        before = [one for one in past if one.run == run and one.restores is None]
        if before and (not finished or (now and now.run == run)):
            note = f"{run} was promoted before (promotion {before[0].number}); nothing is changed."
            return replace(before[0], note=note)
        return tag_promotion(run, why, campaign, None)


def rollback_policy(why: str, campaign: str) -> Promotion:
    """Let a campaign's list go by the policy before the present one; before the first it is risk.

    Raises
    ------
    ChurnError
        If nothing was promoted in this campaign; or if there is no reason.
    """
    why = read_why(why)
    with one_at_a_time():
        past = campaign_history(campaign)
        if not past:
            raise ChurnError(f"No policy was promoted in the campaign {campaign!r}.")
        now = past[0]
        if now.restores == NO_POLICY:
            problem = "the list goes by risk, and before that there was nothing"
            raise ChurnError(f"Nothing to roll back in the campaign {campaign!r}:", [problem])
        place = now.restores or now.number
        before = [one for one in past if one.number < place and one.restores is None]
        if not before:
            return tag_promotion(now.run, why, campaign, NO_POLICY)
        return tag_promotion(before[0].run, why, campaign, before[0].number)


def _read_decision(run: str) -> dict[str, Any]:
    parts = run.split("/")
    if len(parts) != 2 or parts[0] != FLOW or not parts[1]:
        raise ChurnError(f"{run!r} names no policy.", [f"give {FLOW}/<id>, {CHAMPION} or {RISK}"])
    with translate_errors(f"{run} cannot be read:"):
        found = client().Run(run)
        if not found.successful:
            raise ChurnError(f"{run} has not finished.")
        return dict(read_plain(found, "decision"))
