"""Called customers in training: left out, with their control group in their place.

A successful call turns the label of a customer who was about to leave into "stayed", so a model
that is trained on it underestimates the risk of the riskiest customers. So a customer who was
called in the period of the label is neither trained on nor held out. Without them the riskiest
customers would be under-represented. The control group of the same lists is a random sample of the
same customers: each of its customers is weighted by the inverse of their probability to be in it
(Horvitz & Thompson 1952), wherever a model is fitted, chosen, calibrated or evaluated. So the
weighted table has the distribution of a table of which nobody was called.

A weight is a row's weight and no repetition: repeated rows would pass as independent customers to
whatever counts rows, as the smallest leaf of a tree or the validation rows of a neural net.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from churn.campaign.control_group import CONTACT, CONTROL
from churn.campaign.exploration import EXPLORATION
from churn.data.contract import Contract
from churn.data.holdout import CALLED, PARTS, TRAIN
from churn.data.parsing import parse_ids
from churn.data.rows import Rows, rows_of
from churn.errors import ChurnError
from churn.statistics.weighting import effective_rows
from churn.words import plural

# If more of the table was called, so many of the control group must be trained on: else a person
# decides on the promotion. With 30 the standard error of their churn rate is up to 9 points.
SHARE_CALLED, FEWEST_CONTROL = 0.05, 30


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
    weight, largest : float
        How many customers these stand for, and the largest weight of one of them.
    share_called : float
        Of all rows, the share of called ones.
    effective : float
        How many training rows of equal weight would tell as much as all of them.
    without_control : tuple of str
        Campaigns that called customers and have no control group.
    """

    on_lists: int = 0
    called: int = 0
    control: int = 0
    trained: int = 0
    weight: float = 0.0
    largest: float = 1.0
    share_called: float = 0.0
    effective: float = 0.0
    without_control: tuple[str, ...] = ()

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
            f"weight of {self.weight:,.0f} (at most {self.largest:.1f} each), which leaves as much "
            f"information as {self.effective:,.0f} customers of equal weight have"
            if self.weight
            else "no control group is trained on in their place, so the riskiest may be too few"
        )
        left_out = plural(self.called, "customer is", "customers are")
        text = f"{left_out} left out because they were called; {weighted}."
        if self.without_control:
            names = ", ".join(self.without_control)
            text += f" No customer stands for those whom {names} called: it has no control group."
        return text

    @property
    def withheld(self) -> str:
        """Why a person has to decide on the promotion, or empty."""
        enough = self.trained >= FEWEST_CONTROL and not self.without_control
        if self.share_called <= SHARE_CALLED or enough:
            return ""
        return (
            f"{self.called:,} called customers ({self.share_called:.1%}) are left out, and only "
            f"{plural(self.trained, 'customer')} of a control group stand for them "
            f"(at least {FEWEST_CONTROL} of every campaign's are needed)"
        )


