"""Linear models over columns: as they are, as splines, and as splines with products of pairs."""

from typing import Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    QuantileTransformer,
    SplineTransformer,
    StandardScaler,
)

from churn.modeling.encoder import is_flag
from churn.statistics.weighting import take

# The number of standard deviations at which scaled numbers are clipped.
MAX_SCALED = 3.0
# The number of knots is for at most KNOT_ROWS rows; beyond, it grows with the rows to this power.
KNOT_ROWS, KNOT_POWER = 10_000, 0.3
# The maximum number of rows of the score test of pairs.
SCREEN_ROWS = 100_000


def logistic(categorical: np.ndarray, seed: int, C: float = 1.0) -> Pipeline:
    """A logistic regression on scaled numbers and one-hot categories."""
    return plain_pipeline(categorical, _regression(C, seed))


def plain_pipeline(categorical: np.ndarray, classifier: BaseEstimator) -> Pipeline:
    """A classifier of scaled numbers and one-hot categories, none of them missing."""
    numbers = make_pipeline(_imputer(), StandardScaler())
    return make_pipeline(_terms([numbers], categorical), classifier)


def splines(categorical: np.ndarray, seed: int, n_knots: int = 5, C: float = 0.3) -> Pipeline:
    """A logistic regression on a cubic spline of each number's rank, and one-hot categories."""
    return make_pipeline(_Splines(categorical, n_knots, seed), _regression(C, seed))


def pairs(
    categorical: np.ndarray,
    seed: int,
    n_knots: int = 5,
    C: float = 0.3,
    most: int = 60,
    least_z: float = 3.0,
) -> Pipeline:
    """The regression of `splines` with products of the pairs that a score test selects."""
    return make_pipeline(
        PairedTerms(categorical, n_knots, C, most, least_z, seed), _regression(C, seed)
    )


def plain_terms(categorical: np.ndarray, seed: int) -> ColumnTransformer:
    """Each number scaled and as its centred rank; one-hot categories."""
    return _terms([_scaled(), _ranks(seed)], categorical)


def piecewise_terms(categorical: np.ndarray, seed: int, n_knots: int) -> ColumnTransformer:
    """Each number scaled, and piecewise linear between quantiles; one-hot categories."""
    hats = SplineTransformer(n_knots, degree=1)
    return _terms([_scaled(), make_pipeline(*_rank_steps(seed), hats)], categorical)


class _Splines(TransformerMixin, BaseEstimator):
    """Splines of ranks, whose knots grow with the rows, and the scaled numbers."""

    def __init__(self, categorical: np.ndarray, n_knots: int, seed: int):
        self.categorical = categorical
        self.n_knots = n_knots
        self.seed = seed

    def fit(self, matrix: np.ndarray, target: np.ndarray | None = None) -> Self:
        growth = max(1.0, (len(matrix) / KNOT_ROWS) ** KNOT_POWER)
        splines = SplineTransformer(round(self.n_knots * growth), degree=3, include_bias=False)
        # Ranks first: knots at quantiles coincide where a column has few values.
        curves = make_pipeline(*_rank_steps(self.seed), splines)
        self.terms_ = _terms([_scaled(), curves], self.categorical).fit(matrix)
        return self

    def transform(self, matrix: np.ndarray) -> np.ndarray:
        terms: np.ndarray = self.terms_.transform(matrix)
        return terms


class PairedTerms(TransformerMixin, BaseEstimator):
    """Splines of each column, and products of the pairs of columns that a score test selects.

    The additive model is fitted first; a pair's product is added where Rao's (1948) score test
    finds that it improves the fit: with r the residuals and w = p (1 - p) their variances,
    z = sum(r x) / sqrt(sum(w (x - m)^2)), m the mean of x by w. The variance ignores that the other
    terms are fitted too, which makes the test conservative. Additive terms and few pairs are
    the model of Lou et al. (2013), "Accurate intelligible models with pairwise interactions".

    Parameters
    ----------
    categorical : ndarray of bool, shape (n_columns,)
    n_knots : int
        Of a spline, for up to 10,000 rows; more rows have more.
    C : float
        Inverse penalty of the additive model.
    most : int
        The maximum number of pairs, those of the largest |z|.
    least_z : float
        The minimum |z| of a pair.
    seed : int

    Attributes
    ----------
    pairs_ : ndarray of int, shape (n_pairs, 2)
        Columns of the `plain_terms` to multiply, by |z|, the largest first.
    """

    def __init__(
        self,
        categorical: np.ndarray,
        n_knots: int = 5,
        C: float = 0.3,
        most: int = 60,
        least_z: float = 3.0,
        seed: int = 0,
    ):
        self.categorical = categorical
        self.n_knots = n_knots
        self.C = C
        self.most = most
        self.least_z = least_z
        self.seed = seed

    # `fit_weighted` gives it the weights of the rows.
    weighs_rows = True

    def fit(
        self, matrix: np.ndarray, target: np.ndarray, sample_weight: np.ndarray | None = None
    ) -> Self:
        self.splines_ = _Splines(self.categorical, self.n_knots, self.seed).fit(matrix)
        self.plain_ = plain_terms(self.categorical, self.seed).fit(matrix)
        rows = _some_rows(len(matrix), self.seed)
        splines, plain = self.splines_.transform(matrix[rows]), self.plain_.transform(matrix[rows])
        weights = take(sample_weight, rows)
        additive = _regression(self.C, self.seed).fit(splines, target[rows], weights)
        chance = additive.predict_proba(splines)[:, 1]
        first, second = np.triu_indices(plain.shape[1], 1)
        clarity = np.abs(_score_test(plain, target[rows], chance, weights)[first, second])
        best = np.argsort(-clarity, kind="stable")[: self.most]
        best = best[clarity[best] >= self.least_z]
        self.pairs_ = np.column_stack([first[best], second[best]])
        return self

    def transform(self, matrix: np.ndarray) -> np.ndarray:
        plain = self.plain_.transform(matrix)
        products = plain[:, self.pairs_[:, 0]] * plain[:, self.pairs_[:, 1]]
        return np.hstack([self.splines_.transform(matrix), products])


