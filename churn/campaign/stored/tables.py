"""The tables of stored call lists."""

from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    Double,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
)
from sqlalchemy.types import TypeEngine

from churn.campaign.stored.entries import OPEN
from churn.feedback.prediction_log.database import UtcTime


class _MaybeTime(TypeDecorator[Any]):
    """A time in UTC that may be missing; see `UtcTime`."""

    impl = DateTime(timezone=True)
    cache_ok = True
    _utc = UtcTime()

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return self._utc.load_dialect_impl(dialect)

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        return None if value is None else self._utc.process_bind_param(value, dialect)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return None if value is None else self._utc.process_result_value(value, dialect)


METADATA = MetaData()
LISTS = Table(
    "call_lists",
    METADATA,
    Column("list_id", Text, primary_key=True),
    Column("created_at", UtcTime, nullable=False),
    Column("as_of", Date, nullable=False, index=True),
    Column("campaign", Text, nullable=False),
    Column("run", Text, nullable=False),
    Column("policy", Text, nullable=False),
    Column("policy_version", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("counts", JSON, nullable=False),
    Column("expected", JSON, nullable=False),
    Column("notes", JSON, nullable=False),
)
LISTED = Table(
    "listed_customers",
    METADATA,
    Column("list_id", Text, primary_key=True),
    Column("customer", Text, primary_key=True, index=True),
    Column("rank", Integer, nullable=False),
    Column("control", Boolean, nullable=False),
    Column("stratum", Text),
    Column("eligible", JSON),
    Column("action", Text),
    Column("propensity", Double),
    Column("weight", Double),
    Column("features", JSON),
    Column("call_cost", Double),
    Column("benefit_by_risk", Double),
    Column("probability", Double, nullable=False),
    Column("value_at_risk", Double, nullable=False),
    Column("net_benefit", Double, nullable=False),
    Column("net_benefit_low", Double, nullable=False),
    Column("net_benefit_high", Double, nullable=False),
    Column("reasons", JSON, nullable=False),
    Column("best_action", Text),
    Column("segment", Text),
    Column("contact", JSON, nullable=False),
    Column("agent", Text),
    Column("state", Text, nullable=False, default=OPEN),
    Column("due", Date),
    Column("version", Integer, nullable=False, default=0),
    Column("changed_by", Text),
    Column("changed_at", _MaybeTime),
    Column("searched", Text, nullable=False),
    # With all that a page filters by, so that no row of another page is read.
    Index("listed_by_rank", "list_id", "control", "rank", "state", "due", "agent", "segment"),
    # In the order in which they are counted.
    Index("listed_by_state", "list_id", "control", "state", "agent", "segment"),
)
EVENTS = Table(
    "call_events",
    METADATA,
    Column("event", Text, primary_key=True),
    Column("list_id", Text, nullable=False),
    Column("customer", Text, nullable=False, index=True),
    Column("at", UtcTime, nullable=False, index=True),
    Column("by", Text, nullable=False),
    Column("before", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("due", Date),
    Column("note", Text, nullable=False),
    Column("cost", Double),
)
