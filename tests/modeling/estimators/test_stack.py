"""Stacks that relearn their weights when they are fitted to far more rows."""

import numpy as np
import pytest

from churn.modeling.families import build
from churn.modeling.search_space import STACK, Candidate
from churn.modeling.weighted_fit import fit_weighted
from churn.statistics.log_odds import row_losses, sigmoid

MEMBERS = (
    Candidate("trees", "boosting", {"max_leaf_nodes": 63, "max_iter": 60}),
    Candidate("logistic", "logistic", {}),
)
LEVELS = np.zeros(4, dtype=int)


def customers(n, seed):
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(n, 4))
    return matrix, (rng.random(n) < sigmoid(matrix[:, 0] - matrix[:, 1])).astype(int)


def relearning():
    params = {"members": MEMBERS, "weights": (0.5, 0.5), "intercept": 0.0, "relearn": True}
    return build(Candidate("stack", STACK, params), LEVELS, 0)


@pytest.fixture(scope="module")
def twice():
    """Each customer twice in the table."""
    matrix, target = customers(1_200, seed=0)
    return np.tile(matrix, (2, 1)), np.tile(target, 2), np.tile(np.arange(1_200), 2)


def test_weights_are_relearned_on_customers_that_no_member_has_seen(twice):
    matrix, target, groups = twice
    fresh, left = customers(4_000, seed=1)
    losses = {}
    for name, of in (("by customer", groups), ("by row", None)):
        stack = relearning().fit(matrix, target, groups=of)
        losses[name] = row_losses(left, stack.predict_proba(fresh)[:, 1]).mean()
    # Between copies the trees remember the answer, and get all of the weight.
    assert losses["by customer"] < losses["by row"] - 0.02
    logistic = build(MEMBERS[1], LEVELS, 0).fit(matrix, target).predict_proba(fresh)[:, 1]
    assert losses["by customer"] < row_losses(left, logistic).mean() + 0.005


def test_groups_reach_a_stack_and_nothing_else(twice):
    matrix, target, groups = twice
    direct = relearning().fit(matrix, target, groups=groups).weights
    passed = fit_weighted(relearning(), matrix, target, None, groups).weights
    weighted = fit_weighted(relearning(), matrix, target, np.ones(len(target)), groups).weights
    assert (passed == direct).all()
    assert weighted == pytest.approx(direct, abs=1e-6)
    assert fit_weighted(build(MEMBERS[1], LEVELS, 0), matrix, target, None, groups)


def test_groups_without_copies_change_nothing(twice):
    matrix, target, _ = twice
    plain, grouped = (
        relearning().fit(matrix, target, groups=groups).weights
        for groups in (None, np.arange(len(target)))
    )
    assert (plain == grouped).all()
