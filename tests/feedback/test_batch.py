"""The predictions of a table in the prediction log."""

from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest

from churn.feedback.batch import Sample, log_sample
from churn.feedback.prediction_log import PredictionLog
from churn.feedback.replay import replay
from churn.registry.runs import fetch_run

DAY = date(2026, 3, 2)


def ids(n: int) -> np.ndarray:
    return np.array([f"C{number}" for number in range(n)], dtype=object)


def drawn(keys: np.ndarray, parts: int, most: int = 100) -> pd.DataFrame:
    sample = Sample(most)
    for part in np.array_split(keys, parts):
        sample.add(part, np.full(len(part), 0.5), pd.DataFrame({"id": part, "x": range(len(part))}))
    return sample.frame


def test_the_sample_of_a_table_is_that_of_its_parts_in_any_order():
    keys = ids(2_000)
    whole = drawn(keys, 1)
    assert len(whole) == 100
    assert set(drawn(keys, 7)["id"]) == set(drawn(keys[::-1], 30)["id"]) == set(whole["id"])
    assert set(drawn(keys, 3, most=50)["id"]) < set(whole["id"])


def test_a_small_table_is_logged_whole():
    assert set(drawn(ids(30), 4)["id"]) == set(ids(30))


def test_a_column_of_the_table_called_id_does_not_take_the_place_of_the_key():
    sample = Sample()
    sample.add(["a"], np.array([0.5]), pd.DataFrame({"id": ["other"], "hash": [1]}))
    assert sample.frame["id"].tolist() == ["a"]


@pytest.fixture(scope="module")
def logged(telco_run, tmp_path_factory):
    """A log of 300 customers, scored twice on one day and once on the next."""
    url = f"sqlite:///{tmp_path_factory.mktemp('log') / 'log.db'}"
    deployment = fetch_run(telco_run.pathspec)
    frame, model = telco_run.data.frame.head(300), telco_run.model
    sample = Sample()
    sample.add(frame["customer_id"].astype(str), model.predict_proba(frame)[:, 1], frame)
    said = [
        str(log_sample(sample.frame, customers, deployment, day, url))
        for day, customers in ((DAY, 300), (DAY, 300), (date(2026, 3, 3), 4_000))
    ]
    return url, said


def test_a_day_that_is_scored_twice_is_logged_once(logged):
    url, said = logged
    with PredictionLog(url) as log:
        assert log.count() == 600
        start = datetime(2026, 3, 2, tzinfo=UTC)
        assert len(list(log.between(start, start.replace(hour=1)))) == 300
    assert said[0].startswith("300 predictions are in the prediction log sqlite:///")
    assert said[2].startswith("300 of 4,000 predictions, drawn by a hash of the id, are in")


def test_a_logged_prediction_comes_out_again(logged):
    with PredictionLog(logged[0]) as log:
        for row in log.latest(20):
            assert replay(row).differences == []


def test_without_a_log_it_is_said(telco_run):
    found = log_sample(drawn(ids(3), 1), 3, fetch_run(telco_run.pathspec), DAY, "off")
    assert "in no log: MonitorFlow will not see them" in str(found)
