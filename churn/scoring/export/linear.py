"""Linear models as steps: each column's term of the sum is looked up in a table.

Whatever transformations a pipeline has for a column (ranks, splines, levels), its term of the log
odds is a function of that column alone. A category has a value per level. A number's function is a
cubic polynomial between any two of its breaks: the quantiles of its ranks, the knots of its splines
and the ends of its scale. So the fitted pipeline itself is evaluated, at the breaks and at four
points between them, and the values are the table; no formula of a transformer is written twice.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import QuantileTransformer, SplineTransformer, StandardScaler

from churn.scoring.export.builder import ProgramBuilder

# Where a polynomial is evaluated, as shares of the way from one break to the next.
NODES = np.array([0.1, 0.35, 0.65, 0.9])
# Beyond the last break a function is a line; it is evaluated at two points so many scales away.
FAR = np.array([1.0, 1000.0])

# The start and the width of a piece of a curve, and the coefficients of its polynomial.
Piece = tuple[float, float, float, float, float, float]
# The fitted transformers of a number, by their class.
Steps = Mapping[type, Any]


def add_regression(
    builder: ProgramBuilder,
    terms: Any,
    regression: LogisticRegression,
    columns: Sequence[int],
    levels: np.ndarray,
) -> int:
    """Add a logistic regression on the `terms` of `linear`; the place of its log odds.

    Parameters
    ----------
    terms : fitted transformer
    regression : LogisticRegression
    columns : list of int
        The places of the matrix' columns.
    levels : ndarray of int, shape (n_columns,)
        How many levels the category in a column has; 0 for a number.
    """
    levels = builder.n_levels(columns, levels)
    weights = regression.coef_[0]
    additive = getattr(terms, "splines_", terms)
    views = _Views(additive, levels)
    intercept = regression.intercept_[0] + weights[: views.width] @ views.constant
    parts = [
        views.add(builder, columns, column, weights[owned], owned)
        for column, owned in views.owned.items()
    ]
    products = _add_products(builder, terms, columns, levels)
    places = [*parts, *products]
    return builder.add_sum(intercept, places, [*np.ones(len(parts)), *weights[views.width :]])


def add_network(
    builder: ProgramBuilder,
    terms: ColumnTransformer,
    net: MLPClassifier,
    columns: Sequence[int],
    levels: np.ndarray,
) -> int:
    """Add a neural net on `plain_terms`; the place of its log odds."""
    if net.activation != "relu":
        raise TypeError("a neural net is compiled with layers of rectifiers only")
    inputs = add_terms(builder, terms, columns, levels)
    layers = [
        {"weights": weights.T.tolist(), "biases": biases.tolist()}
        for weights, biases in zip(net.coefs_, net.intercepts_, strict=True)
    ]
    return builder.add("network", columns=inputs, layers=layers)


def add_terms(
    builder: ProgramBuilder, terms: ColumnTransformer, columns: Sequence[int], levels: np.ndarray
) -> list[int]:
    """Add each of the terms by itself; their places."""
    views = _Views(terms, builder.n_levels(columns, levels))
    return [views.add_term(builder, columns, term) for term in range(views.width)]


def _add_products(
    builder: ProgramBuilder, terms: Any, columns: Sequence[int], levels: np.ndarray
) -> list[int]:
    if not len(getattr(terms, "pairs_", ())):
        return []
    plain = _Views(terms.plain_, levels)
    values = {
        term: plain.add_term(builder, columns, term)
        for term in dict.fromkeys(terms.pairs_.ravel().tolist())
    }
    return [
        builder.add("multiply", left=values[first], right=values[second])
        for first, second in terms.pairs_.tolist()
    ]


class _Views:
    """The values of fitted terms for each column of the matrix, evaluated point by point.

    Attributes
    ----------
    width : int
        How many terms there are.
    owned : dict of int to list of int
        For each column with any, the terms that vary with it; a term varies with one column only.
    constant : ndarray of float64, shape (width,)
        The terms that vary with no column; 0 for others.
    """

    def __init__(self, terms: Any, levels: np.ndarray):
        self.levels = levels
        self.breaks = _breaks(getattr(terms, "terms_", terms), levels)
        self.points = [self._points(column) for column in range(len(levels))]
        base = np.zeros((1, len(levels)))
        at_base = terms.transform(base)[0]
        self.width = len(at_base)
        self.owned: dict[int, list[int]] = {}
        self.answers: dict[int, np.ndarray] = {}
        varies = np.zeros(self.width, dtype=bool)
        for column, points in enumerate(self.points):
            rows = np.repeat(base, len(points), axis=0)
            rows[:, column] = points
            answers = terms.transform(rows)
            own = np.flatnonzero((answers != answers[0]).any(axis=0))
            if len(own):
                self.owned[column], self.answers[column] = own.tolist(), answers
                varies[own] = True
        self.constant = np.where(varies, 0.0, at_base)

    def _points(self, column: int) -> np.ndarray:
        """Missing first; then every level, or the breaks and points between and beyond them."""
        if self.levels[column]:
            return np.append(np.nan, np.arange(self.levels[column]))
        breaks = self.breaks[column]
        between = (breaks[:-1, None] + np.diff(breaks)[:, None] * NODES).ravel()
        scale = _scale(breaks)
        beyond = np.concatenate([breaks[0] - FAR * scale, breaks[-1] + FAR * scale])
        return np.concatenate([[np.nan], breaks, between, beyond])

    def add_term(self, builder: ProgramBuilder, columns: Sequence[int], term: int) -> int:
        """Add a single term; its place."""
        for column, owned in self.owned.items():
            if term in owned:
                return self.add(builder, columns, column, np.ones(1), [term])
        return builder.add("constant", value=float(self.constant[term]))

    def add(
        self,
        builder: ProgramBuilder,
        columns: Sequence[int],
        column: int,
        weights: np.ndarray,
        owned: list[int],
    ) -> int:
        """Add the weighted sum of some terms of a column; its place."""
        terms = self.answers[column][:, owned]
        answers = terms @ weights
        place, missing = columns[column], float(answers[0])
        if self.levels[column]:
            values = answers[1:].tolist()
            return builder.add("lookup", column=place, values=values, otherwise=missing)
        flat = [np.array_equal(*terms[-4:-2]), np.array_equal(*terms[-2:])]
        breaks, points = self.breaks[column], self.points[column]
        n, scale = len(breaks), _scale(breaks)
        pieces = [
            _line(breaks[0], -scale, points[-4:-2], answers[-4:-2], flat[0]),
            *_cubics(breaks, points[n + 1 : -4].reshape(-1, 4), answers[n + 1 : -4].reshape(-1, 4)),
            _line(breaks[-1], scale, points[-2:], answers[-2:], flat[1]),
        ]
        return builder.add(
            "curve",
            column=place,
            breaks=breaks.tolist(),
            at_breaks=answers[1 : n + 1].tolist(),
            pieces=[list(map(float, piece)) for piece in pieces],
            missing=missing,
        )


def _cubics(breaks: np.ndarray, points: np.ndarray, answers: np.ndarray) -> list[Piece]:
    """The cubic polynomials through four points between each two breaks."""
    starts, widths = breaks[:-1], np.diff(breaks)
    # The shares of the rounded points, not `NODES`; unless the breaks are so near each other that
    # there is no float64 between them.
    shares = (points - starts[:, None]) / widths[:, None]
    near = (np.diff(shares, axis=1) < 0.05).any(axis=1)
    shares = np.where(near[:, None], NODES, shares)
    powers = shares[:, :, None] ** np.arange(4)
    coefficients = np.linalg.solve(powers, answers[:, :, None])[:, :, 0]
    return [
        (start, width, *row) for start, width, row in zip(starts, widths, coefficients, strict=True)
    ]


def _line(start: float, width: float, points: np.ndarray, answers: np.ndarray, flat: bool) -> Piece:
    """The line through two points beyond a break; `flat` where it is level but for rounding."""
    first, second = (points - start) / width
    slope = 0.0 if flat else (answers[1] - answers[0]) / (second - first)
    return start, width, answers[0] - slope * first, slope, 0.0, 0.0


def _scale(breaks: np.ndarray) -> float:
    return float(np.ptp(breaks)) or max(abs(float(breaks[0])), 1.0)


def _breaks(transformer: ColumnTransformer, levels: np.ndarray) -> list[np.ndarray]:
    """For each column the ends of the pieces of its function."""
    found: list[list[float]] = [[] for _ in levels]
    for name, part, where in transformer.transformers_:
        if name in ("empty", "categories") or part == "drop":
            continue
        steps = {type(step): step for _, step in part.steps}
        for place, column in enumerate(np.arange(len(levels))[where]):
            found[column] += _of_one(steps, place)
    return [np.unique(breaks or [0.0]) for breaks in found]


def _of_one(steps: Steps, place: int) -> list[float]:
    if StandardScaler in steps:
        scaler = steps[StandardScaler]
        ends: np.ndarray = scaler.mean_[place] + scaler.scale_[place] * np.array([-3.0, 0.0, 3.0])
        return list(map(float, ends))
    quantiles = np.unique(steps[QuantileTransformer].quantiles_[:, place])
    if SplineTransformer not in steps or len(quantiles) < 2:
        return list(map(float, quantiles))
    return [*quantiles.tolist(), *_crossings(steps, place, quantiles)]


def _crossings(steps: Steps, place: int, quantiles: np.ndarray) -> list[float]:
    """Where a rank, a line between two quantiles, passes a knot of its spline."""
    ranks, spline = steps[QuantileTransformer], steps[SplineTransformer].bsplines_[place]
    rows = np.zeros((2 * (len(quantiles) - 1), ranks.quantiles_.shape[1]))
    widths = np.diff(quantiles)
    inside = [quantiles[:-1] + share * widths for share in (0.25, 0.75)]
    rows[:, place] = np.concatenate(inside)
    first, second = np.split(ranks.transform(rows)[:, place] - 0.5, 2)
    crossings: list[float] = []
    for start, width, a, b in zip(quantiles, widths, first, second, strict=False):
        if a == b:
            continue
        share = 0.25 + 0.5 * (np.unique(spline.t) - a) / (b - a)
        crossings += (start + width * share[(share > 0) & (share < 1)]).tolist()
    return crossings
