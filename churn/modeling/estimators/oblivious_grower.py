"""Growth of one oblivious tree from binned columns, by histograms of gradients."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from churn.statistics.log_odds import sigmoid
from churn.statistics.weighting import take

# Newton's steps end when none changes the log odds of a leaf by more.
LEAF_TOLERANCE = 1e-3


class ObliviousTree(NamedTuple):
    """A tree all of whose nodes of one depth have the same split.

    Attributes
    ----------
    columns, bin_thresholds : list of int, length depth
        A row goes right at level i where its bin of `columns[i]` is above `bin_thresholds[i]`.
    leaf_values : ndarray of float64, shape (2 ** depth,)
        Log odds, already multiplied by the learning rate. Going right at level i adds 2 ** i to
        the index of the leaf.
    """

    columns: list[int]
    bin_thresholds: list[int]
    leaf_values: np.ndarray

    def predict_binned(self, bins: np.ndarray) -> np.ndarray:
        """The leaf value of each row: (n,) float64, from bins of shape (n_columns, n)."""
        leaves = np.zeros(bins.shape[1], dtype=np.uint8)
        splits = zip(self.columns, self.bin_thresholds, strict=True)
        for level, (column, threshold) in enumerate(splits):
            leaves |= (bins[column] > threshold).view(np.uint8) << np.uint8(level)
        return self.leaf_values[leaves]


class TreeGrower:
    """Grows the trees of an ensemble, one at a time.

    Parameters
    ----------
    n_bins : sequence of int, length n_columns
        How many bins each column has, that of missing values included.
    depth : int
    learning_rate, l2, noise, newton_steps
        See `ObliviousTreesClassifier`.
    """

    def __init__(
        self,
        n_bins: Sequence[int],
        depth: int,
        learning_rate: float,
        l2: float,
        noise: float,
        newton_steps: int,
    ):
        self.depth = depth
        self.learning_rate = learning_rate
        self.l2 = l2
        self.noise = noise
        self.newton_steps = newton_steps
        # Histograms are flat, one column's bins after another's: the column of each place, and
        # the first place of each column.
        bins = np.array(n_bins)
        self.column = np.repeat(np.arange(len(bins)), bins)
        self.first = bins.cumsum() - bins
        # No row is above a column's last bin, so there is no split there.
        self.last = self.first + bins - 1

    def grow(
        self,
        bins: np.ndarray,
        target: np.ndarray,
        raw_predictions: np.ndarray,
        weights: np.ndarray | None,
        n_trees: int,
        rng: np.random.Generator,
    ) -> ObliviousTree:
        """The next tree.

        Parameters
        ----------
        bins : ndarray of uint8, shape (n_columns, n)
        target : ndarray of int, shape (n,)
        raw_predictions : ndarray of float64, shape (n,)
            The log odds before this tree.
        weights : ndarray of float64, shape (n,), or None
            How often each row counts.
        n_trees : int
            The number of trees before it.
        rng : Generator
        """
        gradients = target - sigmoid(raw_predictions)
        if weights is not None:
            gradients = weights * gradients
        leaves = np.zeros(len(target), dtype=np.intp)
        noise = self._noise(gradients, n_trees)
        place, columns, thresholds = self.first[:, None] + bins, [], []
        histograms = self._histograms(place, gradients, weights, leaves, 1)
        for level in range(self.depth):
            scores = self._split_scores(*histograms)
            if noise:
                scores += noise * rng.standard_normal(scores.shape)
            scores[self.last] = -np.inf
            best = int(scores.argmax())
            column = int(self.column[best])
            threshold = best - int(self.first[column])
            columns.append(column)
            thresholds.append(threshold)
            right = bins[column] > threshold
            if level + 1 < self.depth:
                histograms = self._split(histograms, place, gradients, weights, leaves, right)
            leaves += right.astype(np.intp) << level
        values = self._leaf_values(leaves, target, raw_predictions, weights)
        return ObliviousTree(columns, thresholds, values)

    def _histograms(
        self,
        place: np.ndarray,
        gradients: np.ndarray,
        weights: np.ndarray | None,
        leaves: np.ndarray,
        n_leaves: int,
    ) -> np.ndarray:
        """The sums of gradients and of weights per leaf and bin: (2, n_leaves, n_bins)."""
        shape = (n_leaves, len(self.column))
        at = (place + leaves * shape[1]).ravel()
        sums = np.bincount(at, np.tile(gradients, len(place)), np.prod(shape))
        counts = None if weights is None else np.tile(weights, len(place))
        return np.stack([sums, np.bincount(at, counts, np.prod(shape))]).reshape(2, *shape)

    def _split(
        self,
        histograms: np.ndarray,
        place: np.ndarray,
        gradients: np.ndarray,
        weights: np.ndarray | None,
        leaves: np.ndarray,
        right: np.ndarray,
    ) -> np.ndarray:
        """The histograms of the left children, and of the right ones behind them.

        Those of the side with fewer rows are counted; the others are the parents' less those.
        """
        fewer = right if 2 * np.count_nonzero(right) < len(right) else ~right
        rows = np.flatnonzero(fewer)
        counted = self._histograms(
            place.take(rows, axis=1), gradients[rows], take(weights, rows), leaves[rows],
            histograms.shape[1],
        )  # fmt: skip
        children = [histograms - counted, counted]
        return np.concatenate(children if fewer is right else children[::-1], axis=1)

    def _noise(self, gradients: np.ndarray, n_trees: int) -> float:
        """The standard deviation of the noise added to scores; it fades as trees add up."""
        left = np.exp(np.log(len(gradients)) - n_trees * self.learning_rate)
        return float(self.noise * np.sqrt(np.mean(gradients**2)) * left / (1 + left))

    def _split_scores(self, gradients: np.ndarray, counts: np.ndarray) -> np.ndarray:
        """The score of a split above each bin: the cosine of gradients and leaf means."""
        product, length = 0.0, 1e-12
        for total, n in zip(self._sides(gradients), self._sides(counts), strict=True):
            mean = total / (n + self.l2)
            product += (total * mean).sum(axis=0)
            length += (n * mean**2).sum(axis=0)
        cosine: np.ndarray = product / np.sqrt(length)
        return cosine

    def _sides(self, histogram: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The sums in a column's bins up to each one, and above it."""
        total = histogram[:, : self.last[0] + 1].sum(axis=1, keepdims=True)
        left = histogram.cumsum(axis=1) - total * self.column
        return left, total - left

    def _leaf_values(
        self,
        leaves: np.ndarray,
        target: np.ndarray,
        raw_predictions: np.ndarray,
        weights: np.ndarray | None,
    ) -> np.ndarray:
        """Shrunken log odds of each leaf, by Newton's method until no leaf moves."""
        values: np.ndarray = np.zeros(2**self.depth)
        for _ in range(self.newton_steps):
            chance = sigmoid(raw_predictions + values[leaves])
            slopes, curvatures = target - chance, chance * (1 - chance)
            if weights is not None:
                slopes, curvatures = weights * slopes, weights * curvatures
            gradients = np.bincount(leaves, slopes, len(values))
            hessians = np.bincount(leaves, curvatures, len(values))
            step = gradients / (hessians + self.l2)
            values += step
            moving = (np.abs(step) >= LEAF_TOLERANCE)[leaves]
            leaves, target, weights = leaves[moving], target[moving], take(weights, moving)
            raw_predictions = raw_predictions[moving]
            if not len(leaves):
                break
        return self.learning_rate * values
