"""Customers who are called at random: they show whom a call keeps, and what each policy brings.

The list only has the customers that its policy ranks first, so its control group only shows what a
call does to them. Some calls are therefore drawn at random among everybody eligible, with as many
customers like them who are not called, before the list takes the others of the budget.

The draw has unequal, known probabilities. Two policies differ in the customers whom one calls and
the other does not; the variance of their difference in money is least if customers are drawn in
proportion to the spread of their outcome there (Neyman 1934), and calls elsewhere show nothing of
it. So most of the draw is on the list and near its edge, falling with the distance in ranks, and
most of all where the policies that are known disagree; a small part goes to everybody alike, so
that each eligible customer keeps a known positive probability.

The sample is a priority sample (Duffield, Lund and Thorup 2007): of a fixed size, the same however
the table is cut, and given its threshold each customer was drawn with a known probability,
uncorrelated with that of any other. A hash of customer, campaign and day draws it, and another one
assigns the groups. Both are independent of the list's control group: its customers are never
called, so those of them whom the draw finds are held back. They are not called and do not count,
and leave the list as those who are drawn do, so that a customer of the list is in its control group
with the same probability as before.
"""

from collections.abc import Sequence
from hashlib import sha256

import numpy as np
import pandas as pd

from churn.campaign.allocation import Allocation, allocate_at_random, uniform_numbers
from churn.campaign.control_group import in_control
from churn.campaign.settings import Campaign

LIST, EXPLORATION = "list", "exploration"
# The share of the draw that goes to all eligible customers alike.
FLOOR = 0.1
# Beyond so many budgets in rank, a customer is drawn by the floor alone.
BAND = 4
# The share of nearness to the list's edge in the size, where known policies disagree.
NEAR = 0.2
# A draw, see `draw`, and the features of its customers.
Drawn = tuple[pd.DataFrame, pd.DataFrame]


def candidates(
    ids: Sequence[str], probability: np.ndarray, benefits: np.ndarray, rankings: np.ndarray,
    index: pd.Index, campaign: Campaign,
) -> pd.DataFrame:  # fmt: skip
    """The customers of a part of the table that may be drawn, cut to those that can be.

    Parameters
    ----------
    ids : sequence of str
        Of eligible customers.
    probability : ndarray of float64, shape (n,)
    benefits : ndarray of float64, shape (n, n_actions)
        By the policy of the list.
    rankings : ndarray of float64, shape (n, n_policies)
        The greatest benefit of an action by each policy that is known, that of the list first.
    index : Index
        Their row numbers in the table.
    campaign : Campaign

    Returns
    -------
    DataFrame
        id, probability, control (whether in the group that is not called), held (whether in the
        list's control group), the benefit of each action, the rankings, and hash (a number above 0,
        up to 1).
    """
    key = f"{campaign.campaign}\n{campaign.as_of}"
    frame = pd.DataFrame(
        {
            "id": np.asarray(ids, dtype=object),
            "probability": probability,
            "control": in_control(ids, f"{key}\n{EXPLORATION}", 0.5),
            "held": in_control(ids, campaign.campaign, campaign.control),
            **benefit_columns(benefits),
            **{f"ranking_{number}": column for number, column in enumerate(rankings.T)},
            "hash": _hash(ids, key),
        },
        index=index,
    )
    return draw(frame, campaign)


def _hash(ids: Sequence[str], key: str) -> np.ndarray:
    texts, hash_key = np.asarray(ids, dtype=object), sha256(key.encode()).hexdigest()[:16]
    hashes = pd.util.hash_array(texts, hash_key=hash_key, categorize=False)
    return (hashes.astype(np.float64) + 1) / 2.0**64


def draw(frame: pd.DataFrame, campaign: Campaign) -> pd.DataFrame:
    """Those of whom some may be in the sample: near the edge of a policy, or with a small hash.

    The candidates of a table are those of its parts' candidates.
    """
    keep = np.zeros(len(frame), dtype=bool)
    for ranks in _ranks(frame).T:
        keep |= ranks < BAND * campaign.budget
    control, free = frame["control"].to_numpy(dtype=bool), ~frame["held"].to_numpy(dtype=bool)
    hashes = frame["hash"].to_numpy()
    for group in (control, ~control):
        first = np.sort(hashes[group & free])[: campaign.explore + 1]
        last = first[-1] if len(first) > campaign.explore else np.inf
        keep |= group & (hashes <= last)
    found: pd.DataFrame = frame[keep]
    return found


def merge_draws(draws: list[Drawn], campaign: Campaign) -> Drawn:
    """Merge the candidates of several parts and their customers; see `draw`."""
    scores = draw(pd.concat([scores for scores, _ in draws]), campaign)
    return scores, pd.concat([customers for _, customers in draws]).loc[scores.index]