def leave_out_called(
    frame: "pd.DataFrame | Rows",
    split: "pd.Categorical | np.ndarray",
    contract: Contract,
    calls: pd.DataFrame,
) -> tuple[pd.Categorical, np.ndarray | None, CalledCustomers]:
    """Leave called customers out of training and hold-out, and weight their control group.

    With a time column and a horizon a call counts from the day of the observation until the
    horizon; without them the period of the label is not known, and every call counts.

    Parameters
    ----------
    frame : DataFrame or Rows, n rows
        Clean, as `validate_data` returns them.
    split : Categorical of n rows
        From `churn.data.holdout.split_customers`.
    calls : DataFrame
        See `churn.campaign.reading.read_call_lists`.

    Returns
    -------
    split : Categorical of n rows
        `called` for the rows of called customers.
    weights : ndarray of float64, shape (n,), or None
        How many customers each row stands for; None where nobody is left out.
    CalledCustomers

    Raises
    ------
    ChurnError
        If the table has no id, or no customer is left to train on.
    """
    split = pd.Categorical(split, categories=PARTS)
    if calls.empty:
        return split, None, CalledCustomers()
    if not contract.id:
        hint = "call lists name customers by their id, and the table has none: --id"
        raise ChurnError("Called customers cannot be left out:", [hint])
    listed = _listed_rows(frame, contract, calls)
    called = np.zeros(len(frame), dtype=bool)
    called[listed.loc[listed["called"], "row"]] = True
    on_lists = calls["customer"].nunique()
    if not called.any():
        return split, None, CalledCustomers(on_lists, control=listed["row"].nunique())
    split = split.copy()
    split[called] = CALLED
    train = split == TRAIN
    if not train.any():
        raise ChurnError("Nobody is left to train on:", ["every customer was called"])
    weights, without_control = _inverse_probabilities(listed, len(frame))
    weights[called] = 1.0
    control = np.zeros(len(frame), dtype=bool)
    control[listed["row"]] = True
    control &= ~called
    trained = control & train
    return split, weights, CalledCustomers(
        on_lists=on_lists, called=int(called.sum()), control=int(control.sum()),
        trained=int(trained.sum()), weight=float(weights[trained].sum()),
        largest=float(weights[train].max()), share_called=float(called.mean()),
        effective=effective_rows(weights[train]), without_control=without_control,
    )  # fmt: skip


def _inverse_probabilities(listed: pd.DataFrame, n: int) -> tuple[np.ndarray, tuple[str, ...]]:
    """The weight of each row, and the campaigns without a control group.

    The probability to be in a campaign's control group is the list's propensity, where it has one,
    and else the share of the campaign's customers. Draws are independent: those of campaigns, of
    the list and the exploration, and of the exploration's days, on each of which a customer who was
    drawn might have been called.
    """
    weights, without_control = np.ones(n), []
    for (campaign, draw), rows in listed.groupby(["campaign", "draw"], sort=True):
        control = rows[~rows["called"]]
        if control.empty:
            without_control += [] if draw else [str(campaign)]
            continue
        share = control["propensity"].fillna(len(control) / len(rows))
        weights[control["row"].to_numpy()] /= share.to_numpy()
    return weights, tuple(without_control)


def _listed_rows(
    frame: "pd.DataFrame | Rows", contract: Contract, calls: pd.DataFrame
) -> pd.DataFrame:
    """Each row of the table with each campaign that listed its customer in the label's period.

    Returns
    -------
    DataFrame
        row, campaign, called (on any day of the campaign), propensity (of being in its control
        group, the smallest of all days, since a customer must be in it on each; NaN if unknown),
        draw (the day of the exploration; empty for the list, on which a group is drawn once).
    """
    days = contract.horizon_days if contract.time else None
    listed, found = set(calls["customer"]), []
    keys = [contract.id, contract.time] if days else [contract.id]
    for first, part in rows_of(frame).chunks([name for name in keys if name]):
        customer = parse_ids(part[contract.id]).to_pandas().to_numpy(dtype=object)
        at = np.flatnonzero([one in listed for one in customer])
        some = pd.DataFrame({"customer": customer[at], "row": first + at})
        if days:
            times = pd.to_datetime(part[contract.time].iloc[at], utc=True)
            some["start"] = times.dt.tz_localize(None).dt.normalize().to_numpy()
        found.append(some)
    rows = pd.concat(found, ignore_index=True)
    pairs = rows.merge(calls, on="customer")
    if days:
        end = pairs["start"] + pd.Timedelta(days=days)
        pairs = pairs[(pairs["day"] >= pairs["start"]) & (pairs["day"] <= end)]
    pairs = pairs[pairs["arm"].isin([CONTACT, CONTROL])]
    by_campaign = pairs.assign(
        called=pairs["arm"] == CONTACT,
        campaign=pairs["campaign"].fillna("").astype(str),
        draw=pairs["day"].astype(str).where(pairs["stratum"] == EXPLORATION, ""),
        propensity=pairs["propensity"].where(pairs["arm"] == CONTROL),
    ).groupby(["row", "campaign", "draw"], as_index=False)
    return by_campaign.agg(called=("called", "any"), propensity=("propensity", "min"))
