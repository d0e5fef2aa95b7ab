"""The functions that a compiled program calls: cells to numbers, and functions of numbers."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from math import exp, inf, log, nan
from typing import Any

import numpy as np

from churn.data.values import FLAGS, as_text
from churn.scoring.estimator_steps import BinaryTree, Layer

# The columns, cuts, left and right children, sides of missing values, and values of a tree's nodes.
TreeArrays = tuple[list[int], list[float], list[int], list[int], list[bool], list[float]]
# The weights and biases of a layer.
LayerArrays = tuple[np.ndarray, np.ndarray]


def number(value: Any) -> float:
    """A number's value; NaN where it is missing."""
    if value is None:
        return nan
    if isinstance(value, str):
        raise TypeError(f"{value!r} is a text, not a number")
    return float(value)


def flag(value: Any) -> float:
    """A flag's value, 1.0 or 0.0; NaN where it is missing."""
    if isinstance(value, str):
        return FLAGS[value.strip().lower()]
    return nan if value is None else float(value)


def divide(a: float, b: float) -> float:
    """a / b; NaN where b is 0."""
    return a / b if b else nan


def differ(a: Any, b: Any) -> float:
    """1.0 where two values differ and neither is missing."""
    there = a is not None and b is not None and a == a and b == b
    return 1.0 if there and a != b else 0.0


def finite(x: float) -> float:
    """x, or NaN where it is infinite."""
    return x if -inf < x < inf else nan


def sigmoid(x: float) -> float:
    """1 / (1 + exp(-x)), the probability of log odds."""
    return 1.0 / (1.0 + exp(-x)) if x > -700.0 else 0.0


def log_odds(p: float) -> float:
    """ln(p / (1 - p)), infinite at 0 and 1."""
    if 0.0 < p < 1.0:
        return log(p / (1.0 - p))
    return inf if p else -inf


def arrays_of_trees(trees: Iterable[BinaryTree]) -> list[TreeArrays]:
    """Trees as `walk` takes them."""
    return [(t.columns, t.cuts, t.lefts, t.rights, t.missing_left, t.values) for t in trees]


def walk(row: list[float], trees: list[TreeArrays]) -> float:
    """The sum of the leaves that a row falls into; see `arrays_of_trees`."""
    total = 0.0
    for features, thresholds, lefts, rights, missing_left, values in trees:
        node = 0
        while (feature := features[node]) >= 0:
            x = row[feature]
            if x <= thresholds[node] or (x != x and missing_left[node]):
                node = lefts[node]
            else:
                node = rights[node]
        total += values[node]
    return total


def single(row: list[float]) -> list[float]:
    """A row rounded to float32, as forests take it; a value beyond its range becomes infinite."""
    with np.errstate(over="ignore"):
        rounded: list[float] = np.array(row, dtype=np.float32).tolist()
    return rounded


def arrays_of_layers(layers: Iterable[Layer]) -> list[LayerArrays]:
    """The layers of a neural net as `network` takes them."""
    return [(np.array(layer.weights), np.array(layer.biases)) for layer in layers]


def network(row: list[float], layers: list[LayerArrays]) -> float:
    """The output of a neural net with ReLU activations and a linear last layer of one output."""
    *hidden, (last, offset) = layers
    values = np.array(row)
    for weights, biases in hidden:
        values = np.maximum(weights @ values + biases, 0.0)
    return float(last[0] @ values) + float(offset[0])


def arrays_of_nets(nets: Iterable[list[Layer]]) -> list[LayerArrays]:
    """Nets as `networks` takes them: the same layers of all nets as one array, nets first."""
    every = [arrays_of_layers(layers) for layers in nets]
    return [
        (np.stack([weights for weights, _ in same]), np.stack([biases for _, biases in same]))
        for same in zip(*every, strict=True)
    ]


def networks(row: list[float], layers: list[LayerArrays]) -> float:
    """The mean of the outputs of nets as in `network`."""
    values = np.array(row)[None]
    for weights, biases in layers[:-1]:
        values = np.maximum((weights @ values[..., None])[..., 0] + biases, 0.0)
    last, offsets = layers[-1]
    outputs = np.sum(last[:, 0] * values, axis=-1) + offsets[:, 0]
    return float(outputs.mean())


OPERATIONS = {
    "as_text": as_text,
    "bisect": bisect_right,
    "bisect_left": bisect_left,
    "differ": differ,
    "divide": divide,
    "finite": finite,
    "flag": flag,
    "inf": inf,
    "log_odds": log_odds,
    "missing": nan,
    "network": network,
    "networks": networks,
    "number": number,
    "sigmoid": sigmoid,
    "single": single,
    "walk": walk,
}
