"""Rows with weights: a row that stands for three customers is fitted and judged as three are."""

from dataclasses import replace

import numpy as np
import pytest

from churn.data.contract import Contract
from churn.data.readers import TELCO
from churn.data.synthetic import generate_sample_data
from churn.modeling.cross_validation import cross_validate, fold_losses
from churn.modeling.families import build
from churn.modeling.sample import SearchSample, draw_search_sample
from churn.modeling.search_space import Candidate
from churn.modeling.selection import choose, leaderboard, rank
from churn.modeling.stack_weights import fit_stack_weights, forward_order
from churn.modeling.stacking import stack
from churn.modeling.weighted_fit import fit_weighted
from churn.statistics.log_odds import logit, row_losses

CONTRACT = Contract.read(TELCO / "contract.toml")
LEVELS = np.zeros(3, dtype=int)
# Families whose fit is the same by weights as by repeated rows, to rounding: no random rows or
# columns, and nothing that counts rows.
EXACT = [
    Candidate("logistic", "logistic", {"C": 1.0}),
    Candidate("oblivious", "oblivious_trees", {"max_iter": 20, "noise": 0.0, "max_borders": 253}),
    Candidate("boosting", "boosting", {"max_iter": 20, "max_leaf_nodes": 4, "min_samples_leaf": 1}),
]
ALL = [
    *EXACT,
    Candidate("splines", "splines", {}),
    Candidate("pairs", "pairs", {}),
    Candidate("net", "neural_net", {"hidden": [8], "max_iter": 60}),
    Candidate("extra trees", "extra_trees", {"n_estimators": 10, "min_samples_leaf": 20}),
    Candidate("forest", "random_forest", {"n_estimators": 10, "min_samples_leaf": 20}),
]


@pytest.fixture(scope="module")
def rows():
    """Numbers of few values, so that quantiles are the same with and without repetition."""
    rng = np.random.default_rng(0)
    matrix = rng.integers(0, 20, (600, 3)).astype(float)
    chance = 1 / (1 + np.exp(2 - matrix[:, 0] / 10 - matrix[:, 1] * matrix[:, 2] / 300))
    target = (rng.random(600) < chance).astype(int)
    return matrix, target, 1 + 2 * (rng.random(600) < 0.3)


@pytest.mark.parametrize("candidate", EXACT, ids=lambda one: one.name)
def test_a_weight_of_three_is_three_rows(candidate, rows):
    matrix, target, weights = rows
    weighted = fit_weighted(build(candidate, LEVELS, 0), matrix, target, weights.astype(float))
    repeated = np.repeat(np.arange(600), weights)
    again = build(candidate, LEVELS, 0).fit(matrix[repeated], target[repeated])
    # Scaling of numbers counts rows, so that the penalty differs a little.
    tolerance = 2e-3 if candidate.family == "logistic" else 1e-6
    assert weighted.predict_proba(matrix) == pytest.approx(
        again.predict_proba(matrix), abs=tolerance
    )


@pytest.mark.parametrize("candidate", ALL, ids=lambda one: one.name)
def test_every_family_is_weighted(candidate, rows):
    matrix, target, _ = rows
    heavy = np.where(target == 1, 5.0, 1.0)
    with_many = np.array([30, 0, 0])  # the first column is a category that is target-encoded
    for levels in (LEVELS, with_many):
        plain, weighted = (
            fit_weighted(build(candidate, levels, 0), matrix, target, weights)
            .predict_proba(matrix)[:, 1]
            .mean()
            for weights in (None, heavy)
        )
        assert weighted > plain + 0.05


def test_a_family_of_one_s_own_that_takes_no_weights_fails_and_says_so(rows):
    matrix, target, weights = rows
    own = build(Candidate("neighbours", "sklearn.neighbors:KNeighborsClassifier"), LEVELS, 0)
    fit_weighted(own, matrix, target, None)
    with pytest.raises(ValueError, match="KNeighborsClassifier accepts no sample_weight"):
        fit_weighted(own, matrix, target, weights)


@pytest.fixture(scope="module")
def sample() -> SearchSample:
    """Risky customers stand for four each, and stay more often than the others of them do."""
    frame = generate_sample_data(1_500, seed=1)
    heavy = (frame["contract"] == "Month-to-month").to_numpy()
    return draw_search_sample(frame, CONTRACT, 3, 1_000, 0, None, np.where(heavy, 4.0, 1.0))


@pytest.mark.slow
def test_the_search_judges_by_the_weights(sample):
    names = {
        "boosting": {"max_leaf_nodes": 4, "learning_rate": 0.3, "max_iter": 60},
        "logistic": {},
    }
    trials = [
        cross_validate(Candidate(name, name, params), sample) for name, params in names.items()
    ]
    tried = [*trials, *stack(trials, sample)]
    board = {row["candidate"]: row for row in leaderboard(tried, (), tried[0], sample)}
    for trial in tried:
        losses = row_losses(sample.labels, trial.probabilities)
        expected = np.average(losses, weights=sample.weights)
        assert board[trial.candidate.name]["log_loss"] == pytest.approx(expected)
        # Out of fold the weighted mean is calibrated; the mean of the rows is not.
        left, said = (
            np.average(of, weights=sample.weights) for of in (sample.labels, trial.probabilities)
        )
        assert said == pytest.approx(left, abs=0.015)
    assert rank(tried, sample)[0] is min(
        tried, key=lambda trial: board[trial.candidate.name]["log_loss"]
    )
    assert choose(tried, sample, margin=0) is rank(tried, sample)[0]
    # The best number of iterations is that of the weighted loss.
    assert trials[0].fold_losses == fold_losses(sample, trials[0].probabilities)
    alike = cross_validate(
        Candidate("b", "boosting", names["boosting"]), replace(sample, weights=None)
    )
    assert alike.probabilities.mean() != pytest.approx(trials[0].probabilities.mean(), abs=1e-4)


def test_weights_of_a_stack_are_those_of_repeated_rows():
    rng = np.random.default_rng(2)
    logits = rng.normal(size=(400, 3))
    target = (rng.random(400) < 1 / (1 + np.exp(-logits[:, 0]))).astype(int)
    times = rng.integers(1, 4, 400)
    again = np.repeat(np.arange(400), times)
    found, intercept = fit_stack_weights(logits, target, times.astype(float))
    repeated, other = fit_stack_weights(logits[again], target[again])
    assert found == pytest.approx(repeated, abs=1e-3)
    assert intercept == pytest.approx(other, abs=1e-3)
    assert forward_order(logits, target, 3, times.astype(float)) == forward_order(
        logits[again], target[again], 3
    )
    assert logit(np.array([0.5]))[0] == 0