def _score_test(
    terms: np.ndarray, target: np.ndarray, chance: np.ndarray, row_weights: np.ndarray | None
) -> np.ndarray:
    """z of each product of two terms, see `PairedTerms`: (n_terms, n_terms)."""
    weights, residuals = chance * (1 - chance), target - chance
    if row_weights is not None:  # each summand of the score has its row's weight
        weights, residuals = row_weights**2 * weights, row_weights * residuals
    score = terms.T @ (terms * residuals[:, None])
    mean = terms.T @ (terms * weights[:, None]) / weights.sum()
    squares = terms**2
    variance = squares.T @ (squares * weights[:, None]) - weights.sum() * mean**2
    # Two levels of one category never meet: their product is 0 and has no variance.
    varies = variance > 1e-6
    return np.where(varies, score / np.sqrt(np.where(varies, variance, 1)), 0)


def _some_rows(n: int, seed: int) -> np.ndarray:
    if n <= SCREEN_ROWS:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, SCREEN_ROWS, replace=False))


class _Columns:
    """Which columns a part of the terms is made of, found when it is fitted.

    A number with no more than two values is a flag: it has no curve.
    """

    def __init__(self, kind: str, categorical: np.ndarray):
        self.kind = kind
        self.categorical = categorical

    def __call__(self, matrix: np.ndarray) -> np.ndarray:
        if self.kind == "categories":
            return self.categorical
        if self.kind == "empty":
            return ~self.categorical
        flags: np.ndarray = np.array([is_flag(column) for column in matrix.T]) & ~self.categorical
        return flags if self.kind == "flags" else ~flags & ~self.categorical


def _terms(views: list[Pipeline], categorical: np.ndarray) -> ColumnTransformer:
    numbers = _Columns("numbers", categorical)
    flags = make_pipeline(_imputer(), StandardScaler())
    # A missing category is a level of its own; a level that the fold does not have is ignored.
    levels = OneHotEncoder(handle_unknown="ignore")
    return ColumnTransformer(
        [
            *((f"numbers{i}", view, numbers) for i, view in enumerate(views)),
            ("flags", flags, _Columns("flags", categorical)),
            ("empty", MissingIndicator(error_on_new=False), _Columns("empty", categorical)),
            ("categories", levels, _Columns("categories", categorical)),
        ],
        sparse_threshold=0,
    )


def _scaled() -> Pipeline:
    clip = FunctionTransformer(np.clip, kw_args={"a_min": -MAX_SCALED, "a_max": MAX_SCALED})
    return make_pipeline(_imputer(), StandardScaler(), clip)


def _ranks(seed: int) -> Pipeline:
    ranks = QuantileTransformer(n_quantiles=200, subsample=50_000, random_state=seed)
    return make_pipeline(_imputer(), ranks, FunctionTransformer(_about_zero))


def _rank_steps(seed: int) -> list[BaseEstimator]:
    return [step for _, step in _ranks(seed).steps]


def _about_zero(ranks: np.ndarray) -> np.ndarray:
    return ranks - 0.5


def _imputer() -> SimpleImputer:
    return SimpleImputer(strategy="median", keep_empty_features=True)


def _regression(C: float, seed: int) -> LogisticRegression:
    # With few columns and many rows, Newton's method needs few steps and converges exactly.
    return LogisticRegression(C=C, solver="newton-cholesky", max_iter=100, random_state=seed)
