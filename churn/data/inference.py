"""Infer a contract from a table, for a person to correct."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from churn.data.amounts import may_be_thousands
from churn.data.contract import Contract, Number, label_key
from churn.data.kinds import TOLERANCE, Kind, bounded, kind_of
from churn.data.parsing import is_numeric, parse_dates, parse_texts, parse_times
from churn.data.readers import TELCO
from churn.data.source import SourceOptions, add_note
from churn.data.target import settle_target
from churn.data.target_rule import TargetRule, with_target
from churn.errors import ChurnError

__all__ = ["ignored_reasons", "infer_contract", "settle_contract"]

ASKED = SourceOptions()


def infer_contract(
    frame: pd.DataFrame,
    target: str,
    id: str | None = None,
    positive: str | None = None,
    time: str | None = None,
    options: SourceOptions = ASKED,
    keep: Sequence[str] = (),
) -> Contract:
    """Infer a contract that nearly all rows of a table satisfy.

    A column's kind is inferred even if up to 0.1 % of its cells do not fit it, so that typing
    mistakes are reported instead of learned. Bounds come from the rows without such a mistake and
    with a known label, and are half of the observed range wider at either end (but do not cross
    zero).

    Parameters
    ----------
    frame : DataFrame
        A raw table as `load_table` returns it; gets a note for each column that is read in one of
        several possible ways.
    target, id, time : str
        The columns with these roles. The target may be a rule like `last_trip < 2014-06-01`, see
        `churn.data.target_rule`.
    positive : str, optional
        The value of the target that means "left"; without it the values must be an opposite pair
        like yes and no, see `churn.data.target`.
    options : SourceOptions, optional
        The decimal marks and date orders that the user gives.
    keep : sequence of str
        Columns for the call list, which are no features.

    Returns
    -------
    Contract

    Raises
    ------
    ChurnError
        If a column is missing, it is not known which value of the target means "left", or numbers
        can be read in two ways.
    """
    rule, table = None, frame
    if target not in frame and (rule := TargetRule.parse(target)):
        target, positive = rule.free_name(frame), "yes"
        frame = with_target(frame, target, rule)
    given = {"target": target, "id": id, "time": time}
    roles = {role: name.strip() for role, name in given.items() if name is not None}
    absent = [f"{role}: no column {name!r}" for role, name in roles.items() if name not in frame]
    absent += [f"keep: no column {name!r}" for name in keep if name not in frame]
    if absent:
        have = f"the columns are {', '.join(map(repr, frame.columns))}"
        raise ChurnError(
            "No contract can be inferred:", [*absent, have, *_header_hint(frame, roles)]
        )
    twice = sorted(set(frame.columns[frame.columns.duplicated()]))
    if twice:
        raise ChurnError(
            "No contract can be inferred:",
            [f"{name}: two columns have this name" for name in twice],
        )
    order = _time_order(frame[time], options) if time else ""
    label = settle_target(frame[target], positive)
    used = {*roles.values(), *([rule.column] if rule else []), *keep}
    kinds = _kinds(frame, [name for name in frame.columns if name not in used], options)
    sound = np.isin(
        np.asarray(parse_texts(frame[target]).map(label_key).astype(object)),
        [label_key(text) for text in (label.positive, *label.negative)],
    )
    for kind in kinds.values():
        sound &= ~kind.bad
    features = {
        name: bounded(kind, frame[name], sound)
        for name, kind in kinds.items()
        if kind.feature is not None and sound.any()
    }
    if not features:
        reasons = [f"{name}: {kind.reason}" for name, kind in kinds.items()]
        raise ChurnError("No contract can be inferred:", ["no column can be a feature", *reasons])
    add_note(table, *(f"{name} {kind.reason}" for name, kind in kinds.items() if name in features
                      and kind.reason))  # fmt: skip
    ignored = [name for name, kind in kinds.items() if kind.feature is None]
    if rule:
        ignored.append(rule.column)
    values = {
        "ignore": ignored, "features": features, "time_order": order, "source": options,
        "keep": list(keep),
    }  # fmt: skip
    if rule:
        values["target_rule"] = rule
    return Contract.parse(roles | values | {"positive": label.positive, "negative": label.negative})


def _header_hint(frame: pd.DataFrame, roles: dict[str, str]) -> list[str]:
    """The likely cause where columns are missing."""
    names = [str(name) for name in frame.columns]
    if any(wanted in name for wanted in roles.values() for name in names):
        return ["names within other names: cells are separated by another character (--separator)?"]
    first = [text for name in frame.columns[:50] for text in frame[name].head(3).astype(str)]
    if any(wanted in first for wanted in roles.values()):
        return ["the names stand in a row below: delete the lines above the header"]
    return []


def ignored_reasons(
    frame: pd.DataFrame, contract: Contract, options: SourceOptions = ASKED
) -> dict[str, str]:
    """Why each ignored column cannot be a feature; empty if it could be one.

    Parameters
    ----------
    frame : DataFrame
        Raw.
    """
    reasons = {}
    for name in contract.ignore:
        if name in frame:
            try:
                kind = kind_of(frame[name], options)
            except ChurnError as error:
                reasons[name] = error.problems[0]
                continue
            reasons[name] = kind.reason if kind.feature is None else ""
    return reasons


def settle_contract(
    frame: pd.DataFrame,
    source: str,
    given: Mapping[str, Any],
    options: SourceOptions = ASKED,
    **roles: str,
) -> Contract:
    """The contract of a run: the one given, the Telco table's own, or an inferred one.

    Parameters
    ----------
    frame : DataFrame
        The raw table.
    source : str
        Where it is from, as given to `load_table`.
    given : dict
        A contract as `churn.data.contract.parse_toml` returns it; empty when there is none.
    options : SourceOptions
        See `infer_contract`.
    **roles : str
        id, target, positive and time, as for `infer_contract`; empty when not given.

    Raises
    ------
    ChurnError
        If roles contradict the contract, or there is neither a contract nor a target.
    """
    named = {role: name for role, name in roles.items() if name}
    if not given and (source != "telco" or named):
        if "target" not in named:
            problem = "say which column says who left (--target), or give a contract"
            raise ChurnError(f"No contract can be inferred for {source}:", [problem])
        return _with_day(infer_contract(frame, **named, options=options), frame)
    contract = Contract.parse(given) if given else Contract.read(TELCO / "contract.toml")
    problems = [
        f"--{role} {name}: the contract says {getattr(contract, role)}"
        for role, name in named.items()
        if not _agrees(getattr(contract, role), name, role)
    ]
    if problems:
        raise ChurnError("The contract has settled this already:", problems)
    return _with_day(contract, frame)


def _agrees(settled: str | None, named: str, role: str) -> bool:
    if role == "positive":
        return label_key(settled or "") == label_key(named)
    return settled == named


def _kinds(frame: pd.DataFrame, names: list[str], options: SourceOptions) -> dict[str, Kind]:
    kinds, problems = {}, []
    for name in names:
        try:
            kinds[name] = kind_of(frame[name], options)
        except ChurnError as error:
            problems += error.problems
    if not problems and not options.decimal:
        problems = _settle_thousands(frame, kinds, options)
    if problems:
        raise ChurnError("No contract can be inferred:", problems)
    return kinds


def _settle_thousands(
    frame: pd.DataFrame, kinds: dict[str, Kind], options: SourceOptions
) -> list[str]:
    """Read `1.234` as other columns are read; what is not certain, a sentence each."""
    pointed: dict[str, list[str]] = {}
    points, commas = set(), False
    for name, kind in kinds.items():
        if not isinstance(kind.feature, Number) or is_numeric(frame[name]):
            continue
        commas |= kind.feature.decimal == ","
        if kind.feature.decimal == ".":
            points.add(name)
        if texts := [text for text in parse_texts(frame[name]).categories if "." in text]:
            pointed[name] = texts
    doubtful = {
        name: texts for name, texts in pointed.items() if name in points and may_be_thousands(texts)
    }
    if commas:
        for name in doubtful:
            kind = kind_of(frame[name], options.model_copy(update={"decimal": ","}))
            kinds[name] = replace(
                kind, reason=f"has points for thousands, like {doubtful[name][0]}"
            )
        return []
    if frame.attrs.get("separator") != ";" or len(doubtful) < len(pointed):
        return []
    return [
        f"{name}: {texts[0]!r} may be two numbers; say --decimal . or --decimal ,"
        for name, texts in doubtful.items()
    ]


def _time_order(column: pd.Series, options: SourceOptions) -> str:
    """The order of day and month in the time column; empty for ISO 8601."""
    if parse_times(column)[1].mean() <= TOLERANCE:
        return ""
    kind = kind_of(column, options)
    if kind.feature is not None and kind.feature.kind == "date":
        return kind.feature.order or "day-first"
    row = int(np.argmax(parse_times(column)[1]))
    cell = str(column.iloc[row])
    problem = f"time: {column.name!r} holds no dates; row {row + 1} is {cell!r}"
    if "--dates" in kind.reason:
        problem = f"time: {column.name!r}: {kind.reason}"
    elif cell.isdigit():
        problem += "; a count of seconds or days has to be made a date first, like 2024-01-31"
    raise ChurnError("No contract can be inferred:", [problem])


def _with_day(contract: Contract, frame: pd.DataFrame) -> Contract:
    """The contract with the day of the observation: the latest of the table's dates."""
    dates = {n: f for n, f in contract.features.items() if f.kind == "date" and n in frame}
    if contract.as_of or contract.time or not dates:
        return contract
    today = np.datetime64(datetime.now(UTC).date(), "D")
    latest = np.datetime64("1900-01-01", "D")
    for name, feature in dates.items():
        days, _ = parse_dates(frame[name], feature.order, feature.missing)
        past = days[days <= today]
        latest = max(latest, past.max()) if len(past) else latest
    return contract.model_copy(update={"as_of": latest.item()})
