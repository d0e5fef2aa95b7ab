"""A fitted estimator as source, whatever its family."""

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline

from churn.modeling.estimators.oblivious import ObliviousTreesClassifier
from churn.modeling.stacking import Stack
from churn.scoring.codegen.linear import write_net, write_regression
from churn.scoring.codegen.source import Source
from churn.scoring.codegen.trees import write_boosting, write_forest, write_oblivious
from churn.scoring.scorer import build
from churn.statistics.log_odds import logit

FORESTS = (ExtraTreesClassifier, RandomForestClassifier)
LIMIT = float(logit(np.ones(1))[0])


def write_probability(written: Source, model, columns: list[str], levels: np.ndarray) -> str:
    """Write a fitted estimator of `churn.modeling.search_space`; an expression for the probability.

    Parameters
    ----------
    written : Source
    model : fitted classifier
    columns : list of str
        The variables that hold the columns of the matrix, floats, NaN where missing.
    levels : ndarray of int, shape (n_columns,)
        See `FeatureEngineer`.
    """
    if isinstance(model, FORESTS):
        return write_forest(written, model, columns)
    return f"sigmoid({_write_log_odds(written, model, columns, levels)})"


def compile_for_rows(model, levels: np.ndarray):
    """A fitted estimator as a function of one row of the matrix, a list of float."""
    written = Source()
    columns = [written.let(f"record[{i}]") for i in range(len(levels))]
    text = written.text(write_probability(written, model, columns, levels))
    return build(text, written.constants)


def _write_log_odds(written, model, columns, levels) -> str:
    if isinstance(model, Stack):
        return _write_stack(written, model, columns, levels)
    if isinstance(model, HistGradientBoostingClassifier):
        return write_boosting(written, model, columns, levels)
    if isinstance(model, ObliviousTreesClassifier):
        return _write_oblivious(written, model, columns, levels)
    if isinstance(model, FORESTS):
        return written.let(f"log_odds({write_forest(written, model, columns)})")
    if not isinstance(model, Pipeline):
        raise TypeError(f"{type(model).__name__} cannot be compiled")
    first, last = model[0], model[-1]
    if _encodes_levels(first):
        columns, levels = _write_levels(written, first, columns, levels)
        return _write_log_odds(written, last, columns, levels)
    if isinstance(last, LogisticRegression):
        return write_regression(written, first, last, columns, levels)
    if isinstance(last, MLPClassifier):
        return write_net(written, first, last, columns, levels)
    raise TypeError(f"{type(last).__name__} cannot be compiled")


def _write_stack(written, model, columns, levels) -> str:
    """Members' log odds, weighted; where there is a second level, its own as well."""
    said = [_write_logit(written, member, columns, levels) for member in model.members]
    first = _write_sum(written, model.intercept, model.weights, said)
    if not model.above:
        return first
    seen = [*said, first, *columns]
    of_seen = np.append(np.zeros(len(said) + 1, dtype=levels.dtype), levels)
    said = [first, *(_write_logit(written, m, seen, of_seen) for m in model.above.models)]
    return _write_sum(written, model.above.intercept, model.above.weights, said)


def _write_logit(written, model, columns, levels) -> str:
    """Log odds that are kept off infinity, as `churn.statistics.log_odds.logit` does."""
    odds = _write_log_odds(written, model, columns, levels)
    return written.let(f"min(max({odds}, {-LIMIT!r}), {LIMIT!r})")


def _write_sum(written, intercept, weights, values) -> str:
    parts = [f"{float(w)!r} * {value}" for w, value in zip(weights, values, strict=True)]
    return written.let(" + ".join([repr(float(intercept)), *parts]))


def _encodes_levels(step) -> bool:
    return isinstance(step, ColumnTransformer) and step.transformers_[0][0] == "levels"


def _write_levels(written, encoder, columns, levels):
    """Columns of many levels as numbers, which then come first."""
    (_, _, many), after = encoder.transformers_[0], np.zeros(len(levels), dtype=bool)
    encoded = _write_encoded(written, encoder.transform, np.flatnonzero(many), columns, levels)
    after[many] = True
    kept = np.flatnonzero(~after)
    numbers = np.zeros(len(encoded), dtype=levels.dtype)
    return [*encoded, *(columns[i] for i in kept)], np.append(numbers, levels[kept])


def _write_oblivious(written, model, columns, levels) -> str:
    """Oblivious trees, whose categories are numbers in their places."""
    owned, numbers = np.flatnonzero(model.categorical), list(columns)
    if len(owned):
        encoded = _write_encoded(
            written, lambda rows: model.encoder_.transform(rows[:, owned]), owned, columns, levels
        )
        for column, number in zip(owned, encoded, strict=True):
            numbers[column] = number
    return write_oblivious(written, model, numbers)


def _write_encoded(written, transform, encoded, columns, levels) -> list[str]:
    """The numbers that levels become; `transform` has those columns first, in that order."""
    numbers = []
    for place, column in enumerate(encoded):
        codes = np.append(np.arange(levels[column]), np.nan)
        rows = np.zeros((len(codes), len(levels)))
        rows[:, column] = codes
        *values, unseen = transform(rows)[:, place].tolist()
        numbers.append(written.by_code(columns[column], values, unseen))
    return numbers
