"""The state of a project has one folder, from whatever directory a command is started."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from churn.home import home, use_home

ROOT = Path(__file__).parents[1]


@pytest.fixture
def elsewhere(tmp_path, monkeypatch) -> Path:
    for name in ("CHURN_HOME", "METAFLOW_DATASTORE_SYSROOT_LOCAL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_checkout_is_its_own_home_from_anywhere(elsewhere):
    (elsewhere / ".metaflow").mkdir()  # another project's store is none of ours
    assert home() == ROOT


def test_the_environment_names_another_home(elsewhere, monkeypatch):
    monkeypatch.setenv("CHURN_HOME", "state")
    assert home() == elsewhere / "state"
    assert use_home() == elsewhere / "state"
    store = Path(os.environ["METAFLOW_DATASTORE_SYSROOT_LOCAL"])
    monkeypatch.delenv("METAFLOW_DATASTORE_SYSROOT_LOCAL")
    assert store == elsewhere / "state"


def test_a_store_that_metaflow_is_told_of_stays(elsewhere, monkeypatch):
    monkeypatch.setenv("METAFLOW_DATASTORE_SYSROOT_LOCAL", str(elsewhere / "store"))
    assert use_home() == elsewhere / "store"


def test_an_installed_library_looks_upward(elsewhere):
    """Where no flows lie beside the library, it does as Metaflow does."""
    copy = elsewhere / "installed" / "churn"
    copy.mkdir(parents=True)
    for name in ("__init__.py", "home.py"):
        (copy / name).write_bytes((ROOT / "churn" / name).read_bytes())
    deep = elsewhere / "project" / "deep"
    deep.mkdir(parents=True)
    (elsewhere / "project" / ".metaflow").mkdir()
    found = subprocess.run(
        [sys.executable, "-c", "from churn.home import home; print(home())"], cwd=deep,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(copy.parent)}, capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    assert found.stdout.strip() == str(elsewhere / "project")
