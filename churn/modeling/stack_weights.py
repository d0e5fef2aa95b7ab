"""The weights of stacks: regularised regressions on log odds, and predictions by them."""

from collections.abc import Callable, Iterator

import numpy as np

from churn.statistics.log_odds import row_losses, sigmoid
from churn.statistics.logistic import fit_logistic
from churn.statistics.weighting import take, weighted_mean

# The inverse penalty of a weight's difference to the mean of all weights, and the scale of the
# term of that mean, which makes its own penalty smaller by the square.
WEIGHT_C, MEAN_SCALE = 0.02, 10.0
# The inverse penalties of the weights of a second level's models, and of the difference of the sum
# of all its weights to 1.
SECOND_LEVEL_C, FIRST_LEVEL_C = 0.02, 1e3

# Of log odds, target and the rows' weights.
Fit = Callable[[np.ndarray, np.ndarray, np.ndarray | None], tuple[np.ndarray, float]]


def fit_stack_weights(
    logits: np.ndarray, target: np.ndarray, row_weights: np.ndarray | None = None
) -> tuple[np.ndarray, float]:
    """Fit the regression of a stack, its weights shrunk towards their mean.

    Members are highly correlated, so how the weight is split among them is mostly noise. The
    penalty is on the differences of the weights to their mean; their sum is nearly free.

    Parameters
    ----------
    logits : ndarray of float64, shape (n, n_members)
        Of the members' out-of-fold predictions.
    target : ndarray of int, shape (n,)
    row_weights : ndarray of float64, shape (n,), optional
        How many customers each row stands for.

    Returns
    -------
    weights : ndarray of float64, shape (n_members,)
    intercept : float
    """
    mean = logits.mean(axis=1, keepdims=True)
    terms = np.column_stack([MEAN_SCALE * mean, logits - mean])
    common, *rest, intercept = fit_logistic(terms, target, 1 / WEIGHT_C, row_weights=row_weights)
    differences = np.array(rest)
    weights = MEAN_SCALE * common / len(differences) + differences - differences.mean()
    return weights, float(intercept)


def fit_second_level_weights(
    logits: np.ndarray, target: np.ndarray, row_weights: np.ndarray | None = None
) -> tuple[np.ndarray, float]:
    """Fit the regression of a second level, regularised towards the first level alone.

    Parameters
    ----------
    logits : ndarray of float64, shape (n, 1 + n_models)
        Out-of-fold log odds of the first level, and of each model of the second.
    target : ndarray of int, shape (n,)
    row_weights : ndarray of float64, shape (n,), optional

    Returns
    -------
    weights : ndarray of float64, shape (1 + n_models,)
    intercept : float
    """
    first = logits[:, 0]
    terms = np.column_stack([first, logits[:, 1:] - first[:, None]])
    penalties = np.append(1 / FIRST_LEVEL_C, np.full(terms.shape[1] - 1, 1 / SECOND_LEVEL_C))
    stretch, *weights, intercept = fit_logistic(
        terms, target, penalties, offset=first, row_weights=row_weights
    )
    return np.array([1 + stretch - sum(weights), *weights]), float(intercept)


def predict_out_of_fold(
    logits: np.ndarray,
    target: np.ndarray,
    fold: np.ndarray,
    fit: Fit = fit_stack_weights,
    row_weights: np.ndarray | None = None,
) -> np.ndarray:
    """The probabilities of each fold by weights fitted to the others: (n,) float64."""
    chance = np.empty(len(target))
    for test in _folds(fold):
        weights = take(row_weights, ~test)
        chance[test] = _predict(logits[~test], target[~test], logits[test], weights, fit)
    return chance


def forward_order(
    logits: np.ndarray, target: np.ndarray, most: int, row_weights: np.ndarray | None = None
) -> list[int]:
    """The first `most` members by greedy forward selection.

    The first has the lowest loss by itself; each next one minimises the loss of the regression on
    the members before it and itself.
    """
    order: list[int] = []
    left = list(range(logits.shape[1]))
    while left and len(order) < most:
        losses = [_loss(logits[:, np.array([*order, more])], target, row_weights) for more in left]
        order.append(left.pop(int(np.argmin(losses))))
    return order


def predict_forward(
    logits: np.ndarray,
    target: np.ndarray,
    fold: np.ndarray,
    most: int,
    row_weights: np.ndarray | None = None,
) -> np.ndarray:
    """Out-of-fold probabilities of the stacks of 1, 2, … `most` members: (n, most) float64.

    The forward order is selected anew on the other folds. An order selected on all rows would bias
    the loss of a stack of few members downwards, compared with a stack of all.
    """
    chance = np.empty((len(target), most))
    for test in _folds(fold):
        weights = take(row_weights, ~test)
        order = forward_order(logits[~test], target[~test], most, weights)
        for size in range(1, most + 1):
            some = logits[:, order[:size]]
            chance[test, size - 1] = _predict(some[~test], target[~test], some[test], weights)
    return chance


def _folds(fold: np.ndarray) -> Iterator[np.ndarray]:
    return (fold == number for number in range(fold.max() + 1))


def _predict(
    logits: np.ndarray,
    target: np.ndarray,
    new_logits: np.ndarray,
    row_weights: np.ndarray | None,
    fit: Fit = fit_stack_weights,
) -> np.ndarray:
    weights, intercept = fit(logits, target, row_weights)
    return sigmoid(new_logits @ weights + intercept)


def _loss(logits: np.ndarray, target: np.ndarray, row_weights: np.ndarray | None) -> float:
    chance = _predict(logits, target, logits, row_weights)
    return weighted_mean(row_losses(target, chance), row_weights)
