"""The effect of an action on each customer, predicted by learners that have not seen the customer.

All are meta-learners (Künzel et al. 2019; Kennedy 2023) on gradient boosting. Cross-fitting is
nested: what is predicted for a fold, and the outcome models with which the fold is evaluated, come
from the other folds alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.model_selection import StratifiedKFold

from churn.modeling.threads import bounded_threads
from churn.targeting.experiment import Experiment

FOLDS, INNER_FOLDS = 5, 2
LEARNERS = ("S", "T", "X", "DR", "hybrid")
# A learner is fitted on at most so many customers; more change its ranking little.
MAX_ROWS = 200_000

Models = list[HistGradientBoostingRegressor]


@dataclass(frozen=True)
class Effects:
    """Predictions for the customers of an experiment, each from the other folds.

    Attributes
    ----------
    outcomes : ndarray of float, shape (n, n_actions + 1)
        The expected outcome under each action.
    effects : dict of str to ndarray of float, shape (n, n_actions)
        By learner, the effect of each action.
    scores : ndarray of float, shape (n, n_actions + 1)
        Doubly robust scores (Robins, Rotnitzky and Zhao 1994): their mean over customers is an
        unbiased estimate of the mean outcome under an action, as the probabilities are known.
    """

    outcomes: np.ndarray
    effects: dict[str, np.ndarray]
    scores: np.ndarray


def cross_fit(experiment: Experiment, seed: int = 0) -> Effects:
    """Predict outcomes and effects out of fold.

    Parameters
    ----------
    experiment : Experiment
        With known outcomes; see `Experiment.known`.
    seed : int

    Returns
    -------
    Effects
    """
    with bounded_threads(1):  # a fit is too small to gain from more
        return _cross_fit(experiment, seed)


def _cross_fit(experiment: Experiment, seed: int) -> Effects:
    n, actions = len(experiment.action), experiment.n_actions
    outcomes = np.empty((n, actions + 1))
    effects = {name: np.empty((n, actions)) for name in LEARNERS}
    for train, test in _folds(experiment, FOLDS, seed):
        part, unseen = experiment.rows(_some(train, seed)), experiment.features.iloc[test]
        models = fit_outcomes(part, seed)
        outcomes[test] = predict_outcomes(models, unseen)
        for name, found in _effects(part, models, unseen, seed).items():
            effects[name][test] = found
    return Effects(outcomes, effects, doubly_robust(experiment, outcomes))


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


def fit_outcomes(experiment: Experiment, seed: int) -> Models:
    """A model of the outcome for each action, that of no action first."""
    return [
        _boosting(experiment.features[drawn], experiment.outcome[drawn], seed)
        for drawn in (experiment.action == action for action in range(experiment.n_actions + 1))
    ]


def predict_outcomes(models: Models, features: pd.DataFrame) -> np.ndarray:
    """The expected outcome of each customer under each action."""
    return np.column_stack([model.predict(features) for model in models])


def _effects(
    part: Experiment, models: Models, unseen: pd.DataFrame, seed: int
) -> dict[str, np.ndarray]:
    seen, new = predict_outcomes(models, part.features), predict_outcomes(models, unseen)
    pseudo = doubly_robust(part, _inner_outcomes(part, seed))
    found: dict[str, list[np.ndarray]] = {name: [] for name in LEARNERS}
    single = _boosting(_with_action(part.features, part.action), part.outcome, seed)
    untreated = single.predict(_with_action(unseen, np.zeros(len(unseen))))
    for action in range(1, part.n_actions + 1):
        treated = single.predict(_with_action(unseen, np.full(len(unseen), action)))
        found["S"].append(treated - untreated)
        found["T"].append(new[:, action] - new[:, 0])
        x = _x_learner(part, seen, unseen, action, seed)
        found["X"].append(x)
        target = pseudo[:, action] - pseudo[:, 0]
        found["DR"].append(_boosting(part.features, target, seed).predict(unseen))
        found["hybrid"].append(_hybrid(part, target, x, new[:, 0], action, seed))
    return {name: np.column_stack(columns) for name, columns in found.items()}


def _x_learner(
    part: Experiment, seen: np.ndarray, unseen: pd.DataFrame, action: int, seed: int
) -> np.ndarray:
    """Effects imputed in each arm by the other's outcome model (Künzel et al. 2019)."""
    treated, control = part.action == action, part.action == 0
    of_treated = _boosting(part.features[treated], part.outcome[treated] - seen[treated, 0], seed)
    gain = seen[control, action] - part.outcome[control]
    of_control = _boosting(part.features[control], gain, seed)
    weight = part.propensity[:, action].mean() / part.propensity[:, [0, action]].sum(axis=1).mean()
    treated_part = (1 - weight) * of_treated.predict(unseen)
    effect: np.ndarray = weight * of_control.predict(unseen) + treated_part
    return effect


