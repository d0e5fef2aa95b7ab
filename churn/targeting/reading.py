"""Read an experiment from a table with a row per customer."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from churn.data.inference import infer_contract
from churn.data.parsing import parse_features, parse_numbers, parse_texts
from churn.errors import ChurnError
from churn.targeting.experiment import Experiment, constant_propensity

# The name that the action's indicator has while the kinds of the other columns are inferred.
_DRAWN = "\0drawn"


def read_experiment(
    table: pd.DataFrame,
    action: str,
    none: str,
    outcome: str,
    *,
    shares: Mapping[str, float] | None = None,
    risk: str = "",
    ignore: Sequence[str] = (),
    id: str = "",
) -> Experiment:
    """Read an experiment from a raw table.

    Parameters
    ----------
    table : DataFrame
        As `churn.data.readers.load_table` returns it.
    action : str
        The column with the action of each customer.
    none : str
        Its value for customers without any action.
    outcome : str
        The column with the outcome, a number: the more the better. Empty cells are not known yet.
    shares : mapping of str to float, optional
        The probability with which each action was drawn, the same for every customer. Without it
        the actions are taken to be equally likely.
    risk : str
        A column of numbers to compare with: the present list calls the highest first.
    ignore : sequence of str
        Columns that were not known before the assignment, as other outcomes.
    id : str
        The customer's key, which is no feature.

    Returns
    -------
    Experiment
        Its features are every other column that a contract would have as one.

    Raises
    ------
    ChurnError
        Naming every column and value that is missing or cannot be read.
    """
    named = [action, outcome, *filter(None, [risk, id]), *ignore]
    problems = [f"{name}: there is no such column" for name in named if name not in table]
    if problems:
        raise ChurnError("The experiment cannot be read:", problems)
    texts = parse_texts(table[action])
    levels = sorted(str(level) for level in texts.categories)
    if none not in levels:
        problems.append(f"{action}: {none!r} is none of its values, which are {', '.join(levels)}")
    missing = int((texts.codes < 0).sum())
    if missing:
        problems.append(f"{action}: {missing:,} customers have no action, not even {none!r}")
    names = (none, *(level for level in levels if level != none))
    drawn_with = _shares(names, shares, problems)
    values, bad = _numbers(table[outcome])
    if bad.any():
        first = table[outcome].iloc[int(np.argmax(bad))]
        problems.append(f"{outcome}: {int(bad.sum()):,} cells are no number, the first {first!r}")
    ranking = _numbers(table[risk])[0] if risk else None
    if ranking is not None and np.isnan(ranking).any():
        empty = int(np.isnan(ranking).sum())
        problems.append(f"{risk}: {empty:,} cells are empty or no number; a ranking needs them all")
    if problems:
        raise ChurnError("The experiment cannot be read:", problems)
    numbers = pd.Categorical(texts, categories=list(names)).codes.astype(np.int64)
    dropped = [action, outcome, *filter(None, [id]), *ignore]
    before = table.drop(columns=dropped)
    before = before.assign(**{_DRAWN: np.where(numbers > 0, "1", "0")})
    contract = infer_contract(before, _DRAWN, positive="1")
    features = parse_features(before, contract)
    flags = features.select_dtypes("bool").columns
    features = features.astype(dict.fromkeys(flags, np.float64)).reset_index(drop=True)
    return Experiment(
        features, numbers, values, constant_propensity(numbers, drawn_with), names, ranking
    )


def _shares(
    names: tuple[str, ...], shares: Mapping[str, float] | None, problems: list[str]
) -> np.ndarray:
    if shares is None:
        return np.full(len(names), 1 / len(names))
    problems += [f"{name}: its share is not given" for name in names if name not in shares]
    problems += [f"{name}: nobody has this action" for name in shares if name not in names]
    total = sum(shares.values())
    if abs(total - 1) > 1e-9:
        problems.append(f"the shares add up to {total:g}, not to 1")
    return np.array([shares.get(name, 0.0) for name in names])


def _numbers(column: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """The values, NaN where empty, and where a cell that is not empty is no number."""
    return parse_numbers(column)
