"""The files that a worker writes its answers to: whole lines, a lock, a new file after a while."""

import fcntl
import os
import stat
import threading
import time

import pytest

from churn.feedback.prediction_log.spool import SUFFIX, LogFailed, Spool


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "deep" / "spool"


def files(folder) -> list:
    return sorted(folder.glob("*"))


def held(path) -> bool:
    """Whether somebody holds the lock on a file."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_lines_are_in_a_file_that_is_held_until_it_is_finished(folder):
    spool = Spool(folder, seconds=60)
    assert not folder.exists()
    spool.write(b"one\n")
    spool.write(b"two\n")
    (path,) = files(folder)
    assert path.suffix == SUFFIX
    assert path.read_bytes() == b"one\ntwo\n"
    assert held(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    spool.close()
    assert not held(path)


def test_another_file_begins_after_the_seconds(folder):
    spool = Spool(folder, seconds=0.05)
    spool.write(b"one\n")
    (first,) = files(folder)
    deadline = time.monotonic() + 10
    while held(first) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not held(first)
    spool.write(b"two\n")
    assert [path.read_bytes() for path in files(folder)] == [b"one\n", b"two\n"]
    spool.close()
    assert not any(map(held, files(folder)))


def test_threads_write_whole_lines(folder):
    spool = Spool(folder, seconds=0.01)
    lines = [b"%d " % n + b"x" * 5_000 + b"\n" for n in range(400)]
    threads = [
        threading.Thread(target=lambda part: [spool.write(line) for line in part], args=(part,))
        for part in (lines[k::4] for k in range(4))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spool.close()
    found = b"".join(path.read_bytes() for path in files(folder)).splitlines(keepends=True)
    assert sorted(found) == sorted(lines)


def test_a_partial_line_is_ended_by_the_next_one(folder, monkeypatch):
    spool = Spool(folder, seconds=60)
    spool.write(b"whole\n")
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, text: write(file, text[:3]))
    with pytest.raises(LogFailed, match="no room for all of a line"):
        spool.write(b"cut short\n")
    monkeypatch.undo()
    spool.write(b"next\n")
    spool.write(b"last\n")
    (path,) = files(folder)
    assert path.read_bytes() == b"whole\ncut\nnext\nlast\n"


def test_a_new_file_needs_no_newline_for_the_old_one(folder, monkeypatch):
    spool = Spool(folder, seconds=60)
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, text: write(file, text[:3]))
    with pytest.raises(LogFailed):
        spool.write(b"cut short\n")
    monkeypatch.undo()
    spool.close()
    spool.write(b"next\n")
    assert {path.read_bytes() for path in files(folder)} == {b"cut", b"next\n"}


def test_a_fault_names_folder_and_reason_and_ends_nothing(folder):
    folder.parent.mkdir()
    folder.write_text("a file where the folder should be")
    spool = Spool(folder, seconds=60)
    with pytest.raises(LogFailed) as error:
        spool.write(b"one\n")
    assert error.value.problems == [f"{folder}: File exists"]
    folder.unlink()
    spool.check()
    spool.write(b"one\n")
    (path,) = files(folder)
    # Lines that are empty are no answers: the first ends what may have been written before.
    assert path.read_bytes().split() == [b"one"]
