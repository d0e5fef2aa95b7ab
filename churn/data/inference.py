"""Guess a contract from a table, for a person to correct."""

import math

import numpy as np
import pandas as pd

from churn.data.contract import Category, Contract, Feature, Flag, Number, label_key
from churn.data.parsing import parse_flags, parse_numbers, parse_texts, parse_times
from churn.data.readers import TELCO
from churn.data.target import settle_target
from churn.errors import ChurnError

# A column is what all but this share of its cells are; the rest are mistakes to be told.
TOLERANCE = 0.001
# A text with more levels than this share of the rows is a name or a key, not a category.
MAX_LEVEL_SHARE = 0.05
MAX_LEVELS = 200


def infer_contract(
    frame: pd.DataFrame,
    target: str,
    id: str | None = None,
    positive: str | None = None,
    time: str | None = None,
) -> Contract:
    """Infer the contract that a table nearly keeps.

    A kind is inferred although up to 0.1 % of a column's cells do not fit it, so that typing
    mistakes are found rather than learned. Bounds come from the rows without such a mistake, and
    leave half of the observed range free at either end (but do not cross zero).

    Parameters
    ----------
    frame : DataFrame
        A raw table as `load_table` returns it.
    target, id, time : str
        The columns with these roles.
    positive : str, optional
        The value of the target that means "left"; without it the values must be an opposite pair
        like yes and no, see `churn.data.target`.

    Returns
    -------
    Contract

    Raises
    ------
    ChurnError
        If a column is not there, or nothing says which value of the target means "left".
    """
    roles = {"target": target, "id": id, "time": time}
    roles = {role: name for role, name in roles.items() if name is not None}
    absent = [f"{role}: no column {name!r}" for role, name in roles.items() if name not in frame]
    if absent:
        have = f"the columns are {', '.join(map(str, frame.columns))}"
        raise ChurnError("No contract can be inferred:", [*absent, have])
    if time and parse_times(frame[time])[1].mean() > TOLERANCE:
        raise ChurnError("No contract can be inferred:", [f"time: {time!r} holds no dates"])
    twice = sorted({name for name in frame.columns if (frame.columns == name).sum() > 1})
    if twice:
        raise ChurnError(
            "No contract can be inferred:",
            [f"{name}: two columns have this name" for name in twice],
        )
    label = settle_target(frame[target], positive)
    names = [name for name in frame.columns if name not in roles.values()]
    kinds = {name: _kind(frame[name]) for name in names}
    sound = np.ones(len(frame), dtype=bool)
    for name, kind in kinds.items():
        sound &= ~_mistakes(frame[name], kind)
    features = {
        name: _feature(frame.loc[sound, name], kind, frame[name])
        for name, kind in kinds.items()
        if kind != "other"
    }
    if not features:
        raise ChurnError("No contract can be inferred:", ["no column can be a feature"])
    ignored = [name for name, kind in kinds.items() if kind == "other"]
    values = {
        "positive": label.positive,
        "negative": label.negative,
        "ignore": ignored,
        "features": features,
    }
    return Contract.parse(roles | values)


def _kind(column: pd.Series) -> str:
    filled = (parse_texts(column).codes >= 0).sum()
    allowed = TOLERANCE * filled
    if not filled:
        return "other"
    _, no_flag = parse_flags(column)
    if no_flag.sum() <= allowed:
        return "flag"
    _, no_number = parse_numbers(column)
    if no_number.sum() <= allowed:
        return "number"
    levels = len(parse_texts(column).categories)
    return "category" if levels <= max(20, min(MAX_LEVELS, MAX_LEVEL_SHARE * filled)) else "other"


def _mistakes(column: pd.Series, kind: str) -> np.ndarray:
    if kind == "flag":
        return parse_flags(column)[1]
    if kind == "number":
        return parse_numbers(column)[1]
    return np.zeros(len(column), dtype=bool)


def _feature(sound: pd.Series, kind: str, column: pd.Series) -> Feature:
    if kind == "category":
        texts = parse_texts(sound)
        nullable = bool((texts.codes < 0).any())
        return Category(categories=tuple(sorted(texts.categories)), nullable=nullable)
    if kind == "flag":
        return Flag(nullable=bool((parse_texts(column).codes < 0).any()))
    numbers, _ = parse_numbers(sound)
    integer = bool(np.all(numbers[~np.isnan(numbers)] % 1 == 0))
    low, high = float(np.nanmin(numbers)), float(np.nanmax(numbers))
    room = (high - low) / 2
    lower = low - room if low < 0 else max(0.0, low - room)
    upper = high + room if high > 0 else min(0.0, high + room)
    return Number(
        integer=integer,
        min=_round(lower, math.floor, integer),
        max=_round(upper, math.ceil, integer),
        nullable=bool(np.isnan(numbers).any()),
    )


def _round(bound: float, outwards, integer: bool) -> float:
    """To two significant digits (whole numbers to no less than a whole number)."""
    if bound == 0:
        return 0.0
    step = 10.0 ** (math.floor(math.log10(abs(bound))) - 1)
    step = max(step, 1.0) if integer else step
    return float(f"{outwards(bound / step) * step:.12g}")


def settle_contract(frame: pd.DataFrame, source: str, given: dict, **roles: str) -> Contract:
    """The contract a run has to keep: the one given, the Telco table's own, or an inferred one.

    Parameters
    ----------
    frame : DataFrame
        The raw table.
    source : str
        Where it is from, as given to `load_table`.
    given : dict
        A contract as `churn.data.contract.parse_toml` returns it; empty when there is none.
    **roles : str
        id, target, positive and time, as for `infer_contract`; empty when not said.

    Raises
    ------
    ChurnError
        If roles are named that the contract has settled otherwise, or none is named at all.
    """
    named = {role: name for role, name in roles.items() if name}
    if not given and (source != "telco" or named):
        if "target" not in named:
            problem = "say which column says who left (--target), or give a contract"
            raise ChurnError(f"No contract can be inferred for {source}:", [problem])
        return infer_contract(frame, **named)
    contract = Contract.parse(given) if given else Contract.read(TELCO / "contract.toml")
    problems = [
        f"--{role} {name}: the contract says {getattr(contract, role)}"
        for role, name in named.items()
        if not _agrees(getattr(contract, role), name, role)
    ]
    if problems:
        raise ChurnError("The contract has settled this already:", problems)
    return contract


def _agrees(settled: str | None, named: str, role: str) -> bool:
    if role == "positive":
        return label_key(settled) == label_key(named)
    return settled == named
