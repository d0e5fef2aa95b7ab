"""The keeper survives every error of the datastore and of the disk."""

import json
import os
import resource
import shutil
import time
from pathlib import Path
from urllib.request import urlopen

import pytest

from processes import wait_for
from running import STORE
from serve.server.keeper import SYNC_SECONDS


@pytest.fixture
def store(telco_run, tmp_path):
    """A datastore without a champion, which can be damaged; artifacts are found where they were."""
    folder = tmp_path / "store"
    shutil.copytree(STORE / ".metaflow", folder / ".metaflow", symlinks=True)
    for meta in (folder / ".metaflow" / "ChurnFlow").glob("*/_meta/_self.json"):
        content = json.loads(meta.read_text())
        of_others = [tag for tag in content["tags"] if not tag.startswith(("champion", "promot"))]
        meta.write_text(json.dumps(content | {"tags": of_others}))
    return folder


@pytest.fixture
def following(start, telco_run, store, tmp_path):
    """A server that follows the champion of that store."""
    server = start(CHURN_RUN="champion", METAFLOW_DATASTORE_SYSROOT_LOCAL=str(store))
    tag(store, telco_run, "champion:1", "promotion:1 at 2025-01-01T00:00:00.000+00:00: the first")
    server.wait(path="/ready")
    wait_for(lambda: server.health()["status"] == "ok")
    return server


def meta_of(store: Path, run) -> Path:
    (found,) = (store / ".metaflow" / run.pathspec / "_meta").glob("_self.json")
    return found


def tag(store: Path, run, *tags: str) -> None:
    meta = meta_of(store, run)
    content = json.loads(meta.read_text())
    content["tags"] = sorted({*content["tags"], "promoted", *tags})
    meta.write_text(json.dumps(content))


def test_damaged_metadata_is_reported_and_looked_at_again(following, store, telco_run):
    meta = meta_of(store, telco_run)
    content = meta.read_text()
    for damaged in ("", "{", "[]", '{"tags": 3}'):
        meta.write_text(damaged)
        wait_for(lambda: following.health()["status"] == "stale")
        time.sleep(SYNC_SECONDS + 1)
        assert following.health()["model"]["run"] == telco_run.pathspec
        with urlopen(f"{following.url}/metrics") as answer:
            assert b"churn_model_stale 1.0" in answer.read()
        meta.write_text(content)
        wait_for(lambda: following.health()["status"] == "ok")
    # Each fault is in the log once, however often it was seen.
    log = following.log.read_text()
    assert log.count("[keeper] The model is the last one that could be read.") == 4
    assert log.count("[keeper] The model is the wanted one again.") == 4


@pytest.mark.parametrize("evidence", ["promotion:2 at yesterday: no date", "promotion:2 at : x"])
def test_malformed_promotion_ends_nothing(following, store, telco_run, evidence):
    meta = meta_of(store, telco_run)
    content = meta.read_text()
    tag(store, telco_run, "champion:2", evidence)
    time.sleep(6)
    found = following.health()
    assert found["model"]["run"] == telco_run.pathspec
    meta.write_text("")
    wait_for(lambda: following.health()["status"] == "stale")  # it still looks
    meta.write_text(content)
    wait_for(lambda: following.health()["status"] == "ok")


def test_full_disk_is_reported_and_looked_at_again(start, telco_run, tmp_path):
    server = start(CHURN_RUN=telco_run.pathspec)
    keeper = server.keeper()
    limits = resource.prlimit(keeper, resource.RLIMIT_FSIZE, (64, resource.RLIM_INFINITY))
    time.sleep(8)
    resource.prlimit(keeper, resource.RLIMIT_FSIZE, limits)
    server.wait(path="/ready")
    wait_for(lambda: server.health()["status"] == "ok")
    assert server.keeper() == keeper, "the keeper died"
    assert os.path.exists(server.state / "models")
