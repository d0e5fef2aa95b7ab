"""Gradient boosting of oblivious trees, all of whose nodes of one depth have the same split.

A tree of depth d is d splits and a table of 2^d leaf values. It cannot follow the noise of a small
table as freely as a tree with another split in each node, and so adds diversity to a stack that has
scikit-learn's boosting, which has no such trees (Kohavi 1994, "Bottom-up induction of oblivious
read-once decision graphs"; Prokhorenkova et al. 2018, "CatBoost: unbiased boosting with
categorical features", from which the split score and its noise are taken).
"""

from collections.abc import Iterator
from itertools import islice
from typing import Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.preprocessing import TargetEncoder

from churn.modeling.estimators.oblivious_grower import ObliviousTree, TreeGrower
from churn.modeling.estimators.parameters import Number, range_problems
from churn.statistics.log_odds import row_losses, sigmoid
from churn.statistics.weighting import take, weighted_mean

# The churn rate of a level is shrunk towards that of all rows, with the weight of so many rows.
LEVEL_SMOOTHING = 10.0


RANGES = {
    "learning_rate": Number(0, above=True),
    "max_iter": Number(1, whole=True),
    "depth": Number(1, 8, whole=True),
    "l2": Number(0, above=True),
    "noise": Number(0),
    "max_borders": Number(1, 253, whole=True),
    "newton_steps": Number(1, whole=True),
    "max_rows": Number(1, whole=True),
}


