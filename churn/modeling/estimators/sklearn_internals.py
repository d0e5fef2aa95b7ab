"""The private interfaces of scikit-learn that the project uses, and nothing else.

HistGradientBoostingClassifier keeps its trees in private attributes. Early stopping needs to drop
the last of them, and a compiled scorer needs to read them; scikit-learn has no public way to do
either. Estimators validate their parameters only when they are fitted; a search file is validated
before, so the same validation is called by itself. requirements.txt bounds the version, and a test
names the interface that an upgrade changes.
"""

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
from sklearn.utils._param_validation import InvalidParameterError, validate_parameter_constraints

# The fields of a node that a compiled scorer reads.
NODE_FIELDS = (
    "value", "feature_idx", "num_threshold", "missing_go_to_left", "left", "right", "is_leaf",
    "is_categorical", "bitset_idx",
)  # fmt: skip


def trees(booster: HistGradientBoostingClassifier) -> list[TreePredictor]:
    """The trees of a fitted booster for two classes, first to last.

    Returns
    -------
    list of TreePredictor
        `nodes` is a structured array with `NODE_FIELDS`; `raw_left_cat_bitsets`, (n, 8) uint32,
        has for each categorical node a bit per code of a level that goes left.
    """
    return [tree for (tree,) in booster._predictors]


def truncate(booster: HistGradientBoostingClassifier, n_trees: int) -> None:
    """Drop all trees but the first `n_trees`, in place."""
    del booster._predictors[n_trees:]


def baseline_log_odds(booster: HistGradientBoostingClassifier) -> float:
    """The log odds to which the trees add."""
    return float(booster._baseline_prediction[0, 0])


def column_order(booster: HistGradientBoostingClassifier) -> list[int]:
    """For each place of a column in the booster its place in the matrix: categories come first."""
    if booster._preprocessor is None:
        return list(range(booster.n_features_in_))
    categorical = booster.is_categorical_
    return [*np.flatnonzero(categorical).tolist(), *np.flatnonzero(~categorical).tolist()]


def category_levels(booster: HistGradientBoostingClassifier) -> dict[int, list[float]]:
    """For each place of a category in the booster its levels seen in fitting, by their code."""
    if booster._preprocessor is None:
        return {}
    encoder = booster._preprocessor.named_transformers_["encoder"]
    return {
        place: [level for level in levels if level == level]
        for place, levels in enumerate(encoder.categories_)
    }


def parameter_problems(estimator: BaseEstimator) -> list[str]:
    """Invalid parameters, as `fit` would report them, of an estimator and its sub-estimators."""
    parts = [estimator, *estimator.get_params(deep=True).values()]
    problems = []
    for part in parts:
        if hasattr(part, "parameter_problems"):
            problems += part.parameter_problems()
        elif hasattr(part, "_parameter_constraints"):
            for name, value in part.get_params(deep=False).items():
                try:  # one by one, since the validation stops at the first
                    validate_parameter_constraints(
                        part._parameter_constraints, {name: value}, type(part).__name__
                    )
                except InvalidParameterError as error:
                    problems.append(str(error))
    return list(dict.fromkeys(problems))
