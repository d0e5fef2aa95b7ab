"""Learners of effects for customers of any kind: their mean, and the hybrid that shrinks it.

All are meta-learners (Künzel et al. 2019; Kennedy 2023).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor as Boosting

from churn.modeling.threads import bounded_threads
from churn.targeting.experiment import Experiment
from churn.targeting.linear import LinearEffect
from churn.targeting.outcomes import (
    at_most_rows,
    boosting,
    doubly_robust,
    fit_outcomes,
    outcome_bounds,
    precision,
    predict_outcomes,
    split_folds,
    within,
)

INNER_FOLDS = 2
# Of the probability of leaving, within which an effect is learned as a share of it.
LEAST_RISK, GREATEST_RISK = 0.02, 0.98


@dataclass(frozen=True)
class XLearner:
    """Effects imputed in each arm by the other's outcome model (Künzel et al. 2019).

    Attributes
    ----------
    of_treated, of_control : Boosting
        Of the effects imputed in each arm.
    weight : float
        Of the controls' model: the share of the treated.
    """

    of_treated: Boosting
    of_control: Boosting
    weight: float

    @classmethod
    def fit(cls, part: Experiment, seen: np.ndarray, action: int, seed: int) -> "XLearner":
        """Fit, given the expected outcomes of the same customers under each action."""
        treated, control = part.action == action, part.action == 0
        drawn = part.propensity[:, [0, action]]
        return cls(
            boosting(part.features[treated], part.outcome[treated] - seen[treated, 0], seed),
            boosting(part.features[control], seen[control, action] - part.outcome[control], seed),
            float(drawn[:, 1].mean() / drawn.sum(axis=1).mean()),
        )

    def predict(self, features: pd.DataFrame) -> np.ndarray:
        """The effect on each customer."""
        treated = (1 - self.weight) * self.of_treated.predict(features)
        effect: np.ndarray = self.weight * self.of_control.predict(features) + treated
        return effect


@dataclass(frozen=True)
class ShareLearner:
    """Doubly robust differences as a share of those who would leave, on gradient boosting.

    What an action does to customers of whom few leave is small, so a share of the probability of
    leaving is closer to constant, and easier to learn, than the effect itself. Where the outcome
    has no such bounds it is the DR-learner (Kennedy 2023).

    Attributes
    ----------
    model : Boosting
        Of the share.
    bounds : (float, float)
        Of the outcome, see `churn.targeting.outcomes.outcome_bounds`.
    """

    model: Boosting
    bounds: tuple[float, float]

    @classmethod
    def fit(
        cls, part: Experiment, target: np.ndarray, weight: np.ndarray, seed: int
    ) -> "ShareLearner":
        """Fit on doubly robust differences, with weights as their inverse variances."""
        bounds = outcome_bounds(part)
        risk = _risk(part.offsets, bounds)
        # The variance of an outcome of two values is r (1 - r), that of a share is over r ** 2.
        weight = weight * risk / (1 - risk) if np.isfinite(bounds[0]) else weight
        leaves = int(min(3 + len(target) // 5_000, 8))
        return cls(boosting(part.features, target / risk, seed, leaves, weight), bounds)

    def predict(self, features: pd.DataFrame, offset: np.ndarray) -> np.ndarray:
        """The effect on each customer."""
        effect: np.ndarray = self.model.predict(features) * _risk(offset, self.bounds)
        return effect


def _risk(offset: np.ndarray, bounds: tuple[float, float]) -> np.ndarray:
    """The expected probability of the lower outcome; 1 where the outcome has no bounds."""
    low, high = bounds
    if not np.isfinite(low):
        return np.ones(len(offset))
    return np.clip((high - offset) / (high - low), LEAST_RISK, GREATEST_RISK)


@dataclass(frozen=True)
class MeanLearner:
    """The mean of three learners of an action's effect, which err differently.

    Attributes
    ----------
    x : XLearner
    share : ShareLearner
    line : LinearEffect
    """

    x: XLearner
    share: ShareLearner
    line: LinearEffect

    @classmethod
    def fit(
        cls, part: Experiment, x: XLearner, outcomes: np.ndarray, action: int, seed: int
    ) -> "MeanLearner":
        """Fit, given outcomes that are expected out of fold."""
        possible = part.possible[:, action]
        pseudo = doubly_robust(part, outcomes)
        target = (pseudo[:, action] - pseudo[:, 0])[possible]
        part, weight = part.rows(possible), precision(part, action)[possible]
        return cls(
            x, ShareLearner.fit(part, target, weight, seed),
            LinearEffect.fit(part.features, part.offsets, target, weight, seed),
        )  # fmt: skip

    def predict(self, features: pd.DataFrame, offset: np.ndarray) -> np.ndarray:
        """The effect on each customer."""
        own = self.x.predict(features), self.share.predict(features, offset)
        mean: np.ndarray = (sum(own) + self.line.predict(features, offset)) / 3
        return mean


@dataclass(frozen=True)
class Hybrid:
    """Learned effects and effects in proportion to the baseline, shrunk to what is sure.

    The doubly robust differences of the training customers are regressed on a constant, on their
    untreated outcome, and on their effect by the learners, each predicted out of (inner) fold. Each
    coefficient is shrunk by its own uncertainty (positive-part James and Stein 1961), so that what
    the data do not show becomes a constant effect, or none.

    Attributes
    ----------
    baseline : Boosting
        Of the untreated outcome, less the offset.
    learners : tuple of MeanLearner
        Of each action.
    weights : ndarray of float, shape (n_actions, 3)
        Of the constant, the baseline and the learner, both standardised.
    centre, scale : ndarray of float, shape (n_actions, 2)
    bounds : (float, float)
        Of the outcome, see `churn.targeting.outcomes.outcome_bounds`.
    """

    baseline: Boosting
    learners: tuple[MeanLearner, ...]
    weights: np.ndarray
    centre: np.ndarray
    scale: np.ndarray
    bounds: tuple[float, float]

    @classmethod
    def fit(cls, part: Experiment, seed: int = 0) -> "Hybrid":
        """Fit on all customers of an experiment with known outcomes."""
        with bounded_threads(1):
            part = part.rows(at_most_rows(np.arange(len(part.action)), seed))
            models = fit_outcomes(part, seed)
            seen = predict_outcomes(models, part.features, part.offsets)
            learners = [XLearner.fit(part, seen, a, seed) for a in range(1, len(part.names))]
            return cls.combine(part, inner_predictions(part, seed), models[0], learners, seed)

    @classmethod
    def combine(
        cls, part: Experiment, inner: "Inner", baseline: Boosting, learners: Sequence[XLearner],
        seed: int,
    ) -> "Hybrid":  # fmt: skip
        """Weigh fitted learners by what they predict out of the inner folds."""
        pseudo = doubly_robust(part, inner.outcomes)
        found, means = [], []
        for action, x in enumerate(learners, start=1):
            at = part.possible[:, action]
            own = np.column_stack([inner.outcomes[:, 0], inner.effects[:, action - 1]])[at]
            target = (pseudo[:, action] - pseudo[:, 0])[at]
            found.append(_shrunken_regression(target, own, precision(part, action)[at]))
            means.append(MeanLearner.fit(part, x, inner.outcomes, action, seed))
        weights, centre, scale = (np.array(column) for column in zip(*found, strict=True))
        return cls(baseline, tuple(means), weights, centre, scale, outcome_bounds(part))

    def predict(self, features: pd.DataFrame, offset: np.ndarray) -> np.ndarray:
        """The effect of each action on each customer.

        Parameters
        ----------
        features : DataFrame of n rows
        offset : ndarray of float, shape (n,)
            See `Experiment`.

        Returns
        -------
        ndarray of float64, shape (n, n_actions)
        """
        untreated = offset + self.baseline.predict(features)
        columns = []
        for learner, weight, centre, scale in zip(
            self.learners, self.weights, self.centre, self.scale, strict=True
        ):
            own = np.column_stack([untreated, learner.predict(features, offset)])
            columns.append(weight[0] + (own - centre) / scale @ weight[1:])
        return within(np.column_stack(columns), offset, self.bounds)


@dataclass(frozen=True)
class Inner:
    """What the inner folds predict for the training customers.

    Attributes
    ----------
    outcomes : ndarray of float, shape (n, n_actions + 1)
    effects : ndarray of float, shape (n, n_actions)
        Of the learners' mean.
    """

    outcomes: np.ndarray
    effects: np.ndarray


def inner_predictions(part: Experiment, seed: int) -> Inner:
    """Predict the training customers out of the inner folds."""
    n = len(part.action)
    found = Inner(np.empty((n, part.n_actions + 1)), np.empty((n, part.n_actions)))
    halves = []
    for train, test in split_folds(part, INNER_FOLDS, seed + 1):
        inner, rest = part.rows(train), part.rows(test)
        models = fit_outcomes(inner, seed)
        found.outcomes[test] = predict_outcomes(models, rest.features, rest.offsets)
        seen = predict_outcomes(models, inner.features, inner.offsets)
        halves.append((inner, rest, train, test, seen))
    # The differences that a half is fitted on need its outcomes as the other half expects them.
    for inner, rest, train, test, seen in halves:
        for action in range(1, part.n_actions + 1):
            x = XLearner.fit(inner, seen, action, seed)
            learner = MeanLearner.fit(inner, x, found.outcomes[train], action, seed)
            found.effects[test, action - 1] = learner.predict(rest.features, rest.offsets)
    return found


def _shrunken_regression(
    target: np.ndarray, own: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights of a constant and of the standardised columns, each shrunk by its uncertainty."""
    centre, scale = own.mean(axis=0), own.std(axis=0) + 1e-12
    design = np.column_stack([np.ones(len(own)), (own - centre) / scale])
    weighted = design.T * weight
    inverse = np.linalg.pinv(weighted @ design)
    weights = inverse @ weighted @ target
    residual = target - design @ weights
    variance = np.diag(inverse @ (weighted * residual**2) @ weighted.T @ inverse)
    weights *= np.maximum(0, 1 - variance / np.maximum(weights**2, 1e-300))
    return weights, centre, scale
