"""Boosted symmetric trees: all nodes of one depth ask the same question.

A tree of depth d is d questions and a table of 2^d answers. So few questions cannot follow the
noise of a small table as freely as a tree that asks another one in each of its nodes, which is why
a stack gains from them beside scikit-learn's boosting, which has none (Kohavi 1994, "Bottom-up
induction of oblivious read-once decision graphs"; Prokhorenkova et al. 2018, "CatBoost: unbiased
boosting with categorical features", whose score and noise these are).
"""

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.preprocessing import TargetEncoder

from churn.statistics.log_odds import row_losses, sigmoid

# A level's share of leavers is drawn towards that of all by so many customers.
LEVEL_PRIOR = 10.0
# Newton's steps end when none changes the log odds of a leaf by more.
SETTLED = 1e-3


class Tree(NamedTuple):
    """A tree: a customer goes right at level i where bin `columns[i]` is above `cuts[i]`.

    Attributes
    ----------
    columns, cuts : list of int, length depth
    values : ndarray of float64, shape (2 ** depth,)
        Log odds; going right at level i adds 2 ** i to the place.
    """

    columns: list[int]
    cuts: list[int]
    values: np.ndarray


class ObliviousTreesClassifier(ClassifierMixin, BaseEstimator):
    """Gradient boosting of symmetric trees on the log loss, for two classes, 0 and 1.

    Numbers are cut into bins at quantiles, what is missing in a bin of its own below all others;
    a level of a category is a number, the share of leavers in it.

    Parameters
    ----------
    categorical : ndarray of bool, shape (n_columns,)
    learning_rate : float
    max_iter : int
        How many trees.
    depth : int
        Of a tree, from 1 to 8.
    l2 : float
        Above 0. As many customers are added to every leaf, of whom it has nothing to say.
    noise : float
        How much chance there is in the choice of a cut, at first; it fades as the trees add up.
    max_borders : int
        At most so many cuts of a column, up to 253.
    newton_steps : int
        At most so many, for the values of a tree.
    max_rows : int
        A tree is grown on at most so many rows, drawn anew for each (Friedman 2002, "Stochastic
        gradient boosting").
    early_stopping : bool
        Stop when `n_iter_no_change` trees have not lowered the loss of the rows given to `fit` for
        that.
    random_state : int

    Attributes
    ----------
    baseline_ : float
        The log odds before the first tree.
    borders_ : list of ndarray of float64
        For each column where it is cut, ascending.
    encoder_ : TargetEncoder or None
        Of the categories, if there are any.
    validation_score_ : ndarray of float64, shape (n_trees + 1,)
        Minus the log loss of the rows to stop by, before the first tree and after each.
    """

    classes_ = np.array([0, 1])

    def __init__(
        self, categorical, learning_rate=0.1, max_iter=500, depth=4, l2=3.0, noise=1.0,
        max_borders=128, newton_steps=10, max_rows=100_000, early_stopping=False,
        n_iter_no_change=25, random_state=0,
    ):  # fmt: skip
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

    def fit(self, matrix, target, X_val=None, y_val=None) -> "ObliviousTreesClassifier":
        """Grow the trees.

        Parameters
        ----------
        matrix : ndarray of float64, shape (n, n_columns)
            NaN where a value is missing; a category as its level's number.
        target : ndarray of int, shape (n,)
        X_val, y_val : ndarrays, optional
            The rows to stop by.

        Raises
        ------
        ValueError
            Naming every parameter that is out of its range, and a target of one class only.
        """
        self._check(target)
        rng = np.random.default_rng(self.random_state)
        self.encoder_ = None
        if np.any(self.categorical):
            self.encoder_ = TargetEncoder(target_type="binary", smooth=LEVEL_PRIOR)
            self.encoder_.fit(matrix[:, self.categorical], target)
        numbers = self._numbers(matrix)
        self.borders_ = [_borders(column, self.max_borders) for column in numbers.T]
        bins, share = self._bins(numbers), target.mean()
        self.baseline_ = float(np.log(share / (1 - share)))
        self._predictors = []
        grower = _Grower(self, [len(borders) + 1 for borders in self.borders_])
        odds = np.full(len(target), self.baseline_)
        stages = self._losses(X_val, y_val) if self.early_stopping else None
        losses = [next(stages)] if stages else []
        for _ in range(self.max_iter):
            rows = _some_rows(len(target), self.max_rows, rng)
            tree = grower.grow(bins[:, rows], target[rows], odds[rows], len(self._predictors), rng)
            self._predictors.append(tree)
            odds += _said(tree, bins)
            if stages:
                losses.append(next(stages))
                if len(losses) - 1 - int(np.argmin(losses)) >= self.n_iter_no_change:
                    break
        self.validation_score_ = -np.array(losses)
        return self

    def predict_proba(self, matrix) -> np.ndarray:
        """The probabilities of staying and of leaving: (n, 2) float64."""
        bins = self._bins(self._numbers(matrix))
        odds = np.full(len(matrix), self.baseline_)
        for tree in self._predictors:
            odds += _said(tree, bins)
        return _both(odds)

    def staged_predict_proba(self, matrix) -> Iterator[np.ndarray]:
        """The same after each tree."""
        return map(_both, islice(self._stages(matrix), 1, None))

    def _check(self, target) -> None:
        problems = [
            f"{name} must be from {low} to {high}, not {getattr(self, name)!r}"
            for name, low, high in (("depth", 1, 8), ("max_borders", 1, 253))
            if not low <= getattr(self, name) <= high
        ]
        if not self.l2 > 0:
            problems.append(f"l2 must be above 0, not {self.l2!r}")
        if len(np.unique(target)) != 2:
            problems.append("the target must have both classes")
        if problems:
            raise ValueError("; ".join(problems))

    def _stages(self, matrix) -> Iterator[np.ndarray]:
        """The log odds before the first tree, and after each that there is by then."""
        bins = self._bins(self._numbers(matrix))
        odds, done = np.full(len(matrix), self.baseline_), 0
        yield odds
        while done < len(self._predictors):
            odds = odds + _said(self._predictors[done], bins)
            done += 1
            yield odds

    def _losses(self, matrix, target) -> Iterator[float]:
        return (row_losses(target, sigmoid(odds)).mean() for odds in self._stages(matrix))

    def _numbers(self, matrix) -> np.ndarray:
        if self.encoder_ is None:
            return matrix
        numbers = matrix.copy()
        numbers[:, self.categorical] = self.encoder_.transform(matrix[:, self.categorical])
        return numbers

    def _bins(self, numbers) -> np.ndarray:
        """For each column and row 0 for what is missing, else 1 + how many borders are below."""
        bins = np.empty(numbers.shape[::-1], dtype=np.uint8)
        for row, column, borders in zip(bins, numbers.T, self.borders_, strict=True):
            row[:] = np.where(np.isnan(column), 0, 1 + np.searchsorted(borders, column))
        return bins


