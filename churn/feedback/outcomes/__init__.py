"""Outcomes: what then happened to customers, told late, again, and sometimes corrected.

They come in a request (`read_body`) or in a table (`read_table`), and are kept beside the
prediction log (`OutcomeStore`). Of two that say who left on the same day, the one that was recorded
later holds, in whatever order they come.
"""

from importlib import import_module

from churn.feedback.outcomes.body import body_type, read_body
from churn.feedback.outcomes.entries import Added, Outcome

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

# A worker of the app that is told of no outcome shall not pay for SQLAlchemy, and none for pandas.
_HEAVY = {
    "OutcomeStore": "store",
    "frame_of": "table",
    "read_table": "table",
    "rows_of": "table",
}


def __getattr__(name: str):
    if name not in _HEAVY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HEAVY[name]}"), name)
