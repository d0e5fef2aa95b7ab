"""Stacks: several models, and a logistic regression on what they say."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from churn.statistics.log_odds import logit, row_losses, sigmoid
from churn.statistics.logistic import fit_logistic

# Inverse penalty of what a weight differs from the mean of all, and by how much less their sum is
# held back.
C, FREE = 0.02, 10.0
# Inverse penalties of what a second level changes of the first one's log odds, and of how far it
# stretches them.
C_ABOVE, C_STRETCH = 0.02, 1e3


@dataclass(frozen=True)
class SecondLevel:
    """The second level of a stack: models that see the columns and what the first level says.

    Where one member is right for some customers and another for others, a regression on what they
    say cannot tell; a model that sees the customer as well can.

    Attributes
    ----------
    models : tuple of classifiers
    weights : sequence of float, length 1 + number of models
        Of a regression on the log odds of the first level and of the models.
    intercept : float
    seen : ndarray of float64, shape (n, n_members + 1 + n_columns)
        What the models are fitted to: `see`, with what the first level said out of fold.
    target : ndarray of int, shape (n,)
    """

    models: tuple
    weights: Sequence[float]
    intercept: float
    seen: np.ndarray | None
    target: np.ndarray | None

    def fit(self) -> "SecondLevel":
        """The same with its models fitted, and without what they were fitted to."""
        if self.seen is None:
            return self
        from sklearn.base import clone

        fitted = tuple(clone(model).fit(self.seen, self.target) for model in self.models)
        return replace(self, models=fitted, seen=None, target=None)

    def log_odds(self, logits: np.ndarray, first: np.ndarray, matrix: np.ndarray) -> np.ndarray:
        """What the second level says: (n,) float64; for the parameters see `see`."""
        seen = see(logits, first, matrix)
        said = [first, *(logit(model.predict_proba(seen)[:, 1]) for model in self.models)]
        return np.column_stack(said) @ np.asarray(self.weights) + self.intercept


def see(logits: np.ndarray, first: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """What a second level is shown.

    Parameters
    ----------
    logits : ndarray of float64, shape (n, n_members)
    first : ndarray of float64, shape (n,)
        The log odds of the first level.
    matrix : ndarray of float64, shape (n, n_columns)

    Returns
    -------
    ndarray of float64, shape (n, n_members + 1 + n_columns)
    """
    return np.column_stack([logits, first, matrix])


class Stack:
    """A logistic regression on the logits of its members (Wolpert 1992, stacked generalization).

    The weights are learned from predictions out of fold, before the members are fitted on all
    rows, so fitting the stack fits the members only.

    Parameters
    ----------
    members : list of classifiers
    weights : ndarray of float64, shape (n_members,)
    intercept : float
    above : SecondLevel, optional
        A second level.
    relearn : bool
        Learn the weights anew when the stack is fitted, from each half of the rows predicted by
        members fitted on the other. Weights that were learned on far fewer rows are not those of
        members that have seen far more.
    """

    def __init__(
        self,
        members: list,
        weights: Sequence[float],
        intercept: float,
        above: SecondLevel | None = None,
        relearn: bool = False,
    ):
        self.members = members
        self.weights = np.asarray(weights, dtype=np.float64)
        self.intercept = float(intercept)
        self.above = above
        self.relearn = relearn

    def fit(self, matrix: np.ndarray, target: np.ndarray) -> "Stack":
        """Fit each member, and what is above them."""
        if self.relearn:
            self._learn_weights(matrix, target)
        if self.above:
            self.above = self.above.fit()
        for member in self.members:
            member.fit(matrix, target)
        return self

    def predict_proba(self, matrix: np.ndarray) -> np.ndarray:
        """The probabilities of staying and of leaving: (n, 2) float64."""
        logits = np.column_stack([logit(m.predict_proba(matrix)[:, 1]) for m in self.members])
        odds = logits @ self.weights + self.intercept
        if self.above:
            odds = self.above.log_odds(logits, odds, matrix)
        chance = sigmoid(odds)
        return np.column_stack([1 - chance, chance])

    def _learn_weights(self, matrix: np.ndarray, target: np.ndarray) -> None:
        from sklearn.base import clone
        from sklearn.model_selection import StratifiedKFold

        logits = np.empty((len(target), len(self.members)))
        halves = StratifiedKFold(2, shuffle=True, random_state=0)
        for train, test in halves.split(matrix, target):
            for column, member in enumerate(self.members):
                fitted = clone(member).fit(matrix[train], target[train])
                logits[test, column] = logit(fitted.predict_proba(matrix[test])[:, 1])
        self.weights, self.intercept = learn_weights(logits, target)


def learn_weights(logits: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, float]:
    """Fit the regression of a stack, its weights drawn towards equal ones.

    Members say nearly the same, so that which of them gets the weight is mostly chance. The
    penalty is on how far a weight is from their mean; how much all of them weigh together is free.

    Parameters
    ----------
    logits : ndarray of float64, shape (n, n_members)
        Of the members' predictions out of fold.
    target : ndarray of int, shape (n,)

    Returns
    -------
    weights : ndarray of float64, shape (n_members,)
    intercept : float
    """
    mean = logits.mean(axis=1, keepdims=True)
    terms = np.column_stack([FREE * mean, logits - mean])
    together, *apart, intercept = fit_logistic(terms, target, 1 / C)
    apart = np.array(apart)
    return FREE * together / len(apart) + apart - apart.mean(), float(intercept)


def learn_weights_above(said: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, float]:
    """Fit the regression of a second level, drawn towards leaving the first one as it is.

    Parameters
    ----------
    said : ndarray of float64, shape (n, 1 + n_models)
        Log odds of the first level, and of each model above it, out of fold.
    target : ndarray of int, shape (n,)

    Returns
    -------
    weights : ndarray of float64, shape (1 + n_models,)
    intercept : float
    """
    terms = np.column_stack([said[:, 0], said[:, 1:] - said[:, :1]])
    penalties = np.append(1 / C_STRETCH, np.full(terms.shape[1] - 1, 1 / C_ABOVE))
    stretch, *changes, intercept = fit_logistic(terms, target, penalties, offset=said[:, 0])
    return np.array([1 + stretch - sum(changes), *changes]), float(intercept)


def predict_out_of_fold(
    logits: np.ndarray, target: np.ndarray, fold: np.ndarray, learn: Callable = learn_weights
) -> np.ndarray:
    """What a stack says of each fold with weights learned on the others: (n,) float64."""
    chance = np.empty(len(target))
    for test in _each(fold):
        chance[test] = _predict(logits[~test], target[~test], logits[test], learn)
    return chance


def forward_order(logits: np.ndarray, target: np.ndarray, most: int) -> list[int]:
    """The first `most` members in the order in which they help, by greedy forward selection.

    The first is the one that fits best, each next one that whose addition fits best (log loss of
    the regression on those before and it).
    """
    order, left = [], list(range(logits.shape[1]))
    while left and len(order) < most:
        losses = [_loss(logits[:, [*order, more]], target) for more in left]
        order.append(left.pop(int(np.argmin(losses))))
    return order


def predict_forward(
    logits: np.ndarray, target: np.ndarray, fold: np.ndarray, most: int
) -> np.ndarray:
    """What stacks of the first one, two, … `most` in forward order say: (n, most) float64.

    For each fold the order is found on the others too. The members that look best on all rows are
    so by chance as well, and would flatter a stack of few beside one of all.
    """
    chance = np.empty((len(target), most))
    for test in _each(fold):
        order = forward_order(logits[~test], target[~test], most)
        for size in range(1, most + 1):
            some = logits[:, order[:size]]
            chance[test, size - 1] = _predict(some[~test], target[~test], some[test])
    return chance


def _each(fold: np.ndarray):
    return (fold == number for number in range(fold.max() + 1))


def _predict(
    logits: np.ndarray, target: np.ndarray, asked: np.ndarray, learn: Callable = learn_weights
) -> np.ndarray:
    weights, intercept = learn(logits, target)
    return sigmoid(asked @ weights + intercept)


def _loss(logits: np.ndarray, target: np.ndarray) -> float:
    return float(row_losses(target, _predict(logits, target, logits)).mean())
