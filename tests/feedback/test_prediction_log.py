"""The prediction log in real files and real databases, with processes that are killed."""

import json
import os
import re
import resource
import shutil
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from churn.data.ids import id_text
from churn.errors import ChurnError
from churn.feedback.prediction_log import (
    Prediction,
    PredictionLog,
    Shipped,
    Shipper,
    Spool,
    entry,
    locations,
    new_id,
    partial_files,
    ship,
    ship_all,
)
from churn.home import home
from databases import PASSWORD
from running import ROOT

RUN = "ChurnFlow/12"


class SQLite:
    """A SQLite file, in a folder that can go away."""

    def __init__(self, folder):
        self.folder = folder / "database"
        self.url = f"sqlite:///{self.folder / 'predictions.db'}"

    def stop(self):
        self.folder.rename(self.folder.with_suffix(".away"))
        self.folder.write_text("in the way")

    def start(self):
        self.folder.unlink()
        self.folder.with_suffix(".away").rename(self.folder)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def database(request, tmp_path):
    """A database with a URL that can be stopped and started; without the table."""
    if request.param == "sqlite":
        return SQLite(tmp_path)
    import psycopg

    server = request.getfixturevalue("postgres_server")
    with psycopg.connect(server.url.replace("+psycopg", "")) as connection:
        connection.execute("DROP TABLE IF EXISTS predictions")
    return server


@pytest.fixture
def log(database):
    with PredictionLog(database.url) as log:
        yield log


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "spool"


@pytest.fixture
def spool(folder):
    spool = Spool(folder)
    yield spool
    spool.close()


def line(customer, probability=0.25, prediction=None, **more):
    """One answer about one customer."""
    answered = {"prediction": prediction or new_id(), "time": time.time(), "run": RUN} | more
    body = json.dumps({"id": customer, "tenure": 2}).encode()
    return entry(**answered, threshold=0.2, probabilities=[probability], body=body, key="id")


def finished(folder, *lines):
    """A file that somebody wrote."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{new_id()}.log"
    path.write_bytes(b"".join(lines))
    return path


def customers(log):
    return sorted(row.customer for row in log.latest(1_000_000))


def start(script, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def kill(process):
    process.kill()
    process.wait()


# What an answer is in the log


def test_an_answer_is_one_row_with_everything_about_it(spool, folder, log):
    spool.write(
        entry("p1", 1.5, RUN, 0.2, [0.25], b'{"id": 7, "plan": "a\xc5\x82\\n"}\n', key="id")
    )
    spool.close()
    assert ship(folder, log) == Shipped(rows=1, partial_lines=0)
    row = log.find("p1")
    assert row.time == datetime(1970, 1, 1, 0, 0, 1, 500_000, UTC)
    assert row.time.tzinfo is UTC
    assert (row.run, row.customer, row.probability, row.threshold) == (RUN, "7", 0.25, 0.2)
    assert row.churn is True
    assert row.inputs == {"id": 7, "plan": "ał\n"}
    assert not list(folder.iterdir())


def test_a_batch_is_a_row_for_each_customer_that_was_scored(folder, log):
    body = b'{"customers": [{"id": "a"}, {"id": "b", "tenure": NaN}, {}]}'
    batch = entry("b1", 1.0, RUN, 0.5, [0.25, None, 0.75], body, key="id", batch=True)
    finished(folder, batch)
    ship(folder, log)
    found = {row.prediction: (row.customer, row.churn) for row in log.latest(10)}
    assert found == {"b1-0": ("a", False), "b1-2": (None, True)}


def test_what_a_good_customer_was_told_is_logged_however_odd_the_others_of_the_batch(folder, log):
    # As deep as the parser of requests goes.
    odd = b"[" * 199 + b"]" * 199
    body = b'{"customers": [{"id": "a"}, %b]}' % odd
    finished(folder, entry("b1", 1.0, RUN, 0.5, [0.25, None], body, key="id", batch=True))
    assert ship(folder, log) == Shipped(rows=1, partial_lines=0)


texts = st.text(max_size=20)
cells = st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | texts
numbers = st.integers(-(10**40), 10**40)
records = st.dictionaries(texts, cells | numbers, max_size=5)
keys = st.none() | texts | numbers


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_every_answer_comes_back_bit_by_bit(data, folder, log):
    many = data.draw(st.lists(st.tuples(records, keys, st.floats(0, 1)), min_size=1, max_size=3))
    asked = [record | {"the id": key} for record, key, _ in many]
    refused = data.draw(st.sets(st.integers(0, len(many) - 1)))
    batch = data.draw(st.booleans())
    said = [None if batch and i in refused else chance for i, (*_, chance) in enumerate(many)]
    body = json.dumps(
        {"customers": asked} if batch else asked[0],
        indent=data.draw(st.sampled_from([None, 1, "\t"])),
        ensure_ascii=data.draw(st.booleans()),
    ).replace("\n", data.draw(st.sampled_from(["\n", "\r\n"])))
    prediction, now = new_id(), data.draw(st.floats(0, 4e9))
    threshold = data.draw(st.floats(0, 1))
    answered = said if batch else said[:1]
    finished(
        folder,
        entry(prediction, now, RUN, threshold, answered, body.encode(), key="the id", batch=batch),
    )
    assert ship(folder, log).partial_lines == 0
    for i, (chance, record) in enumerate(zip(answered, asked, strict=False)):
        row = log.find(f"{prediction}-{i}" if batch else prediction)
        if chance is None:
            assert row is None
            continue
        assert (row.probability.hex(), row.threshold.hex()) == (chance.hex(), threshold.hex())
        assert row.churn is (chance >= threshold)
        assert repr(row.inputs) == repr(record)
        assert abs(row.time.timestamp() - now) < 2e-6
        key = record["the id"]
        assert row.customer == id_text(key)


def test_ids_rise_fit_into_a_url_and_are_other_ones_after_a_fork():
    script = """
