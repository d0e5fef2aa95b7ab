"""A minute of load: processes are killed, the database locked, the disk full, runs promoted."""

import os
import random
import resource
import signal
import sqlite3
import threading
import time
from contextlib import closing, suppress

import pytest

from churn.feedback.prediction_log import PredictionLog, locations, ship_all
from churn.registry.runs import champion, promote
from processes import wait_for
from running import STORE, link_runs, reading_from
from serve_load import Load
from server_process import Server

pytestmark = pytest.mark.scheduled

SECONDS = 60
# Granian takes a worker that dies within 5.5 s of its start for one that cannot start.
APART = 6.5


class Chaos:
    """What goes wrong, in an order that a seed decides."""

    def __init__(self, server: Server, runs: list[str]):
        self.server, self.runs = server, runs
        self.rng = random.Random(7)
        self.done = []

    def run(self, seconds: float) -> None:
        kinds = [self.kill_worker, self.kill_keeper, self.lock_database, self.fill_disk,
                 self.promote]  # fmt: skip
        self.rng.shuffle(kinds)
        end, last_kill = time.monotonic() + seconds, 0.0
        while time.monotonic() < end:
            kind = kinds[len(self.done) % len(kinds)]
            if kind == self.kill_worker:
                time.sleep(max(0.0, last_kill + APART - time.monotonic()))
                last_kill = time.monotonic()
            kind()
            self.done.append(kind.__name__)
            time.sleep(self.rng.uniform(0.5, 2))

    def kill_worker(self) -> None:
        os.kill(self.rng.choice(self.server.workers()), signal.SIGKILL)

    def kill_keeper(self) -> None:
        os.kill(self.server.keeper(), signal.SIGKILL)

    def lock_database(self) -> None:
        database = self.server.state / "predictions.db"
        with closing(sqlite3.connect(database, isolation_level=None, timeout=20)) as other:
            other.execute("BEGIN IMMEDIATE")
            time.sleep(3)
            other.execute("ROLLBACK")

    def fill_disk(self) -> None:
        """No file of the server can grow; a write fails, or is cut short."""
        limits = {}
        for process in self.server.processes():
            with suppress(ProcessLookupError):
                limits[process] = resource.prlimit(
                    process, resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY)
                )
        time.sleep(1)
        for process, limit in limits.items():
            with suppress(ProcessLookupError):
                resource.prlimit(process, resource.RLIMIT_FSIZE, limit)

    def promote(self) -> None:
        now = champion()
        promote(next(run for run in self.runs if run != now.run), "chaos")


@pytest.fixture(scope="module")
def survived(telco_run, quick_run, records, tmp_path_factory):
    """A server after the minute and before its end, what it answered, and what was done to it."""
    runs = [telco_run.pathspec, quick_run.pathspec]
    folder = tmp_path_factory.mktemp("chaos")
    with reading_from(link_runs(STORE, folder / "store", runs)) as store:
        yield from under_chaos(folder / "log", store, runs, records)


def under_chaos(log, store, runs, records):
    promote(runs[0], "the first")
    server = Server(log, CHURN_RUN="champion", METAFLOW_DATASTORE_SYSROOT_LOCAL=str(store))
    try:
        server.wait(path="/ready")
        chaos = Chaos(server, runs)
        with Load(server, records, refused_is_fine=True) as load:
            chaos.run(SECONDS)
        yield server, load.answered, chaos.done
    finally:
        server.stop()


def test_everything_went_wrong_and_much_was_answered(survived):
    server, answered, done = survived
    assert len(set(done)) == 5
    assert len(answered) > 500
    assert server.process.poll() is None, server.log.read_text()[-3000:]


def test_the_champion_is_served_and_health_is_ok(survived):
    server, _, _ = survived
    well = "ok", champion().run, "ok"

    def found():
        health = server.health()
        return health["status"], health["model"]["run"], health["log"]

    wait_for(lambda: found() == well, 40, lambda: str(found()))


def test_every_answer_is_logged_once_and_nothing_is_left_running(survived):
    server, answered, _ = survived
    server.stop()
    assert server.processes() == []
    folder, url = locations({"CHURN_STATE": str(server.state)})
    with PredictionLog(url) as database:
        ship_all(folder, database)
        rows = [row.prediction for row in database.latest(10_000_000)]
    assert len(rows) == len(set(rows))
    assert set(answered) <= set(rows)
    assert threading.active_count() < 10
