"""The search space: candidates, each a family of estimators and its parameters."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

# A category of more levels is replaced by the smoothed churn rate of its level.
MAX_LEVELS = 20

# The family of stacks. The search builds them from candidates; a search file cannot name it.
STACK = "stack"
# The families that are fitted by iterations, and their patience: early stopping waits for
# patience / learning rate iterations without a lower loss. The best number of iterations, of at
# most `max_iter`, is learned out of fold.
ITERATIVE_FAMILIES = {"boosting": 2.5, "oblivious_trees": 6.0, "tabular_net": 0.032}
# The number of trees grows with the number of rows to this power; that of a net's epochs does not,
# since an epoch of more rows has more steps.
ITERATIONS_POWER = {"boosting": 0.25, "oblivious_trees": 0.25, "tabular_net": 0.0}
MAX_ITER = {"boosting": 2_000, "oblivious_trees": 2_000, "tabular_net": 100}
DEFAULT_RATES = {"boosting": 0.05, "oblivious_trees": 0.1, "tabular_net": 0.004}
# A stack that is fitted to at least so many times the rows of its search relearns its weights from
# two-fold predictions, because half of these rows are still far more than it was tuned on.
RELEARN_GROWTH = 4.0


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
    """

    name: str
    family: str
    params: Mapping[str, Any] = field(default_factory=dict)
    member: bool = True


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

# The models of a stack's second level, fitted to the columns and to the first level's log odds.
SECOND_LEVEL = (
    _boosted(3, learning_rate=0.1, l2_regularization=5.0),
    Candidate("extra trees", "extra_trees", {"min_samples_leaf": 3, "max_features": 0.25}),
)

# The reference of every report, and the model where no candidate is left.
BASELINE = Candidate("plain logistic regression", "logistic", {"C": 1.0})


def rescale_iterations(candidate: Candidate, growth: float) -> Candidate:
    """The candidate for a fit to `growth` times as many rows as it was tuned on.

    The best number of iterations grows with the number of rows to the power `ITERATIONS_POWER`;
    that of trees was measured on 4,000 to 256,000 generated customers.
    """
    params = dict(candidate.params)
    if candidate.family == STACK:
        params["members"] = tuple(
            rescale_iterations(member, growth) for member in params["members"]
        )
        # A second level depends on the first level's weights, so those are not relearned.
        params["relearn"] = growth >= RELEARN_GROWTH and not params.get("second_level")
    elif candidate.family in ITERATIVE_FAMILIES:
        power = ITERATIONS_POWER[candidate.family]
        params["max_iter"] = max(1, round(params["max_iter"] * growth**power))
    return replace(candidate, params=params)
