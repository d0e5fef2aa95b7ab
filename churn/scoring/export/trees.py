"""Trees as arrays.

Trees of two leaves depend on one column each, so all of them together are one table per column.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.ensemble import (
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
from sklearn.tree._tree import Tree

from churn.modeling.estimators import sklearn_internals
from churn.modeling.estimators.oblivious import ObliviousTreesClassifier
from churn.scoring.export.builder import ProgramBuilder


def add_boosting(
    builder: ProgramBuilder,
    booster: HistGradientBoostingClassifier,
    columns: Sequence[int],
    levels: np.ndarray,
) -> int:
    """Add a fitted HistGradientBoostingClassifier; the place of its log odds."""
    trees = sklearn_internals.trees(booster)
    if all(len(tree.nodes) <= 3 for tree in trees):
        return _add_stumps(builder, booster, trees, columns, levels)
    known = sklearn_internals.category_levels(booster)
    order = sklearn_internals.column_order(booster)
    return builder.add(
        "boosted_trees",
        columns=[columns[i] for i in order],
        baseline=sklearn_internals.baseline_log_odds(booster),
        trees=[_boosted_tree(tree, known) for tree in trees],
    )


def add_oblivious(
    builder: ProgramBuilder, model: ObliviousTreesClassifier, columns: list[int]
) -> int:
    """Add a fitted ObliviousTreesClassifier; the place of its log odds."""

    def cut(column: int, threshold: int) -> float | None:
        # Bin 0 holds only missing values.
        return float(model.borders_[column][threshold - 1]) if threshold else None

    return builder.add(
        "oblivious_trees",
        columns=columns,
        baseline=float(model.baseline_),
        trees=[
            {
                "columns": list(map(int, tree.columns)),
                "cuts": list(map(cut, tree.columns, tree.bin_thresholds)),
                "values": tree.leaf_values.tolist(),
            }
            for tree in model.trees_
        ],
    )


def add_forest(
    builder: ProgramBuilder,
    forest: ExtraTreesClassifier | RandomForestClassifier,
    columns: Sequence[int],
) -> int:
    """Add a fitted forest of scikit-learn; the place of its probability of leaving."""
    trees = [_forest_tree(estimator.tree_) for estimator in forest.estimators_]
    return builder.add("forest", columns=columns, trees=trees)


def _add_stumps(
    builder: ProgramBuilder,
    booster: HistGradientBoostingClassifier,
    trees: list[TreePredictor],
    columns: Sequence[int],
    levels: np.ndarray,
) -> int:
    """The log odds where all values are missing, and each column's difference to them."""
    cuts: defaultdict[int, set[float]] = defaultdict(set)
    n_levels = builder.n_levels(columns, levels)
    order = sklearn_internals.column_order(booster)
    for root in (tree.nodes[0] for tree in trees if len(tree.nodes) > 1):
        cuts[order[root["feature_idx"]]].add(float(root["num_threshold"]))
    nothing = np.full((1, len(columns)), np.nan)
    total = booster.decision_function(nothing)[0]

    def effect(column: int, points: np.ndarray | list[float]) -> list[float]:
        rows = np.repeat(nothing, len(points), axis=0)
        rows[:, column] = points
        found: list[float] = (booster.decision_function(rows) - total).tolist()
        return found

    terms = []
    for column, found in cuts.items():
        place = columns[column]
        if n_levels[column]:
            values = effect(column, np.arange(n_levels[column]))
            terms.append(builder.add("lookup", column=place, values=values, otherwise=0.0))
            continue
        ends = sorted(found - {np.inf})
        values = effect(column, [*ends, np.inf])
        terms.append(builder.add("staircase", column=place, cuts=ends, values=values, missing=0.0))
    return builder.add_sum(total, terms)


def _boosted_tree(tree: TreePredictor, known: dict[int, list[float]]) -> dict[str, Any]:
    nodes = tree.nodes
    leaf, categorical = nodes["is_leaf"].astype(bool), nodes["is_categorical"].astype(bool)
    levels = [
        _levels(node, known, tree.raw_left_cat_bitsets) if split else None
        for node, split in zip(nodes, categorical & ~leaf, strict=True)
    ]
    return {
        "columns": np.where(leaf, -1, nodes["feature_idx"]).tolist(),
        "cuts": np.where(leaf | categorical, 0.0, nodes["num_threshold"]).tolist(),
        "levels": levels if any(one is not None for one in levels) else None,
        "lefts": nodes["left"].tolist(),
        "rights": nodes["right"].tolist(),
        "missing_left": nodes["missing_go_to_left"].astype(bool).tolist(),
        "values": nodes["value"].tolist(),
    }


def _levels(node: np.void, known: dict[int, list[float]], bitsets: np.ndarray) -> list[float]:
    """The levels that go where missing ones do not; unseen levels count as missing."""
    bits, missing_left = bitsets[node["bitset_idx"]], bool(node["missing_go_to_left"])
    return [
        float(level)
        for code, level in enumerate(known[int(node["feature_idx"])])
        if bool(int(bits[code // 32]) >> (code % 32) & 1) != missing_left
    ]


def _forest_tree(tree: Tree) -> dict[str, Any]:
    shares = tree.value[:, 0, :]
    return {
        "columns": np.where(tree.children_left == -1, -1, tree.feature).tolist(),
        "cuts": tree.threshold.tolist(),
        "lefts": tree.children_left.tolist(),
        "rights": tree.children_right.tolist(),
        "missing_left": tree.missing_go_to_left.astype(bool).tolist(),
        "values": (shares[:, 1] / shares.sum(axis=1)).tolist(),
    }