class _Grower:
    """Grows the trees of a model, one at a time.

    Parameters
    ----------
    model : ObliviousTreesClassifier
    cuts : list of int
        How many places there are to cut each column.
    """

    def __init__(self, model, cuts):
        self.model = model
        # One column's bins after another's: which column a bin is of, and each column's first.
        bins = np.array(cuts) + 1
        self.column = np.repeat(np.arange(len(cuts)), bins)
        self.first = bins.cumsum() - bins
        # There is nothing above a column's last bin.
        self.last = self.first + bins - 1

    def grow(self, bins, target, odds, number, rng) -> Tree:
        """The next tree.

        Parameters
        ----------
        bins : ndarray of uint8, shape (n_columns, n)
        target : ndarray of int, shape (n,)
        odds : ndarray of float64, shape (n,)
            What the trees before it say.
        number : int
            How many those are.
        """
        slope, leaves = target - sigmoid(odds), np.zeros(len(target), dtype=np.intp)
        noise = self._noise(slope, number)
        place, columns, cuts = self.first[:, None] + bins, [], []
        sums = self._sums(place, slope, leaves, 1)
        for level in range(self.model.depth):
            scores = self._scores(*sums)
            if noise:
                scores += noise * rng.standard_normal(scores.shape)
            scores[self.last] = -np.inf
            best = int(scores.argmax())
            column = int(self.column[best])
            cut = best - int(self.first[column])
            columns.append(column)
            cuts.append(cut)
            right = bins[column] > cut
            if level + 1 < self.model.depth:
                sums = self._split(sums, place, slope, leaves, right)
            leaves += right.astype(np.intp) << level
        return Tree(columns, cuts, self._values(leaves, target, odds))

    def _sums(self, place, slope, leaves, n_leaves) -> np.ndarray:
        """For each leaf and bin the sum of the slopes and how many: (2, n_leaves, n_bins)."""
        shape = (n_leaves, len(self.column))
        at = (place + leaves * shape[1]).ravel()
        slopes = np.bincount(at, np.tile(slope, len(place)), np.prod(shape))
        return np.stack([slopes, np.bincount(at, minlength=np.prod(shape))]).reshape(2, *shape)

    def _split(self, sums, place, slope, leaves, right) -> np.ndarray:
        """The sums of the leaves' left halves, and of their right ones behind them.

        Those of the half with fewer rows are counted, the others are what that leaves.
        """
        fewer = right if 2 * np.count_nonzero(right) < len(right) else ~right
        rows = np.flatnonzero(fewer)
        counted = self._sums(place.take(rows, axis=1), slope[rows], leaves[rows], sums.shape[1])
        halves = [sums - counted, counted]
        return np.concatenate(halves if fewer is right else halves[::-1], axis=1)

    def _noise(self, slope, number) -> float:
        left = np.exp(np.log(len(slope)) - number * self.model.learning_rate)
        return self.model.noise * np.sqrt(np.mean(slope**2)) * left / (1 + left)

    def _scores(self, slopes, counts) -> np.ndarray:
        """How well a cut above each bin tells: the cosine between the slopes and what it says."""
        said, length = 0.0, 1e-12
        for slope, n in zip(self._sides(slopes), self._sides(counts), strict=True):
            value = slope / (n + self.model.l2)
            said += (slope * value).sum(axis=0)
            length += (n * value**2).sum(axis=0)
        return said / np.sqrt(length)

    def _sides(self, sums) -> tuple[np.ndarray, np.ndarray]:
        """What is in a column's bins up to each, and above it."""
        total = sums[:, : self.last[0] + 1].sum(axis=1, keepdims=True)
        left = sums.cumsum(axis=1) - total * self.column
        return left, total - left

    def _values(self, leaves, target, odds) -> np.ndarray:
        """Log odds for each leaf, by Newton's method, until none of them moves."""
        values = np.zeros(2**self.model.depth)
        for _ in range(self.model.newton_steps):
            chance = sigmoid(odds + values[leaves])
            slope = np.bincount(leaves, target - chance, len(values))
            curve = np.bincount(leaves, chance * (1 - chance), len(values))
            step = slope / (curve + self.model.l2)
            values += step
            moving = (np.abs(step) >= SETTLED)[leaves]
            leaves, target, odds = leaves[moving], target[moving], odds[moving]
            if not len(leaves):
                break
        return self.model.learning_rate * values


