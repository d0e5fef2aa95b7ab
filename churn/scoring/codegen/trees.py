"""Trees as source: boosted ones as nested conditions, forests as arrays that are walked.

A boosted tree has few leaves, and nested conditions take a fifth of the time of a walk. A forest's
trees have thousands, and as source they would take seconds to read. Trees of two leaves ask about
one column each, so what all of them say of a column is one table.
"""

from collections import defaultdict

import numpy as np

from churn.modeling.estimators import sklearn_internals
from churn.scoring.codegen.source import Source


def write_boosting(written: Source, booster, columns: list[str], levels) -> str:
    """Write a fitted HistGradientBoostingClassifier; the name of its log odds."""
    trees = sklearn_internals.trees(booster)
    if all(len(tree.nodes) <= 3 for tree in trees):
        return _write_stumps(written, booster, trees, columns, levels)
    splits = _Splits(booster, columns)
    total = written.let(repr(sklearn_internals.baseline_log_odds(booster)))
    for tree in trees:
        written.add(f"{total} += {splits.tree(tree)}")
    return total


def _write_stumps(written, booster, trees, columns, levels) -> str:
    """Write trees of two leaves at the most: what is missing everywhere, and each column's part."""
    cuts, states = defaultdict(set), written.states(columns, levels)
    order = sklearn_internals.column_order(booster)
    for root in (tree.nodes[0] for tree in trees if len(tree.nodes) > 1):
        cuts[order[root["feature_idx"]]].add(float(root["num_threshold"]))
    nothing = np.full((1, len(columns)), np.nan)
    total = booster.decision_function(nothing)[0]

    def part(column, points):
        rows = np.repeat(nothing, len(points), axis=0)
        rows[:, column] = points
        return (booster.decision_function(rows) - total).tolist()

    parts = [repr(float(total))]
    for column, found in cuts.items():
        name = columns[column]
        if states[column]:
            parts.append(written.by_code(name, part(column, np.arange(states[column])), 0.0))
            continue
        ends = sorted(found - {np.inf})
        table, ends = written.constant(part(column, [*ends, np.inf])), written.constant(ends)
        parts.append(
            written.let(f"{table}[bisect_left({ends}, {name})] if {name} == {name} else 0.0")
        )
    return written.let(" + ".join(parts))


def write_oblivious(written: Source, model, columns: list[str]) -> str:
    """Write a fitted ObliviousTreesClassifier; the name of its log odds."""
    total = written.let(repr(model.baseline_))

    def question(column, cut):
        if cut == 0:  # only what is missing, a NaN, goes left
            return f"{columns[column]} == {columns[column]}"
        return f"{columns[column]} > {float(model.borders_[column][cut - 1])!r}"

    def write(tree, level, leaf):
        if level == len(tree.columns):
            return repr(float(tree.leaf_values[leaf]))
        right, left = write(tree, level + 1, leaf + 2**level), write(tree, level + 1, leaf)
        return (
            f"({right} if {question(tree.columns[level], tree.bin_thresholds[level])} else {left})"
        )

    for tree in model.trees_:
        written.add(f"{total} += {write(tree, 0, 0)}")
    return total


def write_forest(written: Source, forest, columns: list[str]) -> str:
    """Write a fitted forest of scikit-learn; the name of its probability of leaving."""
    trees = [_arrays(estimator.tree_) for estimator in forest.estimators_]
    row = written.let(f"single([{', '.join(columns)}])")
    return written.let(f"walk({row}, {written.constant(trees)}) / {len(trees)}")


class _Splits:
    """How a booster asks about the columns of the matrix, whose order it has changed."""

    def __init__(self, booster, columns):
        self.column = [columns[i] for i in sklearn_internals.column_order(booster)]
        # The booster's code of a level is its place among those seen in training.
        self.known = sklearn_internals.category_levels(booster)

    def tree(self, tree) -> str:
        nodes, bitsets = tree.nodes, tree.raw_left_cat_bitsets

        def write(index):
            node = nodes[index]
            if node["is_leaf"]:
                return repr(float(node["value"]))
            left, right = write(node["left"]), write(node["right"])
            return f"({left} if {self._condition(node, bitsets)} else {right})"

        return write(0)

    def _condition(self, node, bitsets) -> str:
        place = int(node["feature_idx"])
        column, missing_left = self.column[place], bool(node["missing_go_to_left"])
        if not node["is_categorical"]:
            threshold = float(node["num_threshold"])
            if threshold == np.inf:  # only what is missing goes right
                return f"{column} == {column}"
            # What is missing is NaN, of which every comparison is false.
            return f"not {column} > {threshold!r}" if missing_left else f"{column} <= {threshold!r}"
        bits = bitsets[node["bitset_idx"]]
        left = {
            level
            for code, level in enumerate(self.known[place])
            if int(bits[code // 32]) >> (code % 32) & 1
        }
        if not missing_left:
            return f"{column} in {_set(left)}"
        # A level never seen in training counts as missing.
        return f"{column} not in {_set(set(self.known[place]) - left)}"


def _set(levels) -> str:
    return "{" + ", ".join(repr(float(level)) for level in sorted(levels)) + "}" if levels else "()"


def _arrays(tree) -> tuple:
    leaves = tree.children_left == -1
    shares = tree.value[:, 0, :]
    return (
        np.where(leaves, -1, tree.feature).tolist(),
        tree.threshold.tolist(),
        tree.children_left.tolist(),
        tree.children_right.tolist(),
        tree.missing_go_to_left.astype(bool).tolist(),
        (shares[:, 1] / shares.sum(axis=1)).tolist(),
    )
