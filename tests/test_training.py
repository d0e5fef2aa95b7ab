"""Folds and cross-validation keep what they promise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn.candidates import Candidate
from churn.contract import Contract
from churn.data import TELCO, generate_sample_data, validate_data
from churn.errors import ChurnError
from churn.training import (
    assign_folds,
    bounded_threads,
    cross_validate,
    draw_sample,
    leaderboard,
    rank,
    threads_per_task,
)

CONTRACT = Contract.read(TELCO / "contract.toml")


@pytest.fixture(scope="module")
def sample():
    frame = validate_data(generate_sample_data(3000, seed=2), CONTRACT).frame
    return draw_sample(frame, CONTRACT, n_folds=4, max_rows=2000, seed=0)


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
    again = draw_sample(frame, CONTRACT, n_folds=4, max_rows=2000, seed=0)
    assert len(sample.labels) == 2000 == len(np.unique(sample.rows))
    assert np.array_equal(sample.rows, again.rows)
    assert np.array_equal(sample.fold, again.fold)


def test_out_of_fold_predictions_know_nothing_of_their_own_labels(sample):
    """Changing the labels of one fold cannot change that fold's predictions."""
    candidate = Candidate("trees", "boosting", {"max_iter": 20})
    before = cross_validate(candidate, sample).probabilities
    labels = np.where(sample.fold == 1, 1 - sample.labels, sample.labels)
    flipped = type(sample)(sample.matrix, sample.categorical, labels, sample.fold, sample.rows)
    after = cross_validate(candidate, flipped).probabilities
    assert np.array_equal(before[sample.fold == 1], after[sample.fold == 1])
    assert not np.array_equal(before[sample.fold != 1], after[sample.fold != 1])


def test_each_fold_is_reported(sample):
    lines = []
    trial = cross_validate(Candidate("plain", "logistic"), sample, report=lines.append)
    assert len(lines) == 4 == len(trial.fold_losses)
    assert lines[1].startswith("plain: fold 2 of 4, log loss 0.")


def test_the_leaderboard_is_ranked_and_says_how_far_behind(sample):
    trials = [
        cross_validate(Candidate(name, "logistic", {"C": c}), sample)
        for name, c in (("flat", 1e-6), ("fair", 1.0))
    ]
    rows = leaderboard(trials, sample)
    assert [row["candidate"] for row in rows] == ["fair", "flat"]
    assert rows[0]["behind"] == 0
    assert rows[1]["behind"] == pytest.approx(rows[1]["log_loss"] - rows[0]["log_loss"])
    assert rows[1]["behind"] > 5 * rows[1]["behind_se"] > 0


def test_no_trial_is_an_error(sample):
    with pytest.raises(ChurnError, match="No candidate is left"):
        rank([], sample)


def test_tasks_and_threads_together_do_not_exceed_the_cores(monkeypatch):
    for cores in (1, 2, 5, 12, 64):
        monkeypatch.setattr("churn.training.cpu_count", lambda cores=cores: cores)
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
