"""The search space: candidates, each a family of estimators and its parameters."""

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from churn.errors import ChurnError
from churn.modeling.classifier import Classifier

if TYPE_CHECKING:
    from sklearn.compose import ColumnTransformer

    from churn.modeling.estimators.stack import SecondLevel

# A category of more levels is replaced by the smoothed churn rate of its level.
MAX_LEVELS = 20

# The family of stacks. The search builds them from candidates; a search file cannot name it.
STACK = "stack"
# The families that are fitted by iterations, and their patience: early stopping waits for
# patience / learning rate iterations without a lower loss. The best number of iterations, of at
# most `max_iter`, is learned out of fold.
ITERATIVE_FAMILIES = {"boosting": 2.5, "oblivious_trees": 6.0}
ITERATIONS_POWER = 0.25
MAX_ITER = 2_000
DEFAULT_RATES = {"boosting": 0.05, "oblivious_trees": 0.1}
RENAMED_FAMILIES = {"symmetric": "oblivious_trees"}
# A stack that is fitted to at least so many times the rows of its search relearns its weights from
# two-fold predictions, because half of these rows are still far more than it was tuned on.
RELEARN_GROWTH = 4.0
# One of `[[candidates]]`: `family`, and optionally `name` and `params`.
Entry = Mapping[str, Any]


