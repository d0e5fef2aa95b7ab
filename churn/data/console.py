"""How a table was read and cleaned, in sentences for the console: once, with the numbers."""

from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd

from churn.data.contract import NOTHING_ACTIONABLE, Contract
from churn.data.holdout import check_split
from churn.data.inference import ignored_reasons
from churn.data.leakage import Finding
from churn.data.source import notes
from churn.data.target import describe_target
from churn.data.validation import Validation, in_words
from churn.words import plural

__all__ = ["describe_reading", "describe_table"]

SHOWN = 20


def describe_reading(table: pd.DataFrame, contract: Contract, found: Collection[str]) -> list[str]:
    """What was recognised in a table, and why columns are ignored, a sentence each.

    Parameters
    ----------
    table : DataFrame
        As `load_table` returns it, with its notes.
    contract : Contract
    found : collection of str
        The columns that were dropped for a finding, which has its own reason.
    """
    lines = [f"The table: {note}." for note in notes(table)]
    for name, why in ignored_reasons(table, contract).items():
        if name not in found:
            lines.append(f"{name} is ignored: {why or 'the contract says so'}.")
    if contract.as_of:
        lines.append(f"Dates count days to {contract.as_of}, the day of the observation.")
    if not contract.any_actionable:
        lines.append(f"{NOTHING_ACTIONABLE}.")
    return lines


def describe_table(
    table: pd.DataFrame,
    checked: Validation,
    leaks: Sequence[Finding],
    contract: Contract,
    split: np.ndarray,
) -> str:
    """Everything that was recognised, ignored, rejected, found and left out.

    Parameters
    ----------
    table : DataFrame
        As `load_table` returns it, with its notes.
    checked : Validation
    leaks : sequence of Finding
    contract : Contract
        After the findings are dropped, if they are.
    split : ndarray of str
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
    lines.append(check_split(checked.frame, contract, split))
    lines.append(describe_target(checked.frame, contract))
    return "\n".join(lines)
