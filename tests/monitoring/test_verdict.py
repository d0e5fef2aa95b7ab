"""What leads to which verdict."""

from churn.monitoring.cohorts import evaluate_cohorts
from watching import (
    APRIL,
    NOBODY,
    happened,
    period,
)


class TestVerdict:
    def test_all_well_is_ok(self, judged):
        found = judged(period())[0]
        assert (found.verdict, found.exit_code, found.reasons) == ("ok", 0, ())
        assert "3 predictions of other models were left out." in found.remarks

    def test_drift_is_watched_and_a_broken_column_asks_for_more(self, judged):
        table = period()
        dearer = table.assign(monthly_charges=table["monthly_charges"] * 1.1)
        found = judged(dearer)[0]
        assert (found.verdict, found.exit_code) == ("watch", 3)
        broken = judged(table.assign(tenure=None))[0]
        assert (broken.verdict, broken.exit_code) == ("retrain", 4)
        assert "tenure: missing in 100.0%, was 0.0%; the column is broken" in str(broken)

    def test_a_broken_promise_asks_for_a_new_model(self, judged, watched, january):
        asked, left, _ = january
        bad = evaluate_cohorts(asked, watched[0], happened(asked, 1 - left), NOBODY, APRIL)
        found = judged(period(), quality=bad)[0]
        assert found.verdict == "retrain"
        assert {reason.about for reason in found.reasons if reason.verdict == "retrain"} == {
            "quality"
        }

    def test_cells_that_cannot_be_read_are_watched(self, judged):
        assert judged(period(), unreadable={"tenure": 7})[0].verdict == "ok"
        assert judged(period(), unreadable={"tenure": 8})[0].verdict == "watch"

    def test_too_few_customers_are_ok_and_it_is_said(self, judged):
        found = judged(period(100).assign(tenure=None))[0]
        assert found.verdict == "ok"
        assert found.remarks[0].startswith("Too few to compare: 100 customers")