import os
from churn.feedback.prediction_log import new_id
ids = [new_id() for _ in range(100_000)]
assert sorted(set(ids)) == ids
os.fork()
os.write(1, b" ".join(new_id().encode() for _ in range(10)) + b"\\n")
"""
    with start(script) as process:
        ids = process.stdout.read().split()
    assert len(set(ids)) == 20
    assert all(re.fullmatch("[0-9a-f]+", one) for one in ids)


def test_a_worker_that_only_writes_loads_no_database_library():
    script = """
import sys
from churn.feedback.prediction_log import Spool, entry, locations, new_id
print({"sqlalchemy", "pandas", "numpy"} & set(sys.modules))
"""
    with start(script) as process:
        assert process.stdout.read().strip() == "set()"


# Deaths and disks


WRITER = """
import json, os, sys, threading, time
from churn.feedback.prediction_log import Spool, entry, new_id

spool = Spool(sys.argv[1], seconds=0.05)

def work(size):
    records = [{"id": i, "filler": "x" * 200} for i in range(size)]
    body = json.dumps({"customers": records} if size > 1 else records[0]).encode()
    while True:
        name = new_id()
        chances = [0.25] * size
        spool.write(entry(name, time.time(), "r", 0.5, chances, body, key="id", batch=size > 1))
        os.write(1, f"{name} {size}\\n".encode())

for size in (1, 1, 1, 40):
    threading.Thread(target=work, args=(size,)).start()
"""

SHIPPER = """
import sys
from churn.feedback.prediction_log import PredictionLog, Shipper

shipper = Shipper(sys.argv[1], PredictionLog(sys.argv[2]))
print("up", flush=True)
while True:
    shipper.ship()
"""


def predictions(acknowledged):
    for word in acknowledged:
        name, size = word.split()
        yield from [name] if size == "1" else [f"{name}-{i}" for i in range(int(size))]


@pytest.mark.slow
def test_kills_of_writers_and_shippers_lose_no_answer_and_double_none(folder, database, log):
    acknowledged = []
    for _ in range(2):
        with start(WRITER, folder) as writer, start(SHIPPER, folder, database.url) as shipper:
            assert shipper.stdout.readline() == "up\n"
            acknowledged += [writer.stdout.readline() for _ in range(1200)]
            kill(shipper)
            kill(writer)
            acknowledged += writer.stdout.readlines()  # said before it died
    ship_all(folder, log, patience=5)
    assert not list(folder.glob("*.log"))
    wanted = list(predictions(acknowledged))
    rows = [row.prediction for row in log.latest(1_000_000)]
    assert len(set(rows)) == len(rows)
    assert len(set(wanted)) == len(wanted) > 2400
    assert set(wanted) <= set(rows)
    # Each of two writers' four threads may have had one written and not acknowledged.
    assert len({row.partition("-")[0] for row in rows}) - len(acknowledged) <= 8


def test_a_full_disk_is_said_and_harms_no_other_line(folder, log):
    # A limit on the size of files does what a full disk does: the last write is cut short.
    script = """
