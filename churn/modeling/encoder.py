"""Typed features to a float matrix, for training and for scoring in bulk."""

from typing import Any, cast

import numpy as np
import pandas as pd

from churn.data.contract import Contract, Feature
from churn.data.expressions import Formula
from churn.data.frames import with_columns

# The quantiles of a number that represent its range.
GRID_QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)


def create_derived_features(frame: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """The contract's derived features.

    Parameters
    ----------
    frame : DataFrame
        Typed features, as `parse_features` returns them.

    Returns
    -------
    DataFrame of float64
        One column per derived feature; NaN where a formula needs a number that is missing.
    """
    values = {
        name: frame[name].array if feature.kind == "category" else frame[name].to_numpy()
        for name, feature in contract.features.items()
    }
    columns = {name: Formula(text)(values) for name, text in contract.derived.items()}
    return pd.DataFrame(columns, index=frame.index, copy=False)


class FeatureEngineer:
    """Encodes typed features as the matrix that every candidate is fitted to and scores.

    The encoding follows from the contract alone and learns nothing from rows or labels, so one
    matrix serves all folds. A category is its position in the contract's list; missing values and
    categories that are not in the contract are NaN.

    Parameters
    ----------
    contract : Contract

    Attributes
    ----------
    names : list of str
        The columns of the matrix: features, then derived features.
    levels : ndarray of int, shape (n_columns,)
        How many levels the contract lists for the category in a column; 0 for other columns.
    typical_ : dict of str to float or str
        After `fit`, for each feature the lower median (numbers) or the most frequent value
        (others); NaN where every value is missing.
    grid_ : dict of str to list of float or str
        After `fit`, for each feature some values that occur: five quantiles of a number, every
        level of a category or flag.
    """

    def __init__(self, contract: Contract):
        self.contract = contract
        self.names = [*contract.features, *contract.derived]
        self.levels = np.zeros(len(self.names), dtype=np.int64)
        for i, feature in enumerate(contract.features.values()):
            if feature.kind == "category":
                self.levels[i] = len(feature.categories)

    def fit(self, typed: pd.DataFrame) -> "FeatureEngineer":
        """Learn typical values and a grid of values of each feature, for explanations.

        Parameters
        ----------
        typed : DataFrame
            See `transform`.
        """
        self.typical_ = {
            # The lower median, so that a whole number stays one.
            name: typed[name].quantile(0.5, interpolation="lower")
            if feature.numeric
            else next(iter(typed[name].mode()), np.nan)
            for name, feature in self.contract.features.items()
        }
        self.grid_ = {
            name: _grid(typed[name], feature.numeric)
            for name, feature in self.contract.features.items()
        }
        return self

    def transform(self, typed: pd.DataFrame) -> np.ndarray:
        """Encode rows.

        Parameters
        ----------
        typed : DataFrame of n rows
            Typed features, as `parse_features` and `validate_data` return them; other columns are
            ignored.

        Returns
        -------
        ndarray of float64, shape (n, n_columns)
        """
        matrix = np.empty((len(typed), len(self.names)))
        for i, (name, feature) in enumerate(self.contract.features.items()):
            if feature.kind == "category":
                codes = typed[name].cat.codes.to_numpy()
                known = (codes >= 0) & (codes < len(feature.categories))
                matrix[:, i] = np.where(known, codes, np.nan)
            else:
                matrix[:, i] = typed[name]
        derived = create_derived_features(typed, self.contract)
        matrix[:, len(self.contract.features) :] = derived.to_numpy()
        return matrix


def set_feature(typed: pd.DataFrame, feature: Feature, name: str, value: Any) -> pd.DataFrame:
    """A copy of a typed frame in which one feature has the same value in all rows.

    Parameters
    ----------
    typed : DataFrame
    feature : Feature
        That of the column `name`.
    value : float, str, bool or None
        Of the feature's kind; NaN or None where missing.
    """
    column: pd.Categorical | np.ndarray
    missing = value is None or value != value
    if feature.kind == "category":
        dtype = cast(pd.CategoricalDtype, typed[name].dtype)
        levels = dtype.categories
        code = levels.get_loc(value) if value in levels else -1
        codes = np.full(len(typed), code, dtype=np.intp)
        column = pd.Categorical.from_codes(codes, dtype=dtype)
    else:
        column = np.full(len(typed), np.nan if missing else float(value))
    return with_columns(typed, {name: column})


def is_flag(column: np.ndarray) -> bool:
    """Whether a number has two values at most, missing ones aside, so that it has no curve."""
    some = np.unique(column[:1_000])
    if np.count_nonzero(~np.isnan(some)) > 2:  # for most columns a few rows are enough
        return False
    return bool(np.count_nonzero(~np.isnan(np.unique(column))) <= 2)


def _grid(column: pd.Series, number: bool) -> list[float] | list[str]:
    known = column.dropna()
    values = known.quantile(GRID_QUANTILES, interpolation="lower") if number else known
    return sorted(values.unique().tolist())
