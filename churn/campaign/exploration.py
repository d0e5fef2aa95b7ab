"""Customers who are called at random, beside the list: they show whom a call keeps.

The list only has the customers that its policy ranks first, so its control group only shows what a
call does to them. Some calls are drawn from all other eligible customers, whatever their benefit,
with as many customers like them who are not called.

A hash of customer and campaign assigns a customer's group and action, once for the campaign; a hash
that includes the day draws the customers of the day. Both are independent of each other and of the
list's control group, whose customers are never drawn.
"""

from collections.abc import Sequence
from hashlib import sha256

import numpy as np
import pandas as pd

from churn.campaign.allocation import Allocation, allocate_at_random, uniform_numbers
from churn.campaign.control_group import in_control
from churn.campaign.settings import Campaign

LIST, EXPLORATION = "list", "exploration"
# The probability of a call for the customers that are drawn.
SHARE = 0.5
# A draw, see `draw`, and the features of its customers.
Drawn = tuple[pd.DataFrame, pd.DataFrame]


def candidates(
    ids: Sequence[str], probability: np.ndarray, benefits: np.ndarray, index: pd.Index,
    campaign: Campaign,
) -> pd.DataFrame:  # fmt: skip
    """The customers of a part of the table that may be drawn, cut to those that can be.

    Parameters
    ----------
    ids : sequence of str
        Of eligible customers.
    probability : ndarray of float64, shape (n,)
    benefits : ndarray of float64, shape (n, n_actions)
    index : Index
        Their row numbers in the table.
    campaign : Campaign

    Returns
    -------
    DataFrame
        id, probability, control (whether in the group that is not called), the benefit of each
        action, and hash.
    """
    texts = np.asarray(ids, dtype=object)
    key = sha256(f"{campaign.campaign}\n{campaign.as_of}".encode()).hexdigest()[:16]
    frame = pd.DataFrame(
        {
            "id": texts,
            "probability": probability,
            "control": ~in_control(ids, f"{campaign.campaign}\n{EXPLORATION}", SHARE),
            **benefit_columns(benefits),
            "hash": pd.util.hash_array(texts, hash_key=key, categorize=False),
        },
        index=index,
    )
    frame = frame[~in_control(ids, campaign.campaign, campaign.control)]
    # At most all calls of the list are among them: they are left out when the list is known.
    return draw(frame, campaign.explore + campaign.ranked)


def draw(frame: pd.DataFrame, most: int) -> pd.DataFrame:
    """The customers of each group with the smallest hashes, at most so many."""
    ordered = frame.iloc[np.argsort(frame["hash"].to_numpy(), kind="stable")]
    first: pd.DataFrame = ordered[ordered.groupby("control").cumcount() < most]
    return first


def merge_draws(draws: list[Drawn], most: int) -> Drawn:
    """Merge the candidates of several parts and their customers; see `draw`."""
    scores = draw(pd.concat([scores for scores, _ in draws]), most)
    return scores, pd.concat([customers for _, customers in draws]).loc[scores.index]


def explore(
    drawn: Drawn, listed: pd.Index, capacity: np.ndarray, campaign: Campaign
) -> tuple[Drawn, Allocation]:
    """The customers of the exploration: those drawn first who are not on the list.

    Parameters
    ----------
    drawn : tuple of DataFrame
        See `merge_draws`.
    listed : Index
        The row numbers of the customers on the list.
    capacity : ndarray of int, shape (n_actions,)
        What the list leaves of each action.

    Returns
    -------
    tuple of DataFrame
        Those customers, in the order of the draw.
    Allocation
        Their actions, all possible ones equally probable.
    """
    scores, customers = drawn
    scores = scores[~scores.index.isin(listed)]
    scores = scores.iloc[np.argsort(scores["hash"].to_numpy(), kind="stable")]
    found = allocate_at_random(
        np.isfinite(benefits_of(scores)), scores["control"].to_numpy(),
        uniform_numbers(scores["id"].tolist(), campaign.campaign), capacity, campaign.explore,
    )  # fmt: skip
    scores = scores.iloc[found.rows]
    return (scores, customers.loc[scores.index]), found


def benefit_columns(benefits: np.ndarray) -> dict[str, np.ndarray]:
    """The benefit of each action as columns of a table of customers."""
    return {f"benefit_{number}": column for number, column in enumerate(benefits.T)}


def benefits_of(scores: pd.DataFrame) -> np.ndarray:
    """The columns of `benefit_columns`: (n, n_actions) float64."""
    names = [name for name in scores if str(name).startswith("benefit_")]
    return scores[names].to_numpy(dtype=np.float64)
