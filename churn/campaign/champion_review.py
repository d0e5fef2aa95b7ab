"""Whether the policy by which a list goes still brings more than risk, on what came after it.

The policy is judged by customers who were drawn after those from whom it was learned, so no outcome
is counted that it has seen.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from churn.campaign.experiment import CampaignExperiment
from churn.registry.policies import CHAMPION, RISK, champion_policy, fetch_policy, promote_policy
from churn.statistics.intervals import Z
from churn.targeting.effects import Effects
from churn.targeting.experiment import MIN_PER_ARM
from churn.targeting.learned import LearnedPolicy
from churn.targeting.policies import A_YEAR, PolicyValue, compare_policies
from churn.words import plural


@dataclass(frozen=True)
class ChampionReview:
    """What the champion policy would have brought to customers whom it has not seen.

    Attributes
    ----------
    run : str
        `EffectFlow/<id>`.
    rows : int
        Of customers who were drawn after it was learned.
    value : PolicyValue or None
        None where they cannot tell.
    why_not : str
        Why they cannot, in words.
    """

    run: str
    rows: int
    value: PolicyValue | None
    why_not: str = ""

    @property
    def is_worse(self) -> bool:
        """Whether it brings less than risk, by a bound that holds for twelve looks."""
        return self.value is not None and self.value.is_worse

    def sentence(self) -> str:
        """What was found."""
        if self.value is None:
            return f"{self.run}, by which the list goes, is not judged again: {self.why_not}."
        gain, error = self.value.gain, Z * self.value.gain_se
        worse = (
            " That is less by a one-sided 95 % bound that holds for twelve looks, one a month."
            if self.is_worse
            else ""
        )
        return (
            f"{self.run}, by which the list goes, would have brought {gain:+.4g} per customer over "
            f"risk ({gain - error:+.4g} to {gain + error:+.4g}), by "
            f"{plural(self.rows, 'row')} drawn after it was learned.{worse}"
        )


def review_champion(
    campaign: str,
    found: CampaignExperiment,
    effects: Effects,
    capacities: np.ndarray,
    seed: int = 0,
) -> ChampionReview | None:
    """Compare the champion policy of a campaign with risk; None where the list goes by risk.

    Parameters
    ----------
    campaign : str
    found : CampaignExperiment
    effects : Effects
        Of its customers; of these, only the doubly robust scores count.
    capacities : ndarray of float, shape (n_actions,)
        See `churn.campaign.effects.capacity_shares`.
    seed : int
    """
    policy = fetch_policy(CHAMPION, campaign)
    return None if policy is None else review_policy(policy, found, effects, capacities, seed)


def review_policy(
    policy: LearnedPolicy, found: CampaignExperiment, effects: Effects, capacities: np.ndarray,
    seed: int = 0,
) -> ChampionReview:  # fmt: skip
    """Compare a learned policy with risk; see `review_champion`."""
    known = found.known
    if policy.until is None:
        why = "it does not say from which days it was learned"
        return ChampionReview(policy.run, 0, None, why)
    later = found.days > np.datetime64(policy.until)
    rows = int(later.sum())
    if set(policy.typical) != set(known.features) or set(known.names[1:]) - set(policy.actions):
        why = "it was learned with other features or other actions"
        return ChampionReview(policy.run, rows, None, why)
    few = np.bincount(known.action[later], minlength=len(known.names)).min()
    if few < MIN_PER_ARM:
        why = (
            f"of those drawn after {policy.until}, the last day that it was learned from, "
            f"{few:,} have the rarest action and a known outcome; {MIN_PER_ARM} are needed"
        )
        return ChampionReview(policy.run, rows, None, why)
    part = known.rows(later)
    places = [policy.actions.index(name) for name in known.names[1:]]
    own = policy.effects(part.features[[*policy.typical]], part.offsets)[:, places]
    values = compare_policies(
        part, Effects(effects.outcomes[later], {CHAMPION: own}, effects.scores[later]),
        found.costs[later], (found.budget,), seed, capacities, A_YEAR,
    )  # fmt: skip
    return ChampionReview(policy.run, rows, next(one for one in values if one.policy == CHAMPION))


def conclude(
    run: str, campaign: str, decision: Mapping[str, Any], review: ChampionReview | None, *,
    promote: bool,
) -> str:  # fmt: skip
    """Promote what a run of EffectFlow has proven, or end what loses; in a sentence.

    Repeated, it changes nothing more.

    Parameters
    ----------
    run : str
        The run itself, in its last step.
    campaign : str
    decision : dict
        See `churn.campaign.effects.decide`.
    review : ChampionReview or None
    promote : bool
        False where a person decides.
    """
    if decision["proven"]:
        if not promote:
            return f"Not promoted; churn policies promote {run} does that."
        made = promote_policy(run, decision["why"], campaign, finished=False)
        return made.note or f"The list of {campaign!r} goes by {run} from now on."
    if review is None or not review.is_worse:
        return f"The list of {campaign!r} is left as it is."
    now = champion_policy(campaign)
    if now is not None and now.run != review.run:
        return f"The list of {campaign!r} goes by {now.run} meanwhile, and is left as it is."
    if now is not None and not promote:
        command = f"churn policies promote risk --campaign {campaign}"
        return f"The list of {campaign!r} goes by {review.run} still; {command} ends that."
    if now is not None:
        promote_policy(RISK, f"{run}: {review.sentence()}", campaign)
    return f"The list of {campaign!r} goes by risk from now on."
