"""Learners of effects, and of the outcomes that they start from, for customers of any kind.

All are meta-learners (Künzel et al. 2019; Kennedy 2023) on gradient boosting.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor as Boosting
from sklearn.model_selection import StratifiedKFold

from churn.modeling.threads import bounded_threads
from churn.targeting.experiment import Experiment

INNER_FOLDS = 2
# A learner is fitted on at most so many customers; more change its ranking little.
MAX_ROWS = 200_000

Models = list[Boosting]


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
class Hybrid:
    """Effects of X-learners and effects in proportion to the baseline, shrunk to what is sure.

    The doubly robust differences of the training customers are regressed on a constant, on their
    untreated outcome, and on their effect by an X-learner, each predicted out of (inner) fold. Each
    coefficient is shrunk by its own uncertainty (positive-part James and Stein 1961), so that what
    the data do not show becomes a constant effect, or none.

    Attributes
    ----------
    baseline : Boosting
        Of the untreated outcome, less the offset.
    learners : tuple of XLearner
        Of each action.
    weights : ndarray of float, shape (n_actions, 3)
        Of the constant, the baseline and the learner, both standardised.
    centre, scale : ndarray of float, shape (n_actions, 2)
    """

    baseline: Boosting
    learners: tuple[XLearner, ...]
    weights: np.ndarray
    centre: np.ndarray
    scale: np.ndarray

    @classmethod
    def fit(cls, part: Experiment, seed: int = 0) -> "Hybrid":
        """Fit on all customers of an experiment with known outcomes."""
        with bounded_threads(1):
            part = part.rows(at_most_rows(np.arange(len(part.action)), seed))
            models = fit_outcomes(part, seed)
            seen = predict_outcomes(models, part.features, part.offsets)
            learners = [XLearner.fit(part, seen, a, seed) for a in range(1, len(part.names))]
            return cls.combine(part, inner_predictions(part, seed), models[0], learners)

    @classmethod
    def combine(
        cls, part: Experiment, inner: "Inner", baseline: Boosting, learners: list[XLearner]
    ) -> "Hybrid":
        """Weigh fitted learners by what they predict out of the inner folds."""
        pseudo = doubly_robust(part, inner.outcomes)
        found = []
        for action in range(1, len(part.names)):
            at = part.possible[:, action]
            own = np.column_stack([inner.outcomes[:, 0], inner.effects[:, action - 1]])
            found.append(_shrunken_regression((pseudo[:, action] - pseudo[:, 0])[at], own[at]))
        weights, centre, scale = (np.array(column) for column in zip(*found, strict=True))
        return cls(baseline, tuple(learners), weights, centre, scale)

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
            own = np.column_stack([untreated, learner.predict(features)])
            columns.append(weight[0] + (own - centre) / scale @ weight[1:])
        return np.column_stack(columns)


@dataclass(frozen=True)
class Inner:
    """What the inner folds predict for the training customers.

    Attributes
    ----------
    outcomes : ndarray of float, shape (n, n_actions + 1)
    effects : ndarray of float, shape (n, n_actions)
        Of X-learners.
    """

    outcomes: np.ndarray
    effects: np.ndarray


def fit_outcomes(experiment: Experiment, seed: int) -> Models:
    """A model of the outcome for each action, that of no action first, less the offset."""
    rest = experiment.outcome - experiment.offsets
    return [
        boosting(experiment.features[drawn], rest[drawn], seed)
        for drawn in (experiment.action == action for action in range(experiment.n_actions + 1))
    ]


def predict_outcomes(models: Models, features: pd.DataFrame, offset: np.ndarray) -> np.ndarray:
    """The expected outcome of each customer under each action."""
    return np.column_stack([offset + model.predict(features) for model in models])


def doubly_robust(experiment: Experiment, outcomes: np.ndarray) -> np.ndarray:
    """Doubly robust scores of an experiment, given expected outcomes under each action.

    Returns
    -------
    ndarray of float, shape (n, n_actions + 1)
    """
    scores = outcomes.copy()
    rows = np.arange(len(experiment.action))
    drawn = experiment.propensity[rows, experiment.action]
    residual = experiment.outcome - outcomes[rows, experiment.action]
    scores[rows, experiment.action] += residual / drawn
    return scores


def inner_predictions(part: Experiment, seed: int) -> Inner:
    """Predict the training customers out of the inner folds."""
    n = len(part.action)
    found = Inner(np.empty((n, part.n_actions + 1)), np.empty((n, part.n_actions)))
    for train, test in split_folds(part, INNER_FOLDS, seed + 1):
        inner, rest = part.rows(train), part.rows(test)
        models = fit_outcomes(inner, seed)
        found.outcomes[test] = predict_outcomes(models, rest.features, rest.offsets)
        seen = predict_outcomes(models, inner.features, inner.offsets)
        for action in range(1, part.n_actions + 1):
            learner = XLearner.fit(inner, seen, action, seed)
            found.effects[test, action - 1] = learner.predict(rest.features)
    return found


def _shrunken_regression(
    target: np.ndarray, own: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights of a constant and of the standardised columns, each shrunk by its uncertainty."""
    centre, scale = own.mean(axis=0), own.std(axis=0) + 1e-12
    design = np.column_stack([np.ones(len(own)), (own - centre) / scale])
    inverse = np.linalg.pinv(design.T @ design)
    weights = inverse @ design.T @ target
    residual = target - design @ weights
    variance = np.diag(inverse @ (design.T * residual**2) @ design @ inverse)
    weights *= np.maximum(0, 1 - variance / np.maximum(weights**2, 1e-300))
    return weights, centre, scale


def boosting(features: pd.DataFrame, target: np.ndarray, seed: int) -> Boosting:
    """Small trees and strong regularisation: an effect is a small part of an outcome's variance."""
    model = Boosting(
        max_iter=60, learning_rate=0.06, max_leaf_nodes=6,
        min_samples_leaf=max(20, min(200, len(target) // 50)), l2_regularization=10.0,
        early_stopping=False, random_state=seed,
    )  # fmt: skip
    return model.fit(features, target)


def split_folds(
    experiment: Experiment, folds: int, seed: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows to train on and to predict, for each fold; every action is in each."""
    split = StratifiedKFold(folds, shuffle=True, random_state=seed)
    yield from split.split(np.zeros(len(experiment.action)), experiment.action)


def at_most_rows(rows: np.ndarray, seed: int) -> np.ndarray:
    """At most MAX_ROWS of some rows, drawn at random."""
    if len(rows) <= MAX_ROWS:
        return rows
    return np.random.default_rng(seed).choice(rows, MAX_ROWS, replace=False)
