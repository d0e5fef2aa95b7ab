"""Policies on generated customers whose effects are known."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from churn.targeting.effects import LEARNERS, Effects, cross_fit
from churn.targeting.experiment import Experiment, constant_propensity
from churn.targeting.learners import doubly_robust
from churn.targeting.policies import (
    EVERYBODY,
    RISK,
    PolicyValue,
    assign,
    compare_policies,
    decide_policy,
)
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


def test_customers_needed_are_those_of_a_test_with_power_of_80_percent():
    """((1.645 + .842) x .25 / .5)^2 = 1.5456 times as many."""
    found = PolicyValue("hybrid", 0.1, 0.1, 1.0, 0.2, gain=0.5, gain_se=0.25, low=0.0, high=1.0)
    assert found.customers_needed(10_000) == 15_457
    assert replace(found, gain=0.0).customers_needed(10_000) is None


EVEN = np.full((4, 2), 0.5)


class TestValues:
    """Policies on a table small enough to value by hand."""

    SCORES = np.array([[0.0, 6.0], [0.0, -2.0], [0.0, 4.0], [0.0, 1.0]])

    def value(self, budget=0.5, risk=(0.1, 0.9, 0.2, 0.8), propensity=EVEN, **more):
        action = np.array([0, 1, 0, 1])
        experiment = Experiment(
            pd.DataFrame({"a": np.zeros(4)}), action, np.zeros(4), propensity,
            ("no", "call"), None if risk is None else np.array(risk), **more,
        )  # fmt: skip
        outcomes = np.array([[0.3, 0.3], [0.2, 0.2], [0.1, 0.1], [0.4, 0.4]])
        effects = Effects(outcomes, {"hybrid": self.SCORES[:, 1:]}, self.SCORES)
        values = compare_policies(experiment, effects, np.ones(1), (budget,))
        return {one.policy: one for one in values}

    def test_each_is_the_mean_of_what_its_actions_bring(self):
        found = self.value()
        assert {name: one.value for name, one in found.items() if name != "random"} == {
            "nobody": 0.0, EVERYBODY: 5 / 4, RISK: -3 / 4, "hybrid": 8 / 4,
        }  # fmt: skip
        assert {name: one.treated for name, one in found.items()} == {
            "nobody": 0.0, EVERYBODY: 1.0, "random": 0.5, RISK: 0.5, "hybrid": 0.5,
        }  # fmt: skip
        hybrid = found["hybrid"]
        assert hybrid.se == pytest.approx(np.std([5, 0, 3, 0], ddof=1) / 2)
        assert hybrid.gain == 11 / 4
        assert hybrid.gain_se == pytest.approx(np.std([5, 3, 3, 0], ddof=1) / 2)
        assert hybrid.high - hybrid.gain == pytest.approx(hybrid.gain - hybrid.low)
        assert hybrid.high > hybrid.gain + 1.96 * hybrid.gain_se
        assert (found[RISK].gain, found[RISK].gain_se) == (0.0, 0.0)

    def test_without_a_risk_the_worst_outcomes_come_first(self):
        """Of the untreated: the third and the second customer."""
        assert self.value(risk=None)[RISK].value == (3 - 3) / 4

    def test_a_customer_stands_for_as_many_as_the_weight_says(self):
        found = self.value(weight=np.array([2.0, 2.0, 1.0, 3.0]))
        assert found["hybrid"].treated == 0.375  # the first and the third are 1.5 of 4
        assert found["hybrid"].value == (5 + 0.5 * 3) / 4

    def test_an_impossible_action_is_not_taken(self):
        propensity = np.array([[1.0, 0.0], [0.5, 0.5], [0.5, 0.5], [0.5, 0.5]])
        found = self.value(budget=1.0, propensity=propensity)
        assert found[EVERYBODY].value == 0.0
        assert found["hybrid"].value == 3 / 4

    def test_a_budget_counts_customers_by_their_weights(self):
        """The best customer stands for 1.5 of 4, more than a quarter."""
        found = self.value(budget=0.25, weight=np.array([1.5, 1.0, 0.5, 1.0]))
        assert (found["hybrid"].treated, found["hybrid"].value) == (0.0, 0.0)
        assert self.value(budget=0.25)["hybrid"].treated == 0.25

    def test_an_outcome_is_worth_its_money(self):
        found = self.value(value=np.full(4, 2.0))
        assert found[EVERYBODY].value == (11 - 5 + 7 + 1) / 4
        assert found["hybrid"].value == (11 + 7) / 4

    def test_a_list_by_expected_benefit_ends_where_that_ends(self):
        found = self.value(budget=1.0, risk=None, benefit=np.array([[-1.0], [3.0], [2.0], [-2.0]]))
        assert (found[RISK].treated, found[RISK].value) == (0.5, (-3 + 3) / 4)


def test_who_comes_too_late_for_an_action_has_the_best_of_the_others():
    benefit = np.array([[5.0, 4.0], [4.0, 3.0], [3.0, 1.0], [2.0, -1.0]])
    one = np.array([0.25, 1.0])
    assert assign(benefit, 1.0, capacities=one).tolist() == [1, 2, 2, 0]
    assert assign(benefit, 0.5, capacities=one).tolist() == [1, 2, 0, 0]
    weights = np.array([1.0, 1.0, 1.0, 5.0])
    assert assign(benefit, 1.0, weights, one).tolist() == [1, 1, 2, 0]
    assert assign(benefit, 1.0, capacities=np.array([0.0, 0.25])).tolist() == [2, 0, 0, 0]


@pytest.mark.parametrize(("gain", "policy"), [(0.42, "hybrid"), (0.41, RISK)])
def test_risk_stays_until_a_gain_is_proven(gain, policy):
    """A gain of 1.645 standard errors, at this budget."""
    learned = PolicyValue("hybrid", 0.1, 0.1, 1.0, 0.2, gain, 0.25, 0.0, 1.0)
    risk = replace(learned, policy=RISK, gain=0.0, gain_se=0.0)
    sure = replace(learned, budget=0.5, gain=9.0)
    found = decide_policy([sure, replace(risk, budget=0.5), risk, learned], 0.1)
    assert (found.policy, found.budget) == (policy, 0.1)
