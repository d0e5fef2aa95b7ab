"""`python -m churn log …`."""

import os
import time
from datetime import timedelta

import pytest

import desk
from churn.__main__ import main
from churn.campaign.stored import CallListStore
from churn.feedback.prediction_log import PredictionLog, Spool, entry, locations, new_id, ship_all

DAY = 86_400


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("CHURN_STATE", str(tmp_path / "state"))
    monkeypatch.delenv("CHURN_LOG", raising=False)
    return tmp_path / "state"


@pytest.fixture
def worker(state):
    """A worker that goes on to another file only every now and then."""
    spool = Spool(state / "spool", seconds=0.5)
    yield spool
    spool.close()


def answer(worker, customer, age=0.0):
    prediction = new_id()
    body = f'{{"id": "{customer}"}}'.encode()
    worker.write(entry(prediction, time.time() - age, "ChurnFlow/12", 0.2, [0.25], body, key="id"))
    return prediction


def stored():
    with PredictionLog(locations(os.environ)[1]) as log:
        return sorted(row.customer for row in log.latest(100))


def test_shows_what_was_shipped_the_newest_first(worker, capsys):
    assert main(["log", "show"]) == 0
    assert "No predictions in sqlite:///" in capsys.readouterr().out
    ids = [answer(worker, customer) for customer in ("a", "b", "a")]
    worker.close()
    assert main(["log", "ship"]) == 0
    assert "3 predictions taken to sqlite:///" in capsys.readouterr().out
    assert main(["log", "show", "--limit", "2"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert [words.split()[2] for words in shown] == [ids[2], ids[1]]
    assert shown[0].endswith("ChurnFlow/12  0.2500  leaves  'a'")
    assert main(["log", "show", "--customer", "a"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert [words.split()[2] for words in shown] == [ids[2], ids[0]]


def test_deletes_a_customer_of_whom_some_is_not_yet_shipped_for_good(worker, state, capsys):
    answer(worker, "a")
    answer(worker, "b")
    assert main(["log", "delete", "a"]) == 0  # the worker still has the file open
    assert "1 prediction for customer 'a' deleted" in capsys.readouterr().out
    assert main(["log", "ship"]) == 0
    assert stored() == ["b"]
    answer(worker, "c")
    with PredictionLog(locations(os.environ)[1]) as log:
        ship_all(state / "spool", log)
    assert stored() == ["b", "c"]


def test_says_that_there_was_nobody_to_delete(capsys):
    assert main(["log", "delete", "nobody"]) == 1
    assert "No predictions for customer 'nobody'" in capsys.readouterr().err


def test_keeps_so_many_days_of_what_is_shipped_and_what_is_not(worker, state, capsys):
    answer(worker, "old", age=40 * DAY)
    answer(worker, "young", age=20 * DAY)
    partial = [state / "spool" / name for name in ("old.partial", "young.partial")]
    for path, age in zip(partial, (40, 20), strict=True):
        path.write_text("{")
        os.utime(path, (time.time() - age * DAY,) * 2)
    assert main(["log", "prune", "--days", "30"]) == 0
    said = capsys.readouterr().out
    assert f"{partial[0]} deleted" in said
    assert "1 prediction more than 30 days old deleted" in said
    assert "; 1 left." in said
    assert stored() == ["young"]
    assert [path.exists() for path in partial] == [False, True]


def test_points_to_lines_that_could_not_be_read_when_it_deletes(worker, state, capsys):
    answer(worker, "a")
    (state / "spool" / "x.partial").write_text("{")
    assert main(["log", "delete", "a"]) == 0
    assert "x.partial has lines that could not be read" in capsys.readouterr().out


def test_another_database_and_spool_can_be_named(worker, state, tmp_path, capsys):
    answer(worker, "a")
    worker.close()
    where = ["--log", f"sqlite:///{tmp_path / 'other.db'}", "--spool", str(state / "spool")]
    assert main(["log", "ship", *where]) == 0
    assert main(["log", "show", *where]) == 0
    assert "'a'" in capsys.readouterr().out
    assert stored() == []


def test_a_database_that_cannot_be_reached_is_said_without_its_password(monkeypatch, capsys):
    monkeypatch.setenv("CHURN_LOG", "postgresql+psycopg://crm:s3cret-Pa55@127.0.0.1:1/crm")
    assert main(["log", "show"]) == 1
    said = capsys.readouterr().err
    assert "postgresql+psycopg://127.0.0.1:1/crm" in said
    assert "s3cret-Pa55" not in said
    with pytest.raises(SystemExit):
        main(["log", "show", "--help"])
    assert "s3cret-Pa55" not in capsys.readouterr().out


@pytest.mark.parametrize("days", ["0", "-1", "many", "1e9", "99999999999"])
def test_days_that_make_no_sense_are_refused(days, capsys):
    with pytest.raises(SystemExit):
        main(["log", "prune", "--days", days])
    assert "a whole number from 1" in capsys.readouterr().err


def test_calls_are_deleted_with_the_customer_and_with_their_age(state, capsys):
    url = locations(os.environ)[1]
    desk.fill(url)
    with CallListStore(url) as store:
        old = desk.a_list("old", desk.TODAY - timedelta(days=400))
        store.add(old, [desk.listed("x", 1, "old")])
        store.record(desk.LIST, "C0001", 0, "called", "Anna")
        assert main(["log", "delete", "C0001"]) == 0
        assert "Deleted from 1 call list too" in capsys.readouterr().out
        assert store.find(desk.LIST, "C0001") is None
        assert store.events("C0001") == []
        assert main(["log", "prune", "--days", "365"]) == 0
        assert "with 1 customer and the history" in capsys.readouterr().out
        assert [one.list_id for one in store.lists()] == [desk.LIST]
