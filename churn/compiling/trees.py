"""Trees as source: boosted ones as nested conditions, forests as arrays that are walked.

A boosted tree has few leaves, and nested conditions take a fifth of the time of a walk. A forest's
trees have thousands, and as source they would take seconds to read. Trees of two leaves ask about
one column each, so what all of them say of a column is one table.
"""

from collections import defaultdict

import numpy as np

from churn.compiling.source import Source


def write_boosting(written: Source, booster, columns: list[str], levels) -> str:
    """Write a fitted HistGradientBoostingClassifier; the name of its log odds."""
    splits, trees = _Splits(booster, columns), [tree for (tree,) in booster._predictors]
    baseline = float(booster._baseline_prediction[0, 0])
    if all(len(tree.nodes) <= 3 for tree in trees):
        return _write_stumps(written, splits, trees, baseline, levels)
    total = written.let(repr(baseline))
    for tree in trees:
        written.add(f"{total} += {splits.tree(tree)}")
    return total


def _write_stumps(written, splits, trees, total, levels) -> str:
    """Write trees of two leaves at the most, as a table for each column."""
    asking = defaultdict(list)
    for tree in trees:
        if len(tree.nodes) == 1:
            total += float(tree.nodes[0]["value"])
        else:
            asking[int(tree.nodes[0]["feature_idx"])].append(tree)
    parts = [repr(total)]
    for place, asked in asking.items():
        column, states = splits.column[place], levels[splits.order[place]]

        def said(x, place=place, asked=asked):
            return sum(splits.stump(tree, place, x) for tree in asked)

        if column in written.coded:
            states = states or 2  # a flag
        if states:
            values = [said(float(state)) for state in range(states)]
            parts.append(written.by_code(column, values, said(np.nan)))
            continue
        cuts = sorted({float(tree.nodes[0]["num_threshold"]) for tree in asked} - {np.inf})
        table = written.constant([said(x) for x in [*cuts, np.inf]])
        found = f"{table}[bisect_left({written.constant(cuts)}, {column})]"
        parts.append(written.let(f"{found} if {column} == {column} else {said(np.nan)!r}"))
    return written.let(" + ".join(parts))


def write_symmetric(written: Source, model, columns: list[str]) -> str:
    """Write a fitted SymmetricTrees; the name of its log odds."""
    total = written.let(repr(model.baseline_))

    def question(column, cut):
        if cut == 0:  # only what is missing, a NaN, goes left
            return f"{columns[column]} == {columns[column]}"
        return f"{columns[column]} > {float(model.borders_[column][cut - 1])!r}"

    def write(tree, level, place):
        if level == len(tree.columns):
            return repr(float(tree.values[place]))
        right, left = write(tree, level + 1, place + 2**level), write(tree, level + 1, place)
        return f"({right} if {question(tree.columns[level], tree.cuts[level])} else {left})"

    for tree in model._predictors:
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
        preprocessor = booster._preprocessor
        if preprocessor is None:
            self.order, self.column, self.known = range(len(columns)), columns, {}
            return
        categorical = booster.is_categorical_
        self.order = [*np.flatnonzero(categorical), *np.flatnonzero(~categorical)]
        self.column = [columns[i] for i in self.order]
        encoder = preprocessor.named_transformers_["encoder"]
        # The booster's code of a level is its place among those seen in training.
        self.known = {
            place: [level for level in levels if level == level]
            for place, levels in enumerate(encoder.categories_)
        }

    def tree(self, tree) -> str:
        nodes, bitsets = tree.nodes, tree.raw_left_cat_bitsets

        def write(index):
            node = nodes[index]
            if node["is_leaf"]:
                return repr(float(node["value"]))
            left, right = write(node["left"]), write(node["right"])
            return f"({left} if {self._condition(node, bitsets)} else {right})"

        return write(0)

    def stump(self, tree, place, x) -> float:
        """What a tree of two leaves says where its column is x."""
        root = tree.nodes[0]
        if not root["is_categorical"]:
            goes_left = bool(root["missing_go_to_left"]) if x != x else x <= root["num_threshold"]
        elif x not in self.known[place]:
            goes_left = bool(root["missing_go_to_left"])
        else:
            goes_left = x in self._left(root, tree.raw_left_cat_bitsets)
        return float(tree.nodes[root["left" if goes_left else "right"]]["value"])

    def _left(self, node, bitsets) -> set:
        """The levels that go left."""
        bits = bitsets[node["bitset_idx"]]
        return {
            level
            for code, level in enumerate(self.known[int(node["feature_idx"])])
            if int(bits[code // 32]) >> (code % 32) & 1
        }

    def _condition(self, node, bitsets) -> str:
        place = int(node["feature_idx"])
        column, missing_left = self.column[place], bool(node["missing_go_to_left"])
        if not node["is_categorical"]:
            threshold = float(node["num_threshold"])
            if threshold == np.inf:  # only what is missing goes right
                return f"{column} == {column}"
            # What is missing is NaN, of which every comparison is false.
            return f"not {column} > {threshold!r}" if missing_left else f"{column} <= {threshold!r}"
        left = self._left(node, bitsets)
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
