"""What MonitorFlow and EffectFlow found, and plans, in the database of the log for the app."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import JSON, Column, Date, MetaData, Table, Text, select

from churn.feedback.prediction_log import new_id
from churn.feedback.prediction_log.database import PATIENCE, Database, UtcTime
from churn.feedback.report_entry import EFFECTS, PLAN, PLAN_BINS, SAVINGS, VERDICT, Report
from churn.json_values import plain

__all__ = ["EFFECTS", "PLAN", "PLAN_BINS", "SAVINGS", "VERDICT", "Report", "ReportStore"]


REPORTS = Table(
    "reports",
    MetaData(),
    Column("report", Text, primary_key=True),
    Column("kind", Text, nullable=False, index=True),
    Column("at", UtcTime, nullable=False, index=True),
    Column("as_of", Date, nullable=False),
    Column("body", JSON, nullable=False),
)


class ReportStore(Database):
    """The reports in a database; see `Database` for its use and its errors.

    Parameters
    ----------
    url : str
        That of the prediction log, see `PredictionLog`.
    patience : float
        See `Database`.
    """

    def __init__(self, url: str, patience: float = PATIENCE):
        super().__init__(url, REPORTS, "the reports in", patience)

    def add(self, kind: str, as_of: date, body: Mapping[str, Any]) -> None:
        """Add a report; NaN and infinity are null in it."""
        report = Report(new_id(), kind, datetime.now(UTC), as_of, plain(body))
        with self.connected() as connection:
            connection.execute(REPORTS.insert().values(report._asdict()))

    def latest(self, kind: str, limit: int = 1) -> list[Report]:
        """The latest reports of a kind, the newest first."""
        query = select(REPORTS).where(REPORTS.c.kind == kind)
        query = query.order_by(REPORTS.c.at.desc(), REPORTS.c.report.desc()).limit(limit)
        return [Report._make(row) for row in self.read(query)]
