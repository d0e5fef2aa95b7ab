"""Models of the outcome under each action, and the doubly robust scores that follow from them."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor as Boosting
from sklearn.model_selection import GroupKFold, StratifiedKFold

from churn.targeting.experiment import Experiment

# A learner is fitted on at most so many customers; more change its ranking little.
MAX_ROWS = 200_000

Models = list[Boosting]


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


def precision(experiment: Experiment, action: int) -> np.ndarray:
    """The inverse of 1/p + 1/q, with which the variance of a difference grows: (n,) float64."""
    p, q = experiment.propensity[:, action], experiment.propensity[:, 0]
    found: np.ndarray = p * q / np.maximum(p + q, 1e-300)
    return found


def outcome_bounds(experiment: Experiment) -> tuple[float, float]:
    """The two values of an outcome that only has two, and that an offset expects; else none."""
    values = np.unique(experiment.outcome)
    if experiment.offset is None or len(values) != 2:
        return -np.inf, np.inf
    return float(values[0]), float(values[1])


def within(effects: np.ndarray, offset: np.ndarray, bounds: tuple[float, float]) -> np.ndarray:
    """Effects that leave the expected outcome within its bounds: (n, n_actions) float64.

    No action keeps more customers than would leave: where few leave, no large effect is believed.
    """
    low, high = (np.minimum(bounds[0] - offset, 0), np.maximum(bounds[1] - offset, 0))
    found: np.ndarray = np.clip(effects, low[:, None], high[:, None])
    return found


def boosting(
    features: pd.DataFrame, target: np.ndarray, seed: int, leaves: int = 6,
    weight: np.ndarray | None = None,
) -> Boosting:  # fmt: skip
    """Small trees and strong regularisation: an effect is a small part of an outcome's variance."""
    model = Boosting(
        max_iter=60, learning_rate=0.06, max_leaf_nodes=leaves,
        min_samples_leaf=max(20, min(200, len(target) // 50)), l2_regularization=10.0,
        early_stopping=False, random_state=seed,
    )  # fmt: skip
    return model.fit(features, target, sample_weight=weight)


def split_folds(
    experiment: Experiment, folds: int, seed: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows to train on and to predict, for each fold; no customer is on both sides."""
    if experiment.cluster is not None:
        of_customers = GroupKFold(folds, shuffle=True, random_state=seed)
        yield from of_customers.split(experiment.action, groups=experiment.cluster)
        return
    split = StratifiedKFold(folds, shuffle=True, random_state=seed)
    yield from split.split(np.zeros(len(experiment.action)), experiment.action)


def at_most_rows(rows: np.ndarray, seed: int) -> np.ndarray:
    """At most MAX_ROWS of some rows, drawn at random."""
    if len(rows) <= MAX_ROWS:
        return rows
    return np.random.default_rng(seed).choice(rows, MAX_ROWS, replace=False)
