"""A file exists whole or not at all, and no partial file stays behind."""

import os
import subprocess
import sys

import pytest

from churn.files import atomic_write, write_file
from running import ROOT

KILLED = """
import os, sys
from churn.files import atomic_write
with atomic_write(sys.argv[1]) as file:
    file.write(b"half")
    file.flush()
    os.kill(os.getpid(), 9)
"""


def test_a_file_is_replaced_whole(tmp_path):
    path = tmp_path / "list.csv"
    write_file(path, "old")
    with atomic_write(path) as file:
        file.write("né".encode())
        file.flush()
        assert path.read_text() == "old"
    assert path.read_text("utf-8") == "né"
    assert os.listdir(tmp_path) == ["list.csv"]


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_a_file_has_the_mode_that_is_given(tmp_path, mode):
    write_file(tmp_path / "list.csv", b"", mode)
    assert (tmp_path / "list.csv").stat().st_mode & 0o777 == mode


def test_a_failed_write_leaves_the_old_file_and_nothing_beside_it(tmp_path):
    path = tmp_path / "list.csv"
    write_file(path, "old")
    with pytest.raises(TypeError), atomic_write(path) as file:
        file.writelines([b"new", None])
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["list.csv"]


def test_what_a_killed_writer_left_is_removed_by_the_next_write_and_a_living_one_is_not(tmp_path):
    path = tmp_path / "list.csv"
    subprocess.run([sys.executable, "-c", KILLED, str(path)], env={"PYTHONPATH": str(ROOT)})
    assert len(os.listdir(tmp_path)) == 1
    with atomic_write(path) as first:
        first.write(b"first")
        write_file(path, "second")
        assert path.read_text() == "second"
    assert path.read_text() == "first"
    assert os.listdir(tmp_path) == ["list.csv"]
