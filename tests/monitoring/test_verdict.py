"""The rules of the verdict."""

import re
from dataclasses import replace

import pandas as pd
import pytest

from churn.monitoring.cohorts import evaluate_cohorts
from churn.monitoring.verdict import Finding
from watching import (
    APRIL,
    NOBODY,
    happened,
    outcomes,
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

    def test_too_few_customers_are_no_reason_beside_an_evaluated_cohort(self, judged):
        found = judged(period(100).assign(tenure=None))[0]
        assert found.verdict == "ok"
        assert found.remarks[0].startswith("Too few to compare: 100 customers")

    @pytest.mark.heavy
    def test_nothing_to_examine_is_a_verdict_of_its_own(self, judged, watched, january):
        asked = january[0]
        unlabelled = evaluate_cohorts(asked, watched[0], outcomes(), NOBODY, APRIL)
        found = judged(period(100), quality=unlabelled)[0]
        assert (found.verdict, found.exit_code) == ("insufficient data", 5)
        assert judged(period(), quality=unlabelled)[0].verdict == "ok"

    def test_the_power_of_the_cohort_is_stated(self, judged):
        (power,) = [text for text in judged(period())[0].remarks if "four times in five" in text]
        assert "times as many leavers as expected" in power
        assert "log loss" in power


class TestWords:
    """Each reason says what it is about, and the numbers."""

    def test_cells_that_cannot_be_read_are_counted(self, judged):
        (reason,) = judged(period(), unreadable={"tenure": 8})[0].reasons
        assert reason == Finding("watch", "drift", "tenure: 1.0% of the cells cannot be read")

    def test_a_reason_of_a_cohort_names_it(self, judged, watched, january):
        asked, left, _ = january
        bad = evaluate_cohorts(asked, watched[0], happened(asked, 1 - left), NOBODY, APRIL)
        segment = {"feature": "contract", "level": "Weekly", "worse": True, "why": "by chance?"}
        others = segment | {"level": "Yearly", "worse": False}
        bad = replace(bad, segments=pd.DataFrame([segment, others]))
        found = judged(period(), quality=bad)[0]
        quality = [reason for reason in found.reasons if reason.about == "quality"]
        assert len(quality) == len(bad.worse) + 1
        assert all(reason.text.startswith("cohort 2026-01: ") for reason in quality)
        assert quality[-1].text == (
            "cohort 2026-01: contract Weekly is worse than elsewhere (by chance?)"
        )
        assert str(found).splitlines()[0] == "ChurnFlow/1: retrain"
        assert f"  retrain: {quality[0].text} (quality)" in str(found).splitlines()

    def test_what_customers_bring_is_said_before_and_now(self, judged):
        table = period(4_000)
        loyal = table[table["contract"] != "Month-to-month"]
        money = [one for one in judged(loyal)[0].reasons if one.about == "money"]
        assert len(money) == 1
        assert re.fullmatch(
            r"a customer is expected to bring -?[\d.]+, was [\d.]+ \(-\d+%\)", money[0].text
        )
