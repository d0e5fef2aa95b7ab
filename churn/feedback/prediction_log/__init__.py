"""The prediction log: each prediction with its customer, inputs, run and time.

A worker of the app writes each answer to a file before it is sent (`Spool`), so that it survives
the worker. Another process moves these files to a database (`Shipper`), so that no request waits
for one; the log is read from there (`PredictionLog`).
"""

import os
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from churn.feedback.prediction_log.entries import Prediction, entry, new_id
from churn.feedback.prediction_log.spool import LogFailed, Spool
from churn.folders import check_owner
from churn.home import home

if TYPE_CHECKING:
    from churn.feedback.prediction_log.shipping import (
        Shipped,
        Shipper,
        partial_files,
        ship,
        ship_all,
    )
    from churn.feedback.prediction_log.store import PredictionLog

__all__ = [
    "OFF",
    "LogFailed",
    "Prediction",
    "PredictionLog",
    "Shipped",
    "Shipper",
    "Spool",
    "database_url",
    "entry",
    "locations",
    "new_id",
    "partial_files",
    "ship",
    "ship_all",
]

# In place of a database: no log.
OFF = "off"

# Imported at first use: a worker that only writes does not need SQLAlchemy.
_HEAVY = {
    "PredictionLog": "store",
    "Shipped": "shipping",
    "Shipper": "shipping",
    "ship": "shipping",
    "ship_all": "shipping",
    "partial_files": "shipping",
}


def __getattr__(name: str) -> Any:
    if name not in _HEAVY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HEAVY[name]}"), name)


def locations(environment: Mapping[str, str | None]) -> tuple[Path, str]:
    """The locations of a log.

    Parameters
    ----------
    environment : mapping of str
        CHURN_STATE is the folder of a server's state, by default `.churn` at home (see
        `churn.home`); CHURN_LOG is the database, by default a SQLite file in that folder.

    Returns
    -------
    spool : Path
        The folder that workers write to.
    url : str
        The database.

    Raises
    ------
    ChurnError
        If another user owns the folder: they could read and replace all that is in it.
    """
    state = check_owner(environment.get("CHURN_STATE") or home() / ".churn")
    return state / "spool", environment.get("CHURN_LOG") or f"sqlite:///{state / 'predictions.db'}"


def database_url(text: str | None) -> str:
    """The database of the log that a command line names, or else the environment.

    Parameters
    ----------
    text : str or None
        A URL, see `PredictionLog`; `OFF` for no log; empty for the environment's, see `locations`.
    """
    return text or locations(os.environ)[1]
