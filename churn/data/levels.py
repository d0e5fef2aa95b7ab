"""The levels of a feature: categories, both values of a flag, or quarters of a number."""

import numpy as np
import pandas as pd

from churn.data.contract import Category, Feature
from churn.statistics.bins import MISSING, quantile_edges, to_bins

# A category that is not in the contract.
NEW = -2


class FeatureLevels:
    """The levels of a feature, learned from one column and assigned to any.

    Parameters
    ----------
    feature : Feature
    column : Series of n rows
        Typed, see `parse_features`. Quarters of a number are those of its values.

    Attributes
    ----------
    texts : list of str
        The levels in words: of a number the span of the values of `column` that are in it.
    """

    def __init__(self, feature: Feature, column: pd.Series):
        self.feature = feature
        if feature.numeric:
            numbers = column.to_numpy(dtype=np.float64)
            edges = quantile_edges(numbers)
            bins = to_bins(numbers, edges)
            # An edge that is the largest value leaves no number above it.
            self._edges = edges[: max(bins.max(initial=0), 0)]
            spans = range(len(self._edges) + 1 if (bins >= 0).any() else 0)
            self.texts = [_span(feature, numbers[bins == code]) for code in spans] or ["any value"]
        elif feature.kind == "flag":
            self.texts = [feature.say(0), feature.say(1)]
        else:
            assert isinstance(feature, Category)
            self.texts = list(feature.categories)

    def assign(self, column: pd.Series) -> np.ndarray:
        """The level of each row of a typed column.

        Returns
        -------
        ndarray of int, shape (n,)
            Positions in `texts`; `MISSING` where missing, `NEW` for a category that is not in the
            contract.
        """
        if self.feature.numeric:
            return to_bins(column.to_numpy(dtype=np.float64), self._edges)
        if self.feature.kind == "flag":
            return column.fillna(MISSING).to_numpy().astype(np.int64)
        codes = pd.Index(self.texts).get_indexer(pd.Index(column.astype(object)))
        return np.where(column.isna(), MISSING, np.where(codes < 0, NEW, codes))


def _span(feature: Feature, numbers: np.ndarray) -> str:
    low, high = numbers.min(), numbers.max()
    return feature.say(high) if low == high else f"{low:,.6g} to {feature.say(high)}"
