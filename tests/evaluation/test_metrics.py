"""Metrics against scikit-learn's, and the coverage of intervals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from churn.evaluation.metrics import compare, evaluate, gains
from churn.statistics.intervals import bootstrap
from churn.statistics.log_odds import row_losses


def customers(n, seed=0):
    """Customers with true probabilities."""
    rng = np.random.default_rng(seed)
    chance = 1 / (1 + np.exp(-rng.normal(-1.2, 1.3, n)))
    return (rng.random(n) < chance).astype(int), chance


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 20)), min_size=4, max_size=200).filter(
        lambda rows: len({left for left, _ in rows}) == 2
    )
)
def test_metrics_are_those_of_scikit_learn_also_with_ties(rows):
    target = np.array([left for left, _ in rows], dtype=int)
    chance = np.array([0.01 + 0.049 * score for _, score in rows])
    ours = {name: metric["value"] for name, metric in evaluate(target, chance).items()}
    assert ours["roc_auc"] == pytest.approx(sk.roc_auc_score(target, chance))
    assert ours["pr_auc"] == pytest.approx(sk.average_precision_score(target, chance))
    assert ours["log_loss"] == pytest.approx(sk.log_loss(target, chance))
    assert ours["brier"] == pytest.approx(sk.brier_score_loss(target, chance))


def test_lift_of_a_perfect_ranking_is_the_inverse_of_the_base_rate():
    target = np.repeat([1, 0], [250, 750])
    assert evaluate(target, np.linspace(0.99, 0.01, 1000))["top_decile_lift"]["value"] == 4
    assert evaluate(target, np.full(1000, 0.25))["top_decile_lift"]["value"] == pytest.approx(1)


@pytest.mark.slow
def test_intervals_hold_the_truth_about_as_often_as_they_say():
    big_target, big_chance = customers(400_000, seed=99)
    truth = sk.log_loss(big_target, big_chance)
    hits = 0
    for seed in range(60):
        losses = row_losses(*customers(800, seed))
        loss = bootstrap(lambda weights, x=losses: {"mean": weights @ x / 800}, 800, 0)["mean"]
        hits += loss["low"] <= truth <= loss["high"]
    assert hits >= 51  # 95 % of 60 is 57; fewer than 51 has a chance below one in a thousand


@pytest.mark.heavy
def test_a_paired_difference_is_sharper_than_the_two_intervals():
    target, chance = customers(3000)
    worse = np.clip(chance + np.random.default_rng(1).normal(0, 0.05, 3000), 0.01, 0.99)
    metrics, beside, differences = compare(target, chance, {"worse": worse})
    loss, gap = metrics["log_loss"], differences["worse"]["log_loss"]
    assert gap["high"] < 0
    assert gap["high"] - gap["low"] < loss["high"] - loss["low"]
    assert gap["value"] == pytest.approx(loss["value"] - beside["worse"]["log_loss"]["value"])
    assert metrics == evaluate(target, chance)
    assert beside["worse"] == evaluate(target, worse)


def test_an_interval_of_many_customers_has_as_many_resamples_as_it_needs():
    """The ends of an interval from a hundred resamples are noise themselves."""
    drawn = 0

    def metric(weights):
        nonlocal drawn
        drawn += len(weights)
        return {"mean": weights.mean(axis=1)}

    bootstrap(metric, 30_000, seed=0)
    assert drawn >= 400


def test_gains_reach_everybody_at_the_end_and_never_fall():
    curve = gains(*customers(1000))
    assert curve["reached"].iloc[-1] == 1
    assert curve["reached"].is_monotonic_increasing
    assert curve["lift"].iloc[0] > curve["lift"].iloc[-1] == 1