def _borders(column: np.ndarray, most: int) -> np.ndarray:
    """Where to cut a column: between any two of its values, or at quantiles of many."""
    known = column[~np.isnan(column)]
    values = np.unique(known)
    if len(values) > most + 1:
        inner = np.linspace(0, 1, most + 2)[1:-1]
        at = np.unique(np.searchsorted(values, np.quantile(known, inner, method="lower")))
        at = at[at < len(values) - 1]
        return (values[at] + values[at + 1]) / 2
    return (values[:-1] + values[1:]) / 2


def _some_rows(n: int, most: int, rng):
    if n <= most:
        return slice(None)
    return np.sort(rng.choice(n, most, replace=False, shuffle=False))


def _leaves(columns, cuts, bins) -> np.ndarray:
    leaves = np.zeros(bins.shape[1], dtype=np.uint8)
    for level, (column, cut) in enumerate(zip(columns, cuts, strict=True)):
        leaves |= (bins[column] > cut).view(np.uint8) << np.uint8(level)
    return leaves


def _said(tree: Tree, bins: np.ndarray) -> np.ndarray:
    return tree.values[_leaves(tree.columns, tree.cuts, bins)]


def _both(odds: np.ndarray) -> np.ndarray:
    chance = sigmoid(odds)
    return np.column_stack([1 - chance, chance])
