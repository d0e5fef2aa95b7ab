"""A classifier of one's own, as a file that a test puts where a user would."""

from pathlib import Path

# The share of leavers, moved by the first column; it keeps what it was given.
SOURCE = '''
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression


class Shares(ClassifierMixin, BaseEstimator):
    def __init__(self, slope=0.1, random_state=None):
        self.slope = slope
        self.random_state = random_state

    def fit(self, matrix, target):
        if self.slope == 13:
            raise RuntimeError("slope 13 brings bad luck")
        assert np.isfinite(matrix).all()
        self.classes_ = np.unique(target)
        self.odds_ = np.log(target.mean() / (1 - target.mean()))
        self.columns_ = matrix.shape[1]
        return self

    def predict_proba(self, matrix):
        chance = 1 / (1 + np.exp(-self.odds_ - self.slope * matrix[:, 0]))
        if self.slope == 99:
            chance = chance * 2
        return np.column_stack([1 - chance, chance])


class Steady(LogisticRegression):
    """As good as the baseline, so that a search of it alone ends with it."""


class NoClassifier:
    pass
'''


def write_module(folder: Path, name: str) -> str:
    """Write the module; the family of its first classifier."""
    (folder / f"{name}.py").write_text(SOURCE)
    return f"{name}:Shares"
