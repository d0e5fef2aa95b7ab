"""A label that is derived from a date column: whether the date is before a given day.

In a contract:

    [target]
    name = "left"
    column = "last_trip_date"
    before = 2014-06-01

or, on the command line, `--target 'last_trip_date < 2014-06-01'`: a customer left whose last trip
was before that day. The column is then no feature.
"""

import numpy as np
import pandas as pd

from churn.data.contract import Contract, TargetRule
from churn.data.dates import order_of
from churn.data.frames import with_columns
from churn.data.parsing import parse_dates, parse_texts
from churn.errors import ChurnError

__all__ = ["TargetRule", "settle_rule", "with_target"]

POSITIVE, NEGATIVE = "yes", "no"


def with_target(frame: pd.DataFrame, target: str, rule: TargetRule | None) -> pd.DataFrame:
    """The frame with its label.

    Parameters
    ----------
    frame : DataFrame
        Raw.
    target : str
        The name of the label.
    rule : TargetRule or None
        None where the frame has the label.

    Returns
    -------
    DataFrame
        With `yes` and `no` in the target, missing where the date is.

    Raises
    ------
    ChurnError
        If the rule's column is missing, or is not one of dates.
    """
    if rule is None:
        return frame
    problems = []
    if rule.column not in frame:
        problems.append(f"target: no column {rule.column!r}")
    elif target in frame:
        problems.append(f"target: the table has a column {target!r} already")
    else:
        column = frame[rule.column]
        order = rule.order or order_of(parse_texts(column).categories) or ""
        days, bad = parse_dates(column, order)
        if bad.any():
            row = int(np.argmax(bad))
            cell = str(column.iloc[row])
            problems.append(f"target: {rule.column} in row {row + 1} is no date: {cell!r}")
    if problems:
        raise ChurnError("The target cannot be made:", problems)
    before = days < np.datetime64(rule.before, "D")
    label = pd.Series(np.where(before, POSITIVE, NEGATIVE), index=frame.index, dtype="str")
    made = with_columns(frame, {target: label.mask(np.isnat(days))})
    made.attrs = frame.attrs
    return made


def settle_rule(frame: pd.DataFrame, contract: Contract) -> Contract:
    """The contract with the order of day and month that the dates of its rule have in the table.

    So that some rows are read as all of them are.

    Raises
    ------
    ChurnError
        See `with_target`.
    """
    rule = contract.target_rule
    if rule is None:
        return contract
    with_target(frame, contract.target, rule)
    order = rule.order or order_of(parse_texts(frame[rule.column]).categories) or ""
    return contract.model_copy(update={"target_rule": rule.model_copy(update={"order": order})})
