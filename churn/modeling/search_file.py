"""A search file: `[[candidates]]` in TOML, checked before anything is read or trained."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from churn.errors import ChurnError
from churn.modeling.effort import EFFORTS, Effort
from churn.modeling.families import FAMILIES, build
from churn.modeling.own_families import is_own
from churn.modeling.search_space import MAX_LEVELS, Candidate

RENAMED_FAMILIES = {"symmetric": "oblivious_trees"}
# One of `[[candidates]]`: `family`, and optionally `name`, `params` and `member`.
Entry = Mapping[str, Any]
# The columns that parameters are checked for: a number, a category, and one of many levels.
COLUMNS = np.array([0, 3, MAX_LEVELS + 1])
UNKNOWN = re.compile(r"unexpected keyword argument '(\w+)'")
SETTLED = re.compile(r"multiple values for (?:keyword )?argument '(\w+)'")


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
    """Candidates from plain dicts with `family`, and optionally `name`, `params` and `member`.

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
        name = entry.get("name") or f"{family.partition(':')[2] or family} {settings}".strip()
        # What is not compiled is a member only where the file says so: its stacks are not either.
        member = entry.get("member", not is_own(family))
        candidates.append(Candidate(name, family, params, member))
    names = [candidate.name for candidate in candidates]
    problems += [f"two candidates are called {n!r}" for n in set(names) if names.count(n) > 1]
    if problems or not candidates:
        raise ChurnError("The candidates cannot be used:", problems or ["there are none"])
    return tuple(candidates)


def settle_candidates(
    entries: Sequence[Entry], effort: Effort = EFFORTS["default"]
) -> tuple[Candidate, ...]:
    """The candidates of a search file, or the built-in ones, with parameters that can be fitted.

    Parameters
    ----------
    entries : list of dict
        See `parse_candidates`; empty without a file.
    effort : Effort
        Its candidates are the built-in ones.

    Raises
    ------
    ChurnError
        Naming every entry that is no candidate, every class that cannot be used, and every
        parameter that an estimator does not have or that is out of its range.
    """
    if not entries:
        return effort.candidates
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

    params = dict(candidate.params)
    problems: list[str] = []
    while True:
        try:
            model = build(replace(candidate, params=params), COLUMNS, seed=0)
        except ChurnError as error:
            return error.problems
        except Exception as error:  # any error: a constructor may check what it is given
            unknown, settled = (
                pattern.search(str(error)) if isinstance(error, TypeError) else None
                for pattern in (UNKNOWN, SETTLED)
            )
            found = unknown or settled
            if found is None or found[1] not in params:
                return [*problems, f"{type(error).__name__}: {error}"]
            why = "no parameter of" if unknown else "set by the family"
            problems.append(f"{found[1]} is {why} {candidate.family}")
            del params[found[1]]
        else:
            return problems + parameter_problems(model)


def _entry_problems(entry: object) -> list[str]:
    if not isinstance(entry, Mapping):
        return [f"{entry!r} is no table with a family"]
    problems = []
    unknown = sorted(set(entry) - {"name", "family", "params", "member"})
    if unknown:
        problems.append(f"{', '.join(unknown)} is no entry")
    family = entry.get("family")
    if isinstance(family, str) and family in RENAMED_FAMILIES:
        problems.append(f"family {family!r} is called {RENAMED_FAMILIES[family]!r} now")
    elif not isinstance(family, str) or not (family in FAMILIES or is_own(family)):
        problems.append(f"family must be one of {', '.join(FAMILIES)}, or module:Class")
    if not isinstance(entry.get("params", {}), Mapping):
        problems.append("params must be a table")
    if not isinstance(entry.get("member", True), bool):
        problems.append("member must be true or false")
    if not isinstance(entry.get("name", ""), str):
        problems.append("name must be a text")
    return problems
