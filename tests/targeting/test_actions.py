"""Several actions: who gets which within the capacities, and what a policy among them is worth."""

import numpy as np
import pandas as pd
import pytest

from churn.targeting.effects import Effects
from churn.targeting.experiment import Experiment, check_experiment
from churn.targeting.learned import LearnedPolicy
from churn.targeting.learners import doubly_robust
from churn.targeting.policies import RISK, assign, compare_policies, decide_policy

COSTS, VALUE, BUDGET = np.array([5.0, 1.0]), 100.0, 0.3


def campaign(seed: int, n: int = 2_000):
    """Two actions, drawn as lists draw them: a preferred one, at random, or only one possible."""
    rng = np.random.default_rng(seed)
    a, b = rng.uniform(0, 1, (2, n))
    risk = 0.2 + 0.5 * a
    saved = np.column_stack([np.where(b > 0.5, 0.5 * risk, -0.1), 0.2 * risk * (b < 0.7)])
    kind = rng.integers(0, 3, n)
    chances = np.array([[0.1, 0.8, 0.1], [0.5, 0.25, 0.25], [0.5, 0.0, 0.5]])[kind]
    action = (rng.random(n)[:, None] > chances.cumsum(axis=1)).sum(axis=1)
    kept = np.column_stack([np.zeros(n), saved])[np.arange(n), action]
    stayed = (rng.random(n) < 1 - risk + kept).astype(float)
    experiment = Experiment(
        pd.DataFrame({"a": a, "b": b}), action, stayed, chances, ("no", "discount", "mail"),
        value=np.full(n, VALUE), benefit=VALUE * risk[:, None] * [0.3, 0.1] - COSTS,
    )  # fmt: skip
    return experiment, saved


def effects_of(experiment: Experiment, saved: np.ndarray) -> Effects:
    """Outcome models that are wrong, and effects that are roughly right."""
    n = len(experiment.action)
    outcomes = np.full((n, 3), 0.5) + 0.1 * experiment.features[["a"]].to_numpy()
    noisy = saved + np.random.default_rng(0).normal(0, 0.1, saved.shape)
    return Effects(outcomes, {"hybrid": noisy}, doubly_robust(experiment, outcomes))


def earned(experiment, saved, benefit, capacities=None):
    """The true money per customer of a policy."""
    possible = experiment.possible[:, 1:]
    actions = assign(np.where(possible, benefit, -np.inf), BUDGET, capacities=capacities)
    at = np.flatnonzero(actions)
    return (VALUE * saved - COSTS)[at, actions[at] - 1].sum() / len(actions)


@pytest.mark.heavy
@pytest.mark.parametrize("capacities", [None, (0.1, 0.15)])
def test_the_value_of_a_policy_among_actions_is_unbiased_and_its_interval_holds_the_truth(
    capacities,
):
    """In 200 draws 190 are expected, and the mean error is within its own uncertainty."""
    limits = None if capacities is None else np.array(capacities)
    held, errors = 0, []
    for seed in range(200):
        experiment, saved = campaign(seed)
        effects = effects_of(experiment, saved)
        values = compare_policies(experiment, effects, COSTS, (BUDGET,), seed, limits)
        (found,) = (one for one in values if one.policy == "hybrid")
        learned = VALUE * effects.effects["hybrid"] - COSTS
        truth = earned(experiment, saved, learned, limits)
        truth -= earned(experiment, saved, experiment.benefit, limits)
        errors.append(found.gain - truth)
        held += abs(found.gain - truth) <= 1.96 * found.gain_se
    assert 180 <= held <= 199
    assert abs(np.mean(errors)) < 3 * np.std(errors) / np.sqrt(200)


def test_the_gate_lets_a_policy_among_actions_pass_that_is_better_for_certain():
    experiment, saved = campaign(0, 20_000)
    values = compare_policies(experiment, effects_of(experiment, saved), COSTS, (BUDGET,))
    assert decide_policy(values, BUDGET).policy == "hybrid"
    nothing = Effects(
        effects_of(experiment, saved).outcomes, {"hybrid": np.zeros_like(saved)},
        effects_of(experiment, saved).scores,
    )  # fmt: skip
    values = compare_policies(experiment, nothing, COSTS, (BUDGET,))
    assert decide_policy(values, BUDGET).policy == RISK


def test_nobody_gets_an_action_that_was_not_possible_or_beyond_its_capacity():
    rng = np.random.default_rng(3)
    benefit = rng.normal(0.5, 1, (1_000, 3))
    benefit[rng.random((1_000, 3)) < 0.3] = -np.inf
    weights = rng.uniform(0.5, 2, 1_000)
    for own in (None, weights):
        size = np.ones(1_000) if own is None else own
        actions = assign(benefit, 0.4, own, np.array([0.05, 0.2, 1.0]))
        at = np.flatnonzero(actions)
        assert np.isfinite(benefit[at, actions[at] - 1]).all()
        shares = np.bincount(actions, size, minlength=4)[1:] / size.sum()
        assert (shares <= [0.05, 0.2, 1.0]).all()
        assert shares.sum() <= 0.4
        assert shares.sum() > 0.39
        # The first are those to whom it brings most.
        first = benefit[:, 0] == benefit[:, 0].max()
        assert actions[first] == 1


def test_of_one_action_it_is_the_customers_with_the_greatest_benefit():
    benefit = np.random.default_rng(0).normal(size=(500, 1))
    for limit in (None, np.array([0.1])):
        taken = assign(benefit, 0.2, capacities=limit) > 0
        most = 100 if limit is None else 50
        assert set(np.flatnonzero(taken)) == set(np.argsort(-benefit[:, 0])[:most])


def test_checks_name_the_action_that_is_not_drawn_as_stated():
    experiment, _ = campaign(0, 20_000)
    assert all(check.passed for check in check_experiment(experiment))
    mails = np.flatnonzero(experiment.action == 2)
    action = experiment.action.copy()
    action[mails[: len(mails) // 5]] = 1
    action[experiment.propensity[:, 1] == 0] = experiment.action[experiment.propensity[:, 1] == 0]
    broken = Experiment(
        experiment.features, action, experiment.outcome, experiment.propensity, experiment.names
    )
    (ratio,) = (one for one in check_experiment(broken) if one.name == "sample ratio")
    assert not ratio.passed
    assert "mail" in ratio.finding
    # A discount is only mailed to those with a high `a`: the balance is broken for that action.
    high = experiment.features["a"].to_numpy() > 0.5
    keep = (experiment.action != 1) | high
    (balance,) = (one for one in check_experiment(experiment.rows(keep)) if one.name == "balance")
    assert not balance.passed
    assert "under discount" in balance.finding


def test_a_policy_that_was_learned_before_campaigns_had_several_actions_is_read():
    groups = pd.DataFrame({"predicted": [0.0, 0.1], "low": [-0.1, 0.0], "high": [0.1, 0.2]})
    now = LearnedPolicy("spring", "EffectFlow/1", None, {"call": groups}, {"a": 0.0}, {"call": 0.2})
    before = {**vars(now), "groups": groups, "mean": 0.2}
    del before["means"]
    old = LearnedPolicy.__new__(LearnedPolicy)
    old.__setstate__(before)
    assert vars(old) == vars(now)
    assert old.actions == ("call",)
    assert old.interval(np.array([0.1]), "call")[0] == pytest.approx(0.0)
