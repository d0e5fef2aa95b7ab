"""Validate a table against its contract: name every problem at once, reject broken rows."""

from dataclasses import dataclass

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
    found = Problems(raw)
    for name in (*contract.columns, *contract.keep):
        if name not in raw:
            kept = " that the contract keeps" if name in contract.keep else ""
            found.stop(name, f"the column{kept} is missing")
    known = {*contract.columns, contract.target, *contract.ignore, *contract.keep}
    for name in raw.columns:
        if name not in known:
            found.note(name, "not in the contract, ignored", np.zeros(len(raw), bool))
    typed = parse_rows(raw, contract, found)
    check_rows(typed, with_unseen(contract, typed, found), found)

    keep = ~found.broken
    clean = typed[keep]
    clean = with_columns(
        clean,
        {
            name: clean[name].cat.set_categories(feature.categories)
            for name, feature in contract.features.items()
            if feature.kind == "category" and name in clean
        },
    )
    if contract.target in clean:
        values = [*contract.negative, contract.positive]
        target = clean[contract.target].cat.set_categories(values)
        clean = with_columns(clean, {contract.target: target})
    if len(raw) and found.broken.mean() > max_rejected:
        share = f"{found.broken.mean():.1%} of the rows break the contract"
        found.stop("", f"{share}, at most {max_rejected:.1%} may")
    if len(clean) < MIN_ROWS:
        found.stop(
            "", f"{plural(len(clean), 'row is', 'rows are')} left, at least {MIN_ROWS} are needed"
        )
    if contract.target in clean:
        left = int(labels(clean, contract).sum())
        for what, count in {"left": left, "stayed": len(clean) - left}.items():
            if count < MIN_PER_CLASS:
                check = f"{plural(count, 'customer')} {what}, at least {MIN_PER_CLASS} are needed"
                found.stop(contract.target, check)
    problems = found.table()
    if (problems["effect"] == "stop").any():
        raise ChurnError("The table breaks its contract:", in_words(problems))
    reason = "reason"
    while reason in raw:  # a column of the table's own
        reason = f"_{reason}"
    return Validation(clean, with_columns(raw[~keep], {reason: found.explainer()}), problems)


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
            if feature.nullable or not (missing & at).any():
                found.note(name, check, at & ~bad)
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


def check_rows(typed: pd.DataFrame, contract: Contract, found: "Problems") -> None:
    """Check bounds, categories, missing values and repeated ids with Pandera, all at once."""
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
        columns[contract.id] = pa.Column(None, unique=True, report_duplicates="exclude_first")
    if contract.time:
        columns[contract.time] = pa.Column(None)
    known = (contract.positive, *contract.negative)
    columns[contract.target] = pa.Column(
        None, pa.Check.isin(known, error=f"neither {' nor '.join(known)}")
    )
    schema = pa.DataFrameSchema({k: v for k, v in columns.items() if k in typed})
    try:
        schema.validate(typed, lazy=True)
    except pa.errors.SchemaErrors as errors:
        for (column, check), cases in errors.failure_cases.groupby(["column", "check"]):
            at = typed.index.isin(cases["index"])
            names = {"not_nullable": "missing", "field_uniqueness": "an id seen before"}
            found.reject(column, names.get(check, check), at & ~found.at(column))


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


class Problems:
    """The problems in the rows of a table, and which rows are rejected for them."""

    def __init__(self, raw: pd.DataFrame):
        self.raw = raw
        self.rows: list[tuple[str, str, str, int, str]] = []
        self.masks: list[tuple[str, str, np.ndarray]] = []
        self.broken = np.zeros(len(raw), dtype=bool)

    def stop(self, column: str, check: str) -> None:
        self.rows.append((column, check, "stop", 0, ""))

    def note(self, column: str, check: str, at: np.ndarray) -> None:
        if at.any() or check.startswith("not in the contract"):
            self.rows.append((column, check, "note", int(at.sum()), self._examples(column, at)))

    def reject(self, column: str, check: str, at: np.ndarray) -> None:
        if at.any():
            examples = self._examples(column, at)
            self.rows.append((column, check, "rejected", int(at.sum()), examples))
            self.masks.append((column, check, at))
            self.broken |= at

    def at(self, column: str) -> np.ndarray:
        """The rows of `column` that have a problem already: a cell is reported once."""
        masks = [at for name, _, at in self.masks if name == column]
        return np.logical_or.reduce(masks) if masks else np.zeros(len(self.raw), dtype=bool)

    def explainer(self) -> pd.Series:
        reasons = pd.Series("", index=self.raw.index[self.broken])
        for column, check, at in self.masks:
            reasons.loc[self.raw.index[at]] += f"; {column or 'row'}: {check}"
        return reasons.str.removeprefix("; ")

    def table(self) -> pd.DataFrame:
        names = ["column", "check", "effect", "count", "examples"]
        table = pd.DataFrame(self.rows, columns=names)
        order = table["effect"].map({"stop": 0, "rejected": 1, "note": 2})
        return table.iloc[order.argsort(kind="stable")].reset_index(drop=True)

    def _examples(self, column: str, at: np.ndarray) -> str:
        if not column:
            return ", ".join(f"row {row}" for row in self.raw.index[at][:EXAMPLES])
        cells = self.raw.loc[at, column].head(EXAMPLES)
        blank = cells.isna()
        return ", ".join(
            f"row {row}: {'empty' if blank[row] else repr(str(cell))}"
            for row, cell in cells.items()
        )


def in_words(problems: pd.DataFrame) -> list[str]:
    """A table of problems as one sentence per problem."""
    return [
        f"{column or 'table'}: {check}" + (f" ({plural(n, 'row')}; {examples})" if n else "")
        for column, check, n, examples in zip(
            *(problems[name] for name in ("column", "check", "count", "examples")), strict=True
        )
    ]
