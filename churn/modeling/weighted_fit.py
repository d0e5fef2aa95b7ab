"""Fit any classifier of the search to weighted rows."""

from collections.abc import Callable

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import has_fit_parameter

from churn.modeling.classifier import Classifier

WEIGHT = "sample_weight"


def fit_weighted(
    model: Classifier,
    matrix: np.ndarray,
    target: np.ndarray,
    weights: np.ndarray | None,
    groups: np.ndarray | None = None,
) -> Classifier:
    """Fit a classifier; without weights exactly as its `fit` does.

    Every step of a pipeline whose `fit` accepts weights gets them. scikit-learn's encoders and
    scalers do not accept any: they are functions of the columns, and the classifier behind them
    is weighted.

    Parameters
    ----------
    model : Classifier
    matrix : ndarray of float64, shape (n, n_columns)
    target : ndarray of int, shape (n,)
    weights : ndarray of float64, shape (n,), or None
    groups : ndarray, shape (n,), or None
        For a classifier whose `fit` accepts them: rows with the same value are copies.

    Raises
    ------
    ValueError
        If the classifier accepts no weights.
    """
    more = {"groups": groups} if has_fit_parameter(model, "groups") else {}
    fit: Callable[..., Classifier] = model.fit
    if weights is None:
        return fit(matrix, target, **more)
    options = {name: weights for name in _names(model)}
    if not any(name == WEIGHT or name.startswith(_last(model)) for name in options):
        raise ValueError(f"fit of {_classifier(model)} accepts no {WEIGHT}, and rows have weights")
    return fit(matrix, target, **options, **more)


def _names(step: object) -> list[str]:
    """The parameters of `fit` that are the weights of a step, or of the steps within it."""
    if isinstance(step, Pipeline):
        return [f"{name}__{inner}" for name, part in step.steps for inner in _names(part)]
    return [WEIGHT] if has_fit_parameter(step, WEIGHT) and _weighs(step) else []


def _weighs(step: object) -> bool:
    # StandardScaler accepts weights, but inside a ColumnTransformer, which passes none on.
    return hasattr(step, "predict_proba") or getattr(step, "weighs_rows", False)


def _last(model: object) -> str:
    return f"{model.steps[-1][0]}__" if isinstance(model, Pipeline) else WEIGHT


def _classifier(model: object) -> str:
    while isinstance(model, Pipeline):
        model = model.steps[-1][1]
    return type(model).__name__
