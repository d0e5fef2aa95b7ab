"""Validate a table against its contract: name every problem at once, reject broken rows."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from churn.data.contract import Contract
from churn.data.expressions import Formula
from churn.data.frames import with_columns
from churn.data.parsing import (
    labels,
    lost_digits,
    observation_days,
    parse_feature,
    parse_ids,
    parse_target,
    parse_texts,
    parse_times,
    unavailable,
)
from churn.data.target_rule import with_target
from churn.errors import ChurnError
from churn.words import plural

MIN_ROWS = 100
MIN_PER_CLASS = 20
EXAMPLES = 5
LOST_DIGITS = "an id as a floating-point number above 2**53 or like 1.23E+15: digits are lost"


@dataclass(frozen=True)
class Validation:
    """A table validated against its contract.

    Attributes
    ----------
    frame : DataFrame
        The rows that satisfy the contract, typed, in their order; the index is the row number in
        the source, from 1.
    rejected : DataFrame
        The rejected rows, as they are in the source, and a column `reason` (with an underscore
        before it where the table has a column of this name).
    problems : DataFrame
        One row per problem: column, check, effect (`stop`, `rejected`, `note`), count,
        examples (row numbers from 1, with the cell's value).
    """

    frame: pd.DataFrame
    rejected: pd.DataFrame
    problems: pd.DataFrame


def validate_data(
    frame: pd.DataFrame, contract: Contract, max_rejected: float = 0.05
) -> Validation:
    """Validate a raw table against its contract.

    Parameters
    ----------
    frame : DataFrame
        A table as `load_table` returns it.
    max_rejected : float
        The largest share of rows that may be rejected.

    Returns
    -------
    Validation

    Raises
    ------
    ChurnError
        If a column is missing, too few rows are left, only one class is, or more rows break the
        contract than `max_rejected`; with every problem of the table.
    """
    twice = sorted({str(name) for name in frame.columns[frame.columns.duplicated()]})
    if twice:
        doubled = [f"{name}: two columns have this name" for name in twice]
        raise ChurnError("The table breaks its contract:", doubled)
    frame = with_target(frame, contract.target, contract.target_rule)
    raw = frame.set_axis(pd.RangeIndex(1, len(frame) + 1))
    repeated = None
    if contract.id in raw:
        repeated = repeated_keys(*key_hashes(raw[contract.id]))
    checks = Checks(contract, list(raw.columns), len(raw), max_rejected, repeated)
    clean = checks.add(raw)
    return Validation(clean, checks.reject(raw), checks.finish())


class Checks:
    """The checks of a table against its contract, some rows at a time.

    Parameters
    ----------
    contract : Contract
    columns : list of str
        All columns of the table, with its target.
    rows : int
        Of the whole table.
    max_rejected : float
        The largest share of rows that may be rejected.
    repeated : ndarray of bool, shape (rows,), optional
        The rows that repeat the id of an earlier one.

    Attributes
    ----------
    broken : list of ndarray of bool
        For each part, which rows are rejected.
    """

    def __init__(
        self, contract: Contract, columns: list[str], rows: int, max_rejected: float,
        repeated: np.ndarray | None = None,
    ):  # fmt: skip
        self.contract, self.columns, self.rows = contract, columns, rows
        self.max_rejected, self.repeated = max_rejected, repeated
        self.broken: list[np.ndarray] = []
        self._seen = self._rejected = self._left = 0
        self._reasons: list[pd.Series] = []
        self._problems = [self._of_columns()]

    def add(self, raw: pd.DataFrame) -> pd.DataFrame:
        """Check the next rows.

        Parameters
        ----------
        raw : DataFrame of n rows
            The index is the row number, from 1.

        Returns
        -------
        DataFrame
            The rows that satisfy the contract, typed.
        """
        contract, found = self.contract, Problems(raw)
        repeated = None
        if self.repeated is not None:
            repeated = self.repeated[self._seen : self._seen + len(raw)]
        typed = parse_rows(raw, contract, found)
        check_rows(typed, with_unseen(contract, typed, found), found, repeated)
        clean = settle_categories(typed[~found.broken], contract)
        self.broken.append(found.broken)
        self._seen += len(raw)
        self._rejected += int(found.broken.sum())
        if contract.target in clean:
            self._left += int(labels(clean, contract).sum())
        if self._too_many:
            self._reasons.clear()  # there will be an error, which names the first rows
        else:
            self._reasons.append(found.explainer())
        self._problems.append(found.records())
        return clean

    def reject(self, raw: pd.DataFrame) -> pd.DataFrame:
        """The rejected rows of all parts, with their reasons.

        Parameters
        ----------
        raw : DataFrame
            With the rejected rows at least.
        """
        reasons = pd.concat(self._reasons) if self._reasons else pd.Series(dtype="str")
        name = "reason"
        while name in self.columns:  # a column of the table's own
            name = f"_{name}"
        return with_columns(raw.loc[reasons.index], {name: reasons})

    def finish(self) -> pd.DataFrame:
        """The problems of the whole table; see `Validation`.

        Raises
        ------
        ChurnError
            See `validate_data`.
        """
        last, kept = Problems(pd.DataFrame(index=pd.RangeIndex(0))), self._seen - self._rejected
        if self._too_many:
            share = f"{self._rejected / self.rows:.1%} of the rows break the contract"
            last.stop("", f"{share}, at most {self.max_rejected:.1%} may")
        if kept < MIN_ROWS:
            last.stop(
                "", f"{plural(kept, 'row is', 'rows are')} left, at least {MIN_ROWS} are needed"
            )
        if self.contract.target in self.columns:
            for what, count in {"left": self._left, "stayed": kept - self._left}.items():
                if count < MIN_PER_CLASS:
                    check = (
                        f"{plural(count, 'customer')} {what}, at least {MIN_PER_CLASS} are needed"
                    )
                    last.stop(self.contract.target, check)
        problems = problems_table([*self._problems, last.records()])
        if (problems["effect"] == "stop").any():
            raise ChurnError("The table breaks its contract:", in_words(problems))
        return problems

    @property
    def _too_many(self) -> bool:
        return bool(self.rows) and self._rejected / self.rows > self.max_rejected

    def _of_columns(self) -> "list[Record]":
        """What is wrong with the columns, whatever the rows are."""
        contract, found = self.contract, Problems(pd.DataFrame(index=pd.RangeIndex(0)))
        for name in (*contract.columns, *contract.keep):
            if name not in self.columns:
                kept = " that the contract keeps" if name in contract.keep else ""
                found.stop(name, f"the column{kept} is missing")
        known = {*contract.columns, contract.target, *contract.ignore, *contract.keep}
        for name in self.columns:
            if name not in known:
                found.note(name, "not in the contract, ignored", np.zeros(0, bool))
        return found.records()


def settle_categories(typed: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """Typed rows whose categories are the contract's; others, which it allows, are missing."""
    columns = {
        name: typed[name].cat.set_categories(feature.categories)
        for name, feature in contract.features.items()
        if feature.kind == "category" and name in typed
    }
    if contract.target in typed:
        values = [*contract.negative, contract.positive]
        columns[contract.target] = typed[contract.target].cat.set_categories(values)
    return with_columns(typed, columns)


def key_hashes(column: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """A 64-bit hash of each id, and which are missing: (n,) uint64 and (n,) bool."""
    texts = parse_ids(column).to_pandas()
    return pd.util.hash_array(texts.array, categorize=False), texts.isna().to_numpy()


def repeated_keys(hashes: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """Which ids are those of an earlier row: (n,) bool; a missing one is not."""
    repeated, rows = np.zeros(len(hashes), dtype=bool), np.flatnonzero(~missing)
    keys = hashes[rows] if missing.any() else hashes
    ascending = np.sort(keys)
    if (ascending[1:] == ascending[:-1]).any():  # mostly there is none
        repeated[rows] = pd.Series(keys).duplicated().to_numpy()
    return repeated


def parse_rows(raw: pd.DataFrame, contract: Contract, found: "Problems") -> pd.DataFrame:
    """The columns of the contract, typed; cells that cannot be read are reported to `found`."""
    columns = {}
    if contract.id is not None and contract.id in raw:
        columns[contract.id] = parse_ids(raw[contract.id]).to_pandas().astype("str").array
        found.reject(contract.id, LOST_DIGITS, lost_digits(raw[contract.id]))
    if contract.time is not None and contract.time in raw:
        columns[contract.time], bad = parse_times(raw[contract.time], contract.time_order)
        found.reject(contract.time, "not a date (ISO 8601)", bad)
    observed = observation_days(raw, contract)
    for name, feature in contract.features.items():
        if name not in raw:
            continue
        columns[name], bad = parse_feature(raw[name], feature, observed)
        found.reject(name, f"not a {feature.kind}", bad)
        if feature.kind == "number":
            whole = columns[name] % 1 != 0
            if feature.integer:
                found.reject(name, "not a whole number", whole & ~np.isnan(columns[name]))
        missing = pd.isna(columns[name]) & ~bad
        for check, at in unavailable(raw[name], feature).items():
            reported = feature.nullable or not (missing & at).any()
            found.note(name, check, at & ~bad & reported)
            missing &= ~at
        if feature.numeric and feature.nullable:
            found.note(name, "blank, taken as missing", missing)
    if all(name in columns for name in contract.features):
        for text in contract.contradictions:
            found.reject("", f"contradiction: {text}", Formula(text)(columns) == 1)
    if contract.target in raw:
        columns[contract.target] = parse_target(raw[contract.target], contract)
        written = pd.Series(parse_texts(raw[contract.target])).astype(object)
        read = pd.Series(columns[contract.target]).astype(object)
        other = (written.notna() & (written != read)).to_numpy()
        found.note(contract.target, "written otherwise, read as the contract has it", other)
    return pd.DataFrame(columns, index=raw.index, copy=False)


def check_rows(
    typed: pd.DataFrame, contract: Contract, found: "Problems", repeated: np.ndarray | None = None
) -> None:
    """Check bounds, categories and missing values with Pandera, all at once; and repeated ids."""
    import pandera.pandas as pa  # half a second that only this function needs to wait for

    columns = {}
    for name, feature in contract.features.items():
        checks = []
        if feature.kind == "number" and feature.min is not None:
            checks.append(pa.Check.ge(feature.min, error=f"below {feature.min:g}"))
        if feature.kind == "number" and feature.max is not None:
            checks.append(pa.Check.le(feature.max, error=f"above {feature.max:g}"))
        if feature.kind == "category":
            checks.append(pa.Check.isin(feature.categories, error="a category never seen"))
        columns[name] = pa.Column(None, checks, nullable=feature.nullable)
    if contract.id:
        columns[contract.id] = pa.Column(None)
    if contract.time:
        columns[contract.time] = pa.Column(None)
    known = (contract.positive, *contract.negative)
    columns[contract.target] = pa.Column(
        None, pa.Check.isin(known, error=f"neither {' nor '.join(known)}")
    )
    schema = pa.DataFrameSchema({k: v for k, v in columns.items() if k in typed})
    cases: dict[tuple[str, str], np.ndarray] = {}
    try:
        schema.validate(typed, lazy=True)
    except pa.errors.SchemaErrors as errors:
        for key, failed in errors.failure_cases.groupby(["column", "check"]):
            cases[key] = typed.index.isin(failed["index"])
    if contract.id is not None and contract.id in typed and repeated is not None:
        cases[contract.id, "field_uniqueness"] = repeated
    names = {"not_nullable": "missing", "field_uniqueness": "an id seen before"}
    for (column, check), at in sorted(cases.items(), key=lambda case: case[0]):
        place = (1, column, check)
        found.reject(column, names.get(check, check), at & ~found.at(column), place)


def with_unseen(contract: Contract, typed: pd.DataFrame, found: "Problems") -> Contract:
    """The contract extended by the unseen categories that it allows, which are noted.

    They are those of features with `unseen = "flag"`, as in the app.
    """
    features = dict(contract.features)
    for name, feature in contract.features.items():
        if feature.kind == "category" and feature.unseen == "flag" and name in typed:
            unseen = typed[name].cat.codes.to_numpy() >= len(feature.categories)
            found.note(name, "a category never seen, taken as unknown", unseen)
            every = tuple(typed[name].cat.categories)
            features[name] = feature.model_copy(update={"categories": every})
    return contract.model_copy(update={"features": features})


# Where a problem is in the table of problems, so that those of several parts can be merged.
Place = tuple[int | str, ...]


class Record(NamedTuple):
    """A problem of some rows."""

    place: Place
    column: str
    check: str
    effect: str
    rows: int
    examples: list[str]


class Problems:
    """The problems in some rows of a table, and which rows are rejected for them."""

    def __init__(self, raw: pd.DataFrame):
        self.raw = raw
        self._records: list[Record] = []
        self._calls = 0
        self.masks: list[tuple[str, str, np.ndarray]] = []
        self.broken = np.zeros(len(raw), dtype=bool)

    def stop(self, column: str, check: str) -> None:
        self._records.append(Record(self._next(), column, check, "stop", 0, []))

    def note(self, column: str, check: str, at: np.ndarray) -> None:
        place = self._next()
        if at.any() or check.startswith("not in the contract"):
            examples = self._examples(column, at)
            self._records.append(Record(place, column, check, "note", int(at.sum()), examples))

    def reject(self, column: str, check: str, at: np.ndarray, place: Place | None = None) -> None:
        """Reject rows; the place is that among the calls, which are the same for all rows."""
        place = place or self._next()
        if at.any():
            examples = self._examples(column, at)
            self._records.append(Record(place, column, check, "rejected", int(at.sum()), examples))
            self.masks.append((column, check, at))
            self.broken |= at

    def _next(self) -> Place:
        self._calls += 1
        return (0, self._calls)

    def at(self, column: str) -> np.ndarray:
        """The rows of `column` that have a problem already: a cell is reported once."""
        masks = [at for name, _, at in self.masks if name == column]
        return np.logical_or.reduce(masks) if masks else np.zeros(len(self.raw), dtype=bool)

    def explainer(self) -> pd.Series:
        reasons = pd.Series("", index=self.raw.index[self.broken])
        for column, check, at in self.masks:
            reasons.loc[self.raw.index[at]] += f"; {column or 'row'}: {check}"
        return reasons.str.removeprefix("; ")

    def records(self) -> list[Record]:
        """The problems, for `problems_table`."""
        return self._records

    def table(self) -> pd.DataFrame:
        return problems_table([self._records])

    def _examples(self, column: str, at: np.ndarray) -> list[str]:
        if not column:
            return [f"row {row}" for row in self.raw.index[at][:EXAMPLES]]
        if not at.any():
            return []
        cells = self.raw.loc[at, column].head(EXAMPLES)
        blank = cells.isna()
        return [
            f"row {row}: {'empty' if blank[row] else repr(str(cell))}"
            for row, cell in cells.items()
        ]


def problems_table(parts: Iterable[list[Record]]) -> pd.DataFrame:
    """The problems of several parts of a table as those of all of it; see `Validation`."""
    merged: dict[tuple[int, Place, str, str, str], Record] = {}
    for number, part in enumerate(parts):
        for one in part:
            # The first part is of the columns, and the last of the whole table.
            key = (one.effect == "stop" and number, one.place, one.column, one.check, one.effect)
            old = merged.get(key)
            if old:
                examples = [*old.examples, *one.examples][:EXAMPLES]
                one = one._replace(rows=old.rows + one.rows, examples=examples)
            merged[key] = one
    effects = {"stop": 0, "rejected": 1, "note": 2}
    ordered = sorted(merged, key=lambda key: (effects[key[4]], key[0], key[1]))
    rows = [
        (one.column, one.check, one.effect, one.rows, ", ".join(one.examples))
        for one in map(merged.__getitem__, ordered)
    ]
    return pd.DataFrame(rows, columns=["column", "check", "effect", "count", "examples"])


def in_words(problems: pd.DataFrame) -> list[str]:
    """A table of problems as one sentence per problem."""
    return [
        f"{column or 'table'}: {check}" + (f" ({plural(n, 'row')}; {examples})" if n else "")
        for column, check, n, examples in zip(
            *(problems[name] for name in ("column", "check", "count", "examples")), strict=True
        )
    ]
