"""The customers of a list with their actions, and the probability of each action that was possible.

A row of a list has its stratum. The exploration is drawn first: about half of its customers get no
action, and the others one of those that are possible, each with the probability that the draw gave
it. Customers of the list's control group whom the draw found are certainly not called. Of all other
customers the list takes the best: each is in the control group with one probability, and else gets
the policy's action, or, with the exploration's share, one of all that are possible.
"""

from typing import Any

import numpy as np
import pandas as pd

from churn.campaign.actions import Actions
from churn.campaign.allocation import allocate, uniform_numbers
from churn.campaign.control_group import CONTROL
from churn.campaign.exploration import EXPLORATION, LIST, Drawn, benefits_of, explore
from churn.campaign.list_policy import ListPolicy
from churn.campaign.settings import Campaign

# By the name of an action that was possible, or `control`: its `propensity`, and for an action its
# `cost` and `benefit_by_risk`, in money.
Options = dict[str, dict[str, float]]


def assign(
    top: Drawn, drawn: Drawn | None, eligible: int, campaign: Campaign, actions: Actions
) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    """The list and its exploration, the greatest benefit first.

    Parameters
    ----------
    top : tuple of DataFrame
        The candidates of the list, see `churn.campaign.shortlist.shortlist`, and their features.
    drawn : tuple of DataFrame, optional
        Those of the exploration, see `churn.campaign.exploration.candidates`.
    eligible : int
        How many customers might get an action.

    Returns
    -------
    scores : DataFrame of n rows
        id, probability, control, action (its number; of a control customer the one that they would
        have), policy_action (the one that the policy prefers, -1 in the exploration), benefit of
        the action, stratum, propensity of what was drawn, and weight.
    customers : DataFrame of n rows
        Their features.
    chances : ndarray of float, shape (n, n_actions + 1)
        The probability of the control group, and of each action.
    """
    scores, customers = top
    rows, features, chances, left = [], [], [], actions.capacities
    if drawn is not None:
        (some, of_some), by_chance, idle, held = explore(drawn, eligible, left, campaign)
        both, left = np.arange(len(some)), by_chance.left
        rows.append(_rows(some, both, by_chance.action, by_chance.propensity, idle, EXPLORATION))
        rows[0]["weight"], rows[0]["policy_action"] = some["weight"], -1
        features.append(of_some)
        chances.append(_with_control(by_chance.propensity, idle))
        rows.append(_held(held))
        features.append(drawn[1].loc[held.index])
        chances.append(np.eye(1, len(left) + 1).repeat(len(held), axis=0))
        scores = scores[~scores.index.isin([*some.index, *held.index])]
    found = allocate(
        benefits_of(scores), scores["control"].to_numpy(dtype=bool),
        uniform_numbers(scores["id"].tolist(), campaign.campaign), left, campaign.ranked,
        campaign.explore / campaign.budget,
    )  # fmt: skip
    share = np.full(len(found.rows), campaign.control)
    listed = _rows(scores, found.rows, found.action, found.propensity, share, LIST)
    # Where some were drawn from all, those stand for the customers of the list too.
    listed["weight"] = 1.0 if drawn is None else 0.0
    listed["policy_action"] = found.propensity.argmax(axis=1) if len(found.rows) else 0
    table = pd.concat([listed, *rows])
    every = np.concatenate([_with_control(found.propensity, share), *chances])
    theirs = pd.concat([customers.loc[listed.index], *features])
    order = np.argsort(-table["benefit"].to_numpy(), kind="stable")
    table = table.iloc[order]
    return table, theirs.loc[table.index], every[order]


def _held(scores: pd.DataFrame) -> pd.DataFrame:
    """Those of the list's control group whom the draw found: certainly not called, for nobody."""
    best = benefits_of(scores).argmax(axis=1) if len(scores) else np.zeros(0, dtype=np.int64)
    shape = (len(scores), benefits_of(scores).shape[1])
    found = _rows(
        scores.assign(control=True), np.arange(len(scores)), best, np.zeros(shape),
        np.ones(len(scores)), EXPLORATION,
    )  # fmt: skip
    return found.assign(weight=0.0, policy_action=-1)


def _with_control(chances: np.ndarray, share: np.ndarray) -> np.ndarray:
    return np.column_stack([share, (1 - share)[:, None] * chances])


def _rows(
    scores: pd.DataFrame, rows: np.ndarray, action: np.ndarray, chances: np.ndarray,
    share: np.ndarray, stratum: str,
) -> pd.DataFrame:  # fmt: skip
    some = scores.iloc[rows]
    each = np.arange(len(rows))
    control = some["control"].to_numpy(dtype=bool)
    return some[["id", "probability", "control"]].assign(
        action=action, benefit=benefits_of(some)[each, action], stratum=stratum,
        propensity=np.where(control, share, (1 - share) * chances[each, action]),
    )  # fmt: skip


def options_of(
    policy: ListPolicy, chance: np.ndarray, customers: pd.DataFrame, chances: np.ndarray
) -> list[Options]:
    """What might have been drawn for each customer, and how probably.

    Parameters
    ----------
    chance : ndarray of float64, shape (n,)
        The probability of leaving.
    customers : DataFrame of n rows
    chances : ndarray of float, shape (n, n_actions + 1)
        See `assign`.
    """
    costs, by_risk = policy.costs(chance, customers), policy.by_risk(chance, customers)
    found = []
    for row, probabilities in enumerate(chances):
        options = {CONTROL: {"propensity": float(probabilities[0])}}
        for number, name in enumerate(policy.actions.names):
            if probabilities[number + 1] > 0:
                options[name] = {
                    "propensity": float(probabilities[number + 1]),
                    "cost": float(costs[row, number]),
                    "benefit_by_risk": float(by_risk[row, number]),
                }
        found.append(options)
    return found


def action_columns(
    actions: Actions, scores: pd.DataFrame, options: list[Options]
) -> dict[str, Any]:
    """The columns about the actions, where the campaign names them; see `list_schema`."""
    if not actions.named:
        return {}
    names = [*actions.names, None]
    drawn = [actions.each[number] for number in scores["action"]]
    control = scores["control"].to_numpy(dtype=bool)
    return {
        "assigned_action": [
            CONTROL if held else one.name for one, held in zip(drawn, control, strict=True)
        ],
        "policy_action": [names[number] for number in scores["policy_action"]],
        "offer": [one.offer or None for one in drawn],
        "channel": [one.channel or None for one in drawn],
        "eligible_actions": [
            "; ".join(f"{name} {one['propensity']:.6g}" for name, one in of.items())
            for of in options
        ],
    }
