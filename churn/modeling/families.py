"""The families of the search space: their estimators, not fitted."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from churn.modeling.classifier import Classifier
from churn.modeling.own_families import build_own, is_own
from churn.modeling.search_space import (
    ITERATIVE_FAMILIES,
    STACK,
    Candidate,
    has_many_levels,
    seed_of_repeat,
)

if TYPE_CHECKING:
    from sklearn.compose import ColumnTransformer

    from churn.modeling.estimators.stack import SecondLevel


def build(candidate: Candidate, levels: np.ndarray, seed: int, threads: int = 1) -> Classifier:
    """Build the estimator of a candidate.

    Parameters
    ----------
    candidate : Candidate
    levels : ndarray of int, shape (n_columns,)
        How many levels the category in a column has; 0 for a number.
    seed : int
        Seed of everything random in it.
    threads : int
        How many threads it may use; OpenMP's are bounded during the fit, see `bounded_threads`.

    Returns
    -------
    scikit-learn classifier, not fitted
    """
    if candidate.family == STACK:
        return _stack(levels, seed, threads, **candidate.params)
    if candidate.seeds > 1:
        from churn.modeling.estimators.averaged import AveragedClassifier

        one = replace(candidate, seeds=1)
        seeds = [seed_of_repeat(seed, number) for number in range(candidate.seeds)]
        return AveragedClassifier([build(one, levels, number, threads) for number in seeds])
    many = has_many_levels(candidate, levels)
    if not many.any():
        return _build_family(candidate, levels > 0, seed, threads)
    from sklearn.pipeline import make_pipeline

    # The target-encoded columns come first, and are numbers.
    categorical = np.append(np.zeros(many.sum(), dtype=bool), (levels > 0)[~many])
    model = _build_family(candidate, categorical, seed, threads)
    pipeline: Classifier = make_pipeline(_encode_levels(many, seed), model)
    return pipeline


def _build_family(
    candidate: Candidate, categorical: np.ndarray, seed: int, threads: int
) -> Classifier:
    if is_own(candidate.family):
        return build_own(candidate.family, categorical, seed, threads, candidate.params)
    return FAMILIES[candidate.family](categorical, seed, threads, **candidate.params)


def _encode_levels(many: np.ndarray, seed: int) -> "ColumnTransformer":
    from sklearn.compose import ColumnTransformer
    from sklearn.model_selection import StratifiedKFold
    from sklearn.preprocessing import TargetEncoder

    # The encoder is cross-fitted, so that a rare level does not leak its own customers' labels.
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    encoder = TargetEncoder(target_type="binary", cv=folds)
    return ColumnTransformer([("levels", encoder, many)], remainder="passthrough")


def _logistic(categorical: np.ndarray, seed: int, threads: int, **params: Any) -> Classifier:
    from churn.modeling.estimators.linear import logistic

    model: Classifier = logistic(categorical, seed, **params)
    return model


def _splines(categorical: np.ndarray, seed: int, threads: int, **params: Any) -> Classifier:
    from churn.modeling.estimators.linear import splines

    model: Classifier = splines(categorical, seed, **params)
    return model


def _pairs(categorical: np.ndarray, seed: int, threads: int, **params: Any) -> Classifier:
    from churn.modeling.estimators.linear import pairs

    model: Classifier = pairs(categorical, seed, **params)
    return model


def _neural_net(
    categorical: np.ndarray,
    seed: int,
    threads: int,
    hidden: Sequence[int] = (64, 32),
    **params: Any,
) -> Classifier:
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline

    from churn.modeling.estimators.linear import plain_terms

    net = MLPClassifier(
        hidden, early_stopping=True, n_iter_no_change=8, learning_rate_init=3e-3,
        batch_size=128, random_state=seed, **params,
    )  # fmt: skip
    model: Classifier = make_pipeline(plain_terms(categorical, seed), net)
    return model


def _boosting(
    categorical: np.ndarray,
    seed: int,
    threads: int,
    learning_rate: float = ITERATIVE_FAMILIES["boosting"].rate,
    max_iter: int = ITERATIVE_FAMILIES["boosting"].most,
    l2_regularization: float = 1.0,
    **params: Any,
) -> Classifier:
    from churn.modeling.estimators.trees import Boosting

    return Boosting(
        learning_rate=learning_rate, max_iter=max_iter, l2_regularization=l2_regularization,
        early_stopping=False, tol=0.0, categorical_features=categorical, random_state=seed,
        **params,
    )  # fmt: skip


def _oblivious_trees(categorical: np.ndarray, seed: int, threads: int, **params: Any) -> Classifier:
    from churn.modeling.estimators.oblivious import ObliviousTreesClassifier

    settings = _iterations("oblivious_trees") | params
    return ObliviousTreesClassifier(categorical, random_state=seed, **settings)


def _tabular_net(categorical: np.ndarray, seed: int, threads: int, **params: Any) -> Classifier:
    from churn.modeling.estimators.tabular_net import TabularNetClassifier

    settings = _iterations("tabular_net") | params
    return TabularNetClassifier(categorical, random_state=seed, **settings)


def _iterations(family: str) -> dict[str, Any]:
    defaults = ITERATIVE_FAMILIES[family]
    return {"learning_rate": defaults.rate, "max_iter": defaults.most}


def _extra_trees(
    categorical: np.ndarray, seed: int, threads: int, n_estimators: int = 100, **params: Any
) -> Classifier:
    from churn.modeling.estimators.trees import ExtraTrees

    return ExtraTrees(n_estimators, n_jobs=threads, random_state=seed, **params)


def _random_forest(
    categorical: np.ndarray, seed: int, threads: int, n_estimators: int = 100, **params: Any
) -> Classifier:
    from churn.modeling.estimators.trees import RandomForest

    return RandomForest(n_estimators, n_jobs=threads, random_state=seed, **params)


def _stack(
    levels: np.ndarray,
    seed: int,
    threads: int,
    members: Sequence[Candidate],
    weights: Sequence[float],
    intercept: float,
    second_level: "SecondLevel | None" = None,
    relearn: bool = False,
) -> Classifier:
    from churn.modeling.estimators.stack import Stack

    built = [build(member, levels, seed, threads) for member in members]
    return Stack(built, weights, intercept, second_level, relearn)


FAMILIES: dict[str, Callable[..., Classifier]] = {
    "logistic": _logistic,
    "splines": _splines,
    "pairs": _pairs,
    "neural_net": _neural_net,
    "boosting": _boosting,
    "oblivious_trees": _oblivious_trees,
    "tabular_net": _tabular_net,
    "extra_trees": _extra_trees,
    "random_forest": _random_forest,
}
