"""The model of a run, for Python: predictions for raw tables, explanations, and metrics."""

from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from churn.data.contract import Contract
from churn.data.parsing import parse_features
from churn.registry.runs import fetch_model
from churn.scoring.deployment import Deployment
from churn.words import plural

if TYPE_CHECKING:
    from churn.modeling.model import ChurnModel


class LoadedModel:
    """The fitted model of a run, with its contract and metrics.

    Attributes
    ----------
    run : str
        `ChurnFlow/<id>`.
    contract : Contract
        The columns of the model's input, and their values.
    threshold : float
        The probability from which on a call pays.
    as_of : date or None
        The day of the observation, to which date features count days: today, in UTC, if None. A
        time column of the frame comes first.
    metrics : dict of str to dict
        For each metric the `value`, and `low` and `high`, the ends of its 95 % interval.
    deployment : Deployment
        All that the app serves.
    """

    def __init__(self, deployment: Deployment, model: "ChurnModel"):
        self.deployment = deployment
        self._model = model
        self.as_of: date | None = None
        self.run: str = deployment.run
        self.contract: Contract = deployment.contract
        self.threshold: float = deployment.scorer.threshold
        self.metrics: dict[str, dict[str, float]] = {
            name: dict(found) for name, found in deployment.metrics.items()
        }

    def predict_proba(self, frame: pd.DataFrame) -> np.ndarray:
        """The probabilities of staying and of leaving.

        Parameters
        ----------
        frame : DataFrame of n rows
            Raw columns, as in the table that the model was trained on; others are left alone.

        Returns
        -------
        ndarray of float64, shape (n, 2)

        Raises
        ------
        ChurnError
            Naming every feature that is missing and every cell that cannot be read.
        """
        return self._model.predict_proba(self._typed(frame))

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        """Whether a call pays: (n,) int, 1 from `threshold` on; otherwise as `predict_proba`."""
        return self._model.predict(self._typed(frame))

    def explain(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The contribution of each feature to each customer's risk.

        Returns
        -------
        DataFrame of n * n_features rows
            row (position in `frame`), feature, value, typical (a typical customer's value),
            contribution (the risk less the risk with the typical value, in probability); for each
            row the largest absolute contribution first.

        Raises
        ------
        ChurnError
            See `predict_proba`.
        """
        return self._model.explain(self._typed(frame))

    def _typed(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The features, typed: dates count days to `as_of`, not to the day of the training."""
        return parse_features(frame, self.contract.model_copy(update={"as_of": self.as_of}))

    def __repr__(self) -> str:
        found = self.deployment
        auc = self.metrics.get("roc_auc", {}).get("value", float("nan"))
        return (
            f"<{found.candidate} of {self.run}: {plural(len(self.contract.features), 'feature')}, "
            f"{plural(found.customers, 'customer')}, ROC-AUC {auc:.3f} by {found.evaluated_on}>"
        )


def load(run: str = "champion") -> LoadedModel:
    """Load the model of a run.

    Parameters
    ----------
    run : str
        `champion`, `ChurnFlow/<id>`, or the id alone. The fitted model is a pickle, which runs code
        when it is loaded: name only runs that you trust.

    Returns
    -------
    LoadedModel

    Raises
    ------
    ChurnError
        If there is no such run or no champion, or the run cannot be served.
    """
    return LoadedModel(*fetch_model(run))
