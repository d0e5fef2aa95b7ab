"""Folds, early stopping, pruning and the budget."""

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn.data.contract import Contract
from churn.data.readers import TELCO
from churn.data.synthetic import generate_sample_data
from churn.data.validation import validate_data
from churn.modeling.budget import fit_seconds
from churn.modeling.cross_validation import cross_validate
from churn.modeling.families import build
from churn.modeling.sample import assign_folds, draw_search_sample
from churn.modeling.search_space import BASELINE, Candidate
from churn.modeling.threads import bounded_threads, threads_per_task
from churn.statistics.log_odds import row_losses

CONTRACT = Contract.read(TELCO / "contract.toml")


@pytest.fixture(scope="module")
def sample():
    frame = validate_data(generate_sample_data(3000, seed=2), CONTRACT).frame
    return draw_search_sample(frame, CONTRACT, n_folds=4, max_rows=2000, seed=0)


@pytest.fixture(scope="module")
def baseline(sample):
    return cross_validate(BASELINE, sample)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 60)), min_size=10, max_size=300),
    st.integers(2, 6),
    st.integers(0, 9),
)
def test_copies_share_a_fold_and_folds_are_even(rows, n_folds, seed):
    content = np.array([key for _, key in rows], dtype=np.uint64)
    target = np.array([left for left, _ in rows], dtype=int)
    fold = assign_folds(target, content, n_folds, seed)
    for key in np.unique(content):
        assert len(np.unique(fold[content == key])) == 1
    _, first = np.unique(content, return_index=True)
    sizes = np.bincount(fold[first], minlength=n_folds)
    assert sizes.max() - sizes.min() <= 1
    for label in (0, 1):
        part = np.bincount(fold[first][target[first] == label], minlength=n_folds)
        assert part.max() - part.min() <= 1


def test_a_sample_holds_no_more_rows_than_allowed_and_draws_them_again(sample):
    frame = validate_data(generate_sample_data(3000, seed=2), CONTRACT).frame
    again = draw_search_sample(frame, CONTRACT, n_folds=4, max_rows=2000, seed=0)
    assert len(sample.labels) == 2000 == len(np.unique(sample.rows))
    assert np.array_equal(sample.rows, again.rows)
    assert np.array_equal(sample.fold, again.fold)


@pytest.mark.slow
@pytest.mark.parametrize("family", ["pairs", "extra_trees"])
def test_out_of_fold_predictions_know_nothing_of_their_own_labels(sample, family):
    """Changing the labels of one fold cannot change that fold's predictions."""
    candidate = Candidate("any", family)
    before = cross_validate(candidate, sample).probabilities
    flipped = replace(sample, labels=np.where(sample.fold == 1, 1 - sample.labels, sample.labels))
    after = cross_validate(candidate, flipped).probabilities
    assert np.array_equal(before[sample.fold == 1], after[sample.fold == 1])
    assert not np.array_equal(before[sample.fold != 1], after[sample.fold != 1])


