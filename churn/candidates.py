"""The search space: what may be trained. A candidate is a family and its parameters."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from churn.errors import ChurnError

# scikit-learn's native categories end here; a longer list is ordered by its place in the contract.
MAX_NATIVE_CATEGORIES = 255


@dataclass(frozen=True)
class Candidate:
    """A model to be tried: `family` is a key of `FAMILIES`, `params` are its parameters."""

    name: str
    family: str
    params: Mapping = field(default_factory=dict)


DEFAULT_CANDIDATES = (
    Candidate("logistic", "logistic", {"C": 1.0}),
    Candidate("logistic, strong penalty", "logistic", {"C": 0.02}),
    Candidate("splines, 5 knots", "splines", {"n_knots": 5, "C": 0.3}),
    Candidate("splines, 9 knots", "splines", {"n_knots": 9, "C": 0.1}),
    Candidate("boosting, 4 leaves", "boosting", {"max_leaf_nodes": 4, "max_iter": 600}),
    Candidate("boosting, 8 leaves", "boosting", {"max_leaf_nodes": 8, "max_iter": 400}),
    Candidate("boosting, 15 leaves", "boosting", {"max_leaf_nodes": 15, "max_iter": 300}),
    Candidate("boosting, 63 leaves", "boosting", {"max_leaf_nodes": 63, "max_iter": 200}),
    Candidate("extra trees, leaves of 5", "extra_trees", {"min_samples_leaf": 5}),
    Candidate("extra trees, leaves of 20", "extra_trees", {"min_samples_leaf": 20}),
    Candidate("random forest, leaves of 10", "random_forest", {"min_samples_leaf": 10}),
    Candidate("random forest, leaves of 40", "random_forest", {"min_samples_leaf": 40}),
)

# The reference that every report sets a model beside: no search, no thought.
BASELINE = Candidate("plain logistic regression", "logistic", {"C": 1.0})


def build(candidate: Candidate, categorical: np.ndarray, seed: int, threads: int = 1):
    """Make the estimator of a candidate.

    Parameters
    ----------
    candidate : Candidate
    categorical : ndarray of bool, shape (n_columns,)
        Which columns of the matrix are category codes.
    seed : int
        Seed of everything random in it.
    threads : int
        How many threads it may use; OpenMP is bounded where it is called, see `training`.

    Returns
    -------
    scikit-learn classifier, not fitted
    """
    return FAMILIES[candidate.family](np.asarray(categorical), seed, threads, **candidate.params)


def parse_toml(text: str) -> list[dict]:
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
    entries = values.get("candidates", [])
    parse_candidates(entries)
    return entries


def parse_candidates(entries: list[Mapping]) -> tuple[Candidate, ...]:
    """Candidates from plain dicts with `family`, and optionally `name` and `params`.

    Raises
    ------
    ChurnError
        Naming every entry that is none.
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
        candidates.append(Candidate(entry.get("name") or f"{family} {settings}", family, params))
    names = [candidate.name for candidate in candidates]
    problems += [f"two candidates are called {n!r}" for n in set(names) if names.count(n) > 1]
    if problems or not candidates:
        raise ChurnError("The candidates cannot be used:", problems or ["there are none"])
    return tuple(candidates)


def _entry_problems(entry) -> list[str]:
    if not isinstance(entry, Mapping):
        return [f"{entry!r} is no table with a family"]
    problems = []
    unknown = sorted(set(entry) - {"name", "family", "params"})
    if unknown:
        problems.append(f"{', '.join(unknown)} is no entry")
    if not isinstance(entry.get("family"), str) or entry["family"] not in FAMILIES:
        problems.append(f"family must be one of {', '.join(FAMILIES)}")
    if not isinstance(entry.get("params", {}), Mapping):
        problems.append("params must be a table")
    if not isinstance(entry.get("name", ""), str):
        problems.append("name must be a text")
    return problems


def _linear(numbers, categorical, C, seed):
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import MissingIndicator
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    # A missing category is a level of its own; one never seen in the fold is no level at all.
    columns = ColumnTransformer(
        [
            ("numbers", numbers, ~categorical),
            ("empty", MissingIndicator(error_on_new=False), ~categorical),
            ("categories", OneHotEncoder(handle_unknown="ignore"), categorical),
        ],
        sparse_threshold=0,
    )
    return make_pipeline(columns, LogisticRegression(C=C, max_iter=1000, random_state=seed))


def _logistic(categorical, seed, threads, C=1.0):
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return _linear(make_pipeline(_imputer(), StandardScaler()), categorical, C, seed)


def _splines(categorical, seed, threads, n_knots=5, C=0.3):
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import QuantileTransformer, SplineTransformer

    # Ranks first: knots at quantiles coincide where a column has few values.
    ranks = QuantileTransformer(n_quantiles=200, subsample=50_000, random_state=seed)
    splines = SplineTransformer(n_knots=n_knots, degree=3, include_bias=False)
    return _linear(make_pipeline(_imputer(), ranks, splines), categorical, C, seed)


def _imputer():
    from sklearn.impute import SimpleImputer

    return SimpleImputer(strategy="median", keep_empty_features=True)


def _boosting(categorical, seed, threads, learning_rate=0.03, max_iter=400, **params):
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        learning_rate=learning_rate, max_iter=max_iter, early_stopping=False,
        categorical_features=categorical, random_state=seed, **params,
    )  # fmt: skip


def _extra_trees(categorical, seed, threads, n_estimators=300, **params):
    from sklearn.ensemble import ExtraTreesClassifier

    return ExtraTreesClassifier(
        n_estimators=n_estimators, max_features=None, n_jobs=threads, random_state=seed, **params
    )


def _random_forest(categorical, seed, threads, n_estimators=300, **params):
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(
        n_estimators=n_estimators, n_jobs=threads, random_state=seed, **params
    )


FAMILIES = {
    "logistic": _logistic,
    "splines": _splines,
    "boosting": _boosting,
    "extra_trees": _extra_trees,
    "random_forest": _random_forest,
}
