"""Trees as arrays.

Trees of two leaves depend on one column each, so all of them together are one table per column.
"""

from collections import defaultdict

import numpy as np

from churn.modeling.estimators import sklearn_internals
from churn.scoring.export.builder import ProgramBuilder


def add_boosting(builder: ProgramBuilder, booster, columns: list[int], levels) -> int:
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


def add_oblivious(builder: ProgramBuilder, model, columns: list[int]) -> int:
    """Add a fitted ObliviousTreesClassifier; the place of its log odds."""

    def cut(column, threshold):
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


def add_forest(builder: ProgramBuilder, forest, columns: list[int]) -> int:
    """Add a fitted forest of scikit-learn; the place of its probability of leaving."""
    trees = [_forest_tree(estimator.tree_) for estimator in forest.estimators_]
    return builder.add("forest", columns=columns, trees=trees)


def _add_stumps(builder, booster, trees, columns, levels) -> int:
    """The log odds where all values are missing, and each column's difference to them."""
    cuts, n_levels = defaultdict(set), builder.n_levels(columns, levels)
    order = sklearn_internals.column_order(booster)
    for root in (tree.nodes[0] for tree in trees if len(tree.nodes) > 1):
        cuts[order[root["feature_idx"]]].add(float(root["num_threshold"]))
    nothing = np.full((1, len(columns)), np.nan)
    total = booster.decision_function(nothing)[0]

    def effect(column, points):
        rows = np.repeat(nothing, len(points), axis=0)
        rows[:, column] = points
        return (booster.decision_function(rows) - total).tolist()

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


def _boosted_tree(tree, known: dict[int, list[float]]) -> dict:
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


def _levels(node, known, bitsets) -> list[float]:
    """The levels that go where missing ones do not; unseen levels count as missing."""
    bits, missing_left = bitsets[node["bitset_idx"]], bool(node["missing_go_to_left"])
    return [
        float(level)
        for code, level in enumerate(known[int(node["feature_idx"])])
        if bool(int(bits[code // 32]) >> (code % 32) & 1) != missing_left
    ]


def _forest_tree(tree) -> dict:
    shares = tree.value[:, 0, :]
    return {
        "columns": np.where(tree.children_left == -1, -1, tree.feature).tolist(),
        "cuts": tree.threshold.tolist(),
        "lefts": tree.children_left.tolist(),
        "rights": tree.children_right.tolist(),
        "missing_left": tree.missing_go_to_left.astype(bool).tolist(),
        "values": (shares[:, 1] / shares.sum(axis=1)).tolist(),
    }
