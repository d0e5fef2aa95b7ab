"""A learned policy is judged again by customers who came after it, and ends where it loses."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from churn.campaign.champion_review import ChampionReview, conclude, review_policy
from churn.campaign.experiment import CampaignExperiment
from churn.targeting.effects import Effects
from churn.targeting.experiment import Experiment, constant_propensity
from churn.targeting.learned import LearnedPolicy
from churn.targeting.learners import Hybrid, doubly_robust
from churn.targeting.policies import A_YEAR

pytestmark = pytest.mark.heavy

LEARNED, LATER = np.datetime64("2026-01-10"), np.datetime64("2026-04-01")
N, WORTH, COST, BUDGET = 4_000, 100.0, 1.0, 0.2


def keeps_positive(risk, b):
    return np.where(b > 0, 0.6 * risk, -0.4 * risk)


def keeps_negative(risk, b):
    return keeps_positive(risk, -b)


def drawn(effect, seed: int, day: np.datetime64) -> tuple[CampaignExperiment, np.ndarray]:
    """Half of the customers called at random, and what a call would bring to each of them."""
    rng = np.random.default_rng(seed)
    features = pd.DataFrame(rng.normal(size=(N, 2)), columns=["a", "b"])
    risk = 1 / (1 + np.exp(1.0 - features["a"].to_numpy()))
    saved = effect(risk, features["b"].to_numpy())
    action = rng.integers(0, 2, N)
    stayed = (rng.random(N) < 1 - risk + action * saved).astype(float)
    propensity = constant_propensity(action, np.array([0.5, 0.5]))
    known = Experiment(
        features, action, stayed, propensity, ("no call", "call"), risk,
        value=np.full(N, WORTH), offset=1 - risk,
    )  # fmt: skip
    found = CampaignExperiment(
        known, np.full((N, 1), COST), [], BUDGET, [], {}, float(N), np.full(N, day)
    )
    return found, WORTH * saved - COST


def without_models(found: CampaignExperiment) -> Effects:
    """Doubly robust scores from the offset alone: unbiased, as the probabilities are known."""
    outcomes = np.column_stack([found.known.offsets] * 2)
    return Effects(outcomes, {}, doubly_robust(found.known, outcomes))


def review(policy: LearnedPolicy, found: CampaignExperiment) -> ChampionReview:
    return review_policy(policy, found, without_models(found), np.ones(1))


@pytest.fixture(scope="module")
def policy() -> LearnedPolicy:
    experiment = drawn(keeps_positive, 0, LEARNED)[0].known
    return LearnedPolicy(
        "spring", "EffectFlow/7", Hybrid.fit(experiment, 0), {}, {"a": 0.0, "b": 0.0},
        {"call": 0.1}, until=date(2026, 1, 10),
    )  # fmt: skip


def test_a_policy_whose_customers_have_changed_is_found_to_lose(policy):
    found, truth = drawn(keeps_negative, 1, LATER)
    judged = review(policy, found)
    assert judged.is_worse
    assert (judged.run, judged.rows) == ("EffectFlow/7", N)
    assert judged.value.proof == A_YEAR  # as it was proven
    taken = np.argsort(-policy.effects(found.known.features, found.known.offsets)[:, 0])
    riskiest = np.argsort(-found.known.risk)
    most = int(BUDGET * N)
    true_gain = (truth[taken[:most]].sum() - truth[riskiest[:most]].sum()) / N
    assert abs(judged.value.gain - true_gain) < 3 * judged.value.gain_se
    assert "by which the list goes, would have brought -" in judged.sentence()
    ends = [judged.value.gain + sign * 1.96 * judged.value.gain_se for sign in (-1, 1)]
    assert f"({ends[0]:+.4g} to {ends[1]:+.4g})" in judged.sentence()
    assert "4,000 rows drawn after it was learned. That is less" in judged.sentence()


def test_one_that_still_helps_is_left_alone(policy):
    judged = review(policy, drawn(keeps_positive, 2, LATER)[0])
    assert judged.value.gain > 0
    assert not judged.is_worse
    assert "That is less" not in judged.sentence()


def test_no_more_are_called_than_there_is_capacity_for(policy):
    found = drawn(keeps_positive, 2, LATER)[0]
    judged = review_policy(policy, found, without_models(found), np.array([0.05]))
    assert 0.04 < judged.value.treated <= 0.05


def test_what_it_was_learned_from_does_not_judge_it(policy):
    judged = review(policy, drawn(keeps_negative, 1, LEARNED)[0])
    assert (judged.rows, judged.value, judged.is_worse) == (0, None, False)
    assert "drawn after 2026-01-10" in judged.sentence()
    assert "0 have the rarest action and a known outcome; 100 are needed" in judged.sentence()


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"until": None}, "does not say from which days"),
        ({"means": {"mail": 0.1}}, "other features or other actions"),
        ({"typical": {"a": 0.0}}, "other features or other actions"),
    ],
)
def test_one_that_cannot_be_compared_is_told(policy, changed, why):
    judged = review(replace(policy, **changed), drawn(keeps_negative, 1, LATER)[0])
    assert (judged.value, judged.is_worse) == (None, False)
    assert f"EffectFlow/7, by which the list goes, is not judged again: {why}" in (
        judged.sentence().replace("it does not", "does not").replace("it was learned with ", "")
    )


def test_where_nothing_is_proven_the_list_is_left_as_it_is(policy):
    fine = review(policy, drawn(keeps_positive, 2, LATER)[0])
    unproven = {"proven": False}

    def sentence(decision, judged):
        return conclude("EffectFlow/9", "spring", decision, judged, promote=False)

    assert sentence(unproven, fine) == sentence(unproven, None)
    assert sentence(unproven, None) == "The list of 'spring' is left as it is."
    proven = sentence({"proven": True, "why": "it gains"}, fine)
    assert proven == "Not promoted; churn policies promote EffectFlow/9 does that."
