"""A linear model of an effect, whose terms may grow with what is expected without it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.linear_model import RidgeCV

ALPHAS = np.logspace(0, 5, 11)
# The penalty and the coefficients change little with more.
MAX_LINEAR_ROWS = 20_000


@dataclass(frozen=True)
class LinearEffect:
    """A ridge regression of doubly robust differences, on features and their products with a rank.

    Few outcomes show a difference between two kinds of customers that trees do not find yet. A call
    keeps at most those who would leave, so an effect is often a share of the probability of leaving
    that depends on a feature: a product of both.

    Attributes
    ----------
    numbers : DataFrame
        The mean and the standard deviation of each float column: rows `mean` and `std`.
    levels : mapping of str to sequence
        Of each category column.
    model : RidgeCV
    """

    numbers: pd.DataFrame
    levels: Mapping[str, Sequence[str]]
    model: RidgeCV

    @classmethod
    def fit(
        cls, features: pd.DataFrame, untreated: np.ndarray, target: np.ndarray,
        weight: np.ndarray, seed: int,
    ) -> "LinearEffect":  # fmt: skip
        """Fit.

        Parameters
        ----------
        features : DataFrame of n rows
        untreated : ndarray of float, shape (n,)
            The expected outcome without an action.
        target : ndarray of float, shape (n,)
            Doubly robust differences.
        weight : ndarray of float, shape (n,)
            About in inverse proportion to their variance.
        """
        if len(target) > MAX_LINEAR_ROWS:
            some = np.random.default_rng(seed).choice(len(target), MAX_LINEAR_ROWS, replace=False)
            features, untreated = features.iloc[some], untreated[some]
            target, weight = target[some], weight[some]
        numbers = features.select_dtypes("float64")
        moments = numbers.agg(["mean", "std"]).fillna(0.0)
        moments.loc["std"] = moments.loc["std"].replace(0.0, 1.0)
        levels = {
            str(name): list(features[name].cat.categories)
            for name in features
            if isinstance(features[name].dtype, pd.CategoricalDtype)
        }
        empty = cls(moments, levels, RidgeCV(ALPHAS))
        empty.model.fit(empty._design(features, untreated), target, weight)
        return empty

    def predict(self, features: pd.DataFrame, untreated: np.ndarray) -> np.ndarray:
        """The effect on each customer."""
        found: np.ndarray = self.model.predict(self._design(features, untreated))
        return found

    def _design(self, features: pd.DataFrame, untreated: np.ndarray) -> np.ndarray:
        numbers = features[[*self.numbers]]
        scaled = ((numbers - self.numbers.loc["mean"]) / self.numbers.loc["std"]).clip(-3, 3)
        columns = [scaled.fillna(0.0).to_numpy()]
        for name, levels in self.levels.items():
            codes = pd.Index(levels).get_indexer(pd.Index(features[name].astype(object)))
            columns.append((codes[:, None] == np.arange(len(levels))).astype(np.float64))
        own = np.column_stack(columns)
        return np.column_stack([own, untreated, own * untreated[:, None]])
