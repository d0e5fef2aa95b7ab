"""The settings of MonitorFlow, checked before anything is read."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from churn.data.contract import Contract
from churn.errors import ChurnError
from churn.evaluation.retention_costs import RetentionCosts
from churn.monitoring.cohorts import HORIZON
from churn.settings import validate_settings

PERIOD = timedelta(days=30)

Day = Annotated[
    date | None, BeforeValidator(lambda text: date.fromisoformat(text) if text else None)
]


class MonitorSettings(BaseModel):
    """The settings of an examination: its day, its predictions, and the minimum data.

    Attributes
    ----------
    as_of : date or None
        The day of the examination, its beginning in UTC; by default now.
    since, until : date or None
        The period to compare, from `since` to before `until`. By default the 30 days
        before `as_of`.
    horizon : int or None
        The number of days to which the predictions refer; None for the contract's.
    completeness : float
        Share of a cohort's labels that must be known to evaluate it.
    min_customers : int
        The smallest number of customers with which a period is compared.
    months : int
        The number of cohorts that are read.
    """

    model_config = ConfigDict(frozen=True)

    as_of: Day
    since: Day
    until: Day
    horizon: Annotated[
        Annotated[int, Field(ge=1, le=3_650)] | None,
        BeforeValidator(lambda given: None if given == "" else given),
    ]
    completeness: float = Field(ge=0, le=1)
    min_customers: int = Field(ge=20)
    months: int = Field(ge=1, le=120)

    @classmethod
    def check(cls, offer: Mapping[str, str], **values: Any) -> "MonitorSettings":
        """Validate all settings at once.

        Parameters
        ----------
        offer : mapping of str to str
            The costs that replace those of the run; see `RetentionCosts.parse`.
        values
            By the names of the attributes; `retrain` and `data` too.

        Raises
        ------
        ChurnError
            Naming every value out of its range.
        """
        retrain, data = values.pop("retrain"), values.pop("data")
        given = {name: text for name, text in offer.items() if text}
        settings, _, problems = validate_settings(
            cls, values, partial(RetentionCosts.parse, **given)
        )
        if settings:
            start, end = settings.period(datetime.now(UTC))
            if start >= end:
                problems.append(f"--since {start:%Y-%m-%d}: not before {end:%Y-%m-%d}")
        if retrain and not data:
            problems.append("--retrain needs --data, the newest labelled table")
        if problems or settings is None:
            raise ChurnError("The model cannot be examined:", problems)
        return settings

    def days_to_leave(self, contract: Contract) -> tuple[int, str]:
        """The horizon of a model, and where it is from, in a sentence."""
        days = self.horizon or contract.horizon_days
        if days is None:
            return HORIZON, f"Horizon: {HORIZON} days; neither --horizon nor the contract says it."
        if self.horizon is None:
            return days, f"Horizon: {days} days, as the contract says."
        text = f"Horizon: {days} days, as --horizon says"
        other = contract.horizon_days not in (None, days)
        return days, f"{text}; the contract says {contract.horizon_days}." if other else f"{text}."

    def now(self, clock: datetime) -> datetime:
        """The moment of the examination."""
        return _start(self.as_of) if self.as_of else clock

    def period(self, clock: datetime) -> tuple[datetime, datetime]:
        """The start and the end (exclusive) of the predictions that are compared."""
        end = _start(self.until) if self.until else self.now(clock)
        return _start(self.since) if self.since else end - PERIOD, end

    def first_month(self, clock: datetime) -> datetime:
        """The beginning of the first cohort."""
        now = self.now(clock)
        years, month = divmod(now.year * 12 + now.month - 1 - self.months, 12)
        return datetime(years, month + 1, 1, tzinfo=UTC)


def _start(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
