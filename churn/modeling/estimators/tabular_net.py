"""A neural net for tables: piecewise-linear encoding, and nets that share most of their weights.

What matters in nets for tables (Gorishniy et al. 2022, "On embeddings for numerical features", and
2025, "TabM"; Holzmüller et al. 2024, "Better by default") fits in a few matrix products. A number
is encoded piecewise linearly between its quantiles, so that the first layer learns a curve of it. A
category is one-hot, so that the first layer is its embedding. The nets differ in scales of the
inputs and outputs of their hidden layers (Wen et al. 2020, "BatchEnsemble") and in their last
layer; each is trained by its own loss, and they predict together.
"""

from collections.abc import Iterator, Sequence
from typing import Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin

from churn.modeling.estimators.linear import piecewise_terms
from churn.modeling.estimators.net_training import Layer, Training, predict_log_odds
from churn.statistics.log_odds import row_losses, sigmoid
from churn.statistics.weighting import weighted_mean


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
    stages_ : list of list of Layer
        The averaged nets after each epoch; after the last one only, without validation rows.
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
        self.stages_: list[list[Layer]] = []
        losses: list[float] = []
        watched = None
        if self.early_stopping and X_val is not None and y_val is not None:
            watched = self.terms_.transform(X_val), y_val, sample_weight_val
            losses.append(_loss(training.averaged(), *watched))
        for _ in range(self.max_iter):
            training.run_epoch()
            if watched is None:
                continue
            self.stages_.append(training.averaged())
            losses.append(_loss(self.stages_[-1], *watched))
            if len(losses) - 1 - int(np.argmin(losses)) >= self.n_iter_no_change:
                break
        self.stages_ = self.stages_ or [training.averaged()]
        self.validation_score_ = -np.array(losses)
        return self

    @property
    def layers_(self) -> list[Layer]:
        """The layers that predict."""
        return self.stages_[-1]

    def predict_proba(self, matrix: np.ndarray) -> np.ndarray:
        """The probabilities of staying and of leaving: (n, 2) float64."""
        return _to_probabilities(predict_log_odds(self.layers_, self.terms_.transform(matrix)))

    def staged_predict_proba(self, matrix: np.ndarray) -> Iterator[np.ndarray]:
        """The probabilities after each epoch: (n, 2) float64."""
        inputs = self.terms_.transform(matrix)
        return (_to_probabilities(predict_log_odds(stage, inputs)) for stage in self.stages_)

    def truncate(self, n_epochs: int) -> None:
        """Keep the nets as they were after `n_epochs` epochs."""
        self.stages_ = [self.stages_[n_epochs - 1]]

    def parameter_problems(self) -> list[str]:
        """Every parameter that is out of its range, a sentence each."""
        problems = [
            f"{name} must be above 0, not {getattr(self, name)!r}"
            for name in ("nets", "learning_rate", "max_iter", "batch_size")
            if not getattr(self, name) > 0
        ]
        if not len(self.hidden) or not all(width > 0 for width in self.hidden):
            problems.append(f"hidden must be widths above 0, not {self.hidden!r}")
        if not self.n_knots >= 2:
            problems.append(f"n_knots must be at least 2, not {self.n_knots!r}")
        if not 0 <= self.dropout < 1:
            problems.append(f"dropout must be from 0 to below 1, not {self.dropout!r}")
        return problems

    def _check(self, target: np.ndarray) -> None:
        problems = self.parameter_problems()
        if len(np.unique(target)) != 2:
            problems.append("the target must have both classes")
        if problems:
            raise ValueError("; ".join(problems))


def _loss(
    stage: list[Layer], inputs: np.ndarray, target: np.ndarray, weights: np.ndarray | None
) -> float:
    chance = sigmoid(predict_log_odds(stage, inputs))
    return weighted_mean(row_losses(target, chance), weights)


def _to_probabilities(log_odds: np.ndarray) -> np.ndarray:
    chance = sigmoid(log_odds)
    return np.column_stack([1 - chance, chance])
