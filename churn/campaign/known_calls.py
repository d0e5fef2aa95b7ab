"""The calls that a training run knows of: call lists, and the lists in the prediction log.

ScoreFlow stores each list in the database of the log, so calls are known without naming files. A
list that was ranked by a model which was trained on this very table is later than its labels, so
its calls changed none of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sqlalchemy import make_url

from churn.campaign.control_group import CONTACT, CONTROL
from churn.campaign.exploration import LIST
from churn.campaign.reading import COLUMNS, read_call_lists
from churn.campaign.stored import Assignment, CallListStore
from churn.errors import ChurnError
from churn.feedback.prediction_log import OFF, database_url
from churn.registry.runs import fetch_run
from churn.words import plural

__all__ = ["KnownCalls", "known_calls"]


@dataclass(frozen=True)
class KnownCalls:
    """Customers on call lists, and where they are known from.

    Attributes
    ----------
    calls : DataFrame
        See `churn.campaign.reading.read_call_lists`; a customer once per campaign and day.
    stored : int
        How many rows of it are from the log alone.
    later : int
        Customers on stored lists that are later than the labels, and not in `calls`.
    where : str
        The log; empty if none was read.
    """

    calls: pd.DataFrame
    stored: int = 0
    later: int = 0
    where: str = ""

    def __str__(self) -> str:
        lines = []
        if self.stored:
            rows = plural(self.stored, "row")
            lines.append(f"{rows} of call lists are known from the log {self.where}.")
        if self.later:
            rows = plural(self.later, "row")
            lines.append(
                f"{rows} of call lists in the log {self.where} do not count: a model that was "
                "trained on this very table ranked them, so its labels are older than the calls."
            )
        return " ".join(lines)


def known_calls(paths: Sequence[str], url: str, digest: str = "") -> KnownCalls:
    """Read call lists, and those in the prediction log.

    Parameters
    ----------
    paths : sequence of str
        See `churn.campaign.reading.list_paths`.
    url : str
        Of the log; where it is empty, the one that the environment names, or the file in the
        state folder if there is one. `off`: none.
    digest : str
        Of the table to train on, see `churn.data.digest`; empty if there is none.

    Raises
    ------
    ChurnError
        If a list or the log cannot be read.
    """
    listed, url = read_call_lists(paths), _log_url(url)
    if not url:
        return KnownCalls(listed)
    stored, where = read_stored_lists(url)
    runs = stored["run"].unique() if digest else ()
    later = stored["run"].isin([run for run in runs if _trained_on(run, digest)])
    fresh = stored[~later].drop(columns="run")
    calls = pd.concat([listed, fresh] if len(listed) else [fresh], ignore_index=True)
    calls = calls.drop_duplicates(["customer", "campaign", "day", "arm"], ignore_index=True)
    calls = calls.astype(COLUMNS).sort_values("day", kind="stable", ignore_index=True)
    return KnownCalls(calls, max(len(calls) - len(listed), 0), int(later.sum()), where)


def read_stored_lists(url: str) -> tuple[pd.DataFrame, str]:
    """The lists in the database of a log, and its name without a password.

    Returns
    -------
    DataFrame
        As `read_call_lists`, and the run whose model ranked the list.
    str
    """
    with CallListStore(url) as store:
        table = pd.DataFrame(store.assignments(), columns=[*Assignment._fields])
    stratum = table["stratum"].fillna(LIST)
    table = table.assign(
        assigned_action=table["action"],
        propensity=[
            arm_propensity(*row)
            for row in zip(table["eligible"], table["control"], table["propensity"], strict=True)
        ],
        policy_action=pd.Series(
            map(preferred_action, table["eligible"], stratum), index=table.index, dtype=object
        ),
        arm=np.where(table["control"].astype(bool), CONTROL, CONTACT),
        day=pd.to_datetime(table["as_of"]), stratum=stratum,
    )  # fmt: skip
    columns = {**COLUMNS, "run": object}
    return table[[*columns]].astype(columns).reset_index(drop=True), store.where


def arm_propensity(eligible: object, control: bool, propensity: float) -> float:
    """The probability of the arm that was drawn, whichever action a called customer got."""
    if control or not isinstance(eligible, dict):
        return propensity
    return float(1 - eligible[CONTROL]["propensity"])


def preferred_action(eligible: object, stratum: str) -> str | None:
    """The action that the policy of a list preferred: of those possible the most probable."""
    if stratum != LIST or not isinstance(eligible, dict):
        return None
    chances = {name: of["propensity"] for name, of in eligible.items() if name != CONTROL}
    best = max(chances, key=lambda name: chances[name], default=None)
    return None if best == CONTACT else best


def _log_url(url: str) -> str:
    """The database, or empty where there is none: a log is not made by looking for one."""
    url = database_url(url)
    if url == OFF:
        return ""
    if url.startswith("sqlite") and not Path(str(make_url(url).database)).is_file():
        return ""
    return url


def _trained_on(run: str, digest: str) -> bool:
    try:
        return bool(fetch_run(run).lineage.get("data") == digest)
    except ChurnError:  # the run is pruned, or of another store: its lists count
        return False
