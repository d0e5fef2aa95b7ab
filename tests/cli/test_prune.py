"""`churn prune`: old runs are deleted, and champions and runs in the log stay."""

import os
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime

import pytest

import tiny
from churn.feedback.prediction_log import Prediction, PredictionLog
from tiny import copy_store, environment, tiny_runs

pytestmark = pytest.mark.slow

OLD = time.time() - 40 * 86_400


def number_of(run: str) -> int:
    return int(run.split("/")[1])


def logged() -> str:
    """The run with predictions: the older of two that were made at once, so never the newest."""
    names = tiny_runs()
    return min(names["better"], names["bank"], key=number_of)


@pytest.fixture
def store(tmp_path):
    """Runs that are forty days old: one was promoted, one has a prediction in the log."""
    names = tiny_runs()
    shutil.copytree(tiny.STORE / ".metaflow", tmp_path / ".metaflow")
    churn(tmp_path, "promote", names["good"], "--why", "the first")
    state = tmp_path / ".churn"
    with PredictionLog(f"sqlite:///{state / 'predictions.db'}") as log:
        now = datetime.now(UTC)
        log.add([Prediction("p", now, logged(), "c", 0.5, True, 0.2, {})])
    (state / "spool").mkdir()
    (state / "spool" / "x.partial").write_text("{")
    (state / "tables").mkdir()
    for name in ("old", "new"):
        (state / "tables" / f"{name}.parquet").write_text("a converted table")
    leftovers = state / "spool" / "x.partial", state / "tables" / "old.parquet"
    for path in (*(tmp_path / ".metaflow").rglob("*"), *leftovers):
        os.utime(path, (OLD, OLD))
    return tmp_path


def churn(store, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "churn", *arguments], cwd=store, env=environment(store), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return done.stdout


def runs(store) -> set[str]:
    return {f"ChurnFlow/{path.name}" for path in store.glob(".metaflow/ChurnFlow/[0-9]*")}


def test_old_runs_are_deleted_and_needed_ones_stay(store):
    names, before = tiny_runs(), runs(store)
    said = churn(store, "prune", "--keep-days", "30", "--dry-run")
    assert "would be deleted" in said
    assert runs(store) == before
    said = churn(store, "prune", "--keep-days", "30")
    assert runs(store) == {names["good"], logged(), max(before, key=number_of)}
    assert f"{len(before) - len(runs(store))} runs more than 30 days old deleted" in said
    assert f"{names['good']} is older and stays: it was promoted." in said
    assert f"{logged()} is older and stays: its predictions are in the log." in said
    assert not (store / ".churn" / "spool" / "x.partial").exists()
    assert [one.name for one in (store / ".churn" / "tables").iterdir()] == ["new.parquet"]
    assert names["good"] in churn(store, "history")


def test_nothing_to_delete_is_no_error(tmp_path):
    said = churn(copy_store(tmp_path), "prune", "--keep-days", "400")
    assert "0 runs more than 400 days old deleted" in said