@dataclass(frozen=True)
class Candidate:
    """An estimator to be cross-validated.

    Attributes
    ----------
    name : str
    family : str
        A key of `FAMILIES`.
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


def build(candidate: Candidate, levels: np.ndarray, seed: int, threads: int = 1) -> Classifier:
    """Build the estimator of a candidate.

    Parameters
    ----------
    candidate : Candidate
    levels : ndarray of int, shape (n_columns,)
        How many levels the category in a column has; 0 for a number.
    seed : int
        Seed of everything random in it.
    threads : int
        How many threads it may use; OpenMP's are bounded during the fit, see `bounded_threads`.

    Returns
    -------
    scikit-learn classifier, not fitted
    """
    if candidate.family == STACK:
        return _stack(levels, seed, threads, **candidate.params)
    family, many = FAMILIES[candidate.family], levels > MAX_LEVELS
    if not many.any():
        return family(levels > 0, seed, threads, **candidate.params)
    from sklearn.pipeline import make_pipeline

    # The target-encoded columns come first, and are numbers.
    categorical = np.append(np.zeros(many.sum(), dtype=bool), (levels > 0)[~many])
    model = family(categorical, seed, threads, **candidate.params)
    pipeline: Classifier = make_pipeline(_encode_levels(many, seed), model)
    return pipeline


def rescale_iterations(candidate: Candidate, growth: float) -> Candidate:
    """The candidate for a fit to `growth` times as many rows as it was tuned on.

    The best number of iterations grows with the number of rows to the power `ITERATIONS_POWER`,
    as measured on 4,000 to 256,000 generated customers.
    """
    params = dict(candidate.params)
    if candidate.family == STACK:
        params["members"] = tuple(
            rescale_iterations(member, growth) for member in params["members"]
        )
        # A second level depends on the first level's weights, so those are not relearned.
        params["relearn"] = growth >= RELEARN_GROWTH and not params.get("second_level")
    elif candidate.family in ITERATIVE_FAMILIES:
        params["max_iter"] = max(1, round(params["max_iter"] * growth**ITERATIONS_POWER))
    return replace(candidate, params=params)


def parse_toml(text: str) -> list[Entry]:
    """Read the text of a search space, `[[candidates]]` in TOML, for a Metaflow Config.

    The word `built-in` in its place stands for no search space, an empty list.
    """
    if text == "built-in":
        return []
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ChurnError("The search space is not a TOML file:", [str(error)]) from None
    unknown = sorted(set(values) - {"candidates"})
    if unknown:
        problem = f"{', '.join(unknown)} is no entry; write [[candidates]]"
        raise ChurnError("The candidates cannot be used:", [problem])
    entries: list[Entry] = values.get("candidates", [])
    parse_candidates(entries)
    return entries


def parse_candidates(entries: Sequence[Entry]) -> tuple[Candidate, ...]:
    """Candidates from plain dicts with `family`, and optionally `name` and `params`.

    Raises
    ------
    ChurnError
        Naming every entry that is no candidate.
    """
    if not isinstance(entries, list):
        raise ChurnError(
            "The candidates cannot be used:", ["write [[candidates]], twice bracketed"]
        )
    problems, candidates = [], []
    for number, entry in enumerate(entries, start=1):
        wrong = _entry_problems(entry)
        if wrong:
            problems += [f"candidate {number}: {problem}" for problem in wrong]
            continue
        family, params = entry["family"], dict(entry.get("params", {}))
        settings = ", ".join(f"{key}={value}" for key, value in params.items())
        candidates.append(
            Candidate(entry.get("name") or f"{family} {settings}".strip(), family, params)
        )
    names = [candidate.name for candidate in candidates]
    problems += [f"two candidates are called {n!r}" for n in set(names) if names.count(n) > 1]
    if problems or not candidates:
        raise ChurnError("The candidates cannot be used:", problems or ["there are none"])
    return tuple(candidates)


def settle_candidates(entries: Sequence[Entry]) -> tuple[Candidate, ...]:
    """The candidates of a search file, or the built-in ones, with parameters that can be fitted.

    Parameters
    ----------
    entries : list of dict
        See `parse_candidates`; empty without a file.

    Raises
    ------
    ChurnError
        Naming every entry that is no candidate, and every parameter that its estimator does not
        have or that is out of its range.
    """
    if not entries:
        return DEFAULT_CANDIDATES
    candidates = parse_candidates(entries)
    problems = [
        f"{candidate.name}: {problem}"
        for candidate in candidates
        for problem in _parameter_problems(candidate)
    ]
    if problems:
        raise ChurnError("The candidates cannot be used:", problems)
    return candidates


def _parameter_problems(candidate: Candidate) -> list[str]:
    from churn.modeling.estimators.sklearn_internals import parameter_problems

    try:
        # A number, a category, and a category of many levels.
        model = build(candidate, np.array([0, 3, MAX_LEVELS + 1]), seed=0)
    except TypeError as error:  # a parameter that the family does not have
        unknown = re.search(r"unexpected keyword argument '(\w+)'", str(error))
        return [f"{unknown[1]} is no parameter of {candidate.family}" if unknown else str(error)]
    return parameter_problems(model)


def _entry_problems(entry: object) -> list[str]:
    if not isinstance(entry, Mapping):
        return [f"{entry!r} is no table with a family"]
    problems = []
    unknown = sorted(set(entry) - {"name", "family", "params"})
    if unknown:
        problems.append(f"{', '.join(unknown)} is no entry")
    family = entry.get("family")
    if isinstance(family, str) and family in RENAMED_FAMILIES:
        problems.append(f"family {family!r} is called {RENAMED_FAMILIES[family]!r} now")
    elif not isinstance(family, str) or family not in FAMILIES:
        problems.append(f"family must be one of {', '.join(FAMILIES)}")
    if not isinstance(entry.get("params", {}), Mapping):
        problems.append("params must be a table")
    if not isinstance(entry.get("name", ""), str):
        problems.append("name must be a text")
    return problems


def _encode_levels(many: np.ndarray, seed: int) -> "ColumnTransformer":
    from sklearn.compose import ColumnTransformer
    from sklearn.model_selection import StratifiedKFold
    from sklearn.preprocessing import TargetEncoder

    # The encoder is cross-fitted, so that a rare level does not leak its own customers' labels.
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    encoder = TargetEncoder(target_type="binary", cv=folds)
    return ColumnTransformer([("levels", encoder, many)], remainder="passthrough")


def _logistic(categorical: np.ndarray, seed: int, threads: int, **params: Any) -> Classifier:
    from churn.modeling.estimators.linear import logistic

    model: Classifier = logistic(categorical, seed, **params)
    return model


def _splines(categorical: np.ndarray, seed: int, threads: int, **params: Any) -> Classifier:
    from churn.modeling.estimators.linear import splines

    model: Classifier = splines(categorical, seed, **params)
    return model


def _pairs(categorical: np.ndarray, seed: int, threads: int, **params: Any) -> Classifier:
    from churn.modeling.estimators.linear import pairs

    model: Classifier = pairs(categorical, seed, **params)
    return model


def _neural_net(
    categorical: np.ndarray,
    seed: int,
    threads: int,
    hidden: Sequence[int] = (64, 32),
    **params: Any,
) -> Classifier:
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline

    from churn.modeling.estimators.linear import plain_terms

    net = MLPClassifier(
        hidden, early_stopping=True, n_iter_no_change=8, learning_rate_init=3e-3,
        batch_size=128, random_state=seed, **params,
    )  # fmt: skip
    model: Classifier = make_pipeline(plain_terms(categorical, seed), net)
    return model


def _boosting(
    categorical: np.ndarray,
    seed: int,
    threads: int,
    learning_rate: float = DEFAULT_RATES["boosting"],
    max_iter: int = MAX_ITER,
    l2_regularization: float = 1.0,
    **params: Any,
) -> Classifier:
    from churn.modeling.estimators.trees import Boosting

    return Boosting(
        learning_rate=learning_rate, max_iter=max_iter, l2_regularization=l2_regularization,
        early_stopping=False, tol=0.0, categorical_features=categorical, random_state=seed,
        **params,
    )  # fmt: skip


def _oblivious_trees(categorical: np.ndarray, seed: int, threads: int, **params: Any) -> Classifier:
    from churn.modeling.estimators.oblivious import ObliviousTreesClassifier

    settings = {"learning_rate": DEFAULT_RATES["oblivious_trees"], "max_iter": MAX_ITER} | params
    return ObliviousTreesClassifier(categorical, random_state=seed, **settings)


def _extra_trees(
    categorical: np.ndarray, seed: int, threads: int, n_estimators: int = 100, **params: Any
) -> Classifier:
    from churn.modeling.estimators.trees import ExtraTrees

    return ExtraTrees(n_estimators, n_jobs=threads, random_state=seed, **params)


def _random_forest(
    categorical: np.ndarray, seed: int, threads: int, n_estimators: int = 100, **params: Any
) -> Classifier:
    from churn.modeling.estimators.trees import RandomForest

    return RandomForest(n_estimators, n_jobs=threads, random_state=seed, **params)


def _stack(
    levels: np.ndarray,
    seed: int,
    threads: int,
    members: Sequence[Candidate],
    weights: Sequence[float],
    intercept: float,
    second_level: "SecondLevel | None" = None,
    relearn: bool = False,
) -> Classifier:
    from churn.modeling.estimators.stack import Stack

    built = [build(member, levels, seed, threads) for member in members]
    return Stack(built, weights, intercept, second_level, relearn)


FAMILIES: dict[str, Callable[..., Classifier]] = {
    "logistic": _logistic,
    "splines": _splines,
    "pairs": _pairs,
    "neural_net": _neural_net,
    "boosting": _boosting,
    "oblivious_trees": _oblivious_trees,
    "extra_trees": _extra_trees,
    "random_forest": _random_forest,
}
