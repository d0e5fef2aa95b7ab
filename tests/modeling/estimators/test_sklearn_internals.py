"""The private interfaces of scikit-learn are those that churn reads."""

import importlib.metadata

import numpy as np
import pytest
from packaging.requirements import Requirement
from sklearn.ensemble import HistGradientBoostingClassifier

from churn.modeling.estimators import sklearn_internals
from churn.modeling.threads import bounded_threads
from running import ROOT

CHANGED = "HistGradientBoostingClassifier.{} is not what churn reads: see sklearn_internals.py"


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    matrix = np.column_stack([rng.normal(size=500), rng.integers(3, 7, 500), rng.normal(size=500)])
    matrix[::7, 0] = np.nan
    matrix[::11, 1] = np.nan
    target = np.nan_to_num(matrix[:, 0]) + (matrix[:, 1] == 5) + rng.normal(size=500) > 0.5
    return matrix, target.astype(int)


@pytest.fixture(scope="module")
def booster(rows):
    model = HistGradientBoostingClassifier(
        categorical_features=[1], max_iter=20, max_leaf_nodes=6, min_samples_leaf=5
    )
    with bounded_threads(1):
        return model.fit(*rows)


def test_the_bound_of_requirements_holds_for_what_is_installed():
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    (line,) = [line.split("#")[0] for line in lines if line.startswith("scikit-learn")]
    installed = importlib.metadata.version("scikit-learn")
    assert Requirement(line).specifier.contains(installed), f"{installed} is not {line}"
    assert "<" in line, "the private interfaces of the next minor version are not known"


def test_the_private_attributes_are_there(booster):
    for name in ("_predictors", "_baseline_prediction", "_preprocessor", "is_categorical_"):
        assert hasattr(booster, name), CHANGED.format(name)
    tree = booster._predictors[0][0]
    fields = set(tree.nodes.dtype.names)
    missing = sorted(set(sklearn_internals.NODE_FIELDS) - fields)
    assert not missing, CHANGED.format(f"_predictors[0][0].nodes[{missing}]")
    assert hasattr(tree, "raw_left_cat_bitsets"), CHANGED.format("_predictors[0][0]")
    encoder = getattr(booster._preprocessor, "named_transformers_", {}).get("encoder")
    assert hasattr(encoder, "categories_"), CHANGED.format("_preprocessor")


def test_trees_and_baseline_make_the_log_odds(booster, rows):
    """A walk over the nodes, as a compiled scorer does it, gives what scikit-learn gives."""
    matrix, _ = rows
    order = sklearn_internals.column_order(booster)
    levels = sklearn_internals.category_levels(booster)
    found = np.array([walk(booster, row[order], levels) for row in matrix])
    expected = booster.decision_function(matrix)
    assert np.abs(found - expected).max() < 1e-12, CHANGED.format("_predictors")
    assert order == [1, 0, 2], CHANGED.format("is_categorical_")
    assert levels == {0: [3, 4, 5, 6]}, CHANGED.format("_preprocessor")


def walk(booster, row, levels):
    total = sklearn_internals.baseline_log_odds(booster)
    for tree in sklearn_internals.trees(booster):
        node = tree.nodes[0]
        while not node["is_leaf"]:
            value = row[node["feature_idx"]]
            if np.isnan(value):
                left = node["missing_go_to_left"]
            elif node["is_categorical"]:
                code = levels[node["feature_idx"]].index(value)
                left = tree.raw_left_cat_bitsets[node["bitset_idx"]][code // 32] >> (code % 32) & 1
            else:
                left = value <= node["num_threshold"]
            node = tree.nodes[node["left"] if left else node["right"]]
        total += node["value"]
    return total


def test_a_truncated_booster_is_its_own_earlier_stage(rows):
    matrix, target = rows
    with bounded_threads(1):
        booster = HistGradientBoostingClassifier(max_iter=12).fit(matrix, target)
    *_, fifth = (p for p, _ in zip(booster.staged_predict_proba(matrix), range(5), strict=False))
    sklearn_internals.truncate(booster, 5)
    assert np.array_equal(booster.predict_proba(matrix), fifth), CHANGED.format("_predictors")


def test_parameters_are_validated_without_a_fit():
    model = HistGradientBoostingClassifier(max_leaf_nodes=1)
    assert hasattr(model, "_parameter_constraints"), "BaseEstimator._parameter_constraints is gone"
    assert hasattr(model, "_validate_params"), "BaseEstimator._validate_params is gone"
    (problem,) = sklearn_internals.parameter_problems(model)
    assert problem.startswith("The 'max_leaf_nodes' parameter of HistGradientBoosting")
    assert sklearn_internals.parameter_problems(HistGradientBoostingClassifier()) == []
