"""LightGBM and CatBoost as candidates, where they are installed."""

import numpy as np
import pytest

from churn.errors import ChurnError
from churn.modeling.cross_validation import cross_validate
from churn.modeling.families import build
from churn.modeling.own_families import BOOSTERS
from churn.modeling.sample import SearchSample
from churn.modeling.scoring_cost import NOT_COMPILED_MICROSECONDS
from churn.modeling.search_file import settle_candidates
from churn.modeling.search_space import Candidate
from churn.statistics.log_odds import row_losses


@pytest.fixture(params=BOOSTERS)
def family(request):
    module = request.param.partition(":")[0]
    pytest.importorskip(module, reason=f"{module} is not installed: pip install -e '.[boosters]'")
    return request.param


@pytest.fixture(scope="module")
def sample():
    rng = np.random.default_rng(0)
    matrix = np.column_stack([rng.normal(size=600), rng.integers(0, 4, 600)]).astype(float)
    odds = matrix[:, 0] + np.array([1.5, -1.5, 1.5, -1.5])[matrix[:, 1].astype(int)]
    matrix[rng.random((600, 2)) < 0.05] = np.nan
    labels = (rng.random(600) < 1 / (1 + np.exp(-odds))).astype(np.int8)
    fold = (np.arange(600) % 3).astype(np.int8)
    return SearchSample(matrix, np.array([0, 4]), labels, fold, np.arange(600))


def test_the_number_of_trees_is_learned_out_of_fold(family, sample):
    candidate = Candidate("booster", family, {"learning_rate": 0.2, "max_iter": 80})
    trial = cross_validate(candidate, sample)
    best = trial.candidate.params["max_iter"]
    assert 1 < best < 80
    assert row_losses(sample.labels, trial.probabilities).mean() < 0.57
    assert trial.microseconds == NOT_COMPILED_MICROSECONDS
    test = sample.fold == 0  # the fold's predictions are those of so many trees
    alone = build(trial.candidate, sample.levels, 0).fit(sample.matrix[~test], sample.labels[~test])
    found = alone.predict_proba(sample.matrix[test])[:, 1]
    assert found == pytest.approx(trial.probabilities[test], abs=1e-6)


def test_a_category_is_no_number(family, sample):
    # The levels alternate: one split by their numbers cannot tell them apart.
    params = {"learning_rate": 0.5, "max_iter": 4, "max_depth": 1}
    model = build(Candidate("booster", family, params), sample.levels, 0)
    model.fit(sample.matrix, sample.labels)
    levels = np.column_stack([np.zeros(4), np.arange(4)])
    chance = model.predict_proba(levels)[:, 1]
    assert min(chance[[0, 2]]) > max(chance[[1, 3]])


def test_what_the_search_sets_is_refused_in_a_file(family):
    name = "n_estimators"
    with pytest.raises(ChurnError, match="cannot be used") as caught:
        settle_candidates([{"family": family, "params": {name: 10, "learning_rate": -1}}])
    text = " ".join(caught.value.problems)
    assert f"{name} is set by the search" in text
    assert "learning_rate must be above 0" in text


def test_one_that_is_not_installed_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "catboost", None)
    with pytest.raises(ChurnError) as caught:
        settle_candidates([{"family": "catboost:CatBoostClassifier"}])
    assert "pip install -e '.[boosters]'" in caught.value.problems[0]
