"""Stacks: several models, and a logistic regression on what they say."""

from collections.abc import Mapping, Sequence

import numpy as np

from churn.probability import logit, row_losses

# Inverse penalty of the regression; the logits are few and of one scale, so it matters little.
C = 0.1


class Stack:
    """A logistic regression on the logits of its members (Wolpert 1992, stacked generalization).

    The weights are learned from predictions out of fold, before the members are fitted on all
    rows, so fitting the stack fits the members only.

    Parameters
    ----------
    members : list of classifiers
    weights : ndarray of float64, shape (n_members,)
    intercept : float
    """

    def __init__(self, members: list, weights: Sequence[float], intercept: float):
        self.members = members
        self.weights = np.asarray(weights, dtype=np.float64)
        self.intercept = float(intercept)

    def fit(self, matrix: np.ndarray, target: np.ndarray) -> "Stack":
        """Fit each member."""
        for member in self.members:
            member.fit(matrix, target)
        return self

    def predict_proba(self, matrix: np.ndarray) -> np.ndarray:
        """The probabilities of staying and of leaving: (n, 2) float64."""
        logits = np.column_stack([logit(m.predict_proba(matrix)[:, 1]) for m in self.members])
        chance = 1 / (1 + np.exp(-(logits @ self.weights + self.intercept)))
        return np.column_stack([1 - chance, chance])


def learn_weights(logits: np.ndarray, target: np.ndarray):
    """Fit the regression of a stack.

    Parameters
    ----------
    logits : ndarray of float64, shape (n, n_members)
        Of the members' predictions out of fold.
    target : ndarray of int, shape (n,)

    Returns
    -------
    LogisticRegression
    """
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=C, solver="newton-cholesky").fit(logits, target)


def predict_out_of_fold(logits: np.ndarray, target: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """What the stack says of each fold with weights learned on the others: (n,) float64."""
    chance = np.empty(len(target))
    for test in (fold == number for number in range(fold.max() + 1)):
        regression = learn_weights(logits[~test], target[~test])
        chance[test] = regression.predict_proba(logits[test])[:, 1]
    return chance


def forward_order(logits: Mapping[str, np.ndarray], target: np.ndarray) -> list[str]:
    """The members in the order in which they help, by greedy forward selection.

    The first is the one that fits best, each next one that whose addition fits best (log loss of
    the regression on those before and it).
    """
    order, left = [], list(logits)
    while left:
        losses = [_loss([logits[name] for name in (*order, more)], target) for more in left]
        order.append(left.pop(int(np.argmin(losses))))
    return order


def _loss(columns: list[np.ndarray], target: np.ndarray) -> float:
    matrix = np.column_stack(columns)
    chance = learn_weights(matrix, target).predict_proba(matrix)[:, 1]
    return float(row_losses(target, chance).mean())
