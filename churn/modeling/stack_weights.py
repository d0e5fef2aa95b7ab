"""The weights of stacks: regularised regressions on log odds, and predictions by them."""

from collections.abc import Callable, Iterator

import numpy as np

from churn.statistics.log_odds import row_losses, sigmoid
from churn.statistics.logistic import fit_logistic

# The inverse penalty of a weight's difference to the mean of all weights, and the scale of the
# term of that mean, which makes its own penalty smaller by the square.
WEIGHT_C, MEAN_SCALE = 0.02, 10.0
# The inverse penalties of the weights of a second level's models, and of the difference of the sum
# of all its weights to 1.
SECOND_LEVEL_C, FIRST_LEVEL_C = 0.02, 1e3

Fit = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, float]]


def fit_stack_weights(logits: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, float]:
    """Fit the regression of a stack, its weights shrunk towards their mean.

    Members are highly correlated, so how the weight is split among them is mostly noise. The
    penalty is on the differences of the weights to their mean; their sum is nearly free.

    Parameters
    ----------
    logits : ndarray of float64, shape (n, n_members)
        Of the members' out-of-fold predictions.
    target : ndarray of int, shape (n,)

    Returns
    -------
    weights : ndarray of float64, shape (n_members,)
    intercept : float
    """
    mean = logits.mean(axis=1, keepdims=True)
    terms = np.column_stack([MEAN_SCALE * mean, logits - mean])
    common, *rest, intercept = fit_logistic(terms, target, 1 / WEIGHT_C)
    differences = np.array(rest)
    weights = MEAN_SCALE * common / len(differences) + differences - differences.mean()
    return weights, float(intercept)


def fit_second_level_weights(logits: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, float]:
    """Fit the regression of a second level, regularised towards the first level alone.

    Parameters
    ----------
    logits : ndarray of float64, shape (n, 1 + n_models)
        Out-of-fold log odds of the first level, and of each model of the second.
    target : ndarray of int, shape (n,)

    Returns
    -------
    weights : ndarray of float64, shape (1 + n_models,)
    intercept : float
    """
    first = logits[:, 0]
    terms = np.column_stack([first, logits[:, 1:] - first[:, None]])
    penalties = np.append(1 / FIRST_LEVEL_C, np.full(terms.shape[1] - 1, 1 / SECOND_LEVEL_C))
    stretch, *weights, intercept = fit_logistic(terms, target, penalties, offset=first)
    return np.array([1 + stretch - sum(weights), *weights]), float(intercept)


def predict_out_of_fold(
    logits: np.ndarray, target: np.ndarray, fold: np.ndarray, fit: Fit = fit_stack_weights
) -> np.ndarray:
    """The probabilities of each fold by weights fitted to the others: (n,) float64."""
    chance = np.empty(len(target))
    for test in _folds(fold):
        chance[test] = _predict(logits[~test], target[~test], logits[test], fit)
    return chance


def forward_order(logits: np.ndarray, target: np.ndarray, most: int) -> list[int]:
    """The first `most` members by greedy forward selection.

    The first has the lowest loss by itself; each next one minimises the loss of the regression on
    the members before it and itself.
    """
    order: list[int] = []
    left = list(range(logits.shape[1]))
    while left and len(order) < most:
        losses = [_loss(logits[:, np.array([*order, more])], target) for more in left]
        order.append(left.pop(int(np.argmin(losses))))
    return order


def predict_forward(
    logits: np.ndarray, target: np.ndarray, fold: np.ndarray, most: int
) -> np.ndarray:
    """Out-of-fold probabilities of the stacks of 1, 2, … `most` members: (n, most) float64.

    The forward order is selected anew on the other folds. An order selected on all rows would bias
    the loss of a stack of few members downwards, compared with a stack of all.
    """
    chance = np.empty((len(target), most))
    for test in _folds(fold):
        order = forward_order(logits[~test], target[~test], most)
        for size in range(1, most + 1):
            some = logits[:, order[:size]]
            chance[test, size - 1] = _predict(some[~test], target[~test], some[test])
    return chance


def _folds(fold: np.ndarray) -> Iterator[np.ndarray]:
    return (fold == number for number in range(fold.max() + 1))


def _predict(
    logits: np.ndarray, target: np.ndarray, new_logits: np.ndarray, fit: Fit = fit_stack_weights
) -> np.ndarray:
    weights, intercept = fit(logits, target)
    return sigmoid(new_logits @ weights + intercept)


def _loss(logits: np.ndarray, target: np.ndarray) -> float:
    return float(row_losses(target, _predict(logits, target, logits)).mean())
