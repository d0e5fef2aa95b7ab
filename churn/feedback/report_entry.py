"""A report as it is kept in the database of the log, and the kinds of reports."""

from datetime import date, datetime
from typing import Any, NamedTuple

VERDICT, SAVINGS, PLAN, EFFECTS = "verdict", "savings", "plan", "effects"
# The customers of a list by the learned effect of a call, for the plan.
PLAN_BINS = "plan bins"


class Report(NamedTuple):
    """A report.

    Attributes
    ----------
    report : str
        Its id; ids sort by time.
    kind : str
        `verdict`, `savings`, `plan`, `effects` or `plan bins`.
    at : datetime
        When it was made, in UTC.
    as_of : date
        The day that was examined.
    body : dict
    """

    report: str
    kind: str
    at: datetime
    as_of: date
    body: dict[str, Any]
