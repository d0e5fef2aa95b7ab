"""Called customers in training: left out, with their control group in their place.

A successful call turns the label of a customer who was about to leave into "stayed", so a model
that is trained on it underestimates the risk of the riskiest customers. So a customer who was
called in the period of the label is neither trained on nor held out. Without them the riskiest
customers would be under-represented: the control group of the same lists, a random sample of the
same customers, gets their weight, up to three times its own, by repeating its training rows (every
candidate accepts repeated rows, but not every one accepts weights). Held-out customers of the
control group count once, so that intervals stay valid; copies of one row are assigned to one fold
of the cross-validation.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from churn.campaign.control_group import CONTACT, CONTROL
from churn.data.contract import Contract
from churn.data.parsing import parse_ids
from churn.errors import ChurnError
from churn.words import plural

CALLED = "called"
# The weight is trimmed (Potter 1990, "A study of procedures to identify and trim extreme sampling
# weights"): few customers with a large one overfit. With a weight of 10 boosting predicts 0.09 too
# much for the riskiest tenth; with 3 it is 0.04, and a logistic regression is 0.03 too low.
MAX_WEIGHT = 3.0


@dataclass(frozen=True)
class CalledCustomers:
    """How many customers on the call lists are left out, and how they are replaced.

    Attributes
    ----------
    on_lists : int
        Customers on the lists.
    called, control : int
        Rows of customers who were called in the period of the label, and of their control group.
    trained : int
        Rows of the control group that are trained on.
    repeated : int
        Rows that were added to give these the weight of the called ones.
    """

    on_lists: int = 0
    called: int = 0
    control: int = 0
    trained: int = 0
    repeated: int = 0

    def __str__(self) -> str:
        if not self.on_lists:
            return ""
        if not self.called:
            return (
                f"None of the {plural(self.on_lists, 'customer')} on the call lists was called in "
                "the time of the labels: nobody is left out for it."
            )
        weighted = (
            f"{self.trained:,} of the control group are trained on in their place, with the "
            f"weight of {self.trained + self.repeated:,}"
            if self.repeated
            else "no control group is trained on in their place, so the riskiest may be too few"
        )
        left_out = plural(self.called, "customer is", "customers are")
        return f"{left_out} left out because they were called; {weighted}."


def leave_out_called(
    frame: pd.DataFrame, split: np.ndarray, contract: Contract, calls: pd.DataFrame
) -> tuple[np.ndarray, np.ndarray, CalledCustomers]:
    """Leave called customers out of training and hold-out, and weight their control group.

    With a time column and a horizon a call counts from the day of the observation until the
    horizon; without them the period of the label is not known, and every call counts.

    Parameters
    ----------
    frame : DataFrame of n rows
        Clean rows, as `validate_data` returns them.
    split : ndarray of str, shape (n,)
        From `churn.data.holdout.split_customers`.
    calls : DataFrame
        See `churn.campaign.reading.read_call_lists`.

    Returns
    -------
    rows : ndarray of int, shape (m,), m >= n
        Positions in `frame`: all of them, and then repeated ones of the control group.
    split : ndarray of str, shape (m,)
        `called` for the rows of called customers; `train` for the repeated ones.
    CalledCustomers

    Raises
    ------
    ChurnError
        If the table has no id, or no customer is left to train on.
    """
    if calls.empty:
        return np.arange(len(frame)), split, CalledCustomers()
    if not contract.id:
        hint = "call lists name customers by their id, and the table has none: --id"
        raise ChurnError("Called customers cannot be left out:", [hint])
    arm = _arms(frame, contract, calls)
    called, control = arm == CONTACT, arm == CONTROL
    split = np.where(called, CALLED, split)
    trained = np.flatnonzero(control & (split == "train"))
    # Training rows get this ratio only, since some of the called would have been held out.
    weight = min((called | control).sum() / max(control.sum(), 1), MAX_WEIGHT)
    repeated = np.repeat(trained, _copies(len(trained), weight))
    if not (split == "train").any():
        raise ChurnError("Nobody is left to train on:", ["every customer was called"])
    found = CalledCustomers(
        on_lists=calls["customer"].nunique(), called=int(called.sum()), control=int(control.sum()),
        trained=len(trained), repeated=len(repeated),
    )  # fmt: skip
    rows = np.concatenate([np.arange(len(frame)), repeated])
    split = np.concatenate([split, np.full(len(repeated), "train")])
    return rows, split, found


def _copies(n: int, weight: float) -> np.ndarray:
    """How often each of n rows is added, so that their total weight is `weight` times n."""
    ends = np.round(np.arange(n + 1) * (weight - 1) + 1e-9)
    return np.diff(ends).astype(int)


def _arms(frame: pd.DataFrame, contract: Contract, calls: pd.DataFrame) -> np.ndarray:
    """For each row `contact`, `control` or empty; `contact` if the customer was ever called."""
    rows = pd.DataFrame(
        {
            "customer": parse_ids(frame[contract.id]).to_pandas().to_numpy(dtype=object),
            "row": np.arange(len(frame)),
        }
    )
    days = contract.horizon_days if contract.time else None
    if days:
        times = pd.to_datetime(frame[contract.time], utc=True)
        rows["start"] = times.dt.tz_localize(None).dt.normalize().to_numpy()
    pairs = rows.merge(calls[["customer", "arm", "day"]], on="customer")
    if days:
        end = pairs["start"] + pd.Timedelta(days=days)
        pairs = pairs[(pairs["day"] >= pairs["start"]) & (pairs["day"] <= end)]
    arm = np.full(len(frame), "", dtype=object)
    for name in (CONTROL, CONTACT):
        arm[pairs["row"][pairs["arm"] == name]] = name
    return arm
