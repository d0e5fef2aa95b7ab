"""The effect of an action on each customer, predicted by learners that have not seen the customer.

Cross-fitting is nested: what is predicted for a fold, and the outcome models with which the fold is
evaluated, come from the other folds alone.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from churn.modeling.threads import bounded_threads
from churn.targeting.experiment import Experiment
from churn.targeting.learners import Hybrid, XLearner, inner_predictions
from churn.targeting.outcomes import (
    Models,
    at_most_rows,
    boosting,
    doubly_robust,
    fit_outcomes,
    outcome_bounds,
    predict_outcomes,
    split_folds,
    within,
)

FOLDS = 5
LEARNERS = ("S", "T", "X", "DR", "hybrid")


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
    return combine_folds(experiment, [fit_fold(experiment, k, seed) for k in range(FOLDS)])


@dataclass(frozen=True)
class Fold:
    """Predictions for the customers of one fold, from the others.

    Attributes
    ----------
    rows : ndarray of int, shape (m,)
        Positions of its customers.
    outcomes, effects
        Of these, see `Effects`.
    """

    rows: np.ndarray
    outcomes: np.ndarray
    effects: dict[str, np.ndarray]


def fit_fold(experiment: Experiment, number: int, seed: int = 0) -> Fold:
    """Predict one fold of an experiment from all others.

    Parameters
    ----------
    experiment : Experiment
        With known outcomes.
    number : int
        Of the fold, from 0 to FOLDS - 1.
    seed : int
    """
    train, test = list(split_folds(experiment, FOLDS, seed))[number]
    part, unseen = experiment.rows(at_most_rows(train, seed)), experiment.rows(test)
    with bounded_threads(1):  # a fit is too small to gain from more
        models = fit_outcomes(part, seed)
        outcomes = predict_outcomes(models, unseen.features, unseen.offsets)
        return Fold(test, outcomes, _effects(part, models, unseen, seed))


def combine_folds(experiment: Experiment, folds: list[Fold]) -> Effects:
    """The predictions of all folds, in the order of the experiment."""
    n = len(experiment.action)
    outcomes = np.empty((n, experiment.n_actions + 1))
    effects = {name: np.empty((n, experiment.n_actions)) for name in LEARNERS}
    for fold in folds:
        outcomes[fold.rows] = fold.outcomes
        for name, found in fold.effects.items():
            effects[name][fold.rows] = found
    return Effects(outcomes, effects, doubly_robust(experiment, outcomes))


def _effects(
    part: Experiment, models: Models, unseen: Experiment, seed: int
) -> dict[str, np.ndarray]:
    features, offset = unseen.features, unseen.offsets
    seen = predict_outcomes(models, part.features, part.offsets)
    new = predict_outcomes(models, features, offset)
    inner = inner_predictions(part, seed)
    pseudo = doubly_robust(part, inner.outcomes)
    found: dict[str, list[np.ndarray]] = {"S": [], "T": [], "X": [], "DR": []}
    rest = part.outcome - part.offsets
    single = boosting(_with_action(part.features, part.action), rest, seed)
    untreated = single.predict(_with_action(features, np.zeros(len(features))))
    learners = []
    for action in range(1, part.n_actions + 1):
        treated = single.predict(_with_action(features, np.full(len(features), action)))
        found["S"].append(treated - untreated)
        found["T"].append(new[:, action] - new[:, 0])
        learners.append(XLearner.fit(part, seen, action, seed))
        found["X"].append(learners[-1].predict(features))
        at = part.possible[:, action]
        target = (pseudo[:, action] - pseudo[:, 0])[at]
        found["DR"].append(boosting(part.features[at], target, seed).predict(features))
    hybrid = Hybrid.combine(part, inner, models[0], learners, seed).predict(features, offset)
    bounds = outcome_bounds(part)
    others = {n: within(np.column_stack(one), offset, bounds) for n, one in found.items()}
    return others | {"hybrid": hybrid}


def _with_action(features: pd.DataFrame, action: np.ndarray) -> pd.DataFrame:
    return features.assign(**{"\0action": np.asarray(action, dtype=np.float64)})
