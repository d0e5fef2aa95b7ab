"""The time to score one customer, estimated from the size of a fitted estimator.

The choice among candidates weighs log loss against this cost. Operations are counted, not timed, so
that the same table and seed choose the same model on any machine, whatever its load. `python
benchmarks/search_costs.py` compares the estimate with the time of compiled scorers; the
microseconds per operation come from there.
"""

from collections import Counter
from functools import singledispatch
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline

from churn.modeling.estimators import sklearn_internals
from churn.modeling.estimators.linear import PairedTerms
from churn.modeling.estimators.oblivious import ObliviousTreesClassifier
from churn.modeling.estimators.tabular_net import TabularNetClassifier

# Of one operation of a compiled scorer, see `operations`.
MICROSECONDS = {
    "scorer": 0.3,
    "curve": 0.2,
    "table": 0.07,
    "product": 0.07,
    "layer": 1.5,
    "weight": 0.0003,
    "net layer": 8.0,
    "net weight": 0.0005,
    "stump table": 0.06,
    "tree": 0.008,
    "split": 0.016,
    "forest tree": 0.1,
    "forest split": 0.12,
}
# Of a data frame of one customer and a pipeline of scikit-learn on a usual core, whatever is at its
# end. Forests and the like take longer.
NOT_COMPILED_MICROSECONDS = 6_000.0

# A part of a fitted ColumnTransformer: its name, its transformer and its columns.
Part = tuple[str, BaseEstimator, np.ndarray]


def estimate_microseconds(model: object) -> float:
    """The estimated microseconds to score one customer by a compiled estimator, on a usual core.

    Parameters
    ----------
    model : fitted classifier
        Of a family of `churn.modeling.families`, but for stacks, whose cost is the sum of
        their members'.
    """
    counts = operations(model)
    return sum(MICROSECONDS[name] * count for name, count in counts.items())


@singledispatch
def operations(model: object) -> Counter[str]:
    """How many operations of each kind a compiled estimator makes for one customer.

    Returns
    -------
    Counter of str
        scorer (once); curve (a number looked up among the breaks of a piecewise polynomial); table
        (a level or flag looked up); product (of a pair of terms); layer and weight (of a neural
        net); net layer and net weight (of the nets of a tabular net, all together); stump table
        (all that trees of two leaves add for one column); tree and split (of boosting; the splits
        on the mean path of the training rows); forest tree and forest split.

    Raises
    ------
    TypeError
        If the estimator is of no known family.
    """
    raise TypeError(f"the cost of {type(model).__name__} is not known")


@operations.register
def _(model: Pipeline) -> Counter[str]:
    first, last = model[0], model[-1]
    if _encodes_levels(first):
        return operations(last) + Counter(table=_width(first.transformers_[0]))
    if isinstance(last, MLPClassifier):
        weights = sum(weights.size for weights in last.coefs_)
        return _inputs(first) + Counter(layer=len(last.coefs_), weight=weights)
    if not isinstance(last, LogisticRegression):
        raise TypeError(f"the cost of {type(last).__name__} is not known")
    paired = isinstance(first, PairedTerms)
    additive = first.splines_ if paired else first
    counts = Counter(scorer=1) + _columns(getattr(additive, "terms_", additive))
    if paired:
        counts += _products(first)
    return counts


@operations.register
def _(model: HistGradientBoostingClassifier) -> Counter[str]:
    trees = [tree.nodes for tree in sklearn_internals.trees(model)]
    if all(len(nodes) <= 3 for nodes in trees):
        split = {int(nodes[0]["feature_idx"]) for nodes in trees if len(nodes) > 1}
        return Counter(scorer=1, **{"stump table": len(split)})
    splits = sum(
        nodes["depth"][leaves] @ nodes["count"][leaves] / nodes["count"][0]
        for nodes in trees
        for leaves in [nodes["is_leaf"].astype(bool)]
    )
    return Counter(scorer=1, tree=len(trees), split=splits)


@operations.register
def _(model: ObliviousTreesClassifier) -> Counter[str]:
    encoded = int(np.count_nonzero(model.categorical))
    splits = sum(len(tree.columns) for tree in model.trees_)
    return Counter(scorer=1, table=encoded, tree=len(model.trees_), split=splits)


@operations.register
def _(model: TabularNetClassifier) -> Counter[str]:
    weights = sum(layer.weights.size for layer in model.layers_)
    return _inputs(model.terms_) + Counter({"net layer": len(model.layers_), "net weight": weights})


@operations.register(ExtraTreesClassifier)
@operations.register(RandomForestClassifier)
def _(model: ExtraTreesClassifier | RandomForestClassifier) -> Counter[str]:
    splits = 0.0
    for tree in (estimator.tree_ for estimator in model.estimators_):
        inner = tree.children_left >= 0
        # The mean path length is the sum over inner nodes of the share of rows that pass them.
        splits += tree.n_node_samples[inner].sum() / tree.n_node_samples[0]
    counts: dict[str, Any] = {"forest tree": len(model.estimators_), "forest split": splits}
    return Counter(scorer=1, **counts)


def _inputs(terms: ColumnTransformer) -> Counter[str]:
    """The terms that are the inputs of a net, one by one."""
    widths = {name: where.stop - where.start for name, where in terms.output_indices_.items()}
    curves = sum(width for name, width in widths.items() if name.startswith("numbers"))
    return Counter(scorer=1, curve=curves, table=sum(widths.values()) - curves)


def _encodes_levels(step: object) -> bool:
    return isinstance(step, ColumnTransformer) and bool(step.transformers_[0][0] == "levels")


def _is_number(part: Part) -> bool:
    return part[0].startswith("numbers")


def _width(part: Part) -> int:
    """How many columns a part of a ColumnTransformer takes."""
    columns = np.asarray(part[2])
    return int(np.count_nonzero(columns)) if columns.dtype == bool else len(columns)


def _columns(terms: ColumnTransformer) -> Counter[str]:
    numbers = [_width(part) for part in terms.transformers_ if _is_number(part)]
    tables = [_width(part) for part in terms.transformers_ if part[0] in ("flags", "categories")]
    return Counter(curve=numbers[0], table=sum(tables))


def _products(terms: PairedTerms) -> Counter[str]:
    """The pairs, and the look-ups of the terms that they are made of."""
    plain = terms.plain_
    owners = np.concatenate(
        [
            np.full(where.stop - where.start, name.startswith("numbers"))
            for name, where in plain.output_indices_.items()
        ]
    )
    used = owners[np.unique(terms.pairs_)] if len(terms.pairs_) else np.zeros(0, dtype=bool)
    curves = int(used.sum())
    return Counter(curve=curves, table=len(used) - curves, product=len(terms.pairs_))