def _ranks(frame: pd.DataFrame) -> np.ndarray:
    """The rank of each customer by each policy, from 0; ties go to the first row."""
    columns = [name for name in frame if str(name).startswith("ranking_")]
    found = np.empty((len(frame), len(columns)), dtype=np.int64)
    for number, name in enumerate(columns):
        order = np.lexsort([frame.index.to_numpy(), -frame[name].to_numpy()])
        found[order, number] = np.arange(len(frame))
    return found


def sizes(frame: pd.DataFrame, eligible: int, campaign: Campaign) -> np.ndarray:
    """The measure of size to which the probability of a draw is proportional: (n,) float64.

    Parameters
    ----------
    frame : DataFrame
        See `candidates`; of the whole table.
    eligible : int
        How many customers are eligible, of whom each has the floor.
    """
    distance = _ranks(frame) / campaign.budget
    near = np.where(distance < BAND, np.exp(np.minimum(1 - distance, 0)), 0.0)
    disagree = near.max(axis=1)
    if distance.shape[1] > 1:
        called = 1 / (1 + np.exp(np.clip(4 * (distance - 1), -50, 50)))
        disagree = NEAR * disagree + called.max(axis=1) - called.min(axis=1)
        disagree[near.max(axis=1) == 0] = 0.0
    chance = np.clip(frame["probability"].to_numpy(), 0.01, 0.99)
    neyman = disagree * np.sqrt(chance * (1 - chance))
    found: np.ndarray = (1 - FLOOR) * neyman / max(neyman.sum(), 1e-300) + FLOOR / eligible
    return found


def inclusion(
    frame: pd.DataFrame, size: np.ndarray, most: int
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """The priority sample of each group, and the probability of being in it.

    Parameters
    ----------
    frame : DataFrame of n rows
        See `candidates`.
    size : ndarray of float64, shape (n,)
    most : int
        The customers of each group.

    Returns
    -------
    drawn : ndarray of bool, shape (n,)
        Also customers of the list's control group, who do not count.
    probability : ndarray of float64, shape (n, 2)
        Of being drawn if in the group that is called, and if in the other one, given the greatest
        priority of the group that is not drawn.
    """
    priority = frame["hash"].to_numpy() / size
    control, free = frame["control"].to_numpy(dtype=bool), ~frame["held"].to_numpy(dtype=bool)
    drawn, probability = np.zeros(len(frame), dtype=bool), np.ones((len(frame), 2))
    for group in (0, 1):
        mine = control == bool(group)
        first = np.sort(priority[mine & free])
        end = first[most] if len(first) > most else np.inf
        drawn |= mine & (priority < end)
        if np.isfinite(end):
            probability[:, group] = np.minimum(1.0, size * end)
    return drawn, probability


def explore(
    drawn: Drawn, eligible: int, capacity: np.ndarray, campaign: Campaign
) -> tuple[Drawn, Allocation, np.ndarray, pd.DataFrame]:
    """The customers of the exploration.

    Parameters
    ----------
    drawn : tuple of DataFrame
        See `merge_draws`.
    eligible : int
        How many customers might get an action.
    capacity : ndarray of int, shape (n_actions,)
        Of each action.

    Returns
    -------
    tuple of DataFrame
        Those customers, in the order of the draw, with a column `weight`: how many eligible
        customers each stands for.
    Allocation
        Their actions, all possible ones equally probable.
    ndarray of float64, shape (m,)
        The probability of no action for each of them, given that they were drawn.
    DataFrame
        Those of the list's control group whom the draw found, who are held back.
    """
    scores, customers = drawn
    sample, probability = inclusion(
        scores, sizes(scores, max(eligible, 1), campaign), campaign.explore
    )
    both = probability.mean(axis=1)  # each group has half of the customers
    scores = scores.assign(
        weight=1 / (both * (1 - campaign.control)), idle=probability[:, 1] / (2 * both)
    )[sample]
    is_held = scores["held"].to_numpy(dtype=bool)
    held, scores = scores[is_held].sort_index(), scores[~is_held]
    scores = scores.iloc[np.argsort(scores["hash"].to_numpy(), kind="stable")]
    found = allocate_at_random(
        np.isfinite(benefits_of(scores)), scores["control"].to_numpy(),
        uniform_numbers(scores["id"].tolist(), campaign.campaign), capacity, campaign.explore,
    )  # fmt: skip
    scores = scores.iloc[found.rows]
    return (scores, customers.loc[scores.index]), found, scores["idle"].to_numpy(), held


def benefit_columns(benefits: np.ndarray) -> dict[str, np.ndarray]:
    """The benefit of each action as columns of a table of customers."""
    return {f"benefit_{number}": column for number, column in enumerate(benefits.T)}


def benefits_of(scores: pd.DataFrame) -> np.ndarray:
    """The columns of `benefit_columns`: (n, n_actions) float64."""
    names = [name for name in scores if str(name).startswith("benefit_")]
    return scores[names].to_numpy(dtype=np.float64)
