"""The predictions of a period, and their outcomes."""

from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest

from churn.errors import ChurnError
from churn.feedback.outcomes import Outcome, OutcomeStore
from churn.feedback.prediction_log import Prediction, PredictionLog
from churn.monitoring.cohorts import month
from churn.monitoring.inputs import open_log, read_outcomes
from churn.monitoring.predictions import Window, read_predictions
from watching import (
    APRIL,
    CONTRACT,
    JANUARY,
)


@pytest.fixture
def log(tmp_path) -> str:
    return f"sqlite:///{tmp_path / 'log.db'}"


def predictions(rows) -> list[Prediction]:
    return [
        Prediction(str(number), time, run, customer, chance, False, 0.5, inputs)
        for number, (time, run, customer, chance, inputs) in enumerate(rows)
    ]


class TestReading:
    def test_a_customer_counts_once_a_period_and_other_runs_do_not(self, log):
        start = datetime(2026, 1, 1, tzinfo=UTC)
        day = timedelta(days=1)
        rows = [
            (start + 2 * day, "ChurnFlow/1", "a", 0.1, {"tenure": 1}),
            (start + 3 * day, "ChurnFlow/1", "a", 0.2, {"tenure": 2}),
            (start + 40 * day, "ChurnFlow/1", "a", 0.3, {"tenure": 3}),
            (start + 4 * day, "ChurnFlow/1", None, 0.4, {"tenure": "a while"}),
            (start + 5 * day, "ChurnFlow/1", None, 0.5, {"contract": "Weekly"}),
            (start + 6 * day, "ChurnFlow/2", "b", 0.6, {}),
        ]
        with PredictionLog(log) as database:
            database.add(predictions(rows))
        with open_log(log) as (database, _):
            window = Window(start, start + 60 * day, month)
            (found,) = read_predictions(database, {"ChurnFlow/1"}, CONTRACT, [window])
        assert sorted(found.probabilities) == [0.1, 0.3, 0.4, 0.5]
        assert (found.predictions, found.others) == (5, 1)
        assert found.unreadable == {"tenure": 1}
        by = found.features.set_index(found.answers["probability"])
        assert by.loc[0.3, "tenure"] == 3
        assert by.loc[0.5, "contract"] == "Weekly"

    def test_several_windows_are_read_in_one_pass(self, log):
        times = [JANUARY + timedelta(days=days) for days in (0, 20, 40)]
        rows = [(time, "ChurnFlow/1", "a", 0.5, {"tenure": 1}) for time in times]
        with PredictionLog(log) as database:
            database.add(predictions(rows))
            early = Window(JANUARY, JANUARY + timedelta(days=30))
            every = Window(JANUARY, APRIL, month)
            found = read_predictions(database, {"ChurnFlow/1"}, CONTRACT, [early, every])
        assert [one.predictions for one in found] == [2, 3]
        assert [len(one.answers) for one in found] == [1, 2]

    def test_of_very_many_some_are_drawn_always_the_same(self, log):
        rows = [
            (JANUARY + timedelta(seconds=n), "ChurnFlow/1", f"c{n % 500}", 0.5, {"tenure": n})
            for n in range(1_000)
        ]
        with PredictionLog(log) as database:
            database.add(predictions(rows))
            window = Window(JANUARY, APRIL)
            drawn = [
                read_predictions(database, {"ChurnFlow/1"}, CONTRACT, [window], most=most)[0]
                for most in (100, 50)
            ]
        hundred, fifty = (set(found.answers["customer"]) for found in drawn)
        assert (len(hundred), len(fifty)) == (100, 50)
        assert fifty < hundred
        assert (drawn[0].features["tenure"] < 500).all()  # the first about each

    def test_an_empty_log_is_told(self, log):
        with pytest.raises(ChurnError, match="no predictions"), open_log(log):
            pass

    def test_outcomes_of_the_database_and_of_a_table_are_one_the_later_holds(self, log, tmp_path):
        path = tmp_path / "outcomes.csv"
        path.write_text(
            "customer_id,date,left,recorded\n"
            "a,2026-02-01,no,2026-02-02T00:00:00Z\n"
            "b,2026-02-01,no,2026-02-04T00:00:00Z\n"
        )
        between = datetime(2026, 2, 3, tzinfo=UTC)
        with OutcomeStore(log) as store:
            store.add([Outcome(name, date(2026, 2, 1), True, between) for name in "abc"])
            found = read_outcomes(store, pd.Series(["a", "b", None]), str(path), CONTRACT)
        assert dict(zip(found["customer"], found["left"], strict=True)) == {"a": True, "b": False}
