"""A neural net for tables: piecewise-linear encoding, and nets that share most of their weights.

What matters in nets for tables (Gorishniy et al. 2022, "On embeddings for numerical features", and
2025, "TabM"; Holzmüller et al. 2024, "Better by default") fits in a few matrix products. A number
is encoded piecewise linearly between its quantiles, so that the first layer learns a curve of it. A
category is one-hot, so that the first layer is its embedding. The nets differ in scales of the
inputs and outputs of their hidden layers (Wen et al. 2020, "BatchEnsemble") and in their last
layer; each is trained by its own loss, and they predict together.
"""

from collections.abc import Sequence
from typing import Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin

from churn.modeling.estimators.linear import piecewise_terms
from churn.modeling.estimators.net_training import Training, predict_log_odds
from churn.modeling.estimators.parameters import Number, range_problems
from churn.statistics.log_odds import row_losses, sigmoid
from churn.statistics.weighting import weighted_mean

WIDTH = Number(1, whole=True)
RANGES = {
    "nets": Number(1, whole=True),
    "n_knots": Number(2, whole=True),
    "learning_rate": Number(0, above=True),
    "max_iter": Number(1, whole=True),
    "weight_decay": Number(0),
    "dropout": Number(0, 0.99),
    "batch_size": Number(1, whole=True),
    "average": Number(0, above=True),
}


class TabularNetClassifier(ClassifierMixin, BaseEstimator):
    """Neural nets that share weights, on the log loss, for two classes, 0 and 1.

    Parameters
    ----------
    categorical : ndarray of bool, shape (n_columns,)
    hidden : sequence of int
        The widths of the hidden layers.
    nets : int
        How many nets share the weights of the hidden layers.
    n_knots : int
        The number of quantiles between which a number is encoded piecewise linearly.
    learning_rate : float
        Of AdamW (Loshchilov & Hutter 2019).
    max_iter : int
        The number of epochs.
    weight_decay : float
        Of AdamW, on the weights that are shared.
    dropout : float
        The share of hidden units that a step leaves out.
    batch_size : int
    average : float
        Predictions are by an exponential moving average of the weights, over about so many epochs.
        It takes the place of a falling learning rate, so every epoch may be the last.
    early_stopping : bool
        Stop when `n_iter_no_change` epochs in a row have not lowered the loss of the validation
        rows given to `fit`.
    n_iter_no_change : int
    random_state : int

    Attributes
    ----------
    terms_ : ColumnTransformer
        The encoding of the columns.
    layers_ : list of Layer
        The averaged nets after the last epoch.
    validation_probabilities_ : ndarray of float64, shape (n_epochs, n_validation)
        Of leaving, of the validation rows after each epoch. The nets of earlier epochs are not
        kept: they would take megabytes each.
    validation_score_ : ndarray of float64, shape (n_epochs + 1,)
        Minus the log loss of the validation rows, before the first epoch and after each.
    """

    classes_ = np.array([0, 1])

    def __init__(
        self,
        categorical: np.ndarray,
        hidden: Sequence[int] = (64, 64),
        nets: int = 8,
        n_knots: int = 12,
        learning_rate: float = 0.004,
        max_iter: int = 60,
        weight_decay: float = 0.02,
        dropout: float = 0.1,
        batch_size: int = 256,
        average: float = 2.0,
        early_stopping: bool = False,
        n_iter_no_change: int = 8,
        random_state: int = 0,
    ):
        self.categorical = categorical
        self.hidden = hidden
        self.nets = nets
        self.n_knots = n_knots
        self.learning_rate = learning_rate
        self.max_iter = max_iter
        self.weight_decay = weight_decay
        self.dropout = dropout
        self.batch_size = batch_size
        self.average = average
        self.early_stopping = early_stopping
        self.n_iter_no_change = n_iter_no_change
        self.random_state = random_state

    def fit(
        self,
        matrix: np.ndarray,
        target: np.ndarray,
        sample_weight: np.ndarray | None = None,
        *,
        X_val: np.ndarray | None = None,
        y_val: np.ndarray | None = None,
        sample_weight_val: np.ndarray | None = None,
    ) -> Self:
        """Fit the nets.

        Parameters
        ----------
        matrix : ndarray of float64, shape (n, n_columns)
            NaN where a value is missing; a category as its level's number.
        target : ndarray of int, shape (n,)
        sample_weight : ndarray of float64, shape (n,), optional
            How often each row counts in the loss; the encoding counts rows.
        X_val, y_val, sample_weight_val : ndarrays, optional
            Validation rows and their weights, for early stopping.

        Raises
        ------
        ValueError
            Naming every parameter that is out of its range, and a target of one class only.
        """
        self._check(target)
        self.terms_ = piecewise_terms(self.categorical, self.random_state, self.n_knots)
        training = Training(
            self.terms_.fit_transform(matrix), target, sample_weight,
            hidden=self.hidden, nets=self.nets, learning_rate=self.learning_rate,
            weight_decay=self.weight_decay, dropout=self.dropout, batch_size=self.batch_size,
            average=self.average, seed=self.random_state,
        )  # fmt: skip
        losses: list[float] = []
        chances: list[np.ndarray] = []
        watched = None
        if self.early_stopping and X_val is not None and y_val is not None:
            watched = self.terms_.transform(X_val), y_val, sample_weight_val
        for epoch in range(self.max_iter + 1):
            if epoch:
                training.run_epoch()
            if watched is None:
                continue
            inputs, labels, weights = watched
            chances.append(sigmoid(predict_log_odds(training.averaged(), inputs)))
            losses.append(weighted_mean(row_losses(labels, chances[-1]), weights))
            if epoch - int(np.argmin(losses)) >= self.n_iter_no_change:
                break
        self.layers_ = training.averaged()
        self.validation_probabilities_ = np.array(chances[1:])
        self.validation_score_ = -np.array(losses)
        return self

    def predict_proba(self, matrix: np.ndarray) -> np.ndarray:
        """The probabilities of staying and of leaving: (n, 2) float64."""
        return _to_probabilities(predict_log_odds(self.layers_, self.terms_.transform(matrix)))

    def parameter_problems(self) -> list[str]:
        """Every parameter that is out of its range, a sentence each."""
        problems = range_problems(self, RANGES)
        widths = self.hidden if isinstance(self.hidden, Sequence) else ()
        if not len(widths) or not all(width in WIDTH for width in widths):
            problems.append(f"hidden must be a list of whole numbers above 0, not {self.hidden!r}")
        return problems

    def _check(self, target: np.ndarray) -> None:
        problems = self.parameter_problems()
        if len(np.unique(target)) != 2:
            problems.append("the target must have both classes")
        if problems:
            raise ValueError("; ".join(problems))


def _to_probabilities(log_odds: np.ndarray) -> np.ndarray:
    chance = sigmoid(log_odds)
    return np.column_stack([1 - chance, chance])
