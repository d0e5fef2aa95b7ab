"""ChurnModel, the fitted artifact: raw columns in, probabilities out."""

import hashlib
from pathlib import Path

import joblib
import numpy as np
import pandas as pd

from churn.data.contract import Contract
from churn.data.copies import copy_groups
from churn.data.parsing import labels, parse_features
from churn.files import atomic_write
from churn.modeling.encoder import FeatureEngineer, set_feature
from churn.modeling.families import build
from churn.modeling.search_space import Candidate
from churn.modeling.threads import bounded_threads
from churn.modeling.weighted_fit import fit_weighted

# Rows that are predicted at once.
PREDICT_ROWS = 131_072


class ChurnModel:
    """A churn model over raw customer columns.

    Parameters
    ----------
    contract : Contract
        Its features are the model's.
    candidate : Candidate
    seed : int
    threshold : float
        `predict` returns 1 from this probability on.

    Attributes
    ----------
    engineer_ : FeatureEngineer
    estimator_ : scikit-learn classifier
    """

    classes_ = np.array([0, 1])

    def __init__(
        self, contract: Contract, candidate: Candidate, seed: int = 0, threshold: float = 0.5
    ):
        self.contract = contract
        self.candidate = candidate
        self.seed = seed
        self.threshold = threshold

    def fit(
        self,
        frame: pd.DataFrame,
        threads: int = 1,
        weights: np.ndarray | None = None,
        groups: np.ndarray | None = None,
    ) -> "ChurnModel":
        """Fit to labelled customers.

        Parameters
        ----------
        frame : DataFrame
            Rows that keep the contract, with the target.
        threads : int
        weights : ndarray of float64, shape (n,), optional
            How many customers each row stands for.
        groups : ndarray of int, shape (n,), optional
            Rows with the same value are copies of each other; exact copies by default.
        """
        typed, target = parse_features(frame, self.contract), labels(frame, self.contract)
        self.engineer_ = FeatureEngineer(self.contract).fit(typed)
        matrix = self.engineer_.transform(typed)
        self.estimator_ = build(self.candidate, self.engineer_.levels, self.seed, threads)
        if groups is None and self.candidate.params.get("relearn"):
            groups = copy_groups(frame, self.contract)
        with bounded_threads(threads):
            fit_weighted(self.estimator_, matrix, target, weights, groups)
        return self

    def predict_proba(self, frame: pd.DataFrame) -> np.ndarray:
        """The probabilities of staying and of leaving.

        Parameters
        ----------
        frame : DataFrame of n rows
            Raw columns; missing values and categories that are not in the contract are allowed.

        Returns
        -------
        ndarray of float64, shape (n, 2)

        Raises
        ------
        ChurnError
            Naming every feature that is missing and every cell that cannot be read.
        """
        return self.predict_proba_typed(parse_features(frame, self.contract))

    def predict_proba_typed(self, typed: pd.DataFrame) -> np.ndarray:
        """`predict_proba` for features that are typed already, as `parse_features` returns them.

        Some rows at a time: terms of splines take a hundred times the memory of a row.
        """
        starts = range(0, len(typed), PREDICT_ROWS) or [0]
        parts = [
            self.estimator_.predict_proba(
                self.engineer_.transform(typed.iloc[start : start + PREDICT_ROWS])
            )
            for start in starts
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        """1 for customers whose probability reaches the threshold, else 0: (n,) int64."""
        return (self.predict_proba(frame)[:, 1] >= self.threshold).astype(np.int64)

    def explain(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The contribution of each feature to each customer's risk.

        The model scores each row again with one raw feature at a time set to its typical value,
        from which derived features are recomputed; the contribution is the risk less that risk.
        Contributions of features that interact do not add up to the risk.

        Parameters
        ----------
        frame : DataFrame of n rows

        Returns
        -------
        DataFrame of n * n_features rows
            row (position in `frame`), feature, value, typical, contribution (in probability);
            for each row the largest absolute contribution first.
        """
        typed = parse_features(frame, self.contract)
        typical = self.engineer_.typical_
        risk = self.predict_proba_typed(typed)[:, 1]
        changed = pd.concat(
            [
                set_feature(typed, feature, name, typical[name])
                for name, feature in self.contract.features.items()
            ]
        )
        contribution = risk - self.predict_proba_typed(changed)[:, 1].reshape(typed.shape[1], -1)
        values = [typical[str(name)] for name in typed]
        table = pd.DataFrame(
            {
                "row": np.repeat(np.arange(len(typed)), typed.shape[1]),
                "feature": np.tile(typed.columns, len(typed)),
                "value": typed.astype(object).to_numpy().ravel(),
                "typical": pd.Series(values * len(typed), dtype=object),
                "contribution": contribution.T.ravel(),
            }
        )
        order = np.lexsort([-table["contribution"].abs(), table["row"]])
        return table.iloc[order].reset_index(drop=True)

    def fingerprint(self, frame: pd.DataFrame) -> str:
        """SHA-256, in hex, over the exact probabilities of `frame`."""
        return hashlib.sha256(self.predict_proba(frame)[:, 1].tobytes()).hexdigest()

    def save(self, path: str | Path) -> None:
        """Write the model with joblib, atomically."""
        with atomic_write(path) as file:
            joblib.dump(self, file)

    @staticmethod
    def load(path: str | Path) -> "ChurnModel":
        """Read a model that `save` wrote. Unpickling runs code: load only what you trust."""
        model: ChurnModel = joblib.load(path)
        return model
