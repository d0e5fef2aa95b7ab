"""Which customer gets which action, within the capacity of each, and with what probability.

In the order of their greatest benefit, each customer gets the action that brings most among those
with capacity left. So that the other actions can be learned from, a known share of the actions is
drawn at random among those that the customer may get: every possible action has a known
probability, given whom the earlier ones in the order got.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
import pandas as pd

ACTION = "action"


@dataclass(frozen=True)
class Allocation:
    """The customers of a list, or of its exploration, and their actions.

    Attributes
    ----------
    rows : ndarray of int, shape (m,)
        Positions among those given, in the order of the allocation.
    action : ndarray of int, shape (m,)
        The number of the action that each gets, or would get without the control group.
    propensity : ndarray of float, shape (m, n_actions)
        The probability of each action for customers who are not in the control group; 0 where an
        action was not possible.
    left : ndarray of int, shape (n_actions,)
        The capacity that is left.
    """

    rows: np.ndarray
    action: np.ndarray
    propensity: np.ndarray
    left: np.ndarray


def uniform_numbers(ids: Sequence[str], key: str) -> np.ndarray:
    """A number from 0 to 1 of each customer, the same in every run: (n,) float64.

    Parameters
    ----------
    key : str
        Others give independent numbers.
    """
    hash_key = sha256(f"{key}\n{ACTION}".encode()).hexdigest()[:16]
    texts = np.asarray(ids, dtype=object)
    hashes = pd.util.hash_array(texts, hash_key=hash_key, categorize=False)
    return hashes.astype(np.float64) / 2.0**64


def allocate(
    benefit: np.ndarray, control: np.ndarray, drawn: np.ndarray, capacity: np.ndarray, most: int,
    share: float,
) -> Allocation:  # fmt: skip
    """Give the actions with the greatest benefit, within their capacities.

    The control group does not use capacity: it is those whose turn comes before the last action.

    Parameters
    ----------
    benefit : ndarray of float, shape (n, n_actions)
        Money; `-inf` where a customer may not get an action. Ties go to the first row.
    control : ndarray of bool, shape (n,)
    drawn : ndarray of float, shape (n,)
        See `uniform_numbers`.
    capacity : ndarray of int, shape (n_actions,)
    most : int
        The most actions in all.
    share : float
        The share of the actions that is drawn among all that are possible, whatever they bring.
    """
    row, action = np.nonzero(benefit > 0)
    order = np.lexsort([action, row, -benefit[row, action]])
    may, left, used = np.isfinite(benefit), capacity.copy(), 0
    rows: list[int] = []
    actions: list[int] = []
    chances: list[np.ndarray] = []
    taken = np.zeros(len(benefit), dtype=bool)
    for i, best in zip(row[order].tolist(), action[order].tolist(), strict=True):
        if used >= most:
            break
        if taken[i] or not left[best]:
            continue
        taken[i] = True
        possible = np.flatnonzero(may[i] & (left > 0))
        chance = np.zeros(len(left))
        chance[possible] = share / len(possible)
        # Exactly 1 where only one is possible.
        chance[best] = 1 - share * (1 - 1 / len(possible))
        got = best if drawn[i] >= share else _pick(possible, drawn[i] / share)
        rows.append(i)
        actions.append(got)
        chances.append(chance)
        if not control[i]:
            left[got] -= 1
            used += 1
    return _allocation(rows, actions, chances, left)


def allocate_at_random(
    may: np.ndarray, control: np.ndarray, drawn: np.ndarray, capacity: np.ndarray, most: int
) -> Allocation:
    """Draw an action of each customer among those that are possible, with equal probabilities.

    Parameters
    ----------
    may : ndarray of bool, shape (n, n_actions)
        Which actions a customer may get. The order of the customers is that of the draw.
    most : int
        The most customers of each group: those who get an action, and those who do not.
    control, drawn, capacity
        See `allocate`.
    """
    left, used = capacity.copy(), [0, 0]
    rows: list[int] = []
    actions: list[int] = []
    chances: list[np.ndarray] = []
    for i, group in enumerate(control.astype(int).tolist()):
        if used[group] >= most:
            continue
        possible = np.flatnonzero(may[i] & (left > 0))
        if not len(possible):
            continue
        chance = np.zeros(len(left))
        chance[possible] = 1 / len(possible)
        got = _pick(possible, drawn[i])
        rows.append(i)
        actions.append(got)
        chances.append(chance)
        used[group] += 1
        if not group:
            left[got] -= 1
    return _allocation(rows, actions, chances, left)


def _pick(possible: np.ndarray, number: float) -> int:
    """One of the actions, by a number from 0 to 1."""
    return int(possible[min(int(number * len(possible)), len(possible) - 1)])


def _allocation(
    rows: list[int], actions: list[int], chances: list[np.ndarray], left: np.ndarray
) -> Allocation:
    return Allocation(
        np.array(rows, dtype=np.int64), np.array(actions, dtype=np.int64),
        np.array(chances).reshape(len(rows), len(left)), left,
    )  # fmt: skip
