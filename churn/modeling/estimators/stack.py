"""A stack as an estimator: members, and a regression on their log odds, in one level or two."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import BaseCrossValidator, PredefinedSplit, StratifiedKFold

from churn.modeling.classifier import Classifier
from churn.modeling.sample import assign_folds
from churn.modeling.stack_weights import fit_stack_weights
from churn.modeling.weighted_fit import fit_weighted
from churn.statistics.log_odds import logit, sigmoid
from churn.statistics.weighting import take


@dataclass(frozen=True)
class SecondLevel:
    """The second level of a stack: models of the columns and of the first level's log odds.

    Where one member is more accurate for some customers and another for others, a regression on
    their log odds gives both the same weights for all; a model that has the columns too does not.

    Attributes
    ----------
    models : tuple of classifiers
    weights : sequence of float, length 1 + n_models
        Of a regression on the log odds of the first level and of the models.
    intercept : float
    features : ndarray of float64, shape (n, n_members + 1 + n_columns), or None
        `second_level_features` with out-of-fold log odds, which the models are fitted to; None
        once they are.
    target : ndarray of int, shape (n,), or None
    row_weights : ndarray of float64, shape (n,), or None
        How many customers each row stands for.
    """

    models: tuple[Classifier, ...]
    weights: Sequence[float]
    intercept: float
    features: np.ndarray | None
    target: np.ndarray | None
    row_weights: np.ndarray | None = None

    def fit(self) -> "SecondLevel":
        """A copy with fitted models, and without the rows that they are fitted to."""
        if self.features is None or self.target is None:
            return self
        fitted = tuple(
            fit_weighted(clone(model), self.features, self.target, self.row_weights)
            for model in self.models
        )
        return replace(self, models=fitted, features=None, target=None, row_weights=None)

    def log_odds(self, logits: np.ndarray, first: np.ndarray, matrix: np.ndarray) -> np.ndarray:
        """The log odds of both levels: (n,) float64; see `second_level_features`."""
        features = second_level_features(logits, first, matrix)
        odds = [first, *(logit(model.predict_proba(features)[:, 1]) for model in self.models)]
        both: np.ndarray = np.column_stack(odds) @ np.asarray(self.weights) + self.intercept
        return both


def second_level_features(logits: np.ndarray, first: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """The features of a second level's models.

    Parameters
    ----------
    logits : ndarray of float64, shape (n, n_members)
        The members' log odds.
    first : ndarray of float64, shape (n,)
        The log odds of the first level.
    matrix : ndarray of float64, shape (n, n_columns)

    Returns
    -------
    ndarray of float64, shape (n, n_members + 1 + n_columns)
    """
    return np.column_stack([logits, first, matrix])


class Stack:
    """A logistic regression on the log odds of its members (Wolpert 1992, stacked generalization).

    The weights are learned from out-of-fold predictions, before the members are fitted to all
    rows, so fitting the stack fits the members only.

    Parameters
    ----------
    members : list of classifiers
    weights : ndarray of float64, shape (n_members,)
    intercept : float
    second_level : SecondLevel, optional
    relearn : bool
        Relearn the weights when the stack is fitted, from each half of the rows predicted by
        members fitted to the other. Weights learned on far fewer rows do not suit members that
        are fitted to far more.
    """

    def __init__(
        self,
        members: list[Classifier],
        weights: Sequence[float],
        intercept: float,
        second_level: SecondLevel | None = None,
        relearn: bool = False,
    ):
        self.members = members
        self.weights = np.asarray(weights, dtype=np.float64)
        self.intercept = float(intercept)
        self.second_level = second_level
        self.relearn = relearn

    def fit(
        self,
        matrix: np.ndarray,
        target: np.ndarray,
        sample_weight: np.ndarray | None = None,
        groups: np.ndarray | None = None,
    ) -> "Stack":
        """Fit the members and the second level's models.

        Rows with the same value of `groups`, shape (n,), are in one half where the weights are
        relearned, as they are in one fold of the search: a member that remembers copies would get
        all of the weight otherwise.
        """
        if self.relearn:
            self._relearn_weights(matrix, target, sample_weight, groups)
        if self.second_level:
            self.second_level = self.second_level.fit()
        for member in self.members:
            fit_weighted(member, matrix, target, sample_weight)
        return self

    def predict_proba(self, matrix: np.ndarray) -> np.ndarray:
        """The probabilities of staying and of leaving: (n, 2) float64."""
        logits = np.column_stack([logit(m.predict_proba(matrix)[:, 1]) for m in self.members])
        odds = logits @ self.weights + self.intercept
        if self.second_level:
            odds = self.second_level.log_odds(logits, odds, matrix)
        chance = sigmoid(odds)
        return np.column_stack([1 - chance, chance])

    def _relearn_weights(
        self,
        matrix: np.ndarray,
        target: np.ndarray,
        row_weights: np.ndarray | None,
        groups: np.ndarray | None,
    ) -> None:
        logits = np.empty((len(target), len(self.members)))
        halves: BaseCrossValidator = StratifiedKFold(2, shuffle=True, random_state=0)
        if groups is not None and len(np.unique(groups)) < len(target):
            halves = PredefinedSplit(assign_folds(target, groups, 2, seed=0))
        for train, test in halves.split(matrix, target):
            for column, member in enumerate(self.members):
                fitted = fit_weighted(
                    clone(member), matrix[train], target[train], take(row_weights, train)
                )
                logits[test, column] = logit(fitted.predict_proba(matrix[test])[:, 1])
        self.weights, self.intercept = fit_stack_weights(logits, target, row_weights)