import resource, sys
from churn.feedback.prediction_log import LogFailed, Spool, entry

spool = Spool(sys.argv[1], seconds=60)

def write(i):
    try:
        spool.write(entry(f"p{i}", 1.0, "r", 0.5, [0.25], b'{"id": 1}', key="id"))
    except LogFailed as error:
        assert "cannot be written" in str(error)
        return "failed"
    return f"p{i}"

hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
done = [write(i) for i in range(20)]
try:
    spool.check()
except LogFailed:
    done.append("unready")
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
spool.check()
done += [write(i) for i in range(20, 25)]
print(*done)
"""
    with start(script, folder) as process:
        said = process.stdout.read().split()
    assert said[0] == "p0"
    assert said[19:21] == ["failed", "unready"]
    assert said[21:] == [f"p{i}" for i in range(20, 25)]
    assert ship(folder, log) == Shipped(
        rows=len([one for one in said if one[0] == "p"]), partial_lines=1
    )
    assert {row.prediction for row in log.latest(100)} == {one for one in said if one[0] == "p"}


def test_a_partial_line_is_set_aside_and_said(folder, log, caplog):
    path = finished(folder, line("a"), line("b")[:50] + b"\n", line("c"), line("d")[:-30])
    assert ship(folder, log) == Shipped(rows=2, partial_lines=2)
    assert customers(log) == ["a", "c"]
    assert partial_files(folder) == [path.with_suffix(".partial")]
    assert partial_files(folder)[0].read_bytes().count(b"\n") == 1
    assert f"2 lines cannot be read, and are in {partial_files(folder)[0]}" in caplog.text
    assert not path.exists()


def test_a_line_after_one_that_was_cut_short_is_whole(spool, folder, log):
    spool.write(line("a"))
    (path,) = folder.iterdir()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 50, limits[1]))
    try:
        with pytest.raises(ChurnError, match="no room for all of a line"):
            spool.write(line("b"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    spool.write(line("c"))
    spool.write(line("d"))
    spool.close()
    assert ship(folder, log) == Shipped(rows=3, partial_lines=1)
    assert customers(log) == ["a", "c", "d"]


@pytest.mark.parametrize("odd", [b"{}\t{}\n", b"[]\t[]\n", b"1\n", b"\xff\t{}\n", b'{"id": "p"}\n'])
def test_a_line_that_is_no_answer_does_not_stop_the_rest(folder, odd, tmp_path):
    finished(folder, odd, line("a"))
    with PredictionLog(f"sqlite:///{tmp_path / 'log.db'}") as log:
        assert ship(folder, log) == Shipped(rows=1, partial_lines=1)


def test_a_log_that_cannot_be_written_is_not_ready(tmp_path):
    (tmp_path / "file").write_text("")
    spool = Spool(tmp_path / "file" / "spool")
    with pytest.raises(ChurnError, match="cannot be written"):
        spool.check()
    spool.close()


def test_to_ask_whether_it_can_be_written_leaves_no_prediction(spool, folder, log):
    spool.check()
    spool.close()
    assert ship(folder, log) == Shipped(rows=0, partial_lines=0)


def test_nobody_else_may_read_what_is_about_people(spool, folder, tmp_path):
    spool.write(line("a"))
    with PredictionLog(f"sqlite:///{tmp_path / 'log.db'}") as log:
        ship_all(folder, log)
    spool.write(line("b"))
    private = [folder, *folder.iterdir(), tmp_path / "log.db"]
    assert [path.stat().st_mode & 0o077 for path in private] == [0, 0, 0]


# Shipping


def test_a_quiet_worker_s_last_answer_is_shipped_too(folder, log):
    spool = Spool(folder, seconds=0.1)
    spool.write(line("a"))
    assert ship_all(folder, log, patience=5) == Shipped(rows=1, partial_lines=0)
    assert customers(log) == ["a"]
    spool.close()


def test_a_file_that_is_being_written_is_left_alone(folder, log):
    spool = Spool(folder, seconds=60)
    spool.write(line("a"))
    assert ship(folder, log) == Shipped(rows=0, partial_lines=0)
    with pytest.raises(ChurnError, match="is still in use"):
        ship_all(folder, log, patience=0.3)
    spool.close()
    assert ship(folder, log) == Shipped(rows=1, partial_lines=0)


def test_what_is_shipped_twice_is_there_once(folder, log, tmp_path):
    path = finished(folder, line("a", prediction="p"), line("b"))
    shutil.copy(path, tmp_path)
    ship(folder, log)
    shutil.copy(tmp_path / path.name, folder)  # its shipper died before it could remove it
    ship(folder, log)
    assert customers(log) == ["a", "b"]


def test_two_shippers_and_files_that_change_all_the_time(folder, database, log):
    spool = Spool(folder, seconds=0.001)
    done = threading.Event()

    def work():
        with PredictionLog(database.url) as own:
            shipper = Shipper(folder, own)
            while not done.is_set():
                shipper.ship()

    shippers = [threading.Thread(target=work) for _ in range(2)]
    for thread in shippers:
        thread.start()
    for i in range(2000):
        spool.write(line(f"{i:04}"))
        if i % 20 == 0:
            time.sleep(0.002)
    spool.close()
    done.set()
    for thread in shippers:
        thread.join()
    ship(folder, log)
    assert customers(log) == [f"{i:04}" for i in range(2000)]
    assert not list(folder.iterdir())


def test_an_outage_of_the_database_loses_nothing_and_is_said_once(folder, database, log, caplog):
    shipper = Shipper(folder, log)
    finished(folder, line("before"))
    shipper.ship()
    assert shipper.failure is None
    database.stop()
    try:
        for customer in ("first", "second"):
            finished(folder, line(customer))
            shipper.ship()
            assert f"Cannot use the prediction log {log.where}" in shipper.failure
            assert PASSWORD not in shipper.failure
        assert len(list(folder.iterdir())) == 2
        assert caplog.text.count("Cannot use the prediction log") == 1
        with pytest.raises(ChurnError, match="Cannot use"):
            log.latest(1)
    finally:
        database.start()
    shipper.ship()
    assert shipper.failure is None
    assert customers(log) == ["before", "first", "second"]


def test_a_database_file_that_was_removed_is_made_anew(folder, tmp_path):
    path = tmp_path / "log.db"
    with PredictionLog(f"sqlite:///{path}") as log:
        finished(folder, line("a"))
        ship(folder, log)
        path.unlink()
        shipper = Shipper(folder, log)
        finished(folder, line("b"))
        shipper.ship()
        shipper.ship()
        assert customers(log) == ["b"]


# Reading and deleting


def test_predictions_are_found_by_time_customer_and_id(folder, log):
    day = datetime(2026, 3, 29, tzinfo=UTC)
    times = [(day + timedelta(hours=hour)).timestamp() for hour in range(6)]
    lines = [line("ab"[i % 2], prediction=f"p{i}", time=t) for i, t in enumerate(times)]
    finished(folder, *reversed(lines))
    ship(folder, log)
    assert [row.prediction for row in log.latest(2)] == ["p5", "p4"]
    assert [row.prediction for row in log.of_customer("a")] == ["p4", "p2", "p0"]
    assert [row.prediction for row in log.of_customer("a", limit=1)] == ["p4"]
    some = log.between(day + timedelta(hours=1), day + timedelta(hours=3))
    assert [row.prediction for row in some] == ["p1", "p2"]
    assert log.find("p3").time == day + timedelta(hours=3)
    assert log.find("p6") is None
    assert log.count() == 6


def test_what_is_too_old_goes_and_the_rest_stays(folder, log):
    day = 86_400
    old, young = (line(name, time=time.time() - age) for name, age in (("a", 91), ("b", 89 * day)))
    finished(folder, old, young, line("c", time=time.time() - 91 * day))
    ship(folder, log)
    assert log.prune(days=90) == 1
    assert customers(log) == ["a", "b"]


def test_a_customer_who_is_deleted_is_gone_from_the_file_too(folder, tmp_path):
    path = tmp_path / "log.db"
    finished(folder, *(line(f"customer {i}") for i in range(50)))
    with PredictionLog(f"sqlite:///{path}") as log:
        ship(folder, log)
        assert b"customer 17" in path.read_bytes()
        assert log.delete_customer("customer 17") == 1
        assert log.delete_customer("customer 17") == 0
        assert log.count() == 49
    assert b"customer 17" not in path.read_bytes()
    assert b"customer 18" in path.read_bytes()


@pytest.mark.parametrize(
    "url", ["predictions.db", "sqlite://", "sqlite:///:memory:", f"mysql://u:{PASSWORD}@h/d", ""]
)
def test_a_url_that_is_no_use_is_refused_without_its_password(url):
    with pytest.raises(ChurnError, match="needs the URL of a database") as raised:
        PredictionLog(url)
    assert PASSWORD not in str(raised.value)


def test_where_a_log_lies_follows_from_the_environment(tmp_path):
    at_home = home() / ".churn"
    assert locations({}) == (at_home / "spool", f"sqlite:///{at_home / 'predictions.db'}")
    spool, url = locations({"CHURN_STATE": "/srv/churn", "CHURN_LOG": ""})
    assert (str(spool), url) == ("/srv/churn/spool", "sqlite:////srv/churn/predictions.db")
    url = "postgresql+psycopg://h/d"
    assert locations({"CHURN_STATE": os.fspath(tmp_path), "CHURN_LOG": url})[1] == url


# What is read


def made(prediction, at=None, run=RUN, probability=0.25, customer="a"):
    at = at or datetime(2026, 3, 2, tzinfo=UTC)
    return Prediction(prediction, at, run, customer, probability, True, 0.2, {})


def test_a_histogram_is_of_one_run_at_one_moment_in_bins_of_equal_width(log):
    """The bin of .39 in tenths is the fourth, in every database."""
    at = datetime(2026, 3, 2, tzinfo=UTC)
    chances = [0.0, 0.09, 0.1, 0.31, 0.39, 0.96]
    log.add(
        [
            *(made(f"p{i}", probability=chance) for i, chance in enumerate(chances)),
            made("another moment", at + timedelta(milliseconds=1), probability=0.5),
            made("another run", run="ChurnFlow/13", probability=0.5),
        ]
    )
    found = sorted(log.histogram(at, RUN, 10), key=lambda one: one[1])
    assert [many for many, _ in found] == [2, 1, 2, 1]
    assert [mean for _, mean in found] == pytest.approx([0.045, 0.1, 0.35, 0.96])
    assert log.histogram(at + timedelta(days=1), RUN, 10) == []


def test_an_id_is_found_by_its_beginning_and_two_are_enough(log):
    log.add([made(name) for name in ("ab1", "ab2", "ab3", "a_b", "a%b", "c")])
    assert [one.prediction for one in log.find_prefix("ab")] == ["ab1", "ab2"]
    assert [one.prediction for one in log.find_prefix("ab3")] == ["ab3"]
    assert log.find_prefix("ab3")[0].run == RUN
    # Wild cards of the database are letters like others.
    assert [one.prediction for one in log.find_prefix("a_")] == ["a_b"]
    assert [one.prediction for one in log.find_prefix("a%")] == ["a%b"]
    assert log.find_prefix("b") == []


def test_runs_and_predictions_are_those_of_a_span(log):
    first, second, third = (datetime(2026, 3, day, tzinfo=UTC) for day in (1, 2, 3))
    log.add(
        [
            made("b", second, "ChurnFlow/2"), made("a", second, "ChurnFlow/2"),
            made("c", first, "ChurnFlow/1"), made("d", third, "ChurnFlow/3"),
        ]
    )  # fmt: skip
    assert [one.prediction for one in log.between(first, third)] == ["c", "a", "b"]
    assert log.runs() == {"ChurnFlow/1", "ChurnFlow/2", "ChurnFlow/3"}
    assert log.runs(second) == {"ChurnFlow/2", "ChurnFlow/3"}
    assert log.runs(end=second) == {"ChurnFlow/1"}
    assert log.runs(second, third) == {"ChurnFlow/2"}
