"""The search space: candidates, each a family of estimators and its parameters."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

# A category of more levels is replaced by the smoothed churn rate of its level. The tabular net,
# which embeds levels, has a limit of its own, for the memory of its one-hot inputs.
MAX_LEVELS, MAX_EMBEDDED_LEVELS = 20, 100

# The family of stacks. The search builds them from candidates; a search file cannot name it.
STACK = "stack"
# A stack that is fitted to at least so many times the rows of its search relearns its weights from
# two-fold predictions, because half of these rows are still far more than it was tuned on.
RELEARN_GROWTH = 4.0


@dataclass(frozen=True)
class Iterations:
    """How a family is fitted by iterations, whose best number is learned out of fold.

    Attributes
    ----------
    rate : float
        The default learning rate.
    most : int
        The default of the most iterations.
    learning : float
        About learning / learning rate iterations are expected until the lowest loss.
    patience : float
        Early stopping waits for patience / learning rate iterations without a lower loss.
    power : float
        The best number of iterations grows with the number of rows to this power.
    """

    rate: float
    most: int
    learning: float
    patience: float
    power: float


# An epoch of a net has more steps where there are more rows, so the number of epochs does not grow.
# That of trees was measured on 4,000 to 256,000 generated customers.
ITERATIVE_FAMILIES = {
    "boosting": Iterations(0.05, 2_000, learning=12, patience=2.5, power=0.25),
    "oblivious_trees": Iterations(0.1, 2_000, learning=12, patience=6, power=0.25),
    "tabular_net": Iterations(0.004, 100, learning=0.1, patience=0.032, power=0),
    "lightgbm:LGBMClassifier": Iterations(0.05, 2_000, learning=12, patience=2.5, power=0.25),
    "catboost:CatBoostClassifier": Iterations(0.05, 2_000, learning=12, patience=6, power=0.25),
}


@dataclass(frozen=True)
class Candidate:
    """An estimator to be cross-validated.

    Attributes
    ----------
    name : str
    family : str
        A key of `churn.modeling.families.FAMILIES`, or `module:Class`, see
        `churn.modeling.own_families`.
    params : Mapping
    member : bool
        Whether it may be a member of stacks.
    seeds : int
        The model is the mean of so many, fitted with other seeds.
    """

    name: str
    family: str
    params: Mapping[str, Any] = field(default_factory=dict)
    member: bool = True
    seeds: int = 1


def _boosted(leaves: int, **params: float) -> Candidate:
    return Candidate(f"boosting, {leaves} leaves", "boosting", {"max_leaf_nodes": leaves} | params)


# In the order in which the budget is granted and the tasks start: first the candidates without
# which stacks lose most on public tables, which are also the slowest.
DEFAULT_CANDIDATES = (
    Candidate("oblivious trees", "oblivious_trees", {"depth": 4, "learning_rate": 0.1}),
    _boosted(63, learning_rate=0.06),
    _boosted(31, learning_rate=0.06, max_features=0.5),
    Candidate("splines, 9 knots", "splines", {"n_knots": 9, "C": 0.1}),
    _boosted(4, learning_rate=0.15),
    Candidate("splines and pairs", "pairs", {"n_knots": 5, "C": 0.3}),
    Candidate("neural net", "neural_net", {"hidden": [64, 32], "alpha": 0.1}),
    _boosted(2, learning_rate=0.3),
    Candidate("splines, 5 knots", "splines", {"n_knots": 5, "C": 0.3}),
    Candidate("logistic", "logistic", {"C": 1.0}),
    Candidate("logistic, strong penalty", "logistic", {"C": 0.02}),
    # No member: it adds nothing to the second level's forests, and costs more than any other.
    Candidate("extra trees", "extra_trees", {"n_estimators": 50, "min_samples_leaf": 5}, False),
)

# With more time: nets, and slower and more varied trees.
HIGH_CANDIDATES = (
    *DEFAULT_CANDIDATES,
    Candidate("tabular net", "tabular_net", {}),
    Candidate(
        "tabular net, deep", "tabular_net", {"hidden": [128, 64, 32], "n_knots": 24, "dropout": 0.2}
    ),
    Candidate(
        "boosting, 16 leaves", "boosting",
        {"max_leaf_nodes": 16, "learning_rate": 0.03, "max_features": 0.3,
         "l2_regularization": 5.0},
    ),
    Candidate(
        "boosting, leaves of 60", "boosting",
        {"max_leaf_nodes": 31, "min_samples_leaf": 60, "learning_rate": 0.05, "max_features": 0.4,
         "l2_regularization": 10.0},
    ),
    Candidate("oblivious trees, depth 3", "oblivious_trees", {"depth": 3, "learning_rate": 0.06}),
)  # fmt: skip
# The families of which a mean over seeds is better; so is boosting's where it draws columns.
AVERAGED_FAMILIES = (
    "neural_net", "oblivious_trees", "tabular_net", "catboost:CatBoostClassifier",
)  # fmt: skip

# The models of a stack's second level, fitted to the columns and to the first level's log odds.
SECOND_LEVEL = (
    _boosted(3, learning_rate=0.1, l2_regularization=5.0),
    Candidate("extra trees", "extra_trees", {"min_samples_leaf": 3, "max_features": 0.25}),
)

# The reference of every report, and the model where no candidate is left.
BASELINE = Candidate("plain logistic regression", "logistic", {"C": 1.0})


def has_many_levels(candidate: Candidate, levels: np.ndarray) -> np.ndarray:
    """Which categories the candidate gets as the smoothed churn rate of their level.

    Parameters
    ----------
    candidate : Candidate
        No stack: its members differ in this.
    levels : ndarray of int, shape (n_columns,)
        How many levels the category in a column has; 0 for a number.

    Returns
    -------
    ndarray of bool, shape (n_columns,)
    """
    most = MAX_EMBEDDED_LEVELS if candidate.family == "tabular_net" else MAX_LEVELS
    return levels > most


def seed_of_repeat(seed: int, number: int) -> int:
    """The seed of a repeat, or of a model among those of an average; scikit-learn's end at 2^32."""
    return (seed + number) % 2**32


def gains_from_seeds(candidate: Candidate) -> bool:
    """Whether a mean over seeds is a better model than one fit.

    Not of forests, which are means of random trees already, nor of classes of one's own, of which
    nothing is known.
    """
    if candidate.family == "boosting":
        return bool(candidate.params.get("max_features", 1.0) < 1.0)
    return candidate.family in AVERAGED_FAMILIES


def rescale_iterations(candidate: Candidate, growth: float) -> Candidate:
    """The candidate for a fit to `growth` times as many rows as it was tuned on.

    The best number of iterations grows with the number of rows, see `Iterations`.
    """
    params = dict(candidate.params)
    if candidate.family == STACK:
        params["members"] = tuple(
            rescale_iterations(member, growth) for member in params["members"]
        )
        # A second level depends on the first level's weights, so those are not relearned.
        params["relearn"] = growth >= RELEARN_GROWTH and not params.get("second_level")
    elif candidate.family in ITERATIVE_FAMILIES:
        power = ITERATIVE_FAMILIES[candidate.family].power
        params["max_iter"] = max(1, round(params["max_iter"] * growth**power))
    return replace(candidate, params=params)
