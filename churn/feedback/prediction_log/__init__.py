"""The prediction log: what was answered, to whom, from which inputs, by which run, and when.

A worker of the app writes each answer to a file before it leaves (`Spool`), where it is safe from
the worker's death. Another process takes what lies there to a database (`Shipper`), so that no
request waits for one; it is read from there (`PredictionLog`).
"""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from churn.feedback.prediction_log.entries import Prediction, entry, new_id
from churn.feedback.prediction_log.spool import LogFailed, Spool
from churn.home import home

__all__ = [
    "LogFailed",
    "Prediction",
    "PredictionLog",
    "Shipped",
    "Shipper",
    "Spool",
    "entry",
    "locations",
    "new_id",
    "partial_files",
    "ship",
    "ship_all",
]

# A worker that only writes shall not pay for SQLAlchemy: these are imported when they are used.
_HEAVY = {
    "PredictionLog": "store",
    "Shipped": "shipping",
    "Shipper": "shipping",
    "ship": "shipping",
    "ship_all": "shipping",
    "partial_files": "shipping",
}


def __getattr__(name: str):
    if name not in _HEAVY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HEAVY[name]}"), name)


def locations(environment: Mapping[str, str | None]) -> tuple[Path, str]:
    """Where a log lies.

    Parameters
    ----------
    environment : mapping of str
        CHURN_STATE is the folder of what a server keeps, `.churn` at home unless given (see
        `churn.home`); CHURN_LOG is the database, a SQLite file in that folder unless given.

    Returns
    -------
    spool : Path
        The folder that workers write to.
    url : str
        The database.
    """
    state = Path(environment.get("CHURN_STATE") or home() / ".churn")
    return state / "spool", environment.get("CHURN_LOG") or f"sqlite:///{state / 'predictions.db'}"
