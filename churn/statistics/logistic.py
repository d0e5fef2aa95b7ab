"""Penalised logistic regression on few terms, by Newton's method."""

import numpy as np

from churn.statistics.log_odds import sigmoid

# Newton's method stops when the expected gain of the next step is lower, in nats over all rows.
TOLERANCE = 1e-6


def fit_logistic(
    terms: np.ndarray,
    target: np.ndarray,
    penalties: np.ndarray | float = 0.0,
    offset: np.ndarray | float = 0.0,
    tolerance: float = TOLERANCE,
    row_weights: np.ndarray | None = None,
) -> np.ndarray:
    """The coefficients of a logistic regression with a ridge penalty; the intercept is the last.

    They are those of scikit-learn's LogisticRegression, without its checks: the search of stacks
    fits hundreds on few terms. Where neither a penalty nor the data bound a coefficient, as with
    separated classes, there is no solution.

    Parameters
    ----------
    terms : ndarray of float64, shape (n, n_terms)
    target : ndarray of int, shape (n,)
        0 or 1.
    penalties : ndarray of float64, shape (n_terms,), or float
        Half of the penalty times the squared coefficient is added to the loss, the sum over rows.
        The intercept has none.
    offset : ndarray of float64, shape (n,), or float
        Log odds that are added to the linear predictor, without a coefficient.
    tolerance : float
        Nats.
    row_weights : ndarray of float64, shape (n,), optional
        How often each row counts; once by default.

    Returns
    -------
    ndarray of float64, shape (n_terms + 1,)
    """
    design = np.column_stack([terms, np.ones(len(terms))])
    ridge = np.append(np.broadcast_to(penalties, terms.shape[1]), 0.0)
    sign = 1 - 2 * target
    times = np.ones(len(terms)) if row_weights is None else row_weights

    def loss(weights: np.ndarray) -> float:
        odds = offset + design @ weights
        return float((times * np.logaddexp(0, sign * odds)).sum() + ridge @ weights**2 / 2)

    weights = np.zeros(design.shape[1])
    lowest = loss(weights)
    while True:
        chance = sigmoid(offset + design @ weights)
        gradient = design.T @ (times * (target - chance)) - ridge * weights
        hessian = (design.T * (times * (chance * (1 - chance)))) @ design + np.diag(ridge)
        step = np.linalg.solve(hessian, gradient)
        if gradient @ step < tolerance:
            return weights
        while (found := loss(weights + step)) > lowest:
            step /= 2
        if found == lowest:  # the remaining gain is lost in rounding
            return weights
        weights, lowest = weights + step, found


def fisher_errors(
    terms: np.ndarray,
    weights: np.ndarray,
    target: np.ndarray | None = None,
    row_weights: np.ndarray | None = None,
) -> np.ndarray:
    """Standard errors of an unpenalised regression's coefficients; the intercept's is the last.

    They are the roots of the diagonal of the inverse Fisher information. With weights of the rows
    they are those of the sandwich (Huber 1967), since a row of weight 10 is not ten customers.

    Parameters
    ----------
    terms : ndarray of float64, shape (n, n_terms)
    weights : ndarray of float64, shape (n_terms + 1,)
        See `fit_logistic`.
    target, row_weights : ndarrays, shape (n,), optional
        Both, or none.
    """
    design = np.column_stack([terms, np.ones(len(terms))])
    chance = sigmoid(design @ weights)
    information = (design.T * (chance * (1 - chance))) @ design
    if target is None or row_weights is None:
        errors: np.ndarray = np.sqrt(np.diag(np.linalg.inv(information)))
        return errors
    bread = np.linalg.inv((design.T * (row_weights * chance * (1 - chance))) @ design)
    scores = design * (row_weights * (target - chance))[:, None]
    robust: np.ndarray = np.sqrt(np.diag(bread @ (scores.T @ scores) @ bread))
    return robust
