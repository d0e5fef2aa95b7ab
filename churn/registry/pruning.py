"""Delete old runs of the local store, with the artifacts that no other run has.

Metaflow never deletes a run: 20 to 60 MB each. Artifacts are in one folder per flow under the
SHA-1 of their content, so that runs share them; an artifact is deleted when no remaining file of
the flow's runs names it. A store on S3 has lifecycle rules instead.
"""

import re
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

FLOWS = ("ChurnFlow", "ScoreFlow", "EffectFlow", "MonitorFlow")
DIGEST = re.compile(rb"[0-9a-f]{40}")
DAY = 86_400
# A run that has not ended may be running if its last write is at most so many seconds ago.
ACTIVE = 3_600


@dataclass
class Pruned:
    """The runs that are deleted, or would be in a dry run.

    Attributes
    ----------
    runs : list of str
        `ChurnFlow/<id>`.
    kept : dict of str to str
        Runs that are older and stay, and why.
    freed : int
        Bytes.
    running : list of str
        Flows with a run that may be under way, whose artifacts were left alone.
    """

    runs: list[str] = field(default_factory=list)
    kept: dict[str, str] = field(default_factory=dict)
    freed: int = 0
    running: list[str] = field(default_factory=list)


def prune_runs(
    store: Path, keep_days: float, needed: Mapping[str, str], *, dry: bool = False
) -> Pruned:
    """Delete the runs in which nothing was written for so many days.

    The newest run of each flow always stays.

    Parameters
    ----------
    store : Path
        The `.metaflow` folder; see `churn.metaflow_compat.local_store`.
    keep_days : float
    needed : mapping of str to str
        Runs that stay however old they are, and why.
    dry : bool
        Only report, and delete nothing.
    """
    found = Pruned()
    before = time.time() - keep_days * DAY
    for flow in FLOWS:
        runs = {path: _written(path) for path in _runs(store / flow)}
        newest = max(runs, key=lambda path: int(path.name), default=None)  # ids count up
        old = []
        for path, written in runs.items():
            name = f"{flow}/{path.name}"
            if written >= before or path == newest:
                continue
            if name in needed:
                found.kept[name] = needed[name]
            else:
                old.append(path)
                found.runs.append(name)
        if not old:
            continue
        gone = [*old, *(card for path in old for card in _cards(store, flow, path.name))]
        if any(_may_run(path, written) for path, written in runs.items()):
            found.running.append(flow)
        else:
            gone += _unnamed(store / flow, [path for path in runs if path not in old], before)
        for path in gone:
            found.freed += _size(path)
            if not dry:
                _delete(path)
    return found


def _runs(flow: Path) -> Iterator[Path]:
    if flow.is_dir():
        yield from (path for path in flow.iterdir() if path.name.isdigit() and path.is_dir())


def _written(path: Path) -> float:
    """When something was last written in a folder."""
    return max((one.stat().st_mtime for one in path.rglob("*") if one.is_file()), default=0.0)


def _may_run(run: Path, written: float) -> bool:
    return written > time.time() - ACTIVE and not any(run.glob("end/*/*.DONE.lock"))


def _cards(store: Path, flow: str, run: str) -> list[Path]:
    return list(store.glob(f"mf.cards/{flow}/runs/{run}"))


def _unnamed(flow: Path, remaining: list[Path], before: float) -> list[Path]:
    """The old artifacts that no file of the remaining runs names."""
    named: set[str] = set()
    for run in remaining:
        for path in run.rglob("*.json"):
            named.update(digest.decode() for digest in DIGEST.findall(path.read_bytes()))
    return [
        path
        for path in flow.glob("data/*/*")
        if path.name[:40] not in named and path.stat().st_mtime < before
    ]


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(one.stat().st_size for one in files if one.is_file())


def _delete(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
