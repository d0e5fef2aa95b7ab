"""Newton's method gives the coefficients of scikit-learn's LogisticRegression."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from churn.statistics.log_odds import sigmoid
from churn.statistics.logistic import fisher_errors, fit_logistic


def draw(seed, n=800, n_terms=3):
    rng = np.random.default_rng(seed)
    terms = rng.normal(size=(n, n_terms))
    target = (rng.random(n) < sigmoid(terms @ rng.normal(size=n_terms) - 0.5)).astype(int)
    return terms, target


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([0.01, 1.0, 30.0]))
def test_the_coefficients_are_those_of_scikit_learn(seed, penalty):
    terms, target = draw(seed)
    *weights, intercept = fit_logistic(terms, target, penalty, tolerance=1e-12)
    known = LogisticRegression(C=1 / penalty, solver="newton-cholesky", tol=1e-10)
    known.fit(terms, target)
    assert weights == pytest.approx(known.coef_[0], abs=1e-6)
    assert intercept == pytest.approx(known.intercept_[0], abs=1e-6)


@pytest.mark.parametrize("tolerance", [1e-6, 1e-12, 0.0])
def test_it_ends_however_little_is_left_to_gain(tolerance):
    terms, target = draw(1, n=20_000)
    assert np.isfinite(fit_logistic(terms * 1e3, target, tolerance=tolerance)).all()


def test_known_log_odds_leave_nothing_to_learn():
    terms, target = draw(2)
    weights = fit_logistic(terms, target, tolerance=1e-12)
    known = terms @ weights[:-1] + weights[-1]
    assert fit_logistic(terms, target, offset=known, tolerance=1e-12) == pytest.approx(
        np.zeros(4), abs=1e-6
    )


def test_standard_errors_are_the_spread_of_the_coefficients():
    rng, truth = np.random.default_rng(0), np.array([0.8, -0.3])
    terms = rng.normal(size=(500, 1))
    odds = terms[:, 0] * truth[0] + truth[1]
    fits = np.array([fit_logistic(terms, rng.random(500) < sigmoid(odds)) for _ in range(300)])
    assert fisher_errors(terms, truth) == pytest.approx(fits.std(axis=0), rel=0.15)
