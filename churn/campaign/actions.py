"""The actions of a campaign: what each offers, by which channel, at what cost, and to whom.

A campaign without a file has one action, a call.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from churn.campaign.control_group import CONTACT
from churn.campaign.rules import Rule, holds_all, holds_any
from churn.evaluation.retention_costs import RetentionCosts

__all__ = ["Action", "Actions"]


UNLIMITED = 2**62


@dataclass(frozen=True)
class Action:
    """An offer by a channel.

    Attributes
    ----------
    name : str
        `contact` where the campaign has no file.
    costs : RetentionCosts
    offer, channel : str
        In words, for the people who make it.
    capacity : int or None
        The most customers of a day who get it; None for as many as the budget allows.
    eligible : tuple of Rule
        A customer may get it if all of them hold.
    """

    name: str
    costs: RetentionCosts
    offer: str = ""
    channel: str = ""
    capacity: int | None = None
    eligible: tuple[Rule, ...] = ()

    @property
    def words(self) -> str:
        """What is offered and how, as `20 % off, by phone`."""
        return ", ".join(filter(None, [self.offer, f"by {self.channel}" if self.channel else ""]))


@dataclass(frozen=True)
class Actions:
    """The actions of a campaign.

    Attributes
    ----------
    each : tuple of Action
    suppress : tuple of Rule
        A customer gets no action if one of them holds.
    named : bool
        Whether they come from a file, so that a list says which action each customer gets.
    """

    each: tuple[Action, ...]
    suppress: tuple[Rule, ...] = ()
    named: bool = False

    @classmethod
    def one(cls, costs: RetentionCosts) -> "Actions":
        """A campaign whose only action is a call."""
        return cls((Action(CONTACT, costs),))

    def __iter__(self) -> Iterator[Action]:
        return iter(self.each)

    def __len__(self) -> int:
        return len(self.each)

    @property
    def names(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(action.name for action in self.each)

    @property
    def capacities(self) -> np.ndarray:
        """The most customers of each action: (n_actions,) int64; `UNLIMITED` without a capacity."""
        return np.array([one.capacity or UNLIMITED for one in self.each], dtype=np.int64)

    @property
    def columns(self) -> list[str]:
        """The columns of the customer table that costs and rules name."""
        rules = [*self.suppress, *(rule for one in self.each for rule in one.eligible)]
        names = [name for one in self.each for name in one.costs.columns]
        return list(dict.fromkeys([*names, *(name for rule in rules for name in rule.columns)]))

    @property
    def money_columns(self) -> list[str]:
        """Those that costs name."""
        return list(dict.fromkeys(name for one in self.each for name in one.costs.columns))

    def unusable(self, frame: pd.DataFrame) -> list[tuple[str, str, np.ndarray]]:
        """Which cells of the columns that costs name are not valid, see `RetentionCosts`."""
        found = {
            (name, rule): bad for one in self.each for name, rule, bad in one.costs.unusable(frame)
        }
        return [(name, rule, bad) for (name, rule), bad in found.items()]

    def suppressed(self, customers: pd.DataFrame) -> np.ndarray:
        """Who gets no action by a rule of the campaign: (n,) bool."""
        return holds_any(self.suppress, customers)

    def eligible(self, customers: pd.DataFrame) -> np.ndarray:
        """Who may get which action: (n, n_actions) bool."""
        return np.column_stack([holds_all(one.eligible, customers) for one in self.each])
