"""Call lists read back, as ScoreFlow wrote them: for savings, for monitoring, for training."""

import os
from collections.abc import Sequence
from glob import glob
from typing import Any

import numpy as np
import pandas as pd

from churn.campaign.control_group import ARMS, CONTROL
from churn.campaign.exploration import LIST
from churn.campaign.spreadsheet import restore
from churn.data.parsing import parse_ids, parse_numbers
from churn.data.readers import load_table
from churn.errors import ChurnError

# In the column eligible_actions.
IN_CONTROL = rf"(?:^|; ){CONTROL} ([^;]+)"
NEEDED = ("arm", "probability", "value_at_risk", "campaign", "as_of")
COLUMNS: dict[str, Any] = {
    "customer": object, "arm": object, "day": "datetime64[us]", "probability": np.float64,
    "value_at_risk": np.float64, "campaign": object, "key": object, "stratum": object,
    "propensity": np.float64, "assigned_action": object, "policy_action": object,
    "segment": object,
}  # fmt: skip


def list_paths(text: str) -> list[str]:
    """The call lists that an option names.

    Parameters
    ----------
    text : str
        Paths separated by commas; a local one may be a pattern, `calls-*.csv`.

    Raises
    ------
    ChurnError
        Naming every pattern that matches no file.
    """
    paths, problems = [], []
    for path in filter(None, map(str.strip, text.split(","))):
        if path.startswith("s3://") or not set(path) & set("*?["):
            paths.append(path)
        elif found := sorted(glob(path)):
            paths += found
        else:
            problems.append(f"{path}: no file has such a name")
    if problems:
        raise ChurnError("The call lists cannot be found:", problems)
    return paths


def absolute(paths: Sequence[str]) -> list[str]:
    """Absolute paths, which do not depend on the working directory."""
    return [path if path.startswith("s3://") else os.path.abspath(path) for path in paths]


def read_call_lists(paths: Sequence[str]) -> pd.DataFrame:
    """Read the customers on call lists: those to be called, and their control group.

    Parameters
    ----------
    paths : sequence of str
        See `churn.data.readers.load_table`.

    Returns
    -------
    DataFrame
        One row per customer and list, in the order of the days: customer (str), arm (`contact` or
        `control`), day (datetime64, midnight), probability, value_at_risk (money), campaign (str),
        key (the name of the list's id column), stratum (`list`, or `exploration`), propensity (the
        probability of the arm that was drawn; NaN where the list has none), assigned_action and
        policy_action (see `churn.campaign.export.list_schema`), and segment; None where they are
        not known.

    Raises
    ------
    ChurnError
        Naming every file that is no call list, and every column that cannot be read.
    """
    tables, problems = [pd.DataFrame({name: [] for name in COLUMNS})], []
    for path in paths:
        table = load_table(path)
        missing = [name for name in NEEDED if name not in table]
        if missing:
            problems.append(f"{path}: no call list, it lacks {', '.join(missing)}")
            continue
        stratum = table.get("stratum", pd.Series(LIST, index=table.index))
        table = table.assign(stratum=stratum.astype(object))
        table = table[table["arm"].isin(ARMS)]
        ids = parse_ids(table.iloc[:, 0]).to_pandas().astype(object).set_axis(table.index)
        days = pd.to_datetime(table["as_of"], errors="coerce", format="ISO8601")
        columns: dict[str, Any] = {
            # Texts are neutralised in CSV only.
            "customer": ids if path.lower().endswith(".parquet") else restore(ids),
            "arm": table["arm"].astype(object),
            "day": days,
            "campaign": table["campaign"].astype(object),
            "key": table.columns[0],
            "stratum": table["stratum"],
            "segment": None,
        }
        for name in ("assigned_action", "policy_action"):
            columns[name] = table[name].astype(object) if name in table else None
        numbers = {name: parse_numbers(table[name])[0] for name in ("probability", "value_at_risk")}
        columns["propensity"] = _propensity(table)
        for name, values in numbers.items():
            if not np.isfinite(values).all():
                problems.append(f"{path}: a cell of {name} is not a number")
        if (numbers["probability"] <= 0).any():
            problems.append(f"{path}: a probability is not above 0")
        if (np.asarray(columns["propensity"]) <= 0).any():
            problems.append(f"{path}: a propensity is not above 0")
        if days.isna().any():
            problems.append(f"{path}: a cell of as_of is not a day")
        tables.append(pd.DataFrame(columns | numbers).reset_index(drop=True))
    if problems:
        raise ChurnError("These call lists cannot be used:", problems)
    calls = pd.concat([table for table in tables if len(table)] or tables, ignore_index=True)
    return calls.astype(COLUMNS)[[*COLUMNS]].sort_values("day", kind="stable", ignore_index=True)


def _propensity(table: pd.DataFrame) -> np.ndarray:
    """The probability of the arm that was drawn; NaN where a list has none.

    A list of several actions states that of the action, and beside it that of the control group.
    """
    if "propensity" not in table:
        return np.full(len(table), np.nan)
    stated = parse_numbers(table["propensity"])[0]
    if "eligible_actions" not in table:
        return stated
    found = table["eligible_actions"].astype(object).str.extract(IN_CONTROL)[0]
    control, called = parse_numbers(found)[0], (table["arm"] != CONTROL).to_numpy()
    return np.where(called & np.isfinite(control), 1 - control, stated)
