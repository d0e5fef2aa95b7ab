"""What the checks of columns find, and the view of the table that they share."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from churn.data.contract import Contract
from churn.statistics.bins import MISSING, quantile_edges, to_bins
from churn.statistics.roc_auc import roc_auc

__all__ = ["Columns", "Finding"]

USELESS = "no signal"
BINS = 64
FOLDS = 3


@dataclass(frozen=True)
class Finding:
    """A column that should not be trained on.

    Attributes
    ----------
    column : str
    check : str
        The name of the check that found it.
    score : float
        What the check measures.
    why : str
        The evidence, a predicate of the column.
    suspected : bool
        Whether a column without leakage may look like this; a person has to judge it.
    """

    column: str
    check: str
    score: float
    why: str
    suspected: bool = False

    @property
    def harmless(self) -> bool:
        """Whether the column is only useless: it is dropped, and never stops a run."""
        return self.check == USELESS


class Columns:
    """Coded columns with their labels, and what more than one check computes of them.

    Parameters
    ----------
    frame : DataFrame of n rows
        Clean rows, as `validate_data` returns them.
    target : ndarray of int, shape (n,)
        1 for customers who left.
    contract : Contract
    groups : ndarray, shape (n,), optional
        Rows with the same value are in one fold; see `churn.data.copies`.

    Attributes
    ----------
    codes : DataFrame of float64
        Numbers as they are, categories as their position; NaN where missing.
    fold : ndarray of int, shape (n,)
        The part of the rows, of three, that each row belongs to: whatever is learned on the labels
        of two parts is measured on the third.
    """

    def __init__(
        self,
        frame: pd.DataFrame,
        target: np.ndarray,
        contract: Contract,
        groups: np.ndarray | None = None,
    ):
        self.codes = pd.DataFrame({name: _codes(frame[name]) for name in contract.features})
        self.target = np.asarray(target)
        self.contract = contract
        _, group = np.unique(
            np.arange(len(target)) if groups is None else groups, return_inverse=True
        )
        self.fold = (np.random.default_rng(0).permutation(group.max(initial=0) + 1) % FOLDS)[group]

    def __len__(self) -> int:
        return len(self.target)

    def __getitem__(self, name: str) -> np.ndarray:
        return self.codes[name].to_numpy()

    @cached_property
    def base_rate(self) -> float:
        """The share of customers who left."""
        return float(self.target.mean())

    @cached_property
    def auc_alone(self) -> dict[str, float]:
        """The ROC-AUC of each column by itself, out of fold, from the churn rates of its bins."""
        return {str(name): self._auc(str(name)) for name in self.codes}

    def _auc(self, name: str) -> float:
        column = self[name]
        if self.contract.features[name].kind == "category" and self.codes[name].nunique() > BINS:
            # Neighbouring codes of a category have nothing in common.
            return roc_auc(self.target, self.rates_of_others(self.levels(name)))
        edges = quantile_edges(column, np.linspace(0, 1, BINS + 1)[1:-1].tolist())
        return roc_auc(self.target, self.rates_of_others(to_bins(column, edges) - MISSING))

    def rates_of_others(self, cells: np.ndarray, weight: float = 1.0) -> np.ndarray:
        """For each row, the churn rate of its cell among the customers of other folds.

        It is shrunk to the overall rate with the weight of so many customers: a cell may be empty.
        """
        counts, left = self.of_others(cells)
        return (left + weight * self.base_rate) / (counts + weight)

    def levels(self, name: str) -> np.ndarray:
        """A category's level of each row, 0 where it is missing: (n,) int."""
        return (self.codes[name].fillna(MISSING) - MISSING).to_numpy(dtype=np.int64)

    def known_then(self, name: str) -> bool:
        """Whether a column has dates none of which is after the day of its observation."""
        date = self.contract.features[name].kind == "date" and self.contract.time is not None
        return date and not (self[name] < 0).any()

    def of_others(self, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """For each row, the customers of its cell in the other folds, and those who left.

        Parameters
        ----------
        cells : ndarray of int, shape (n,)
            Not negative.
        """
        cell = cells * FOLDS + self.fold
        size = (cells.max() + 1) * FOLDS
        count = np.bincount(cell, minlength=size).reshape(-1, FOLDS)
        left = np.bincount(cell, self.target, minlength=size).reshape(-1, FOLDS)
        count, left = count.sum(1, keepdims=True) - count, left.sum(1, keepdims=True) - left
        return count.ravel()[cell], left.ravel()[cell]


def _codes(column: pd.Series) -> np.ndarray:
    if isinstance(column.dtype, pd.CategoricalDtype):
        codes = column.cat.codes.to_numpy(dtype=np.float64)
        return np.where(codes < 0, np.nan, codes)
    return column.to_numpy(dtype=np.float64)
