"""Trees: scikit-learn's predictions, equal to the last bit with any number of threads."""

import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier

from churn.modeling.families import build
from churn.modeling.search_space import Candidate
from churn.scoring.export.estimators import compile_for_rows

pytestmark = pytest.mark.heavy

LEVELS = np.zeros(3, dtype=int)


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(2000, 3))
    target = (rng.random(2000) < 1 / (1 + np.exp(-2 * matrix[:, 0]))).astype(int)
    matrix[rng.random(2000) < 0.1, 1] = np.nan
    return matrix, target


@pytest.fixture(scope="module", params=["extra_trees", "random_forest"])
def family(request):
    return request.param


def fitted(family, table, threads=1):
    return build(Candidate("forest", family), LEVELS, seed=0, threads=threads).fit(*table)


def test_says_what_scikit_learn_says(family, table):
    theirs = {"extra_trees": ExtraTreesClassifier, "random_forest": RandomForestClassifier}
    expected = theirs[family](100, random_state=0).fit(*table).predict_proba(table[0])
    assert fitted(family, table).predict_proba(table[0]) == pytest.approx(expected, abs=1e-14)


@pytest.mark.slow
def test_threads_do_not_change_a_bit(family, table):
    expected = fitted(family, table).predict_proba(table[0])
    model = fitted(family, table, threads=2)
    assert all(np.array_equal(model.predict_proba(table[0]), expected) for _ in range(20))


@pytest.mark.slow
@pytest.mark.parametrize("wide", [1e39, -1e39, 1.7e308])
def test_a_number_too_wide_for_32_bits_is_beyond_every_cut(family, table, wide):
    model = fitted(family, table)
    asked = np.array([[wide, 0.0, 0.0], [np.sign(wide) * 1e6, 0.0, 0.0]])
    said, expected = model.predict_proba(asked)[:, 1]
    assert said == expected
    assert compile_for_rows(model, LEVELS)(asked[0].tolist()) == pytest.approx(said, abs=1e-15)
    training = table[0].copy()
    training[0, 2] = wide
    assert np.isfinite(fitted(family, (training, table[1])).predict_proba(training)).all()


@pytest.mark.slow
@pytest.mark.parametrize("leaves", [2, 15])
@pytest.mark.parametrize("kind", [0, 3])
def test_boosting_makes_nothing_of_a_column_of_which_nothing_is_known(table, leaves, kind):
    matrix, target = table[0].copy(), table[1]
    matrix[:, 2] = np.nan
    levels = np.array([0, 0, kind])
    boosting = Candidate("boosting", "boosting", {"max_leaf_nodes": leaves, "max_iter": 30})
    model = build(boosting, levels, seed=0).fit(matrix, target)
    other = matrix.copy()
    other[:, 2] = np.arange(len(other)) % 3
    assert np.array_equal(model.predict_proba(other), model.predict_proba(matrix))
    assert model.score(matrix, target) > 0.7
    score = compile_for_rows(model, levels)
    assert score(other[1].tolist()) == pytest.approx(model.predict_proba(other)[1, 1], abs=1e-14)
