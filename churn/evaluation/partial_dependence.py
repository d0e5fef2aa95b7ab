"""How a model's risk depends on one feature at a time."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from churn.data.contract import Date, Feature, Flag, Number
from churn.data.frames import with_columns
from churn.data.parsing import parse_feature
from churn.modeling.model import ChurnModel

POINTS = 12
ROWS = 500
# The grid of a number leaves out the lowest and the highest hundredth, since a single outlier would
# stretch it over a range that is nearly empty.
ENDS = (0.01, 0.99)
# The quantiles of the individual curves that are `low` and `high`.
SPREAD = (0.1, 0.9)


def partial_dependence(
    model: ChurnModel,
    frame: pd.DataFrame,
    features: Sequence[str],
    points: int = POINTS,
    rows: int = ROWS,
    seed: int = 0,
) -> pd.DataFrame:
    """The risk when one raw feature is set to the same value for all customers.

    The mean over customers is the partial dependence of Friedman (2001), the spread is that of
    the individual conditional expectations of Goldstein et al. (2015). Derived features are
    recomputed. The grid includes combinations that no customer has, so read it with care where
    features are correlated.

    Parameters
    ----------
    model : ChurnModel
    frame : DataFrame of at least one row
        Typed features; see `churn.data.parsing.parse_features`.
    features : sequence of str
        At least one.
    points : int
        The most values per feature: of a number at evenly spaced quantiles, of a category the
        most frequent ones.
    rows : int
        The most customers that are evaluated, sampled by `seed`.

    Returns
    -------
    DataFrame
        feature; value (int or float for numbers, str for categories, bool for flags, None for
        missing, which is a value of its own where it occurs; a category that is not in the
        contract counts as missing, as it does for the model); label (the value in words); risk
        (mean probability); low and high (10th and 90th percentile over customers); share (of the
        customers of `frame` who have that value, or for a number whose nearest it is).
    """
    drawn = frame.iloc[np.random.default_rng(seed).permutation(len(frame))[:rows]]
    curves = [_curve(model, frame[name], drawn, points) for name in features]
    return pd.concat(curves, ignore_index=True)


def _curve(model: ChurnModel, column: pd.Series, drawn: pd.DataFrame, points: int) -> pd.DataFrame:
    name = str(column.name)
    feature = model.contract.features[name]
    values, shares = _grid(column, feature, points)
    asked = drawn.iloc[np.tile(np.arange(len(drawn)), len(values))]
    same = np.repeat(np.array(values, dtype=object), len(drawn))
    cells = pd.Series(same, dtype=np.float64 if feature.numeric else object)
    typed, _ = parse_feature(cells, feature)
    chance = model.predict_proba_typed(with_columns(asked, {name: typed}))[:, 1]
    chance = chance.reshape(len(values), len(drawn))
    low, high = np.quantile(chance, SPREAD, axis=1)
    return pd.DataFrame(
        {
            "feature": name,
            "value": pd.Series(values, dtype=object),
            "label": [feature.say(value) for value in values],
            "risk": chance.mean(axis=1),
            "low": low,
            "high": high,
            "share": shares,
        }
    )


def _grid(column: pd.Series, feature: Feature, points: int) -> tuple[list[Any], np.ndarray]:
    """Values to set a typed feature to, and the share of customers at each."""
    values: list[Any]
    if isinstance(feature, Number | Date):
        filled = column[column.notna()].to_numpy()
        values, counts = _number_grid(filled, feature.integer, points)
    elif isinstance(feature, Flag):
        values, counts = [False, True], np.array([(column == 0).sum(), (column == 1).sum()])
    else:
        values = list(feature.categories)
        codes = column.cat.codes.to_numpy()
        counts = np.bincount(codes[codes >= 0], minlength=len(values))[: len(values)]
    counts = np.append(counts, len(column) - np.sum(counts)).astype(int)
    frequent = np.argsort(-counts[:-1], kind="stable")[:points]
    shown = [*sorted(frequent), len(values)]  # in the contract's order; missing last
    shown = [i for i in shown if counts[i]]
    return [[*values, None][i] for i in shown], counts[shown] / len(column)


def _number_grid(numbers: np.ndarray, integer: bool, points: int) -> tuple[list[float], np.ndarray]:
    """Numbers that occur, evenly spaced by rank, and how many are nearest to each."""
    if not len(numbers):
        return [], np.zeros(0)
    # The quantiles are numbers that occur, so that whole numbers stay whole.
    grid = np.unique(np.quantile(numbers, np.linspace(*ENDS, points), method="nearest"))
    nearest = np.searchsorted((grid[1:] + grid[:-1]) / 2, numbers)
    whole = integer and (grid % 1 == 0).all()
    return [int(v) if whole else float(v) for v in grid], np.bincount(nearest, minlength=len(grid))
