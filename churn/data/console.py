"""How a table was read and cleaned, in sentences for the console: once, with the numbers."""

from collections.abc import Collection, Sequence

import pandas as pd

from churn.data import leakage, near_copies
from churn.data.clean_table import ValidTable
from churn.data.contract import NOTHING_ACTIONABLE, Contract
from churn.data.holdout import check_split
from churn.data.inference import ignored_reasons
from churn.data.leakage import Finding
from churn.data.stored_table import StoredTable
from churn.data.target import describe_target
from churn.data.validation import in_words
from churn.words import plural

__all__ = ["describe_reading", "describe_samples", "describe_table"]

SHOWN = 20


def describe_reading(table: StoredTable, contract: Contract, found: Collection[str]) -> list[str]:
    """What was recognised in a table, and why columns are ignored, a sentence each.

    Parameters
    ----------
    table : StoredTable
    contract : Contract
    found : collection of str
        The columns that were dropped for a finding, which has its own reason.
    """
    lines = [f"The table: {note}." for note in table.notes]
    for name, why in ignored_reasons(table.columnwise(), contract).items():
        if name not in found:
            lines.append(f"{name} is ignored: {why or 'the contract says so'}.")
    if contract.as_of:
        lines.append(f"Dates count days to {contract.as_of}, the day of the observation.")
    if not contract.any_actionable:
        lines.append(f"{NOTHING_ACTIONABLE}.")
    return lines


def describe_table(
    table: StoredTable,
    checked: ValidTable,
    leaks: Sequence[Finding],
    contract: Contract,
    split: pd.Categorical,
) -> str:
    """Everything that was recognised, ignored, rejected, found and left out.

    Parameters
    ----------
    table : StoredTable
    checked : ValidTable
    leaks : sequence of Finding
    contract : Contract
        After the findings are dropped, if they are.
    split : Categorical
        From `churn.data.holdout.split_customers`.

    Raises
    ------
    ChurnError
        If too few rows are left to train on.
    """
    lines = describe_reading(table, contract, {leak.column for leak in leaks})
    words = [f"{row[:200]}." for row in in_words(checked.problems)]
    if len(checked.rejected):
        lines.append(f"{len(checked.rejected):,} of {plural(len(table), 'row')} rejected:")
    lines += words[:SHOWN] + ([f"… {len(words) - SHOWN} more in the card."] * (len(words) > SHOWN))
    dropped = set(contract.ignore)
    lines += [
        f"{leak.column} {'is dropped' if leak.column in dropped else 'is kept, but suspected'} "
        f"({leak.check}): {leak.why}."
        for leak in leaks
    ]
    lines.append(check_split(checked.clean, contract, split))
    lines.append(describe_target(checked.clean, contract))
    return "\n".join(lines)


def describe_samples(customers: int, seen: int, found_copies: bool) -> str:
    """What is looked for in a part of the customers only, in sentences; empty where in all.

    Parameters
    ----------
    customers, seen : int
        All of them, and those who are not held out.
    found_copies : bool
        Whether near copies were found; then all customers were searched.
    """
    copies = "" if found_copies else near_copies.describe_sample(customers)
    return " ".join(filter(None, [leakage.describe_sample(seen), copies]))
