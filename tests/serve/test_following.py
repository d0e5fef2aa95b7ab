"""The server follows the champion, and works without its datastore."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from churn.registry.runs import fetch_run, promote
from processes import wait_for
from running import ROOT, STORE, link_runs, reading_from
from serve.cache import Cache
from serve.server.keeper import SYNC_SECONDS, Keeper


def ask(server, record):
    request = Request(
        f"{server.url}/predict", json.dumps(record).encode(), {"Content-Type": "application/json"}
    )
    with urlopen(request) as answer:
        return json.load(answer)


@pytest.fixture
def store(telco_run, quick_run, tmp_path):
    """A store with two runs, in which this process promotes; none is the champion at first."""
    folder = link_runs(STORE, tmp_path / "store", [telco_run.pathspec, quick_run.pathspec])
    with reading_from(folder):
        yield folder


@pytest.mark.scheduled
def test_champion_changes_between_requests_and_none_fails(
    start, store, telco_run, quick_run, records
):
    pathspecs = telco_run.pathspec, quick_run.pathspec
    expected = {name: [fetch_run(name).scorer(record) for record in records] for name in pathspecs}
    promote(pathspecs[0], "the first")
    server = start(CHURN_RUN="champion", METAFLOW_DATASTORE_SYSROOT_LOCAL=str(store))
    server.wait(path="/ready")
    done, answers, failures = threading.Event(), [], []

    def load():
        while not done.is_set():
            for i, record in enumerate(records):
                try:
                    answer = ask(server, record)
                except OSError as error:
                    failures.append(error)
                else:
                    answers.append((answer["run"], answer["probability"], i))

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    for run in (pathspecs[1], pathspecs[0], pathspecs[1]):
        promote(run, "another turn")
        wait_for(lambda run=run: answers and {name for name, *_ in answers[-40:]} == {run})
    done.set()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(answers) > 100
    assert all(probability == expected[run][i] for run, probability, i in answers)
    assert server.health()["status"] == "ok"


@pytest.fixture
def settings(telco_run, movable, tmp_path):
    """Of a server with a datastore and a state of its own."""
    return {
        "CHURN_RUN": telco_run.pathspec,
        "CHURN_STATE": str(tmp_path / "state"),
        "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(movable),
    }


@pytest.fixture
def movable(telco_run, tmp_path) -> Path:
    """A store that is taken away and comes back."""
    return link_runs(STORE, tmp_path / "store", [telco_run.pathspec])


@pytest.mark.scheduled
def test_without_its_datastore_it_goes_on_and_starts_again(start, settings, movable, records):
    server = start(**settings).wait()
    wait_for(lambda: server.health()["model"])
    before = ask(server, records[0])["probability"]
    (movable / ".metaflow").rename(movable / "away")
    time.sleep(SYNC_SECONDS + 1)
    assert ask(server, records[0])["probability"] == before
    server.stop()

    again = start(**settings).wait()
    wait_for(lambda: again.health()["model"])
    health = again.health()
    assert health["status"] == "stale"
    assert "from the cache" in health["problem"]
    assert ask(again, records[0])["probability"] == before
    (movable / "away").rename(movable / ".metaflow")
    wait_for(lambda: again.health()["status"] == "ok")


def test_model_in_the_cache_that_was_changed_is_not_served(start, settings, movable, tmp_path):
    server = start(**settings).wait()
    wait_for(lambda: server.health()["model"])
    server.stop()
    (movable / ".metaflow").rename(movable / "away")
    (model,) = (tmp_path / "state" / "models").glob("*.jsonl")
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1
    model.write_bytes(content)
    again = start(**settings).wait()
    wait_for(lambda: "not what was written" in str(again.health()["problem"]))
    assert again.health()["model"] is None


def test_two_businesses_in_one_store_are_each_served_by_their_own_contract(
    start, telco_run, quick_run, dated_run, records, tmp_path
):
    runs = {"churn": telco_run.pathspec, "bank": dated_run.pathspec}
    store = link_runs(STORE, tmp_path / "store", [*runs.values(), quick_run.pathspec])
    code = "import sys; from churn.registry.runs import promote as p; p(*sys.argv[1:], force=True)"
    environment = {"METAFLOW_DATASTORE_SYSROOT_LOCAL": str(store)}

    def promoted(run):
        made = subprocess.run(
            [sys.executable, "-c", code, run, "for a test"], cwd=ROOT, text=True,
            env=os.environ | environment, capture_output=True, check=False,
        )  # fmt: skip
        assert made.returncode == 0, made.stderr

    for run in runs.values():
        promoted(run)
    servers = {project: start(CHURN_RUN=f"champion:{project}", **environment) for project in runs}
    neither = start(CHURN_RUN="champion", **environment).wait()
    for project, run in runs.items():
        health = servers[project].wait(path="/ready").health()
        assert (health["status"], health["model"]["run"]) == ("ok", run)
    wait_for(lambda: "Several projects" in (neither.health()["problem"] or ""))
    promoted(quick_run.pathspec)
    wait_for(lambda: servers["churn"].health()["model"]["run"] == quick_run.pathspec)
    time.sleep(SYNC_SECONDS + 1)
    health = servers["bank"].health()
    assert (health["status"], health["model"]["run"]) == ("ok", runs["bank"])
    # A bank's customer is no telecom's.
    with pytest.raises(HTTPError) as caught:
        ask(servers["bank"], records[0])
    with caught.value as refusal:
        assert refusal.code == 422


def test_an_app_does_not_swap_to_another_contract_s_model(telco_run, dated_run, tmp_path):
    keeper = Keeper(telco_run.pathspec, Cache(tmp_path / "models"), tmp_path)
    keeper.sync()
    assert keeper.status["run"] == telco_run.pathspec
    keeper.wanted = dated_run.pathspec  # as if the champion were the bank's now
    keeper.sync()
    assert keeper.status["run"] == telco_run.pathspec
    assert "it is of the project 'bank', not 'churn'" in keeper.status["problem"]
