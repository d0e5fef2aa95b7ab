"""Settings of MonitorFlow."""

from datetime import UTC, datetime, timedelta

import pytest

from churn.errors import ChurnError
from churn.monitoring.settings import MonitorSettings
from watching import (
    APRIL,
    JANUARY,
)

GOOD = {
    "as_of": "", "since": "", "until": "", "horizon": 30, "completeness": 0.5, "min_customers": 200,
    "months": 12, "retrain": False, "data": "",
}  # fmt: skip


class TestSettings:
    def test_the_period_is_the_thirty_days_before_one_looks(self):
        look = MonitorSettings.check({}, **GOOD | {"as_of": "2026-04-01"})
        assert look.period(JANUARY) == (APRIL - timedelta(days=30), APRIL)
        assert look.first_month(JANUARY) == datetime(2025, 4, 1, tzinfo=UTC)
        assert MonitorSettings.check({}, **GOOD).period(JANUARY)[1] == JANUARY

    def test_everything_that_is_wrong_is_named(self):
        bad = {
            "as_of": "soon", "horizon": 0, "completeness": 2, "min_customers": 1, "retrain": True,
        }  # fmt: skip
        with pytest.raises(ChurnError) as failure:
            MonitorSettings.check({"acceptance": "2"}, **GOOD | bad)
        for name in (
            "--as-of",
            "--horizon",
            "--completeness",
            "--min-customers",
            "--data",
            "--acceptance",
        ):
            assert name in str(failure.value)
        with pytest.raises(ChurnError, match="--since 2026-05-01"):
            MonitorSettings.check({}, **GOOD | {"since": "2026-05-01", "until": "2026-04-01"})
