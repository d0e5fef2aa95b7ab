"""scikit-learn's trees: the same answers whatever threads do, of any number, and of none."""

import numpy as np
from sklearn.ensemble import (
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)

# Forests count in float32; what is wider stays beyond any cut of what is not.
WIDEST = float(np.finfo(np.float32).max)


class _Steady:
    """scikit-learn adds up the trees in the order in which its threads end: another last bit."""

    def fit(self, matrix, target):
        return super().fit(_narrow(matrix), target)

    def predict_proba(self, matrix) -> np.ndarray:
        """The probabilities of staying and of leaving, in one thread: (n, 2) float64."""
        narrow = _narrow(matrix)
        said = sum(tree.predict_proba(narrow, check_input=False) for tree in self.estimators_)
        return said / len(self.estimators_)


class ExtraTrees(_Steady, ExtraTreesClassifier):
    """Extremely randomized trees (Geurts et al. 2006)."""


class RandomForest(_Steady, RandomForestClassifier):
    """Bagged trees with random features (Breiman 2001)."""


class Boosting(HistGradientBoostingClassifier):
    """Boosted trees, which may be fitted where nothing is known of a column."""

    def fit(self, matrix, target, **options):
        """Fit, taking such a column for a constant; scikit-learn finds no place to cut it."""
        unknown = np.isnan(matrix).all(axis=0)
        return super().fit(np.where(unknown, 0.0, matrix), target, **options)


def _narrow(matrix: np.ndarray) -> np.ndarray:
    return np.clip(matrix, -WIDEST, WIDEST).astype(np.float32)
