"""What the library needs of a classifier: scikit-learn ships no types."""

from typing import Protocol, Self

import numpy as np


class Classifier(Protocol):
    """A scikit-learn classifier of two classes."""

    def fit(self, matrix: np.ndarray, target: np.ndarray, /) -> Self:
        """Fit to rows of columns, (n, n_columns), and their classes, (n,); see `fit_weighted`."""

    def predict_proba(self, matrix: np.ndarray, /) -> np.ndarray:
        """The probability of each class: (n, 2) float64."""
