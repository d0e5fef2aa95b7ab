"""A line of the prediction log, and the ids of predictions."""

import json
import os
import time
from datetime import UTC, datetime

import pytest

from churn.feedback.prediction_log import entry, new_id
from churn.feedback.prediction_log.entries import read_entry

RUN = "ChurnFlow/12"


def line(body: dict, chances: list[float | None], **settings) -> bytes:
    return entry("id", 1767225600.5, RUN, 0.5, chances, json.dumps(body).encode(), **settings)


@pytest.fixture
def tokyo(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("tokyo")
def test_the_time_is_in_utc_wherever_the_app_runs():
    (found,) = read_entry(line({"tenure": 1}, [0.25]))
    assert found.time == datetime(2026, 1, 1, 0, 0, 0, 500_000, tzinfo=UTC)


def test_a_prediction_is_read_as_it_was_answered():
    (found,) = read_entry(line({"who": "C1", "tenure": 1}, [0.5], key="who"))
    assert (found.prediction, found.run, found.customer) == ("id", RUN, "C1")
    assert (found.probability, found.churn, found.threshold) == (0.5, True, 0.5)
    assert found.inputs == {"who": "C1", "tenure": 1}
    assert not read_entry(line({"tenure": 1}, [0.49]))[0].churn


def test_of_a_batch_those_who_were_refused_are_left_out_and_the_others_keep_their_number():
    body = {"customers": [{"a": 1}, {"a": 2}, {"a": 3}]}
    found = read_entry(line(body, [0.1, None, 0.9], batch=True))
    assert [(one.prediction, one.inputs["a"]) for one in found] == [("id-0", 1), ("id-2", 3)]


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"{}\t{}\n",
        line({"a": 1}, [0.1])[:-6],
        line({"customers": [{}]}, [0.1, 0.2], batch=True),
    ],
)
def test_what_is_no_whole_line_is_refused(broken):
    with pytest.raises(ValueError, match=r"\w"):
        read_entry(broken)


def test_ids_begin_with_the_time_and_increase():
    first, second = new_id(), new_id()
    assert len(first) == len(second) == 31
    assert first[:21] == second[:21]
    assert first < second
    age = time.time() - int(first[:11], 16) / 1000
    assert 0 <= age < 3600  # of the process


def test_a_process_that_is_forked_has_ids_of_its_own():
    before = new_id()
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.write(writing, new_id().encode())
        os._exit(0)
    os.wait()
    child = os.read(reading, 100).decode()
    for end in (reading, writing):
        os.close(end)
    assert child[:21] != before[:21]
    assert child[21:] == "0" * 10
