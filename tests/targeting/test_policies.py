"""Policies on generated customers whose effects are known."""

import numpy as np
import pandas as pd
import pytest

from churn.targeting.effects import LEARNERS, Effects, cross_fit
from churn.targeting.experiment import Experiment, constant_propensity
from churn.targeting.learners import doubly_robust
from churn.targeting.policies import RISK, assign, compare_policies, decide_policy
from churn.targeting.uplift import group_effects, ranking

N, BUDGET, WORTH = 6_000, 0.2, 100.0


def world(effect, seed: int, n: int = N) -> tuple[Experiment, np.ndarray]:
    """Half of the customers called, and what a call would do to each of them."""
    rng = np.random.default_rng(seed)
    features = pd.DataFrame(rng.normal(size=(n, 3)), columns=["a", "b", "c"])
    risk = 1 / (1 + np.exp(1.0 - features["a"].to_numpy()))
    saved = np.clip(effect(risk, features["b"].to_numpy()), risk - 1, risk)
    action = rng.integers(0, 2, n)
    stayed = rng.random(n) < 1 - risk + action * saved
    propensity = constant_propensity(action, np.array([0.5, 0.5]))
    found = Experiment(features, action, WORTH * stayed, propensity, ("no", "call"), risk)
    return found, WORTH * saved


def persuadable(risk, b):
    """Half of the customers can be kept; calling the others loses some, the riskiest most."""
    return np.where(b > 0, 0.6 * risk, -0.4 * risk)


def proportional(risk, b):
    return 0.3 * risk


@pytest.fixture(scope="module")
def learned():
    experiment, truth = world(persuadable, seed=1)
    return experiment, truth, cross_fit(experiment)


@pytest.mark.slow
def test_learners_rank_customers_by_their_effects(learned):
    _, truth, effects = learned
    for name in LEARNERS:
        assert np.corrcoef(effects.effects[name][:, 0], truth)[0, 1] > 0.4, name


@pytest.mark.slow
def test_a_learned_policy_that_is_better_for_certain_replaces_risk(learned):
    experiment, truth, effects = learned
    values = compare_policies(experiment, effects, np.array([1.0]), (BUDGET,))
    chosen = decide_policy(values, BUDGET)
    assert chosen.policy == "hybrid"
    assert chosen.treated <= BUDGET
    taken = assign(effects.effects["hybrid"] - 1.0, BUDGET) > 0
    riskiest = np.argsort(-experiment.risk)[: int(BUDGET * N)]
    gain = ((truth[taken] - 1.0).sum() - (truth[riskiest] - 1.0).sum()) / N
    assert gain > 0
    assert chosen.low <= gain <= chosen.high


@pytest.mark.slow
def test_effects_by_group_are_near_what_was_predicted(learned):
    _, _, effects = learned
    differences = effects.scores[:, 1] - effects.scores[:, 0]
    groups = group_effects(effects.effects["hybrid"][:, 0], differences)
    assert groups["customers"].sum() == N
    off = (groups["predicted"] - groups["observed"]).abs() / groups["se"]
    assert off.max() < 3.5, groups
    assert groups["observed"].iloc[-1] > groups["observed"].iloc[0] + 10


@pytest.mark.slow
def test_where_saving_is_proportional_to_risk_nothing_is_proven_and_risk_is_kept():
    experiment, _ = world(proportional, seed=2, n=3_000)
    values = compare_policies(experiment, cross_fit(experiment), np.array([1.0]), (BUDGET,))
    assert decide_policy(values, BUDGET).policy == RISK
    (learned,) = [value for value in values if value.policy == "hybrid"]
    needed = learned.customers_needed(3_000)
    assert needed is None or needed > 3_000


def known_mean(experiment: Experiment) -> np.ndarray:
    """Expected outcomes of a model that knows nothing."""
    return np.full(experiment.propensity.shape, experiment.outcome.mean())


@pytest.mark.slow
@pytest.mark.parametrize("weighting", ["autoc", "qini"])
def test_the_interval_of_a_random_score_holds_zero(weighting):
    covered = 0
    for seed in range(60):
        experiment, _ = world(persuadable, seed, 1_000)
        scores = doubly_robust(experiment, known_mean(experiment))
        random = np.random.default_rng(seed).random(1_000)
        found = ranking(random, scores[:, 1] - scores[:, 0], weighting, seed)
        covered += found.low <= 0 <= found.high
    assert covered >= 51  # of 95 % intervals so few hold it in 0.1 % of such tests


def test_values_of_policies_are_covered_by_their_intervals():
    covered = 0
    for seed in range(60):
        experiment, truth = world(persuadable, seed, 1_000)
        outcomes = known_mean(experiment)
        scores = doubly_robust(experiment, outcomes)
        effects = Effects(outcomes, {"hybrid": truth[:, None]}, scores)
        values = compare_policies(experiment, effects, np.zeros(1), (BUDGET,), seed)
        (found,) = [value for value in values if value.policy == "hybrid"]
        taken = assign(truth[:, None], BUDGET) > 0
        covered += abs(found.value - np.where(taken, truth, 0).mean()) <= 1.96 * found.se
    assert covered >= 51


def test_nobody_is_treated_at_a_loss_and_the_budget_is_kept():
    benefit = np.array([[3.0, 1.0], [-1.0, -2.0], [0.5, 2.0], [1.0, 0.0]])
    assert assign(benefit, 1.0).tolist() == [1, 0, 2, 1]
    assert assign(benefit, 0.5).tolist() == [1, 0, 2, 0]
    assert assign(benefit, 0.0).tolist() == [0, 0, 0, 0]
