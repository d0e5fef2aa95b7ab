"""The customers of a list with their actions, and the probability of each action that was possible.

A row of a list has its stratum. On the list each customer is in the control group with one
probability, and else gets the policy's action, or, with the exploration's share, one of all that
are possible. In the exploration half of the customers get no action, and the others one of those
that are possible.
"""

from typing import Any

import numpy as np
import pandas as pd

from churn.campaign.actions import Actions
from churn.campaign.allocation import allocate, uniform_numbers
from churn.campaign.control_group import CONTROL
from churn.campaign.exploration import EXPLORATION, LIST, SHARE, Drawn, benefits_of, explore
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
    capacity = actions.capacities
    # The exploration needs as many of each action.
    reserved = np.minimum(-(-campaign.explore // len(actions)), capacity)
    benefits = benefits_of(scores)
    found = allocate(
        benefits, scores["control"].to_numpy(dtype=bool),
        uniform_numbers(scores["id"].tolist(), campaign.campaign), capacity - reserved,
        campaign.ranked, campaign.explore / campaign.budget,
    )  # fmt: skip
    rows = [_rows(scores, found.rows, found.action, found.propensity, campaign.control, LIST)]
    rows[0]["policy_action"] = found.propensity.argmax(axis=1) if len(found.rows) else 0
    features = [customers.iloc[found.rows]]
    chances = [_with_control(found.propensity, campaign.control)]
    if drawn is not None:
        (some, of_some), by_chance = explore(drawn, rows[0].index, found.left + reserved, campaign)
        both = np.arange(len(some))
        rows.append(_rows(some, both, by_chance.action, by_chance.propensity, SHARE, EXPLORATION))
        # Each of them stands for as many of those who are eligible and not on the list.
        rows[1]["weight"] = (eligible - len(rows[0])) / max(len(some), 1)
        rows[1]["policy_action"] = -1
        features.append(of_some)
        chances.append(_with_control(by_chance.propensity, SHARE))
    table = pd.concat(rows)
    order = np.argsort(-table["benefit"].to_numpy(), kind="stable")
    table = table.iloc[order]
    return table, pd.concat(features).loc[table.index], np.concatenate(chances)[order]


def _with_control(chances: np.ndarray, share: float) -> np.ndarray:
    return np.column_stack([np.full(len(chances), share), (1 - share) * chances])


def _rows(
    scores: pd.DataFrame, rows: np.ndarray, action: np.ndarray, chances: np.ndarray, share: float,
    stratum: str,
) -> pd.DataFrame:  # fmt: skip
    some = scores.iloc[rows]
    each = np.arange(len(rows))
    control = some["control"].to_numpy(dtype=bool)
    return some[["id", "probability", "control"]].assign(
        action=action, benefit=benefits_of(some)[each, action], stratum=stratum, weight=1.0,
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
