"""Old runs are deleted with their own artifacts; needed runs and shared artifacts stay."""

import os
import time
from pathlib import Path

import pytest

from churn.registry.pruning import prune_runs

OLD = time.time() - 40 * 86_400


def run(store: Path, flow: str, number: int, *digests: str, old=True, ended=True) -> str:
    """A run with one task that names these artifacts."""
    task = store / flow / str(number) / "end" / "1"
    task.mkdir(parents=True)
    (task / "0.data.json").write_text(f'{{"objects": {{"x": {list(digests)!r}}}}}')
    if ended:
        (task / "0.DONE.lock").write_text("")
    card = store / "mf.cards" / flow / "runs" / str(number) / "card.html"
    card.parent.mkdir(parents=True)
    card.write_text("x" * 100)
    for digest in digests:
        blob = store / flow / "data" / digest[:2] / digest
        blob.parent.mkdir(parents=True, exist_ok=True)
        for path in (blob, blob.with_name(f"{digest}_meta")):
            path.write_bytes(b"x" * 1_000)
    if old:
        for path in (*task.iterdir(), *(store / flow / "data").rglob("*")):
            os.utime(path, (OLD, OLD))
    return f"{flow}/{number}"


def digest(letter: str) -> str:
    return letter * 40


@pytest.fixture
def store(tmp_path) -> Path:
    run(tmp_path, "ChurnFlow", 1, digest("a"), digest("b"))
    run(tmp_path, "ChurnFlow", 2, digest("b"), digest("c"))
    run(tmp_path, "ChurnFlow", 3, digest("d"))
    run(tmp_path, "ScoreFlow", 4, digest("e"))
    return tmp_path


def blobs(store: Path, flow: str = "ChurnFlow") -> set[str]:
    return {path.name[0] for path in (store / flow / "data").glob("*/*")}


def test_an_old_run_goes_with_its_own_artifacts_and_what_is_shared_stays(store):
    run(store, "ChurnFlow", 5, digest("c"), old=False)
    found = prune_runs(store, 30, {"ChurnFlow/2": "it was promoted"})
    assert sorted(found.runs) == ["ChurnFlow/1", "ChurnFlow/3"]
    assert found.kept == {"ChurnFlow/2": "it was promoted"}
    assert blobs(store) == {"b", "c"}
    assert not (store / "ChurnFlow" / "1").exists()
    assert not (store / "mf.cards" / "ChurnFlow" / "runs" / "3").exists()
    assert (store / "ChurnFlow" / "2").exists()
    assert found.freed > 4_000


def test_the_newest_run_of_a_flow_stays_however_old(store):
    found = prune_runs(store, 30, {})
    assert len(found.runs) == 2
    assert (store / "ScoreFlow" / "4").exists()
    assert blobs(store, "ScoreFlow") == {"e"}


def test_young_runs_stay(store):
    assert prune_runs(store, 50, {}).runs == []
    assert blobs(store) == {"a", "b", "c", "d"}


def test_a_dry_run_deletes_nothing_and_says_the_same(store):
    run(store, "ChurnFlow", 5, digest("c"), old=False)
    dry = prune_runs(store, 30, {}, dry=True)
    assert blobs(store) == {"a", "b", "c", "d"}
    assert prune_runs(store, 30, {}) == dry


def test_while_a_run_is_under_way_artifacts_are_left_alone(store):
    """It may be about to name one that is there already."""
    run(store, "ChurnFlow", 5, old=False, ended=False)
    found = prune_runs(store, 30, {})
    assert found.running == ["ChurnFlow"]
    assert len(found.runs) == 3
    assert blobs(store) == {"a", "b", "c", "d"}