def _hybrid(
    part: Experiment,
    target: np.ndarray,
    x: np.ndarray,
    baseline: np.ndarray,
    action: int,
    seed: int,
) -> np.ndarray:
    """Effects of the X-learner and effects in proportion to the baseline, shrunk to what is sure.

    The doubly robust differences of the training customers are regressed on a constant, on their
    untreated outcome, and on their effect by an X-learner, each predicted out of (inner) fold. Each
    coefficient is shrunk by its own uncertainty (positive-part James and Stein 1961), so that what
    the data do not show becomes a constant effect, or none.
    """
    own = np.empty((len(target), 2))
    for train, test in _folds(part, INNER_FOLDS, seed + 1):
        inner, rest = part.rows(train), part.features.iloc[test]
        models = fit_outcomes(inner, seed)
        seen = predict_outcomes(models, inner.features)
        own[test, 0] = models[0].predict(rest)
        own[test, 1] = _x_learner(inner, seen, rest, action, seed)
    centre, scale = own.mean(axis=0), own.std(axis=0) + 1e-12
    design = np.column_stack([np.ones(len(own)), (own - centre) / scale])
    inverse = np.linalg.pinv(design.T @ design)
    weights = inverse @ design.T @ target
    residual = target - design @ weights
    covariance = inverse @ (design.T * residual**2) @ design @ inverse
    variance = np.diag(covariance)
    weights *= np.maximum(0, 1 - variance / np.maximum(weights**2, 1e-300))
    new = (np.column_stack([baseline, x]) - centre) / scale
    effect: np.ndarray = weights[0] + new @ weights[1:]
    return effect


def _inner_outcomes(part: Experiment, seed: int) -> np.ndarray:
    outcomes = np.empty((len(part.action), part.n_actions + 1))
    for train, test in _folds(part, INNER_FOLDS, seed + 1):
        models = fit_outcomes(part.rows(train), seed)
        outcomes[test] = predict_outcomes(models, part.features.iloc[test])
    return outcomes


def _boosting(
    features: pd.DataFrame, target: np.ndarray, seed: int
) -> HistGradientBoostingRegressor:
    """Small trees and strong regularisation: an effect is a small part of an outcome's variance."""
    model = HistGradientBoostingRegressor(
        max_iter=60, learning_rate=0.06, max_leaf_nodes=6,
        min_samples_leaf=max(20, min(200, len(target) // 50)), l2_regularization=10.0,
        early_stopping=False, random_state=seed,
    )  # fmt: skip
    return model.fit(features, target)


def _with_action(features: pd.DataFrame, action: np.ndarray) -> pd.DataFrame:
    return features.assign(**{"\0action": np.asarray(action, dtype=np.float64)})


def _folds(
    experiment: Experiment, folds: int, seed: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    split = StratifiedKFold(folds, shuffle=True, random_state=seed)
    yield from split.split(np.zeros(len(experiment.action)), experiment.action)


def _some(rows: np.ndarray, seed: int) -> np.ndarray:
    if len(rows) <= MAX_ROWS:
        return rows
    return np.random.default_rng(seed).choice(rows, MAX_ROWS, replace=False)
