"""Every answer is in the log, even if the process that sent it is killed."""

import os
import random
import signal
import time

import pytest

from churn.feedback.prediction_log import PredictionLog, locations
from serve_load import Load
from server_process import Server

# granian takes a worker that dies within 5.5 s of its start for one that cannot start.
KILLS, APART = 3, 6.5


def database_of(server) -> PredictionLog:
    return PredictionLog(locations({"CHURN_STATE": str(server.state)})[1])


@pytest.fixture(scope="module")
def loaded(telco_run, records, tmp_path_factory):
    """A server whose workers were killed under load, and what was answered; it has ended."""
    server = Server(tmp_path_factory.mktemp("load") / "log", CHURN_RUN=telco_run.pathspec)
    killed = set()
    try:
        server.wait(path="/ready")
        with Load(server, records) as load:
            for _ in range(KILLS):
                time.sleep(APART)
                victim = random.choice(server.workers())
                os.kill(victim, signal.SIGKILL)
                killed.add(victim)
            time.sleep(2)
        assert len(killed) == KILLS
        assert len(set(server.workers()) - killed) == 2
    finally:
        server.stop()
    return server, load.answered


@pytest.mark.scheduled
def test_kills_lose_no_answered_prediction_and_double_none(loaded):
    server, answered = loaded
    assert len(answered) > 500
    with database_of(server) as database:
        rows = {}
        for row in database.latest(1_000_000):
            assert row.prediction not in rows
            rows[row.prediction] = row
    assert set(answered) <= set(rows)
    # What was written and not answered is what the killed ones were at.
    assert len(rows) - len(answered) <= 4 * KILLS
    for prediction, (record, answer) in answered.items():
        row = rows[prediction]
        assert row.inputs == record
        assert (row.probability, row.run) == (answer["probability"], answer["run"])
        assert (row.churn, row.threshold) == (answer["churn"], answer["threshold"])
        assert row.customer == record["customer_id"]


def test_answers_are_in_the_database_within_seconds(server, records):
    import requests

    sent = {"customers": [records[0] | {"customer_id": f"soon-{i}"} for i in range(3)]}
    answer = requests.post(f"{server.url}/predict/batch", json=sent).json()
    wanted = {one["prediction"] for one in answer["predictions"]}
    end, found = time.monotonic() + 5, set()
    while not wanted <= found and time.monotonic() < end:
        latest = requests.get(f"{server.url}/predictions?limit=100").json()["predictions"]
        found = {one["prediction"] for one in latest}
    assert wanted <= found
