"""The scoring cost: counted from the fitted estimator, the same on every machine."""

import numpy as np
import pytest

from churn.modeling.families import build
from churn.modeling.scoring_cost import estimate_microseconds, operations
from churn.modeling.search_space import DEFAULT_CANDIDATES, Candidate
from churn.modeling.threads import bounded_threads

LEVELS = np.array([0, 0, 3, 0, 30])  # two numbers, a category, a flag, a category of many levels


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    n = 1500
    matrix = np.column_stack(
        [rng.normal(size=n), rng.exponential(size=n), rng.integers(0, 3, n), rng.integers(0, 2, n),
         rng.integers(0, 30, n)]
    ).astype(float)  # fmt: skip
    target = (matrix[:, 0] * matrix[:, 1] + (matrix[:, 2] == 1) + rng.normal(size=n) > 0.5) * 1
    return matrix, target


def fitted(rows, family, **params):
    with bounded_threads(1):
        return build(Candidate("any", family, params), LEVELS, 0).fit(*rows)


def test_a_regression_looks_up_each_column_once(rows):
    # The category of many levels is encoded, and is a number then.
    assert operations(fitted(rows, "logistic")) == {"scorer": 1, "curve": 3, "table": 3}


def test_pairs_add_their_products(rows):
    found = operations(fitted(rows, "pairs", most=4, least_z=2.0))
    assert 1 <= found["product"] <= 4
    assert found["curve"] > operations(fitted(rows, "splines"))["curve"]


def test_boosting_passes_the_splits_above_a_leaf(rows):
    found = operations(fitted(rows, "boosting", max_leaf_nodes=4, max_iter=50))
    assert found["tree"] == 50
    assert 2 * 50 <= found["split"] <= 3 * 50  # four leaves are two or three splits deep


def test_trees_of_two_leaves_are_one_table_a_column(rows):
    found = operations(fitted(rows, "boosting", max_leaf_nodes=2, max_iter=50))
    assert "split" not in found
    assert found["stump table"] <= len(LEVELS)


def test_oblivious_trees_make_every_split(rows):
    found = operations(fitted(rows, "oblivious_trees", depth=3, max_iter=20))
    assert (found["tree"], found["split"]) == (20, 60)


def test_nets_take_each_term_and_all_their_weights(rows):
    found = operations(fitted(rows, "tabular_net", max_iter=1, hidden=[4], nets=3, n_knots=5))
    # Two numbers with curves; the flag, three levels and thirty.
    assert (found["curve"], found["table"]) == (2 * (1 + 5), 1 + 3 + 30)
    assert (found["net layer"], found["net weight"]) == (2, 3 * (46 * 4 + 4))


def test_a_forest_passes_its_mean_path(rows):
    matrix, _ = rows
    with bounded_threads(1):
        model = fitted(rows, "extra_trees", n_estimators=10, min_samples_leaf=5)
    trees = model[-1].estimators_
    encoded = model[0].transform(matrix).astype(np.float32)
    paths = [np.diff(tree.tree_.decision_path(encoded).indptr).mean() - 1 for tree in trees]
    found = operations(model)
    assert found["forest tree"] == 10
    assert found["forest split"] == pytest.approx(
        sum(paths), rel=0.03
    )  # levels are encoded out of fold in fitting


@pytest.mark.parametrize("candidate", DEFAULT_CANDIDATES, ids=lambda c: c.name)
def test_every_candidate_has_a_cost_and_the_same_one_again(rows, candidate):
    params = {k: v for k, v in candidate.params.items()} | (
        {"max_iter": 20} if candidate.family in ("boosting", "oblivious_trees") else {}
    )
    costs = [estimate_microseconds(fitted(rows, candidate.family, **params)) for _ in range(2)]
    assert costs[0] == costs[1] > 0


def test_an_estimator_of_no_family_is_refused():
    with pytest.raises(TypeError, match="cost of object is not known"):
        operations(object())