@pytest.mark.slow
def test_boosting_learns_how_many_iterations_are_best(sample):
    params = {"max_leaf_nodes": 15, "learning_rate": 0.1, "max_iter": 300}
    tuned = cross_validate(Candidate("trees", "boosting", params), sample)
    best = tuned.candidate.params["max_iter"]
    assert 5 < best < 300

    def loss(iterations):
        chance = np.empty(len(sample.labels))
        candidate = Candidate("trees", "boosting", params | {"max_iter": iterations})
        for fold in range(sample.n_folds):
            test = sample.fold == fold
            model = build(candidate, sample.levels, seed=0)
            model.fit(sample.matrix[~test], sample.labels[~test])
            chance[test] = model.predict_proba(sample.matrix[test])[:, 1]
        return row_losses(sample.labels, chance).mean(), chance

    found, chance = loss(best)
    assert np.allclose(chance, tuned.probabilities)
    assert found < min(loss(best // 2)[0], loss(300)[0])


@pytest.mark.slow
@pytest.mark.parametrize("family", ["boosting", "oblivious_trees"])
def test_early_stopping_waits_long_enough_for_the_best_of_all_folds(family):
    """On few rows one fold is best long before the folds together are."""
    frame = validate_data(generate_sample_data(400, seed=8), CONTRACT).frame
    few = draw_search_sample(frame, CONTRACT, n_folds=4, max_rows=2000, seed=0)
    candidate = Candidate("trees", family, {"learning_rate": 0.1, "max_iter": 150})
    losses = []
    for test in (few.fold == fold for fold in range(few.n_folds)):
        booster = build(candidate, few.levels, seed=0)
        booster.fit(few.matrix[~test], few.labels[~test])
        stages = booster.staged_predict_proba(few.matrix[test])
        losses.append([row_losses(few.labels[test], chance[:, 1]).mean() for chance in stages])
    best = np.mean(losses, axis=0).argmin()
    assert np.argmin(losses, axis=1).min() + 5 < best
    assert cross_validate(candidate, few).candidate.params["max_iter"] == 1 + best


def test_each_fold_is_reported(sample):
    lines = []
    trial = cross_validate(Candidate("plain", "logistic"), sample, report=lines.append)
    assert len(lines) == 4 == len(trial.fold_losses)
    assert lines[1].startswith("plain: fold 2 of 4, log loss 0.")
    assert not trial.stopped


def test_a_candidate_clearly_behind_the_baseline_is_pruned(sample, baseline):
    lines = []
    flat = Candidate("flat", "logistic", {"C": 1e-6})
    trial = cross_validate(flat, sample, report=lines.append, baseline=baseline)
    assert len(trial.fold_losses) == 2
    assert trial.stopped.startswith("clearly behind plain logistic regression (+0.")
    assert np.isnan(trial.probabilities[sample.fold > 1]).all()
    assert np.isfinite(trial.probabilities[sample.fold < 2]).all()
    assert lines[-1] == f"flat: stopped, {trial.stopped}"


@pytest.mark.parametrize("C", [1.0, 0.9])
def test_a_candidate_close_to_the_baseline_is_not_pruned(sample, baseline, C):
    assert not cross_validate(
        Candidate("near", "logistic", {"C": C}), sample, baseline=baseline
    ).stopped


def test_a_candidate_over_its_limit_is_stopped_after_the_first_fold(sample):
    needed = 4 * fit_seconds(BASELINE, sample.fit_rows, sample.levels, 0)
    trial = cross_validate(BASELINE, sample, limit=0.99 * needed)
    assert re.fullmatch(r"it needs about 0 CPU seconds, 0 of .* left for it", trial.stopped)
    assert trial.stopped_for_budget
    assert len(trial.fold_losses) == 1
    assert not cross_validate(BASELINE, sample, limit=1.01 * needed).stopped


def test_a_candidate_without_any_budget_is_not_fitted(sample):
    trial = cross_validate(BASELINE, sample, limit=0.0)
    assert trial.stopped_for_budget
    assert trial.fold_losses == ()
    assert np.isnan(trial.probabilities).all()


def test_a_pruned_candidate_is_not_stopped_for_the_budget(sample, baseline):
    flat = Candidate("flat", "logistic", {"C": 1e-6})
    assert not cross_validate(flat, sample, baseline=baseline).stopped_for_budget


@pytest.mark.slow
def test_trees_cost_more_to_score_than_a_line(sample):
    forest = cross_validate(Candidate("forest", "random_forest", {"n_estimators": 300}), sample)
    assert forest.microseconds > 3 * cross_validate(BASELINE, sample).microseconds > 0


def test_tasks_and_threads_together_do_not_exceed_the_cores(monkeypatch):
    for cores in (1, 2, 5, 12, 64):
        monkeypatch.setattr("churn.modeling.threads.cpu_count", lambda cores=cores: cores)
        for tasks in (1, 2, 12, 100):
            assert min(tasks, cores) * threads_per_task(tasks) <= cores
    monkeypatch.setenv("METAFLOW_RUNTIME_ENVIRONMENT", "kubernetes")
    assert threads_per_task(100) == 64


def test_openmp_is_bounded_inside_and_free_again_outside():
    import sklearn.ensemble  # noqa: F401 (loads the OpenMP that is bounded)
    from threadpoolctl import threadpool_info

    def threads():
        return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "openmp"}

    before = threads()
    with bounded_threads(1):
        assert threads() == {1}
    assert threads() == before
