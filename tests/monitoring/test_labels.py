"""Labels of customers within the horizon, and which of them were called."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from churn.campaign.reading import read_call_lists
from churn.errors import ChurnError
from churn.monitoring.labels import called, label_predictions
from watching import (
    JANUARY,
    answered,
    outcomes,
)


class TestLabels:
    @pytest.mark.parametrize(
        ("told", "label"),
        [
            ([], np.nan),
            ([("2026-01-11", True)], 1),
            ([("2026-02-09", True)], 1),
            ([("2026-02-10", True)], 0),
            ([("2026-02-08", False)], np.nan),
            ([("2026-02-09", False)], 0),
            ([("2026-01-10", True)], np.nan),
            ([("2025-12-01", True), ("2026-03-01", False)], np.nan),
            ([("2026-01-20", True), ("2026-03-01", False)], 1),
            ([("2026-01-12", False), ("2026-03-01", True)], 0),
        ],
    )
    def test_left_within_the_horizon_or_still_there_after_it(self, told, label):
        asked = answered(["7", "8", None], [JANUARY] * 3).answers
        frame = outcomes(*(("7", date.fromisoformat(day), left) for day, left in told))
        found = label_predictions(asked, frame, horizon=30).values
        np.testing.assert_equal(found, [label, np.nan, np.nan])


class TestCalls:
    def test_calls_before_the_prediction_or_after_its_horizon_do_not_count(self, january):
        asked = january[0].answers.head(3)
        days = pd.to_datetime(["2026-01-09", "2026-01-10", "2026-02-10"])
        calls = pd.DataFrame({"customer": asked["customer"], "arm": "contact", "day": days})
        assert called(asked, calls, 30).tolist() == ["", "contact", ""]

    def test_predictions_about_nobody_in_particular_and_no_list_are_no_fault(self):
        asked = answered([None, None], [JANUARY] * 2).answers
        assert called(asked, read_call_lists([]), 30).tolist() == ["", ""]
        assert not label_predictions(asked, outcomes(), 30).known.any()

    def test_what_is_no_call_list_is_told(self, tmp_path):
        path = tmp_path / "x.csv"
        path.write_text("id,name\n1,a\n")
        with pytest.raises(ChurnError, match="lacks arm, probability"):
            read_call_lists([str(path)])
