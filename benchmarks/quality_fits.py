"""The fits of benchmarks/quality.py, ours and the peers', with their times and results."""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from cpu_time import CpuTime
from quality_tables import (
    Split,
    Table,
    draw_split,
    generated_table,
    read_tables,
    say,
    shaped_tables,
)

from churn.errors import ChurnError
from churn.registry.commit import git_commit
from churn.registry.model_file import load_model
from churn.statistics.log_odds import row_losses

ROOT = Path(__file__).resolve().parents[1]


class FitFailed(RuntimeError):
    """A contender that did not finish, with its output."""


@dataclass(frozen=True)
class Contender:
    """Ours, or a peer with its time limit, if it has one."""

    kind: str
    seconds: float | None = None

    @property
    def name(self) -> str:
        return self.kind if self.seconds is None else f"{self.kind}-{self.seconds:g}"


OURS, OURS_HIGH = Contender("ours"), Contender("ours-high")
EFFORTS = {OURS: "default", OURS_HIGH: "high"}


COLUMNS = [
    "table", "seed", "rows", "split", "contender",
    "log_loss", "seconds", "cpu_seconds", "cv_log_loss", "truth", "code", "failure",
]  # fmt: skip


class Results:
    """The results: a file of JSON lines, and a folder of predictions next to it."""

    def __init__(self, path: Path):
        self.path = path
        self.folder = path.with_suffix(".predictions")
        self.lines = []
        if not path.exists():
            return
        whole, end, torn = path.read_text("utf-8").rpartition("\n")
        if torn:
            say(f"{path}: its last line is torn, and dropped")
            path.write_text(whole + end, "utf-8")
        self.lines = [json.loads(line) for line in whole.splitlines()]

    def add(self, line: dict) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        self.lines.append(line)

    def keep(self, wanted) -> int:
        """Keep the lines that are `wanted`; the number of the others."""
        dropped = [line for line in self.lines if not wanted(line)]
        self.lines = [line for line in self.lines if wanted(line)]
        text = "".join(json.dumps(line) + "\n" for line in self.lines)
        fresh = self.path.with_suffix(".new")
        fresh.write_text(text, "utf-8")
        fresh.replace(self.path)
        for line in dropped:
            self.predictions_of(line).unlink(missing_ok=True)
        return len(dropped)

    def has(self, split: Split, contender: Contender) -> bool:
        """Whether there is a result; a failed fit is tried again."""
        return any(
            (line["split"], line["contender"]) == (split.digest, contender.name)
            and "failure" not in line
            for line in self.lines
            if line["kind"] == "fit"
        )

    def predictions_of(self, line: dict) -> Path:
        return self.folder / f"{line.get('split')}-{line['contender']}.npz"

    def save_predictions(self, line: dict, split: Split, chance: np.ndarray) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        target = split.table.left[split.test].astype(np.int8)
        rows = split.test.astype(np.int32)
        np.savez_compressed(self.predictions_of(line), rows=rows, target=target, chance=chance)

    def fits(self, rows: int) -> pd.DataFrame:
        """The latest fits on at most `rows` rows, one line per (table, seed, contender)."""
        lines = [line for line in self.lines if line["kind"] == "fit" and line["rows"] == rows]
        if not lines:
            problem = f"{self.path} has none with at most {rows:,} training rows"
            raise ChurnError("Nothing has been measured:", [problem])
        fits = pd.DataFrame(lines, columns=COLUMNS)
        fits["predictions"] = [self.predictions_of(line) for line in lines]
        # A table that has changed has other splits, of which the latest count.
        latest = fits.groupby(["table", "seed"])["split"].transform("last")
        fits = fits[fits["split"] == latest]
        return fits.drop_duplicates(["split", "contender"], keep="last", ignore_index=True)


def compare(options) -> None:
    """Fit every contender on every split, contender by contender."""
    limits = {
        "flaml": options.seconds_flaml,
        "autogluon-medium": options.seconds_medium,
        "autogluon-best": options.seconds_best,
    }
    contenders = [*EFFORTS, *(Contender(kind, limits.get(kind)) for kind in options.contenders)]
    tables = read_tables(options.tables)
    if options.customers:
        tables += [generated_table(options.customers), *shaped_tables()]
    if options.only:
        tables = [table for table in tables if table.name in options.only]
    measure(tables, contenders, options)


def measure(tables: list[Table], contenders: list[Contender], options) -> Results:
    """Fit the missing results, seed by seed, so that no table waits for another."""
    results = Results(options.results)
    splits = [
        draw_split(table, seed, options.rows) for seed in range(options.seeds) for table in tables
    ]
    todo = [
        (split, contender)
        for split in splits
        for contender in contenders
        if not results.has(split, contender)
    ]
    say(f"{len(todo)} fits to do, {len(splits) * len(contenders) - len(todo)} done already")
    start = time.perf_counter()
    with a_store() as store:
        for number, (split, contender) in enumerate(todo):
            line = one_fit(split, contender, results, store, options)
            spent = time.perf_counter() - start
            left = [contender.name for _, contender in todo[number + 1 :]]
            outcome = "failed" if "failure" in line else f"log loss {line['log_loss']:.4f}"
            say(
                f"[{number + 1} of {len(todo)}] {split.name}, {contender.name}: {outcome} "
                f"in {line['wall']:.0f} s; {clock(spent)} so far, about "
                f"{clock(time_left(left, results.lines))} left"
            )
    return results


