"""scikit-learn's trees, with probabilities that do not depend on the number of threads."""

from typing import Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.ensemble import (
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.tree import DecisionTreeClassifier

from churn.modeling.estimators import sklearn_internals

# Forests compare in float32; larger values are clipped, to beyond every other threshold.
WIDEST = float(np.finfo(np.float32).max)


class _Deterministic(ClassifierMixin):
    """Sums the trees in their order; in the order in which threads end, the last bit varies."""

    estimators_: list[DecisionTreeClassifier]

    def fit(
        self, matrix: np.ndarray, target: np.ndarray, sample_weight: np.ndarray | None = None
    ) -> Self:
        super().fit(_narrow(matrix), target, sample_weight)
        return self

    def predict_proba(self, matrix: np.ndarray) -> np.ndarray:
        """The probabilities of staying and of leaving, in one thread: (n, 2) float64."""
        narrow = _narrow(matrix)
        total = np.zeros((len(matrix), 2))
        for tree in self.estimators_:
            total += tree.predict_proba(narrow, check_input=False)
        return total / len(self.estimators_)


class ExtraTrees(_Deterministic, ExtraTreesClassifier):
    """Extremely randomized trees (Geurts et al. 2006)."""


class RandomForest(_Deterministic, RandomForestClassifier):
    """Bagged trees with random features (Breiman 2001)."""


class Boosting(HistGradientBoostingClassifier):
    """Gradient boosting that accepts columns without any value."""

    def fit(
        self,
        matrix: np.ndarray,
        target: np.ndarray,
        sample_weight: np.ndarray | None = None,
        **options: object,
    ) -> Self:
        """Fit; a column without any value, which scikit-learn cannot bin, becomes a constant."""
        empty = np.isnan(matrix).all(axis=0)
        super().fit(np.where(empty, 0.0, matrix), target, sample_weight, **options)
        return self

    def truncate(self, n_trees: int) -> None:
        """Drop all trees but the first `n_trees`."""
        sklearn_internals.truncate(self, n_trees)


def _narrow(matrix: np.ndarray) -> np.ndarray:
    narrow: np.ndarray = np.clip(matrix, -WIDEST, WIDEST).astype(np.float32)
    return narrow
