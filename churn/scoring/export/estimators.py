"""A fitted estimator as steps of a program, whatever its family."""

from collections.abc import Callable, Sequence

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

from churn.modeling.classifier import Classifier
from churn.modeling.estimators.averaged import AveragedClassifier
from churn.modeling.estimators.oblivious import ObliviousTreesClassifier
from churn.modeling.estimators.stack import Stack
from churn.modeling.estimators.tabular_net import TabularNetClassifier
from churn.scoring.compiler import compile_program
from churn.scoring.export.builder import ProgramBuilder
from churn.scoring.export.linear import add_network, add_regression, add_terms
from churn.scoring.export.trees import add_boosting, add_forest, add_oblivious
from churn.statistics.log_odds import logit

FORESTS = (ExtraTreesClassifier, RandomForestClassifier)
LIMIT = float(logit(np.ones(1))[0])


def add_probability(
    builder: ProgramBuilder, model: Classifier, columns: Sequence[int], levels: np.ndarray
) -> int:
    """Add a fitted estimator of `churn.modeling.families`; the place of its probability.

    Parameters
    ----------
    builder : ProgramBuilder
    model : fitted classifier
    columns : list of int
        The places of the columns of the matrix, floats, NaN where missing.
    levels : ndarray of int, shape (n_columns,)
        See `FeatureEngineer`.
    """
    if isinstance(model, FORESTS):
        return add_forest(builder, model, columns)
    return builder.add("sigmoid", of=_add_log_odds(builder, model, columns, levels))


def compile_for_rows(model: Classifier, levels: np.ndarray) -> Callable[[list[float]], float]:
    """A fitted estimator as a function of one row of the matrix, a list of float."""
    builder = ProgramBuilder()
    names = [str(number) for number in range(len(levels))]
    add_probability(builder, model, [builder.add("number", name=name) for name in names], levels)
    score = compile_program(builder.program())
    return lambda row: score(dict(zip(names, row, strict=True)))


def _add_log_odds(
    builder: ProgramBuilder, model: Classifier, columns: Sequence[int], levels: np.ndarray
) -> int:
    if isinstance(model, Stack):
        return _add_stack(builder, model, columns, levels)
    if isinstance(model, AveragedClassifier):
        logits = [_add_logit(builder, one, columns, levels) for one in model.models]
        return builder.add_sum(0.0, logits, np.full(len(logits), 1 / len(logits)))
    if isinstance(model, HistGradientBoostingClassifier):
        return add_boosting(builder, model, columns, levels)
    if isinstance(model, ObliviousTreesClassifier):
        return _add_oblivious(builder, model, columns, levels)
    if isinstance(model, TabularNetClassifier):
        return _add_networks(builder, model, columns, levels)
    if isinstance(model, FORESTS):
        return builder.add("log_odds", of=add_forest(builder, model, columns))
    if not isinstance(model, Pipeline):
        raise TypeError(f"{type(model).__name__} cannot be compiled")
    first, last = model[0], model[-1]
    if _encodes_levels(first):
        columns, levels = _add_levels(builder, first, columns, levels)
        return _add_log_odds(builder, last, columns, levels)
    if isinstance(last, LogisticRegression):
        return add_regression(builder, first, last, columns, levels)
    if isinstance(last, MLPClassifier):
        return add_network(builder, first, last, columns, levels)
    raise TypeError(f"{type(last).__name__} cannot be compiled")


def _add_stack(
    builder: ProgramBuilder, model: Stack, columns: Sequence[int], levels: np.ndarray
) -> int:
    """Members' log odds, weighted; where there is a second level, its own as well."""
    logits = [_add_logit(builder, member, columns, levels) for member in model.members]
    first = builder.add_sum(model.intercept, logits, model.weights)
    if not model.second_level:
        return first
    seen = [*logits, first, *columns]
    of_seen = np.append(np.zeros(len(logits) + 1, dtype=levels.dtype), levels)
    logits = [first, *(_add_logit(builder, m, seen, of_seen) for m in model.second_level.models)]
    return builder.add_sum(model.second_level.intercept, logits, model.second_level.weights)


def _add_logit(
    builder: ProgramBuilder, model: Classifier, columns: Sequence[int], levels: np.ndarray
) -> int:
    """Log odds, clipped to be finite as in `churn.statistics.log_odds.logit`."""
    log_odds = _add_log_odds(builder, model, columns, levels)
    return builder.add("clip", of=log_odds, low=-LIMIT, high=LIMIT)


def _encodes_levels(step: object) -> bool:
    return isinstance(step, ColumnTransformer) and bool(step.transformers_[0][0] == "levels")


def _add_levels(
    builder: ProgramBuilder, encoder: ColumnTransformer, columns: Sequence[int], levels: np.ndarray
) -> tuple[list[int], np.ndarray]:
    """Columns of many levels as numbers, which then come first."""
    (_, _, many), after = encoder.transformers_[0], np.zeros(len(levels), dtype=bool)
    encoded = _add_encoded(builder, encoder.transform, np.flatnonzero(many), columns, levels)
    after[many] = True
    kept = np.flatnonzero(~after).tolist()
    numbers = np.zeros(len(encoded), dtype=levels.dtype)
    return [*encoded, *(columns[i] for i in kept)], np.append(numbers, levels[kept])


def _add_oblivious(
    builder: ProgramBuilder,
    model: ObliviousTreesClassifier,
    columns: Sequence[int],
    levels: np.ndarray,
) -> int:
    """Oblivious trees; their categories become numbers in the same places."""
    owned, numbers = np.flatnonzero(model.categorical), list(columns)
    encoder = model.encoder_
    if encoder is not None:
        encoded = _add_encoded(
            builder, lambda rows: encoder.transform(rows[:, owned]), owned, columns, levels
        )
        for column, number in zip(owned, encoded, strict=True):
            numbers[column] = number
    return add_oblivious(builder, model, numbers)


def _add_networks(
    builder: ProgramBuilder, model: TabularNetClassifier, columns: Sequence[int], levels: np.ndarray
) -> int:
    inputs = add_terms(builder, model.terms_, columns, levels)
    nets = [
        [
            {"weights": layer.weights[net].T.tolist(), "biases": layer.biases[net].tolist()}
            for layer in model.layers_
        ]
        for net in range(model.nets)
    ]
    return builder.add("networks", columns=inputs, nets=nets)


def _add_encoded(
    builder: ProgramBuilder,
    transform: Callable[[np.ndarray], np.ndarray],
    encoded: np.ndarray,
    columns: Sequence[int],
    levels: np.ndarray,
) -> list[int]:
    """The encoded levels; `transform` has those columns first, in that order."""
    numbers = []
    for place, column in enumerate(encoded):
        codes = np.append(np.arange(levels[column]), np.nan)
        rows = np.zeros((len(codes), len(levels)))
        rows[:, column] = codes
        *values, unseen = transform(rows)[:, place].tolist()
        numbers.append(
            builder.add("lookup", column=columns[column], values=values, otherwise=unseen)
        )
    return numbers
