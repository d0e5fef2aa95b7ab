"""A learned policy: the effect of each action on a customer, its interval and its reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from churn.targeting.experiment import Experiment
from churn.targeting.learners import Hybrid
from churn.targeting.report import EffectReport

# The action of the policies that were learned before campaigns had several.
ONE_ACTION = "call"


@dataclass(frozen=True)
class LearnedPolicy:
    """Effects for customers outside of the experiment.

    Attributes
    ----------
    campaign : str
    run : str
        `EffectFlow/<id>`.
    hybrid : Hybrid
        Fitted on all customers of the experiment.
    groups : dict of str to DataFrame
        By action, the observed effects of fifths of the customers by predicted effect, out of fold;
        see `churn.targeting.uplift.group_effects`.
    typical : dict of str to float or str
        The median, or the most frequent level, of each feature.
    means : dict of str to float
        By action, the mean effect on all customers.
    until : date, optional
        The last day on which a customer of the experiment was drawn.
    """

    campaign: str
    run: str
    hybrid: Hybrid
    groups: dict[str, pd.DataFrame]
    typical: dict[str, float | str]
    means: dict[str, float]
    until: date | None = None

    @property
    def actions(self) -> tuple[str, ...]:
        """The names of the actions, in the order of the effects."""
        return tuple(self.means)

    @classmethod
    def fit(
        cls, experiment: Experiment, report: EffectReport, campaign: str, run: str, seed: int = 0,
        until: date | None = None,
    ) -> "LearnedPolicy":  # fmt: skip
        """Fit on all customers with a known outcome.

        Parameters
        ----------
        experiment : Experiment
        report : EffectReport
            Of it.
        """
        return cls(
            campaign=campaign,
            run=run,
            hybrid=Hybrid.fit(experiment, seed),
            groups=report.groups,
            typical={str(column): _typical(experiment.features[column])
                     for column in experiment.features},
            means={name: mean for name, mean, _ in report.mean_effects},
            until=until,
        )  # fmt: skip

    def __setstate__(self, state: dict[str, Any]) -> None:
        if "mean" in state:
            state = state | {"means": {ONE_ACTION: state.pop("mean")},
                             "groups": {ONE_ACTION: state["groups"]}}  # fmt: skip
        self.__dict__.update(state)

    def effects(self, features: pd.DataFrame, offset: np.ndarray) -> np.ndarray:
        """The effect of each action on each customer's outcome, as a difference of probabilities.

        Parameters
        ----------
        features : DataFrame of n rows
            Those of the experiment.
        offset : ndarray of float, shape (n,)
            The probability of staying without a call, see `Experiment.offset`.

        Returns
        -------
        ndarray of float64, shape (n, n_actions)
        """
        if not len(features):
            return np.zeros((0, len(self.actions)))
        found = self.hybrid.predict(features, offset)
        clipped: np.ndarray = np.clip(found, -offset[:, None], 1 - offset[:, None])
        return clipped

    def interval(self, effects: np.ndarray, action: str) -> tuple[np.ndarray, np.ndarray]:
        """The 95 % interval of the mean effect on customers with such a predicted effect.

        The ends of each fifth's observed mean effect have a distance to what was predicted; that of
        a prediction is interpolated between the fifths. It always contains the prediction.

        Parameters
        ----------
        effects : ndarray of float, shape (n,)
            Of that action.

        Returns
        -------
        low, high : ndarray of float64, shape (n,)
        """
        # Equal predictions, as of a constant effect, have one distance: their mean.
        by = self.groups[action].groupby("predicted", sort=True)[["low", "high"]].mean()
        predicted = by.index.to_numpy(dtype=np.float64)
        low = np.minimum(by["low"].to_numpy() - predicted, 0)
        high = np.maximum(by["high"].to_numpy() - predicted, 0)
        below, above = (np.interp(effects, predicted, ends) for ends in (low, high))
        return effects + below, effects + above

    def reasons(
        self, features: pd.DataFrame, offset: np.ndarray, names: Sequence[str], action: str
    ) -> list[tuple[str, float] | None]:
        """Why an action helps each customer: the feature that raises its effect most.

        Parameters
        ----------
        names : sequence of str
            The features that may be named.

        Returns
        -------
        list of (str, float) or None
            The feature, and how much smaller the effect would be with that feature's typical value,
            all else being equal; None where no feature raises it.
        """
        place_of = self.actions.index(action)
        own = self.effects(features, offset)[:, place_of]
        raised = np.zeros((len(features), len(names)))
        for place, name in enumerate(names):
            other = features.copy()
            value = self.typical[name]
            column = features[name]
            other[name] = (
                pd.Categorical([value] * len(column), categories=column.cat.categories)
                if isinstance(column.dtype, pd.CategoricalDtype)
                else float(value)
            )
            raised[:, place] = own - self.effects(other, offset)[:, place_of]
        best = raised.argmax(axis=1) if len(names) else np.zeros(len(features), dtype=int)
        return [
            (names[place], float(raised[row, place])) if raised[row, place] > 1e-9 else None
            for row, place in enumerate(best)
        ]


def _typical(column: pd.Series) -> float | str:
    if isinstance(column.dtype, pd.CategoricalDtype):
        return str(column.mode().iloc[0]) if column.notna().any() else ""
    return float(column.median()) if column.notna().any() else float("nan")
