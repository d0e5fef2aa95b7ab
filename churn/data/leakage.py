"""Target leakage: features that reveal the label, and features without information of their own."""

from dataclasses import asdict
from typing import Literal

import numpy as np
import pandas as pd

from churn.data.added_information import added_information
from churn.data.contract import Contract
from churn.data.findings import Columns, Finding
from churn.data.group_means import group_means
from churn.data.redundancy import constants, copies, formulas, ids, without_signal
from churn.data.rows import Rows, rows_of
from churn.data.target_leakage import alone, dates_after, leavers_only, missing
from churn.errors import ChurnError

__all__ = ["Action", "Finding", "act_on", "describe_sample", "find_leaks", "findings_table"]

Action = Literal["drop", "drop-suspected", "keep-suspected", "stop", "warn"]
REDUNDANT = (constants, ids, copies, formulas)
LEAKS = (missing, group_means, alone, dates_after, leavers_only)
# In this order: what identifies or repeats, what leaks, and then what is left.
CHECKS = (*REDUNDANT, *LEAKS, without_signal, added_information)
SEARCH_ROWS = 200_000


def find_leaks(
    frame: "pd.DataFrame | Rows",
    target: np.ndarray,
    contract: Contract,
    groups: np.ndarray | None = None,
) -> list[Finding]:
    """Find features that a model must not be trained on, and those that only look like it.

    Parameters
    ----------
    frame : DataFrame or Rows
        Clean training rows, as `validate_data` returns them; of more than 200,000 rows an evenly
        spaced sample is checked, see `describe_sample`.
    target : ndarray of int, shape (n,)
        1 for customers who left.
    groups : ndarray, shape (n,), optional
        Copies of one customer share a value; see `churn.data.copies`.

    Returns
    -------
    list of Finding
        At most one per column, in the order of the contract.
    """
    step = -(-len(frame) // SEARCH_ROWS)
    groups = None if groups is None else groups[::step]
    some = rows_of(frame).read(np.arange(0, len(frame), step), list(contract.features))
    columns = Columns(some, target[::step], contract, groups)
    found: dict[str, Finding] = {}
    for check in CHECKS:
        rest = [name for name in contract.features if name not in found]
        for finding in check(columns, rest):
            found.setdefault(finding.column, finding)
    return [found[name] for name in contract.features if name in found]


def describe_sample(rows: int) -> str:
    """How many of so many rows `find_leaks` reads, for the user; empty where it reads all."""
    step = -(-rows // SEARCH_ROWS)
    if step <= 1:
        return ""
    return f"Target leakage was looked for in {-(-rows // step):,} of {rows:,} customers."


def act_on(findings: list[Finding], contract: Contract, action: Action) -> Contract:
    """Drop the findings' columns from the contract, or stop, or keep them with a warning.

    `drop` drops what only a leak looks like and keeps what is suspected, for a person to judge;
    `drop-suspected` drops both. `keep-suspected` is a person's word that suspected columns are
    known at the observation: it drops as `drop` does, and the gate does not ask again.

    Raises
    ------
    ChurnError
        With `stop`, if anything was found; with `drop`, if no feature would be left.
    """
    lines = [f"{finding.column}: {finding.why}" for finding in findings]
    leaks = [line for line, one in zip(lines, findings, strict=True) if not one.harmless]
    if action == "stop" and leaks:
        raise ChurnError("These columns must not be trained on:", leaks)
    if action == "warn":
        return contract
    gone = [f.column for f in findings if action == "drop-suspected" or not f.suspected]
    if len(gone) == len(contract.features):
        raise ChurnError("No feature is left: each of them is to be dropped:", lines)
    return contract.without(gone) if gone else contract


def findings_table(findings: list[Finding]) -> pd.DataFrame:
    """The findings as a table: column, check, score, why."""
    columns = list(Finding.__dataclass_fields__)
    return pd.DataFrame([asdict(finding) for finding in findings], columns=columns)
