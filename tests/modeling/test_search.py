"""The search reports the result of every candidate, and always has a model to choose."""

from dataclasses import replace

import numpy as np
import pytest

from churn.modeling.budget import expected_iterations, fit_seconds, operations, plan_budget
from churn.modeling.cross_validation import Trial
from churn.modeling.sample import SearchSample
from churn.modeling.search import collect, try_candidate
from churn.modeling.search_space import (
    BASELINE,
    DEFAULT_CANDIDATES,
    MAX_EMBEDDED_LEVELS,
    Candidate,
)

CANDIDATES = (Candidate("a", "logistic"), Candidate("b", "logistic"), Candidate("c", "logistic"))


def sample_of(n=200, columns=3):
    rng = np.random.default_rng(0)
    return SearchSample(
        matrix=rng.normal(size=(n, columns)),
        levels=np.zeros(columns, dtype=int),
        labels=np.arange(n) % 2,
        fold=(np.arange(n) // 2 % 4).astype(np.int8),
        rows=np.arange(n),
    )


def trial_of(candidate, stopped="", **more):
    return Trial(candidate, np.full(4, 0.5), (0.6, 0.7), 1.0, 2.0, stopped, **more)


BASE = trial_of(BASELINE)


class TestCollected:
    def test_whatever_ended_is_to_choose_from(self):
        trials = [trial_of(candidate) for candidate in CANDIDATES]
        found = collect(CANDIDATES, [(trial, "") for trial in trials], BASE)
        assert list(found.trials) == trials
        assert found.notes() == []
        assert not found.fallback

    def test_each_kind_of_end_is_told_with_its_names(self):
        late = trial_of(CANDIDATES[1], "it needs more", stopped_for_budget=True)
        more = (*CANDIDATES, Candidate("d", "logistic"))
        results = [(trial_of(CANDIDATES[0]), ""), (late, ""), (None, "ValueError: no"), None]
        found = collect(more, results, BASE)
        assert [trial.candidate.name for trial in found.trials] == ["a"]
        assert (found.over_budget, found.failures, found.lost) == (
            ("b",), {"c": "ValueError: no"}, ("d",),
        )  # fmt: skip
        text = "\n".join(found.notes())
        assert "budget is too small for 1 candidate, not in the choice: b" in text
        assert "1 candidate failed: c: ValueError: no" in text
        assert "1 candidate died twice" in text
        assert "does not promote" in text

    def test_a_candidate_pruned_for_its_loss_is_no_news(self):
        pruned = trial_of(CANDIDATES[1], "clearly behind")
        found = collect(CANDIDATES[:2], [(trial_of(CANDIDATES[0]), ""), (pruned, "")], BASE)
        assert found.notes() == []
        assert list(found.stopped) == [pruned]

    @pytest.mark.parametrize(
        "last", [(None, "ValueError: no"), (trial_of(CANDIDATES[0], "clearly behind"), ""), None]
    )
    def test_where_no_candidate_is_left_the_baseline_is_the_model(self, last):
        found = collect(CANDIDATES[:1], [last], BASE)
        assert list(found.trials) == [BASE]
        assert found.fallback
        assert "the model is plain logistic regression, the baseline" in found.notes()[0]


class TestTried:
    def test_an_error_of_the_candidate_is_its_result(self):
        lines = []
        broken = Candidate("broken", "logistic", {"C": -1.0})
        trial, error = try_candidate(
            broken, sample_of(), 0, 1, lines.append, None, {"broken": np.inf}
        )
        assert trial is None
        assert error.startswith("InvalidParameterError: The 'C' parameter")
        assert "Traceback" in lines[0]

    def test_want_of_memory_is_an_error_of_the_task(self, monkeypatch):
        def no_memory(*arguments):
            raise MemoryError

        monkeypatch.setattr("churn.modeling.search.cross_validate_repeatedly", no_memory)
        with pytest.raises(MemoryError):
            try_candidate(CANDIDATES[0], sample_of(), 0, 1, print, None, {"a": np.inf})


class TestBudget:
    def test_an_only_candidate_has_no_limit(self):
        assert plan_budget(CANDIDATES[:1], sample_of(), 1e-9) == {"a": np.inf}

    def test_the_first_are_granted_first(self):
        sample = sample_of()
        one = sample.n_folds * fit_seconds(CANDIDATES[0], sample.fit_rows, sample.levels, 0)
        limits = plan_budget(CANDIDATES, sample, 2.5 * one)
        assert limits["a"] == limits["b"] > one
        assert limits["c"] == 0

    def test_a_cheap_candidate_behind_one_too_dear_is_granted(self):
        sample = sample_of(20_000, 50)
        dear = Candidate("dear", "boosting", {"max_leaf_nodes": 63, "learning_rate": 0.01})
        cheap = Candidate("cheap", "logistic")
        limits = plan_budget([dear, cheap], sample, 5.0)
        assert limits["dear"] == 0 < limits["cheap"]

    def test_what_is_left_over_is_shared_in_proportion(self):
        sample = sample_of()
        some, twice = plan_budget(CANDIDATES, sample, 100), plan_budget(CANDIDATES, sample, 200)
        assert sum(some.values()) == pytest.approx(100)
        assert all(twice[name] == pytest.approx(2 * some[name]) for name in some)

    def test_the_plan_depends_on_sizes_alone(self):
        sample = sample_of()
        shuffled = replace(sample, matrix=sample.matrix[::-1], labels=sample.labels[::-1])
        plans = [plan_budget(DEFAULT_CANDIDATES, s, 30) for s in (sample, shuffled)]
        assert plans[0] == plans[1]

    def test_a_flag_is_one_input_of_a_net_and_an_embedded_level_too(self):
        net = Candidate("net", "tabular_net", {"n_knots": 12, "hidden": [16], "nets": 1})

        def inputs(levels, n_flags=0):
            return operations(net, 1, np.array(levels), 1, n_flags)["term"]

        assert inputs([0, 0]) == 2 * 13
        assert inputs([0, 0], n_flags=1) == 13 + 1
        assert inputs([0, MAX_EMBEDDED_LEVELS]) == 13 + MAX_EMBEDDED_LEVELS
        assert inputs([0, MAX_EMBEDDED_LEVELS + 1]) == 13 + 13

    def test_flags_of_a_sample_are_counted_without_its_gaps(self):
        matrix = np.array([[0, 1, np.nan, 5], [1, 2, 3, 5], [np.nan, 3, 4, 5]] * 20, dtype=float)
        sample = replace(sample_of(60, 4), matrix=matrix, levels=np.zeros(4, dtype=int))
        assert sample.n_flags == 3

    @pytest.mark.parametrize("candidate", DEFAULT_CANDIDATES, ids=lambda c: c.name)
    def test_more_rows_columns_and_levels_take_longer(self, candidate):
        def reckoned(n, levels):
            return fit_seconds(candidate, n, np.array(levels), expected_iterations(candidate))

        least = reckoned(1000, [0, 3])
        assert 0 < least < reckoned(4000, [0, 3])
        assert least < reckoned(1000, [0, 3, 0, 3, 0])
