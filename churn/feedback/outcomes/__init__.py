"""Outcomes of customers, which may be recorded late, repeated, and corrected.

They come in a request (`read_body`) or in a table (`read_table`), and are stored in the database of
the prediction log (`OutcomeStore`). Of two outcomes of a customer on one day, the one that was
recorded later replaces the other, in whatever order they come.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from churn.feedback.outcomes.body import body_type, read_body
from churn.feedback.outcomes.entries import Added, Outcome

if TYPE_CHECKING:
    from churn.feedback.outcomes.store import OutcomeStore
    from churn.feedback.outcomes.table import frame_of, read_table, rows_of

__all__ = [
    "Added",
    "Outcome",
    "OutcomeStore",
    "body_type",
    "frame_of",
    "read_body",
    "read_table",
    "rows_of",
]

# Imported lazily: a worker of the app needs SQLAlchemy only for outcomes, and never needs pandas.
_HEAVY = {
    "OutcomeStore": "store",
    "frame_of": "table",
    "read_table": "table",
    "rows_of": "table",
}


def __getattr__(name: str) -> Any:
    if name not in _HEAVY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HEAVY[name]}"), name)
