"""The keeper survives every error of the datastore and of the disk."""

import json
import os
import resource
import time
from pathlib import Path
from urllib.request import urlopen

import pytest

from processes import wait_for
from running import STORE, link_runs, reading_from
from serve.cache import Cache
from serve.instance import read_status
from serve.server.keeper import SYNC_SECONDS, Keeper

FIRST = "champion:1", "promotion:1 at 2025-01-01T00:00:00.000+00:00: the first"
LAST, AGAIN = "The model is the last one that could be read.", "The model is the wanted one again."


@pytest.fixture
def store(telco_run, tmp_path) -> Path:
    """A datastore without a champion, which can be damaged."""
    return link_runs(STORE, tmp_path / "store", [telco_run.pathspec])


@pytest.fixture
def following(start, telco_run, store, tmp_path):
    """A server that follows the champion of that store."""
    server = start(CHURN_RUN="champion", METAFLOW_DATASTORE_SYSROOT_LOCAL=str(store))
    tag(store, telco_run, *FIRST)
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


@pytest.mark.scheduled
def test_damaged_metadata_is_reported_and_looked_at_again(following, store, telco_run):
    meta = meta_of(store, telco_run)
    content = meta.read_text()
    meta.write_text("{")
    wait_for(lambda: following.health()["status"] == "stale")
    time.sleep(SYNC_SECONDS + 1)
    assert following.health()["model"]["run"] == telco_run.pathspec
    with urlopen(f"{following.url}/metrics") as answer:
        assert b"churn_model_stale 1.0" in answer.read()
    meta.write_text(content)
    wait_for(lambda: following.health()["status"] == "ok")
    # The fault is in the log once, however often it was seen.
    log = following.log.read_text()
    assert log.count(f"[keeper] {LAST}") == log.count(f"[keeper] {AGAIN}") == 1


class TestSync:
    """The keeper in this process, whenever it looks."""

    @pytest.fixture
    def keeper(self, store, telco_run, tmp_path):
        tag(store, telco_run, *FIRST)
        keeper = Keeper("champion", Cache(tmp_path / "models"), tmp_path)
        with reading_from(store):
            keeper.sync()
            yield keeper

    @staticmethod
    def published(keeper) -> tuple[str, str | None]:
        keeper.sync()
        found = json.loads(read_status(keeper.instance))
        return found["run"], found["problem"]

    @pytest.mark.parametrize("damaged", ["", "{", "[]", '{"tags": 3}'])
    def test_survives_damaged_metadata_and_says_so_once(
        self, keeper, store, telco_run, damaged, caplog
    ):
        assert self.published(keeper) == (telco_run.pathspec, None)
        meta = meta_of(store, telco_run)
        content = meta.read_text()
        meta.write_text(damaged)
        for _ in range(2):
            run, problem = self.published(keeper)
            assert run == telco_run.pathspec
            assert problem.startswith(LAST)
        meta.write_text(content)
        assert self.published(keeper) == (telco_run.pathspec, None)
        assert (caplog.text.count(LAST), caplog.text.count(AGAIN)) == (1, 1)

    @pytest.mark.parametrize(
        "evidence", ["promotion:2 at yesterday: no date", "promotion:2 at : x"]
    )
    def test_takes_no_notice_of_a_malformed_promotion(self, keeper, store, telco_run, evidence):
        tag(store, telco_run, "champion:2", evidence)
        assert self.published(keeper) == (telco_run.pathspec, None)
        meta_of(store, telco_run).write_text("")
        assert self.published(keeper)[1]  # it still looks


@pytest.mark.scheduled
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