class ObliviousTreesClassifier(ClassifierMixin, BaseEstimator):
    """Gradient boosting of oblivious trees on the log loss, for two classes, 0 and 1.

    Numbers are binned at quantiles, missing values in a bin of their own below all others; a level
    of a category is replaced by its smoothed churn rate.

    Parameters
    ----------
    categorical : ndarray of bool, shape (n_columns,)
    learning_rate : float
        The shrinkage of leaf values.
    max_iter : int
        The number of trees.
    depth : int
        Of a tree, from 1 to 8.
    l2 : float
        Above 0. Added to the count of rows, or to the hessian, of every leaf.
    noise : float
        The scale of the random part of a split's score at first; it fades as trees add up.
    max_borders : int
        At most so many borders between the bins of a column, up to 253.
    newton_steps : int
        At most so many for the leaf values of a tree.
    max_rows : int
        A tree is grown on at most so many rows, sampled anew for each tree (Friedman 2002,
        "Stochastic gradient boosting").
    early_stopping : bool
        Stop when `n_iter_no_change` trees in a row have not lowered the loss of the validation
        rows given to `fit`.
    random_state : int

    Attributes
    ----------
    baseline_ : float
        The log odds before the first tree.
    borders_ : list of ndarray of float64
        For each column the borders between its bins, ascending.
    encoder_ : TargetEncoder or None
        Of the categories, if there are any.
    trees_ : list of ObliviousTree
    validation_score_ : ndarray of float64, shape (n_trees + 1,)
        Minus the log loss of the validation rows, before the first tree and after each.
    """

    classes_ = np.array([0, 1])

    def __init__(
        self,
        categorical: np.ndarray,
        learning_rate: float = 0.1,
        max_iter: int = 500,
        depth: int = 4,
        l2: float = 3.0,
        noise: float = 1.0,
        max_borders: int = 128,
        newton_steps: int = 10,
        max_rows: int = 100_000,
        early_stopping: bool = False,
        n_iter_no_change: int = 25,
        random_state: int = 0,
    ):
        self.categorical = categorical
        self.learning_rate = learning_rate
        self.max_iter = max_iter
        self.depth = depth
        self.l2 = l2
        self.noise = noise
        self.max_borders = max_borders
        self.newton_steps = newton_steps
        self.max_rows = max_rows
        self.early_stopping = early_stopping
        self.n_iter_no_change = n_iter_no_change
        self.random_state = random_state

    def fit(
        self,
        matrix: np.ndarray,
        target: np.ndarray,
        sample_weight: np.ndarray | None = None,
        *,
        X_val: np.ndarray | None = None,
        y_val: np.ndarray | None = None,
        sample_weight_val: np.ndarray | None = None,
    ) -> Self:
        """Fit the trees.

        Parameters
        ----------
        matrix : ndarray of float64, shape (n, n_columns)
            NaN where a value is missing; a category as its level's number.
        target : ndarray of int, shape (n,)
        sample_weight : ndarray of float64, shape (n,), optional
            How often each row counts, in splits and in leaves; the churn rate of a level counts
            rows, since scikit-learn's TargetEncoder accepts no weights.
        X_val, y_val, sample_weight_val : ndarrays, optional
            Validation rows and their weights, for early stopping.

        Raises
        ------
        ValueError
            Naming every parameter that is out of its range, and a target of one class only.
        """
        self._check(target)
        rng = np.random.default_rng(self.random_state)
        self.encoder_ = None
        if np.any(self.categorical):
            self.encoder_ = TargetEncoder(target_type="binary", smooth=LEVEL_SMOOTHING)
            self.encoder_.fit(matrix[:, self.categorical], target)
        numbers = self._encode(matrix)
        self.borders_ = [_borders(column, self.max_borders) for column in numbers.T]
        bins, rate = self._bin(numbers), weighted_mean(target, sample_weight)
        self.baseline_ = float(np.log(rate / (1 - rate)))
        self.trees_: list[ObliviousTree] = []
        grower = TreeGrower(
            [len(borders) + 2 for borders in self.borders_],
            self.depth, self.learning_rate, self.l2, self.noise, self.newton_steps,
        )  # fmt: skip
        raw_predictions = np.full(len(target), self.baseline_)
        stages = None
        if self.early_stopping and X_val is not None and y_val is not None:
            stages = self._validation_losses(X_val, y_val, sample_weight_val)
        losses = [next(stages)] if stages else []
        for n_trees in range(self.max_iter):
            rows = _draw_rows(len(target), self.max_rows, rng)
            drawn = target[rows], raw_predictions[rows], take(sample_weight, rows)
            tree = grower.grow(bins[:, rows], *drawn, n_trees, rng)
            self.trees_.append(tree)
            raw_predictions += tree.predict_binned(bins)
            if stages:
                losses.append(next(stages))
                if len(losses) - 1 - int(np.argmin(losses)) >= self.n_iter_no_change:
                    break
        self.validation_score_ = -np.array(losses)
        return self

    def predict_proba(self, matrix: np.ndarray) -> np.ndarray:
        """The probabilities of staying and of leaving: (n, 2) float64."""
        bins = self._bin(self._encode(matrix))
        raw_predictions = np.full(len(matrix), self.baseline_)
        for tree in self.trees_:
            raw_predictions += tree.predict_binned(bins)
        return _to_probabilities(raw_predictions)

    def staged_predict_proba(self, matrix: np.ndarray) -> Iterator[np.ndarray]:
        """The probabilities after each tree: (n, 2) float64."""
        return map(_to_probabilities, islice(self._staged_raw_predict(matrix), 1, None))

    def truncate(self, n_trees: int) -> None:
        """Drop all trees but the first `n_trees`."""
        del self.trees_[n_trees:]

    def parameter_problems(self) -> list[str]:
        """Every parameter that is out of its range, a sentence each."""
        return range_problems(self, RANGES)

    def _check(self, target: np.ndarray) -> None:
        problems = self.parameter_problems()
        if len(np.unique(target)) != 2:
            problems.append("the target must have both classes")
        if problems:
            raise ValueError("; ".join(problems))

    def _staged_raw_predict(self, matrix: np.ndarray) -> Iterator[np.ndarray]:
        """The log odds before the first tree, and after each tree grown by then."""
        bins = self._bin(self._encode(matrix))
        raw_predictions, n_trees = np.full(len(matrix), self.baseline_), 0
        yield raw_predictions
        while n_trees < len(self.trees_):
            raw_predictions = raw_predictions + self.trees_[n_trees].predict_binned(bins)
            n_trees += 1
            yield raw_predictions

    def _validation_losses(
        self, matrix: np.ndarray, target: np.ndarray, weights: np.ndarray | None
    ) -> Iterator[float]:
        stages = self._staged_raw_predict(matrix)
        return (weighted_mean(row_losses(target, sigmoid(raw)), weights) for raw in stages)

    def _encode(self, matrix: np.ndarray) -> np.ndarray:
        if self.encoder_ is None:
            return matrix
        numbers: np.ndarray = matrix.copy()
        numbers[:, self.categorical] = self.encoder_.transform(matrix[:, self.categorical])
        return numbers

    def _bin(self, numbers: np.ndarray) -> np.ndarray:
        """For each column and row 0 where missing, else 1 + how many borders are below."""
        bins = np.empty(numbers.shape[::-1], dtype=np.uint8)
        for row, column, borders in zip(bins, numbers.T, self.borders_, strict=True):
            row[:] = np.where(np.isnan(column), 0, 1 + np.searchsorted(borders, column))
        return bins


def _borders(column: np.ndarray, most: int) -> np.ndarray:
    """The borders of a column: between any two of its values, or at quantiles of many."""
    known = column[~np.isnan(column)]
    values: np.ndarray = np.unique(known)
    at = np.arange(len(values) - 1)
    if len(values) > most + 1:
        inner = np.linspace(0, 1, most + 2)[1:-1]
        at = np.unique(np.searchsorted(values, np.quantile(known, inner, method="lower")))
        at = at[at < len(values) - 1]
    borders: np.ndarray = (values[at] + values[at + 1]) / 2
    return borders


def _draw_rows(n: int, most: int, rng: np.random.Generator) -> np.ndarray | slice:
    if n <= most:
        return slice(None)
    return np.sort(rng.choice(n, most, replace=False, shuffle=False))


def _to_probabilities(raw_predictions: np.ndarray) -> np.ndarray:
    chance = sigmoid(raw_predictions)
    return np.column_stack([1 - chance, chance])
