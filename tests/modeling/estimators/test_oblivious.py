"""Oblivious trees: the best split, the best leaf values, and invariances."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from churn.modeling.estimators.oblivious import ObliviousTreesClassifier
from churn.statistics.log_odds import row_losses, sigmoid

NONE = np.zeros(3, dtype=bool)


def table(n=2000, seed=0):
    """Two columns that matter together, one that does not, and gaps in the first."""
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(n, 3))
    odds = np.where((matrix[:, 0] > 0) == (matrix[:, 1] > 0.5), 1.5, -1.5)
    gaps = rng.random(n) < 0.2
    matrix[gaps, 0], odds[gaps] = np.nan, 0.5
    return matrix, (rng.random(n) < sigmoid(odds)).astype(int), sigmoid(odds)


def test_finds_what_matters_together():
    matrix, target, _ = table()
    fresh, _, truth = table(5000, seed=1)
    errors = {}
    for depth in (1, 4):
        model = ObliviousTreesClassifier(NONE, max_iter=60, depth=depth).fit(matrix, target)
        errors[depth] = np.abs(model.predict_proba(fresh)[:, 1] - truth).mean()
    assert errors[4] < 0.07 < 0.2 < errors[1]
    asked = [column for tree in model.trees_[:10] for column in tree.columns]
    assert asked.count(2) < len(asked) / 10


def test_a_tree_without_penalty_says_the_share_of_each_leaf():
    matrix, target, _ = table()
    model = ObliviousTreesClassifier(
        NONE, learning_rate=1.0, max_iter=1, depth=3, l2=1e-9, noise=0.0, newton_steps=50
    ).fit(matrix, target)
    chance = model.predict_proba(matrix)[:, 1]
    for value in np.unique(chance):
        assert target[chance == value].mean() == pytest.approx(value, abs=1e-6)
    assert 4 <= len(np.unique(chance)) <= 8


@pytest.mark.parametrize("seed", range(3))
def test_each_cut_is_the_best_of_all(seed):
    matrix, target, _ = table(200, seed)
    model = ObliviousTreesClassifier(NONE, max_iter=1, depth=4, l2=1.0, noise=0.0).fit(
        matrix, target
    )
    (tree,), slope = model.trees_, target - target.mean()
    rights = {
        (column, cut): right
        for column, borders in enumerate(model.borders_)
        for cut, right in enumerate(
            [~np.isnan(matrix[:, column]), *(matrix[:, column] > border for border in borders)]
        )
    }
    leaves = np.zeros(len(target), dtype=int)
    for place in zip(tree.columns, tree.bin_thresholds, strict=True):
        scores = {p: agreement(slope, 2 * leaves + right) for p, right in rights.items()}
        assert scores[place] == pytest.approx(max(scores.values()))
        leaves = 2 * leaves + rights[place]


def agreement(slope, leaves):
    """The cosine of the slopes and of what leaves of one more customer each say of them."""
    said = (np.bincount(leaves, slope) / (np.bincount(leaves) + 1.0))[leaves]
    return slope @ said / np.sqrt(said @ said + 1e-12)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 100), st.sampled_from([np.exp, np.cbrt, lambda x: 3 * x - 7]))
def test_only_the_order_of_a_columns_values_matters(seed, change):
    matrix, target, _ = table(300, seed)
    model = ObliviousTreesClassifier(NONE, max_iter=10)
    before = clone(model).fit(matrix, target).predict_proba(matrix)
    after = clone(model).fit(change(matrix), target).predict_proba(change(matrix))
    assert np.array_equal(before, after)


def test_levels_are_in_the_order_of_their_leavers_and_new_ones_are_as_all():
    rng = np.random.default_rng(3)
    shares = np.array([0.6, 0.1, 0.5, 0.2])
    level = rng.integers(0, 4, 4000)
    target = (rng.random(4000) < shares[level]).astype(int)
    model = ObliviousTreesClassifier(np.array([True]), max_iter=60, depth=2).fit(
        level[:, None].astype(float), target
    )
    asked = np.array([[0.0], [1.0], [2.0], [3.0], [9.0], [np.nan]])
    *known, new, missing = model.predict_proba(asked)[:, 1]
    assert np.argsort(known).tolist() == [1, 3, 2, 0]
    assert np.abs(known - shares).max() < 0.06
    assert new == missing
    assert 0.1 < new < 0.6


def test_stops_when_other_customers_gain_no_more():
    (matrix, target, _), (fresh, answers, _) = table(1000), table(1000, seed=5)
    model = ObliviousTreesClassifier(NONE, max_iter=400, early_stopping=True, n_iter_no_change=10)
    model.fit(matrix, target, X_val=fresh, y_val=answers)
    losses = [
        row_losses(answers, stage[:, 1]).mean() for stage in model.staged_predict_proba(fresh)
    ]
    assert len(losses) == len(model.trees_) < 400
    assert -model.validation_score_[1:] == pytest.approx(losses)
    assert int(np.argmin(losses)) == len(losses) - 1 - 10
    *_, last = model.staged_predict_proba(fresh)
    assert np.array_equal(last, model.predict_proba(fresh))


def test_few_rows_a_tree_see_all_in_the_end_and_the_seed_decides_which():
    matrix, target, _ = table(6000)
    fresh, _, truth = table(5000, seed=1)
    said = [
        ObliviousTreesClassifier(NONE, max_iter=80, max_rows=1500, random_state=seed)
        .fit(matrix, target)
        .predict_proba(fresh)[:, 1]
        for seed in (0, 0, 1)
    ]
    assert np.array_equal(said[0], said[1])
    assert not np.array_equal(said[0], said[2])
    assert np.abs(said[0] - truth).mean() < 0.07


@pytest.mark.parametrize("n", range(1, 4))
def test_columns_with_nothing_to_cut_are_left_alone(n):
    target = np.array([0, 1] * 20)
    for empty in itertools.product([np.nan, 1.0], repeat=n):
        matrix = np.tile(empty, (40, 1))
        model = ObliviousTreesClassifier(np.zeros(n, dtype=bool), max_iter=3).fit(matrix, target)
        assert model.predict_proba(matrix)[:, 1] == pytest.approx(0.5)


def test_what_cannot_be_is_refused_all_at_once():
    model = ObliviousTreesClassifier(NONE, depth=9, max_borders=254, l2=0)
    with pytest.raises(ValueError, match=r"depth .* 9; l2 .* 0; max_borders .* 254; .* both"):
        model.fit(np.zeros((5, 3)), np.ones(5))
