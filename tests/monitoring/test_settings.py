"""Settings of MonitorFlow."""

from datetime import UTC, datetime, timedelta

import pytest

from churn.data.contract import Contract
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

    @pytest.mark.parametrize(
        ("given", "of_contract", "days", "said"),
        [
            ("", 60, 60, "60 days, as the contract says."),
            ("", None, 30, "30 days; neither --horizon nor the contract says it."),
            ("45", 60, 45, "45 days, as --horizon says; the contract says 60."),
            ("45", None, 45, "45 days, as --horizon says."),
        ],
    )
    def test_the_horizon_is_the_contract_s_unless_given(self, given, of_contract, days, said):
        contract = Contract.parse(
            {
                "target": "left", "positive": "yes", "negative": ["no"],
                "features": {"tenure": {"kind": "number"}}, "horizon_days": of_contract,
            }
        )  # fmt: skip
        settings = MonitorSettings.check({}, **GOOD | {"horizon": given})
        assert settings.days_to_leave(contract) == (days, f"Horizon: {said}")

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
