"""ROC-AUC: ties, weights, standard errors, and the value expected of true probabilities."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from churn.statistics.roc_auc import RankedRows, area_under_roc, delong, roc_auc

rows = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 6), st.integers(0, 3)), min_size=2, max_size=40
)


@given(rows)
def test_roc_auc_is_that_of_scikit_learn_with_ties_and_weights(drawn):
    target, scores, weights = map(np.array, zip(*drawn, strict=True))
    weights = weights.astype(float)
    ranked = RankedRows(target, scores.astype(float))
    with np.errstate(invalid="ignore"):
        (found,) = area_under_roc(*ranked.cumulate(weights[None, ranked.order]))
    if len(np.unique(target[weights > 0])) < 2:
        assert np.isnan(found)
    else:
        assert found == pytest.approx(roc_auc_score(target, scores, sample_weight=weights))


@pytest.mark.heavy
@given(rows)
def test_delong_and_roc_auc_give_the_same_value(drawn):
    target, scores, _ = map(np.array, zip(*drawn, strict=True))
    if len(np.unique(target)) == 2:
        order = np.argsort(scores, kind="stable")
        value, _ = delong(scores[order].astype(float), target[order].astype(float))
        assert value == pytest.approx(roc_auc(target, scores.astype(float)), abs=1e-12)


def test_roc_auc_counts_a_tie_as_half():
    assert roc_auc(np.array([0, 1]), np.array([0.3, 0.3])) == 0.5


def test_delong_gives_roc_auc_and_its_standard_error():
    rng = np.random.default_rng(0)
    chance = np.sort(np.round(rng.random(120), 1))  # many ties
    target = (rng.random(120) < chance).astype(float)
    value, influence = delong(chance, target)
    left, stayed = chance[target == 1], chance[target == 0]
    wins = (left[:, None] > stayed) + 0.5 * (left[:, None] == stayed)
    variance = wins.mean(axis=1).var() / len(left) + wins.mean(axis=0).var() / len(stayed)
    assert value == pytest.approx(roc_auc_score(target, chance))
    assert (influence**2).sum() == pytest.approx(variance)


def test_expected_concordance_is_the_mean_over_outcomes_drawn_from_the_probabilities():
    rng = np.random.default_rng(0)
    chance = np.sort(rng.beta(1, 2, 400))
    drawn = [delong(chance, rng.random(400) < chance)[0] for _ in range(2000)]
    assert delong(chance, chance)[0] == pytest.approx(np.mean(drawn), abs=0.002)


def test_the_interval_of_a_ranking_holds_the_truth_about_as_often_as_it_says():
    draw = np.random.default_rng(99)
    chance = draw.beta(1, 3, 200_000)
    target = (draw.random(200_000) < chance).astype(float)
    truth = roc_auc_score(target, chance)
    order = np.argsort(chance)
    chance, target, rng, hits = chance[order], target[order], np.random.default_rng(0), 0
    for _ in range(100):
        rows = np.sort(rng.integers(0, len(chance), 500))
        value, influence = delong(chance[rows], target[rows].astype(float))
        hits += abs(value - truth) <= 1.96 * np.sqrt((influence**2).sum())
    assert hits >= 88  # 95 % of 100 is 95; fewer than 88 has a chance below one in a hundred
