"""The rows that candidates are cross-validated on: sampled, encoded, and assigned to folds."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from churn.data.contract import Contract
from churn.data.copies import copy_groups
from churn.data.parsing import labels
from churn.data.rows import Rows, rows_of
from churn.modeling.encoder import FeatureEngineer, is_flag
from churn.modeling.search_space import Candidate, rescale_iterations
from churn.statistics.weighting import take


@dataclass(frozen=True)
class SearchSample:
    """The rows that candidates are cross-validated on.

    Attributes
    ----------
    matrix : ndarray of float64, shape (n, n_columns)
        Encoded by `FeatureEngineer`, once for all candidates.
    levels : ndarray of int, shape (n_columns,)
        See `FeatureEngineer`.
    labels : ndarray of int8, shape (n,)
        1 for customers who left.
    fold : ndarray of int8, shape (n,)
        The fold in which each row is predicted.
    rows : ndarray of int, shape (n,)
        The positions of the rows among the training rows.
    weights : ndarray of float64, shape (n,), or None
        How many customers each row stands for; None where each stands for one.
    groups : ndarray, shape (n,), or None
        Rows with the same value are in one fold; None where each is by itself.
    """

    matrix: np.ndarray
    levels: np.ndarray
    labels: np.ndarray
    fold: np.ndarray
    rows: np.ndarray
    weights: np.ndarray | None = None
    groups: np.ndarray | None = None

    @property
    def n_folds(self) -> int:
        """The number of folds."""
        return int(self.fold.max()) + 1

    @property
    def fit_rows(self) -> int:
        """The approximate number of rows that the model of a fold is fitted to."""
        return round(len(self.labels) * (1 - 1 / self.n_folds))

    @property
    def n_flags(self) -> int:
        """The number of columns that are flags, see `is_flag`."""
        return sum(is_flag(column) for column in self.matrix[:, self.levels == 0].T)

    def refold(self, seed: int) -> "SearchSample":
        """The same rows in other folds, as many as before."""
        groups = np.arange(len(self.labels)) if self.groups is None else self.groups
        return replace(self, fold=assign_folds(self.labels, groups, self.n_folds, seed))

    def rescale(self, candidate: Candidate, n_rows: int) -> Candidate:
        """A candidate tuned on this sample, for a fit to `n_rows` rows."""
        tuned_on = len(self.labels) * (1 - 1 / self.n_folds)
        return rescale_iterations(candidate, n_rows / tuned_on)


def draw_search_sample(
    train: "pd.DataFrame | Rows",
    contract: Contract,
    n_folds: int,
    max_rows: int,
    seed: int,
    groups: np.ndarray | None = None,
    weights: np.ndarray | None = None,
) -> SearchSample:
    """Sample at most `max_rows` training rows, encode them, and assign them to folds.

    Parameters
    ----------
    train : DataFrame or Rows
        Clean training rows with the target, as `validate_data` returns them; those that are drawn
        are read.
    contract : Contract
    n_folds, max_rows, seed : int
    groups : ndarray, shape (n,), optional
        Rows with the same value are assigned to one fold; exact copies by default.
    weights : ndarray of float64, shape (n,), optional
        How many customers each training row stands for.
    """
    rows = np.arange(len(train))
    if len(rows) > max_rows:
        rows = np.sort(np.random.default_rng(seed).choice(rows, max_rows, replace=False))
    drawn = rows_of(train).read(rows)
    engineer, target = FeatureEngineer(contract), labels(drawn, contract)
    content = copy_groups(drawn, contract) if groups is None else groups[rows]
    fold = assign_folds(target, content, n_folds, seed)
    matrix, weights = engineer.transform(drawn), take(weights, rows)
    return SearchSample(matrix, engineer.levels, target, fold, rows, weights, content)


def draw_refit_rows(n: int, max_rows: int, seed: int) -> np.ndarray:
    """The positions of the training rows that a candidate is fitted to, at most `max_rows`.

    Returns
    -------
    ndarray of int
        Ascending.
    """
    if n <= max_rows:
        return np.arange(n)
    return np.sort(np.random.default_rng([seed, 1]).choice(n, max_rows, replace=False))


def describe_refit(fitted: int, n: int) -> str:
    """That the model is fitted to a part of the training rows, for the user; empty if to all."""
    if fitted == n:
        return ""
    return (
        f"The model is fitted to {fitted:,} of {n:,} customers, drawn at random; --refit-rows is "
        "how many."
    )


def assign_folds(target: np.ndarray, content: np.ndarray, n_folds: int, seed: int) -> np.ndarray:
    """Assign rows to stratified folds, copies of one customer to the same fold.

    Parameters
    ----------
    target : ndarray of int, shape (n,)
    content : ndarray of uint64, shape (n,)
        Rows with the same value stay together; see `churn.data.copies.copy_groups`.
    n_folds, seed : int

    Returns
    -------
    ndarray of int8, shape (n,)
        The fold in which each row is predicted.
    """
    _, first, group = np.unique(content, return_index=True, return_inverse=True)
    shuffled = np.random.default_rng(seed).permutation(len(first))
    dealt = shuffled[np.argsort(target[first][shuffled], kind="stable")]
    folds = np.empty(len(first), dtype=np.int8)
    folds[dealt] = np.arange(len(first)) % n_folds
    return folds[group]
