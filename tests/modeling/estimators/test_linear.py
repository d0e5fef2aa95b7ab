"""Splines and pairs fit true effects, and few others."""

import numpy as np
import pytest

from churn.modeling.estimators.linear import PairedTerms
from churn.modeling.families import build
from churn.modeling.search_space import ITERATIVE_FAMILIES, Candidate
from churn.statistics.log_odds import row_losses


def table(n, seed=0, pair=1.5):
    """Three numbers, a flag, a category of three; the first number matters with the flag only."""
    rng = np.random.default_rng(seed)
    matrix = np.column_stack(
        [rng.normal(size=(n, 3)), rng.integers(0, 2, n), rng.integers(0, 3, n)]
    ).astype(float)
    score = pair * matrix[:, 0] * (2 * matrix[:, 3] - 1) + np.abs(matrix[:, 1]) - 1
    target = (rng.random(n) < 1 / (1 + np.exp(-score))).astype(int)
    return matrix, target


LEVELS = np.array([0, 0, 0, 0, 3])


def loss(family, train, test):
    model = build(Candidate("any", family), LEVELS, seed=0).fit(*train)
    return row_losses(test[1], model.predict_proba(test[0])[:, 1]).mean()


@pytest.mark.heavy
def test_a_pair_that_matters_is_found_and_helps():
    train, test = table(4000), table(4000, seed=1)
    additive, paired = loss("splines", train, test), loss("pairs", train, test)
    assert paired < additive - 0.1
    assert loss("splines", train, test) < loss("logistic", train, test) - 0.01


@pytest.mark.heavy
def test_where_there_is_no_pair_few_are_taken_and_little_is_lost():
    train, test = table(4000, pair=0), table(4000, seed=1, pair=0)
    terms = PairedTerms(LEVELS > 0).fit(*train)
    assert len(terms.pairs_) <= 2
    assert loss("pairs", train, test) < loss("splines", train, test) + 0.005


def test_the_clearest_pair_comes_first_and_no_more_are_taken_than_allowed():
    matrix, target = table(4000)
    found = PairedTerms(LEVELS > 0, most=3).fit(matrix, target)
    assert len(found.pairs_) <= 3
    plain, (first, second) = found.plain_.transform(matrix), found.pairs_[0]
    product = plain[:, first] * plain[:, second]
    assert abs(np.corrcoef(product, matrix[:, 0] * (2 * matrix[:, 3] - 1))[0, 1]) > 0.9


@pytest.mark.slow
def test_more_rows_have_more_knots():
    few, many = (PairedTerms(LEVELS > 0).fit(*table(n)) for n in (2_000, 40_000))
    one = table(1)[0]
    assert many.splines_.transform(one).shape[1] > few.splines_.transform(one).shape[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    "family", ["logistic", "splines", "pairs", "neural_net", "boosting", "oblivious_trees"]
)
def test_a_category_of_many_levels_is_encoded_by_its_answers(family):
    """A level seen in training helps; one never seen is scored as an average customer."""
    rng = np.random.default_rng(0)
    rates = rng.random(50)
    codes = rng.integers(0, 50, 5000)
    matrix = np.column_stack([rng.normal(size=5000), codes]).astype(float)
    target = (rng.random(5000) < rates[codes]).astype(int)
    params = (
        {"max_iter": 100} if family in ITERATIVE_FAMILIES else {}
    )  # as few as a search would find
    model = build(Candidate("any", family, params), np.array([0, 60]), seed=0)
    model.fit(matrix[:4000], target[:4000])
    chance = model.predict_proba(matrix[4000:])[:, 1]
    assert np.corrcoef(chance, rates[codes[4000:]])[0, 1] > 0.85
    strangers = model.predict_proba(np.array([[0.0, 55.0], [0.0, np.nan]]))[:, 1]
    assert np.all(np.abs(strangers - target.mean()) < 0.2)
