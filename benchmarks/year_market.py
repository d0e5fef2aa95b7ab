"""A simulated market: customers come, grow older, and leave or stay with known probabilities.

A customer who accepts the offer gets a contract of two years, and is not affected by the price.
With different effects only customers with a partner take an offer (of those about to leave twice
the mean acceptance, so they are the persuadables), and a call makes some of the others on a monthly
contract leave who would have stayed (sleeping dogs).

Markets with one seed differ only in the called customers: each customer has the same random numbers
in each month of each market, so the difference between two markets is the effect of calling.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from churn.data.synthetic import draw_customers, log_odds, to_frame
from churn.evaluation.retention_costs import RetentionCosts

# Added to the generator's log odds, whose churn rate is a quarter, for the churn rate of a month.
CALM = -1.7
# The new price list: the factor of the price of a DSL or fiber line, and the effect on the log odds
# beyond that of the price itself.
NEW_PRICES = {0: 1.4, 1: 0.85}
RESENTMENT = {0: 1.8, 1: -0.9}
TWO_YEARS = 2
# Streams of random numbers other than that of the customers.
LUCK, LATE = 1, 2
# The share of sleeping dogs whom a call makes leave.
PROVOKED = 0.1
# The values that the broken job upstream writes for all customers.
BROKEN = {"contract": "Month-to-month", "online_security": "No", "tech_support": "No"}


@dataclass(frozen=True)
class Plan:
    """The events of the year; months count from 0, which is history.

    Attributes
    ----------
    customers : int
        The number of customers at the beginning.
    newcomers : int
        The number of new customers per month.
    months : int
        The number of months after month 0.
    prices : int
        The month in which the new price list comes.
    broken : int
        The month in which a job upstream breaks.
    seed : int
    different : bool
        Whether a call has different effects on customers; else it has the same on all who leave.
    """

    customers: int = 20_000
    newcomers: int = 1_200
    months: int = 12
    prices: int = 4
    broken: int = 9
    seed: int = 0
    different: bool = False

    @property
    def everybody(self) -> int:
        """The number of all customers of the year."""
        return self.customers + self.newcomers * self.months


@dataclass(frozen=True)
class Month:
    """The outcomes of a market's customers in a month.

    Attributes
    ----------
    leaving, left : ndarray of bool, shape (n_customers,)
        Who would have left without a call, and who left, in the order of the month's table.
    lost : float
        The value of those who left, in money.
    spent : float
        The cost of calls and offers, in money.
    """

    leaving: np.ndarray
    left: np.ndarray
    lost: float
    spent: float


class Market:
    """The customers of a business, month by month.

    Attributes
    ----------
    month : int
    ids : ndarray of int, shape (n_customers,)
        The ids of the current customers.
    """

    def __init__(self, plan: Plan, offer: RetentionCosts):
        self.plan, self.offer, self.month = plan, offer, 0
        everybody = draw_customers(plan.everybody, np.random.default_rng(plan.seed))
        newcomers = np.arange(plan.everybody) >= plan.customers
        everybody["tenure"] = np.where(newcomers, 0, everybody["tenure"])
        everybody["total_charges"] = np.where(newcomers, 0.0, everybody["total_charges"])
        self._everybody = everybody
        self._resent = np.zeros(plan.everybody)
        self._there = ~newcomers

    @property
    def ids(self) -> np.ndarray:
        return np.flatnonzero(self._there) + 1

    def table(self, broken: bool = False) -> pd.DataFrame:
        """The customers as in the business's own systems, without outcomes."""
        frame = to_frame(self._now(), np.zeros(len(self.ids), dtype=bool)).drop(columns="churn")
        frame["customer_id"] = self.ids
        if broken:
            for column, value in BROKEN.items():
                frame[column] = value
        return frame

    def chances(self) -> np.ndarray:
        """The true probabilities of leaving this month, in the order of the table."""
        odds = log_odds(self._now()) + CALM + self._resent[self._there]
        return 1 / (1 + np.exp(-odds))

    def acceptance(self) -> np.ndarray:
        """The true share of those about to leave who accept, in the order of the table."""
        if not self.plan.different:
            return np.full(len(self.ids), self.offer.acceptance)
        return np.where(self._now()["partner"] == 1, 2 * self.offer.acceptance, 0.0)

    def provoked(self) -> np.ndarray:
        """The true share of those who would stay whom a call makes leave."""
        if not self.plan.different:
            return np.zeros(len(self.ids))
        now = self._now()
        return np.where((now["partner"] == 0) & (now["contract"] == 0), PROVOKED, 0.0)

    def interested(self) -> np.ndarray:
        """Who takes an offer if they stay, in the order of the table: bool."""
        if not self.plan.different:
            return np.ones(len(self.ids), dtype=bool)
        return self._now()["partner"] == 1

    def benefits(self) -> np.ndarray:
        """The true expected money that a call of each customer brings, less its cost."""
        chance, accept, provoked = self.chances(), self.acceptance(), self.provoked()
        kept, lost = chance * accept, (1 - chance) * provoked
        takers = kept + (1 - chance) * self.interested()
        value = self.offer.customer_value * (kept - lost)
        return value - self.offer.contact_cost - self.offer.offer_cost * takers

    def live(self, called: Iterable[int] = ()) -> Month:
        """Simulate one month."""
        luck = np.random.default_rng((self.plan.seed, LUCK, self.month)).random(
            (2, self.plan.everybody)
        )
        leave, accept = luck[:, self._there]
        leaving = leave < self.chances()
        called = np.isin(self.ids, list(called))
        kept = leaving & called & (accept < self.acceptance())
        driven = ~leaving & called & (accept < self.provoked())
        left = (leaving & ~kept) | driven
        takers = called & ~left & self.interested()
        spent = called.sum() * self.offer.contact_cost + takers.sum() * self.offer.offer_cost
        self._everybody["contract"][self.ids[takers] - 1] = TWO_YEARS
        self._resent[self.ids[takers] - 1] = 0.0
        lost = left.sum() * self.offer.customer_value
        self._there[self.ids[left] - 1] = False
        self._begin(self.month + 1)
        return Month(leaving, left, float(lost), float(spent))

    def _begin(self, month: int) -> None:
        self.month = month
        they, plan = self._everybody, self.plan
        they["total_charges"][self._there] += they["monthly_charges"][self._there]
        they["total_charges"] = np.round(they["total_charges"], 2)
        they["tenure"][self._there] += 1
        first = plan.customers + plan.newcomers * (month - 1)
        self._there[first : first + plan.newcomers] = True
        if month == plan.prices:
            for line, factor in NEW_PRICES.items():
                has = they["internet_service"] == line
                they["monthly_charges"][has] = np.round(they["monthly_charges"][has] * factor, 2)
                self._resent[has & self._there] = RESENTMENT[line]

    def _now(self) -> dict[str, np.ndarray]:
        return {name: values[self._there] for name, values in self._everybody.items()}