def one_fit(split: Split, contender: Contender, results: Results, store: Path, options) -> dict:
    """Fit a contender on a split, and store the result."""
    line = {
        "kind": "fit", "table": split.table.name, "seed": split.seed, "rows": options.rows,
        "split": split.digest, "contender": contender.name,
    }  # fmt: skip
    start = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="fit-", dir=store.parent) as folder:
        split.write(Path(folder))
        try:
            if contender in EFFORTS:
                chance, found = fit_ours(Path(folder), split.seed, store, EFFORTS[contender])
            else:
                chance, found = fit_peer(Path(folder), split, contender, options)
        except FitFailed as error:
            if not options.go_on:
                raise FitFailed(f"{split.name}, {contender.name}: {error}") from error
            say(str(error))
            found = {"failure": str(error)[-2000:]}
    line["wall"] = time.perf_counter() - start
    if "failure" not in found:
        target = split.table.left[split.test]
        line["log_loss"] = float(row_losses(target, chance).mean())
        if split.table.truth is not None:
            line["truth"] = float(row_losses(target, split.table.truth[split.test]).mean())
        results.save_predictions(line, split, chance)
    line |= found
    results.add(line)
    return line


def fit_ours(folder: Path, seed: int, store: Path, effort: str) -> tuple[np.ndarray, dict]:
    """The probabilities of the test rows by the model of a run; whole process, timed."""
    contract = ["--config", "contract", "contract.toml"]
    arguments = ["--data", "train.parquet", "--seed", seed, "--effort", effort]
    data, seconds, cpu_seconds = run_flow(folder, contract, arguments, store)
    test = pd.read_parquet(folder / "test.parquet")
    chance = load_model(data.model_file).predict_proba(test)[:, 1]
    found = {
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "chosen": data.trial.candidate.name,
        "cv_log_loss": float(data.report.cv_log_loss),
        "code": git_commit(),
    }
    clear(store)
    return chance, found


def run_flow(folder: Path, config: list, arguments: list, store: Path):
    """Run ChurnFlow as a user does, without a hold-out; its artifacts, seconds and CPU seconds."""
    command = [
        sys.executable, ROOT / "flows" / "churn_flow.py", *config, "run", *arguments,
        "--holdout", 0, "--run-id-file", "run-id",
    ]  # fmt: skip
    seconds, cpu_seconds = timed(command, folder)
    from metaflow import Run, namespace  # reads the environment that a_store sets

    namespace(None)
    run = Run(f"ChurnFlow/{(folder / 'run-id').read_text()}")
    return run.data, seconds, cpu_seconds


def fit_peer(folder: Path, split: Split, contender: Contender, options) -> tuple[np.ndarray, dict]:
    """The probabilities of the test rows by a peer, in its own interpreter."""
    from joblib import cpu_count

    threads = options.threads or cpu_count()
    command = [
        options.peers, ROOT / "benchmarks" / "peers.py", contender.kind, folder,
        "--target", split.table.contract.target, "--threads", threads, "--seed", split.seed,
    ]  # fmt: skip
    if contender.seconds is not None:
        command += ["--seconds", contender.seconds]
    _, cpu_seconds = timed(command, folder)
    chance = np.load(folder / "probabilities.npy")
    if chance.shape != split.test.shape or not np.isfinite(chance).all():
        raise FitFailed(f"{chance.shape} probabilities, not all of them numbers")
    found = json.loads((folder / "fit.json").read_text("utf-8"))
    return chance, found | {"cpu_seconds": cpu_seconds}


def timed(command: list, folder: Path) -> tuple[float, float]:
    """Run a command to its end; its seconds, and the CPU seconds of it and all that it started."""
    start = time.perf_counter()
    with CpuTime() as cpu:
        done = subprocess.run(
            list(map(str, command)), cwd=folder, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
    seconds = time.perf_counter() - start
    if done.returncode:
        raise FitFailed(f"exit code {done.returncode}\n{done.stdout}")
    return seconds, cpu.seconds


@contextmanager
def a_store():
    """A temporary datastore of Metaflow for this process and the flows it starts."""
    with tempfile.TemporaryDirectory(prefix="churn-quality-") as folder:
        store = Path(folder) / "store"
        store.mkdir()
        os.environ |= {
            "METAFLOW_USER": "benchmark",
            "METAFLOW_DEFAULT_DATASTORE": "local",
            "METAFLOW_DEFAULT_METADATA": "local",
            "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(store),
            "METAFLOW_CLIENT_CACHE_PATH": str(store / "cache"),
        }
        yield store


def clear(store: Path) -> None:
    """Delete the runs of a store, since tables of a million customers fill the disk."""
    shutil.rmtree(store / ".metaflow" / "ChurnFlow")


def time_left(names: list[str], lines: list[dict]) -> float:
    """The mean time of each contender so far, for its remaining fits; the mean of all if new."""
    walls = {}
    for line in lines:
        walls.setdefault(line["contender"], []).append(line["wall"])
    means = {name: statistics.mean(times) for name, times in walls.items()}
    overall = statistics.mean(means.values()) if means else 0.0
    return sum(means.get(name, overall) for name in names)


def clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"
