"""Repeated cross-validation, and the mean over seeds."""

import numpy as np
import pytest

from churn.modeling.cross_validation import cross_validate
from churn.modeling.effort import EFFORTS
from churn.modeling.families import build
from churn.modeling.repeated import cross_validate_repeatedly
from churn.modeling.sample import SearchSample, assign_folds
from churn.modeling.search_space import DEFAULT_CANDIDATES, Candidate, gains_from_seeds
from churn.statistics.log_odds import logit

STUMPS = Candidate("stumps", "boosting", {"max_leaf_nodes": 4, "max_iter": 40, "max_features": 0.5})
LINE = Candidate("line", "logistic")


@pytest.fixture(scope="module")
def sample():
    rng = np.random.default_rng(0)
    customers = rng.normal(size=(200, 4))
    matrix = np.repeat(customers, 2, axis=0)  # each customer is there twice
    labels = (matrix[:, 0] + rng.normal(size=400) > 0.5).astype(np.int8)
    groups = np.repeat(np.arange(200), 2)
    fold = assign_folds(labels, groups, 3, 0)
    return SearchSample(matrix, np.zeros(4, dtype=int), labels, fold, np.arange(400), groups=groups)


def test_one_repeat_is_a_cross_validation(sample):
    once, trial = (run(STUMPS, sample) for run in (cross_validate, cross_validate_repeatedly))
    assert (once.probabilities == trial.probabilities).all()
    assert (once.candidate, once.fold_losses) == (trial.candidate, trial.fold_losses)


def test_other_folds_keep_copies_of_a_customer_together(sample):
    again = sample.refold(1)
    assert (again.fold != sample.fold).any()
    assert (again.fold[::2] == again.fold[1::2]).all()
    assert again.n_folds == sample.n_folds


def test_predictions_are_the_mean_over_folds_and_seeds(sample):
    trial = cross_validate_repeatedly(STUMPS, sample, seed=5, repeats=3)
    alone = [cross_validate(STUMPS, sample, 5)]
    alone += [cross_validate(STUMPS, sample.refold(seed), seed) for seed in (6, 7)]
    mean = np.mean([logit(one.probabilities) for one in alone], axis=0)
    assert logit(trial.probabilities) == pytest.approx(mean)
    best = [one.candidate.params["max_iter"] for one in alone]
    assert trial.candidate.params["max_iter"] == round(np.mean(best))
    costs = [one.microseconds for one in alone]
    assert trial.microseconds == pytest.approx(sum(costs))  # three models for each customer


def test_only_what_is_random_is_fitted_with_several_seeds(sample):
    seeds = [
        cross_validate_repeatedly(one, sample, repeats=2).candidate.seeds for one in (STUMPS, LINE)
    ]
    assert seeds == [2, 1]
    assert not gains_from_seeds(Candidate("all columns", "boosting", {"max_leaf_nodes": 4}))


def test_a_candidate_of_several_seeds_is_the_mean_of_their_fits(sample):
    matrix, levels, labels = sample.matrix, sample.levels, sample.labels
    both = build(Candidate("both", STUMPS.family, STUMPS.params, seeds=2), levels, 3)
    logits = [
        logit(build(STUMPS, levels, seed).fit(matrix, labels).predict_proba(matrix)[:, 1])
        for seed in (3, 4)
    ]
    found = both.fit(matrix, labels).predict_proba(matrix)[:, 1]
    assert logit(found) == pytest.approx(np.mean(logits, axis=0))
    assert np.abs(logits[0] - logits[1]).max() > 0.01


def test_a_candidate_that_is_stopped_is_not_repeated(sample):
    lines = []
    trial = cross_validate_repeatedly(LINE, sample, report=lines.append, limit=1e-9, repeats=3)
    assert trial.stopped_for_budget
    assert not [line for line in lines if "repeat" in line]


def test_the_default_effort_is_one_cross_validation_of_the_default_candidates():
    default, high = EFFORTS["default"], EFFORTS["high"]
    assert default.candidates == DEFAULT_CANDIDATES
    assert default.budget(240) == 240
    assert default.describe(12, 50) == ""
    assert len(high.candidates) > len(DEFAULT_CANDIDATES)
    assert high.repeats * high.budget(240) == 2400
    assert "17 candidates, cross-validated 3 times" in high.describe(17, 500)


def test_the_last_seed_has_repeats_too(sample):
    last = 2**32 - 1
    trial = cross_validate_repeatedly(STUMPS, sample, seed=last, repeats=2)
    alone = [cross_validate(STUMPS, sample, last), cross_validate(STUMPS, sample.refold(0), 0)]
    mean = np.mean([logit(one.probabilities) for one in alone], axis=0)
    assert logit(trial.probabilities) == pytest.approx(mean)
    assert build(trial.candidate, sample.levels, last).fit(sample.matrix, sample.labels)
