"""Families of one's own: any scikit-learn classifier, named `module:Class` in a search file.

The module is installed, or lies in the working directory. Its classifier gets the columns that
`logistic` gets: scaled numbers and one-hot categories, without missing values. It is not compiled,
so each customer is scored by its `predict_proba`.
"""

import importlib
import inspect
import os
import re
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from churn.errors import ChurnError
from churn.modeling.classifier import Classifier
from churn.modeling.search_space import Candidate

NAME = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")
# The families with an adapter that learns the number of trees, and its class.
BOOSTERS = {"lightgbm:LGBMClassifier": "LightGBM", "catboost:CatBoostClassifier": "CatBoost"}
NEEDED = ("fit", "predict_proba", "get_params", "set_params")


def is_own(family: str) -> bool:
    """Whether a family is named as `module:Class`."""
    return NAME.fullmatch(family) is not None


def own_parts(candidate: Candidate) -> list[str]:
    """The families of one's own in a candidate: its own, or those of its members.

    A model with any of them is not compiled.
    """
    if is_own(candidate.family):
        return [candidate.family]
    members = candidate.params.get("members", ())
    return list(dict.fromkeys(family for member in members for family in own_parts(member)))


def find_class(family: str) -> type[Any]:
    """Import the class of a family.

    Raises
    ------
    ChurnError
        If there is no such class, its module raises an error, or it is no classifier of
        scikit-learn.
    """
    module, _, name = family.partition(":")
    look_in_working_directory()
    try:
        found = getattr(importlib.import_module(module), name, None)
    except Exception as error:  # any error: the module is the user's
        problem = f"{module} cannot be imported: {type(error).__name__}: {error}"
        if family in BOOSTERS:
            problem += "; pip install -e '.[boosters]' in the checkout installs it"
        raise ChurnError("", [problem]) from error
    if found is None:
        raise ChurnError("", [f"{module} has no {name}"])
    missing = [part for part in NEEDED if not callable(getattr(found, part, None))]
    if not inspect.isclass(found) or missing:
        what = f"it has no {', '.join(missing)}" if missing else "it is no class"
        raise ChurnError("", [f"{family} is no scikit-learn classifier: {what}"])
    return found


def look_in_working_directory() -> None:
    """Let modules in the working directory be imported, as `python -m` does; installed ones win."""
    here = os.getcwd()
    if here not in sys.path:
        sys.path.append(here)


def build_own(
    family: str, categorical: np.ndarray, seed: int, threads: int, params: Mapping[str, Any]
) -> Classifier:
    """The classifier of a family behind the encoding of `logistic`, not fitted.

    `random_state` and `n_jobs` are set where the class has them and the search file does not.
    LightGBM and CatBoost get the columns as they are; see `churn.modeling.estimators.boosters`.
    """
    from churn.modeling.estimators.linear import plain_pipeline

    found = find_class(family)
    if family in BOOSTERS:
        from churn.modeling.estimators import boosters

        booster: Classifier = getattr(boosters, BOOSTERS[family]).of_params(
            categorical, params, threads, seed
        )
        return booster
    known = set(inspect.signature(found).parameters)
    settled = {"random_state": seed, "n_jobs": threads}
    settings = {name: value for name, value in settled.items() if name in known}
    model: Classifier = plain_pipeline(categorical, found(**settings | dict(params)))
    return model


def check_probabilities(family: str, probabilities: np.ndarray, n: int) -> None:
    """Raise a ValueError if what `predict_proba` returned for `n` rows is no pair for each."""
    shape = np.shape(probabilities)
    if shape != (n, 2):
        raise ValueError(f"predict_proba of {family} returns the shape {shape}, not {(n, 2)}")
    bad = ~((probabilities >= 0) & (probabilities <= 1)).all(axis=1)
    if bad.any():
        raise ValueError(f"predict_proba of {family} is no probability in {bad.sum()} of {n} rows")
