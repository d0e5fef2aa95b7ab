"""The budget of the search, in CPU seconds that are estimated from sizes, not measured.

A clock would make the model depend on the load of the machine. Here the time of a fit depends on
its family, rows, columns and iterations, so the same table, seed and budget try the same candidates
everywhere. `python benchmarks/search_costs.py` compares the estimates with measured seconds.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from churn.modeling.own_families import BOOSTERS
from churn.modeling.sample import SearchSample
from churn.modeling.search_space import ITERATIVE_FAMILIES, Candidate, has_many_levels

# scikit-learn's neural net takes about so many epochs.
EPOCHS = 20
# A granted candidate may take so many times its expected time, however short the budget is.
OVERRUN = 2.0
# CPU seconds per operation on one usual core, see `operations`.
SECONDS = {
    "fit": 0.012,
    "term": 1.1e-7,
    "term pair": 2e-10,
    "weight": 6.3e-10,
    "batch": 2e-4,
    "net weight": 1.5e-10,
    "sorted cell": 1.1e-8,
    "tree": 1.2e-4,
    "oblivious tree": 6e-4,
    "row": 6.4e-8,
    "cell": 4.5e-9,
    "bin": 1.2e-6,
}


def fit_seconds(
    candidate: Candidate, n_rows: int, levels: np.ndarray, iterations: int, n_flags: int = 0
) -> float:
    """The CPU seconds of one fit, and of predicting a fold by it.

    Parameters
    ----------
    candidate : Candidate
    n_rows : int
        Rows fitted to.
    levels : ndarray of int, shape (n_columns,)
        See `FeatureEngineer`.
    iterations : int
        Trees of boosting, or epochs of a neural net; other families ignore it.
    n_flags : int
        How many of the numbers have two values at most, so that they have no curve.
    """
    counts = operations(candidate, n_rows, levels, iterations, n_flags)
    return sum(SECONDS[name] * count for name, count in counts.items())


def expected_iterations(candidate: Candidate) -> int:
    """The expected number of iterations until a candidate stops early."""
    if candidate.family not in ITERATIVE_FAMILIES:
        return EPOCHS
    family = ITERATIVE_FAMILIES[candidate.family]
    learning = (family.learning + family.patience) / candidate.params.get(
        "learning_rate", family.rate
    )
    return min(int(candidate.params.get("max_iter", family.most)), round(float(learning)))


def plan_budget(
    candidates: Sequence[Candidate], sample: SearchSample, budget: float
) -> dict[str, float]:
    """The time limit of each candidate, granted in their order while the budget lasts.

    Parameters
    ----------
    candidates : sequence of Candidate
        The most useful one first. A single candidate has no limit.
    sample : SearchSample
    budget : float
        CPU seconds of all candidates together.

    Returns
    -------
    dict of str to float
        By name the CPU seconds that cross-validation may take; 0 for a candidate that is not tried.
        The rest of the budget is shared in proportion to the expected times.
    """
    if len(candidates) == 1:
        return {candidates[0].name: np.inf}
    granted, left, n_flags = {}, budget, sample.n_flags
    for candidate in candidates:
        expected = sample.n_folds * fit_seconds(
            candidate, sample.fit_rows, sample.levels, expected_iterations(candidate), n_flags
        )
        granted[candidate.name] = expected if expected <= left else 0.0
        left -= granted[candidate.name]
    slack = max(OVERRUN, budget / max(sum(granted.values()), 1e-9))
    return {name: slack * seconds for name, seconds in granted.items()}


def operations(
    candidate: Candidate, n_rows: int, levels: np.ndarray, iterations: int, n_flags: int = 0
) -> dict[str, float]:
    """How many operations of each kind in `SECONDS` a fit makes."""
    # Categories of many levels become numbers.
    few = np.where(has_many_levels(candidate, levels), 0, levels)
    n_columns = len(levels)
    curves = np.count_nonzero(few == 0) - n_flags
    params, family = candidate.params, candidate.family
    if family in ("boosting", *BOOSTERS):
        leaves = params.get("max_leaf_nodes", 31)
        cells = n_rows * n_columns * np.log2(leaves)
        counts = {"tree": 1, "cell": cells, "bin": leaves * n_columns}
        return {"fit": 1} | {name: iterations * count for name, count in counts.items()}
    if family == "oblivious_trees":
        cells = n_rows * n_columns * params.get("depth", 4)
        counts = {"oblivious tree": 1, "cell": cells, "row": n_rows}
        return {"fit": 1} | {name: iterations * count for name, count in counts.items()}
    if family in ("extra_trees", "random_forest"):
        trees = params.get("n_estimators", 100)
        cells = n_rows * np.sqrt(n_columns) * np.log2(max(n_rows, 2))
        return {"fit": 1, "sorted cell": trees * cells}
    if family == "tabular_net":
        inputs = curves * (1 + params.get("n_knots", 12)) + n_flags + few.sum()
        sizes = [inputs, *params.get("hidden", (64, 64)), 1]
        weights = params.get("nets", 8) * sum(a * b for a, b in pairwise(sizes))
        return {
            "fit": 1,
            "term": n_rows * inputs,
            "net weight": iterations * n_rows * weights,
        }
    plain = 2 * curves + n_flags + few.sum()
    if family == "neural_net":
        sizes = [plain, *params.get("hidden", (64, 32)), 1]
        weights = sum(a * b for a, b in pairwise(sizes))
        return {
            "fit": 1,
            "term": n_rows * plain,
            "weight": iterations * n_rows * weights,
            "batch": iterations * n_rows / 128,
        }
    knots = params.get("n_knots", 5) + 2 if family in ("splines", "pairs") else 0
    terms = curves * (1 + knots) + n_flags + few.sum()
    counts = {"fit": 1, "term": n_rows * terms, "term pair": n_rows * terms**2}
    if family == "pairs":
        wide = terms + params.get("most", 60)
        counts["term"] += n_rows * (wide + plain)
        counts["term pair"] += n_rows * (wide**2 + plain**2)
    return counts
