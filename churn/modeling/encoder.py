"""Raw columns to a float matrix, for training and for scoring in bulk."""

import numpy as np
import pandas as pd

from churn.data.contract import Contract
from churn.data.expressions import Formula
from churn.data.parsing import parse_features

# The quantiles of a number that stand for what it may be.
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
    """Turns raw columns into the matrix that every candidate trains on and every model scores.

    The encoding follows from the contract alone, nothing of it is learned from the answers, so
    it may be built once for all folds. A category is its position in the contract's list; missing
    values and categories that the contract does not know are NaN.

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
        After `fit`, for each feature some values that customers have: five quantiles of a number,
        every level of a category or flag.
    """

    def __init__(self, contract: Contract):
        self.contract = contract
        self.names = [*contract.features, *contract.derived]
        self.levels = np.zeros(len(self.names), dtype=np.int64)
        for i, feature in enumerate(contract.features.values()):
            if feature.kind == "category":
                self.levels[i] = len(feature.categories)

    def fit(self, frame: pd.DataFrame) -> "FeatureEngineer":
        """Learn what customers look like, for explanations; see `transform`."""
        typed = parse_features(frame, self.contract)
        self.typical_ = {
            # The lower median, so that a whole number stays one.
            name: typed[name].quantile(0.5, interpolation="lower")
            if feature.kind == "number"
            else next(iter(typed[name].mode()), np.nan)
            for name, feature in self.contract.features.items()
        }
        self.grid_ = {
            name: _usual(typed[name], feature.kind == "number")
            for name, feature in self.contract.features.items()
        }
        return self

    def transform(self, frame: pd.DataFrame) -> np.ndarray:
        """Encode customers.

        Parameters
        ----------
        frame : DataFrame of n rows
            Raw columns; it must have every feature, and may have others.

        Returns
        -------
        ndarray of float64, shape (n, n_columns)

        Raises
        ------
        ChurnError
            Naming every feature that is missing and every cell that cannot be read.
        """
        typed = parse_features(frame, self.contract)
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


def _usual(column: pd.Series, number: bool) -> list:
    known = column.dropna()
    values = known.quantile(GRID_QUANTILES, interpolation="lower") if number else known
    return sorted(values.unique().tolist())
