"""From the files of workers to the database: how much is moved, and what hinders it."""

import fcntl
import logging
import threading
import time

import pytest

from churn.errors import ChurnError
from churn.feedback.prediction_log import (
    PredictionLog,
    Shipped,
    Shipper,
    entry,
    new_id,
    ship,
    ship_all,
)
from churn.feedback.prediction_log.shipping import CHUNK
from churn.feedback.prediction_log.spool import SUFFIX


@pytest.fixture
def log(tmp_path):
    with PredictionLog(f"sqlite:///{tmp_path / 'log.db'}") as log:
        yield log


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "spool"
    folder.mkdir()
    return folder


def line() -> bytes:
    return entry(new_id(), 1_700_000_000.0, "ChurnFlow/1", 0.5, [0.1], b"{}")


def test_more_than_a_transaction_is_moved_and_counted(folder, log):
    rows = 2 * CHUNK + 3
    (folder / f"a{SUFFIX}").write_bytes(b"".join(line() for _ in range(rows)))
    assert ship(folder, log) == Shipped(rows, 0)
    assert len(log.latest(rows + 1)) == rows
    assert list(folder.iterdir()) == []


def test_what_comes_while_it_waits_is_counted_too(folder, log):
    """One file is held by its worker for a moment."""
    (folder / f"a{SUFFIX}").write_bytes(line() + b"torn\n")
    with (folder / f"b{SUFFIX}").open("ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)

        def finish():
            time.sleep(0.15)
            held.write(line() + line())
            held.flush()
            fcntl.flock(held, fcntl.LOCK_UN)

        worker = threading.Thread(target=finish)
        worker.start()
        assert ship_all(folder, log, patience=20) == Shipped(3, 1)
        worker.join()


def test_a_file_that_cannot_be_read_is_named_and_the_others_are_moved(folder, log):
    (folder / f"a{SUFFIX}").write_bytes(line())
    (folder / f"b{SUFFIX}").mkdir()
    with pytest.raises(ChurnError) as error:
        ship(folder, log)
    assert str(error.value).startswith(f"Cannot take {folder / f'b{SUFFIX}'} to the database:")
    assert "Is a directory" in error.value.problems[0]
    assert len(log.latest(10)) == 1


def test_a_failure_is_reported_once_and_its_end_too(folder, log, caplog):
    caplog.set_level(logging.INFO)
    shipper = Shipper(folder, log)
    shipper.ship()
    assert shipper.failure is None
    assert caplog.messages == []
    bad = folder / f"b{SUFFIX}"
    bad.mkdir()
    shipper.ship()
    shipper.ship()
    assert "Is a directory" in shipper.failure
    (told,) = caplog.messages
    assert str(bad) in told
    bad.rmdir()
    shipper.ship()
    shipper.ship()
    assert shipper.failure is None
    assert caplog.messages[1:] == [f"Predictions go to {log.where} again."]
