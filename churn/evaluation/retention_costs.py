"""The costs and the possible gain of calling a customer, as constants or columns of the table."""

from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from churn.data.amounts import NUMBER
from churn.data.parsing import parse_numbers
from churn.data.rows import Rows
from churn.errors import ChurnError
from churn.words import plural


@dataclass(frozen=True)
class RetentionCosts:
    """Costs and possible gain of a call; the defaults are those of Verbraken et al. (2013).

    Each is a constant, or the name of a number column of the customer table.

    Attributes
    ----------
    contact_cost : float or str
        Money per call, whatever its result (f in the paper).
    offer_cost : float or str
        Money per offer that is taken (d).
    acceptance : float or str
        Share, 0 to 1, of those about to leave who take the offer and stay (gamma); 0.3 is the
        mean of the paper's Beta(6, 14).
    customer_value : float or str
        Money that a customer who stays is worth (CLV).
    """

    contact_cost: float | str = 1.0
    offer_cost: float | str = 10.0
    acceptance: float | str = 0.3
    customer_value: float | str = 200.0

    @classmethod
    def parse(cls, **values: float | str) -> "RetentionCosts":
        """Read them from the texts of a command line.

        Parameters
        ----------
        values : float or str
            By the names of the attributes; one that is not there keeps its default. A text that
            reads as a number is a constant, any other names a column.

        Raises
        ------
        ChurnError
            See `check` and `check_pays`.
        """
        costs = cls(**{name: _constant_or_column(value) for name, value in values.items()})
        costs.check()
        if not any(isinstance(term, str) for term in asdict(costs).values()):
            costs.check_pays(pd.DataFrame(index=[0]))
        return costs

    def check_pays(self, frame: pd.DataFrame) -> None:
        """Check that a call would pay for at least one customer if they were certain to leave.

        Raises
        ------
        ChurnError
            If there is none; see `check` too.
        """
        if np.isinf(self.break_even(frame)).all():
            rule = "acceptance * (customer value - offer cost) is below the contact cost"
            raise ChurnError("The costs cannot be used:", [f"no call pays: {rule}"])

    def check_columns_pay(self, customers: Rows) -> None:
        """`check_pays` for the customers of a table, where a term is a column."""
        if self.columns:
            there = set(next(customers.chunks())[1].columns)
            self.check_pays(customers.read(None, [name for name in self.columns if name in there]))

    def check(self, frame: pd.DataFrame | None = None) -> None:
        """Check the constants and, where there is a table, the columns.

        Raises
        ------
        ChurnError
            Naming every term that is not finite and at least 0 (an acceptance: from 0 to 1), and
            every column that is not in the table or has a cell that is missing or no such number.
        """
        problems = [
            f"--{name.replace('_', '-')} {term}: {problem}"
            for name, term in asdict(self).items()
            if (problem := _problem(name, term, frame))
        ]
        if problems:
            raise ChurnError("The costs cannot be used:", problems)

    def payoff_terms(self, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """The two numbers of each customer that determine all profits.

        Returns
        -------
        gain, cost : ndarray of float64, shape (n,)
            Money: calling a customer who leaves with probability p brings p * gain - cost, see
            `expected_profit`. gain = acceptance * (customer_value - offer_cost) + offer_cost, and
            cost = offer_cost + contact_cost; neither is negative.

        Raises
        ------
        ChurnError
            See `check`.
        """
        self.check(frame)
        contact, offer, acceptance, value = self._terms(frame)
        return acceptance * (value - offer) + offer, offer + contact

    def spending(self, probabilities: np.ndarray, frame: pd.DataFrame) -> np.ndarray:
        """The money that a call costs on average, the offer included.

        All who stay anyway take the offer, and of those about to leave the share that accepts.

        Parameters
        ----------
        probabilities : ndarray of float, shape (n,)
            Of leaving.

        Returns
        -------
        ndarray of float64, shape (n,)

        Raises
        ------
        ChurnError
            See `check`.
        """
        self.check(frame)
        contact, offer, acceptance, _ = self._terms(frame)
        spent: np.ndarray = contact + offer * (1 - probabilities * (1 - acceptance))
        return spent

    def _terms(self, frame: pd.DataFrame) -> list[np.ndarray]:
        return [
            np.broadcast_to(_numbers(term, frame), len(frame)) for term in asdict(self).values()
        ]

    def break_even(self, frame: pd.DataFrame) -> np.ndarray:
        """The probability from which on calling a customer pays.

        There the expected profit, p * gain - cost, is 0:
        (offer_cost + contact_cost) / (acceptance * (customer_value - offer_cost) + offer_cost).

        Returns
        -------
        ndarray of float64, shape (n,)
            From 0 to 1, or infinity where a call never pays, even if the customer surely leaves.

        Raises
        ------
        ChurnError
            See `check`.
        """
        gain, cost = self.payoff_terms(frame)
        # A call that neither costs nor gains anything is not made.
        pays = (gain > 0) & (gain >= cost)
        chances: np.ndarray = np.divide(cost, gain, out=np.full(len(gain), np.inf), where=pays)
        return chances

    @property
    def columns(self) -> list[str]:
        """The columns of the customer table that terms name."""
        return list(dict.fromkeys(term for term in asdict(self).values() if isinstance(term, str)))

    def unusable(self, frame: pd.DataFrame) -> list[tuple[str, str, np.ndarray]]:
        """Which cells of the columns that terms name are not valid.

        Parameters
        ----------
        frame : DataFrame, n rows
            With those columns.

        Returns
        -------
        list of (str, str, ndarray of bool, shape (n,))
            For each term that is a column: its name, what a cell must be, and where one is not.
        """
        return [
            (term, _rule(name), _unfit(name, _numbers(term, frame)))
            for name, term in asdict(self).items()
            if isinstance(term, str)
        ]

    def values(self, frame: pd.DataFrame) -> np.ndarray:
        """The value of each customer if they stay: (n,) float64, money.

        Raises
        ------
        ChurnError
            See `check`.
        """
        self.check(frame)
        return np.broadcast_to(_numbers(self.customer_value, frame), len(frame))


def _constant_or_column(value: float | str) -> float | str:
    text = str(value).strip()
    return float(text) if not isinstance(value, str) or NUMBER.fullmatch(text) else text


def _numbers(term: float | str, frame: pd.DataFrame) -> np.ndarray:
    return parse_numbers(frame[term])[0] if isinstance(term, str) else np.array(term)


def _rule(name: str) -> str:
    return "a share from 0 to 1" if name == "acceptance" else "a number of 0 or more"


def _unfit(name: str, numbers: np.ndarray) -> np.ndarray:
    # A cell that is missing or no number is NaN, for which every comparison is false.
    return ~((numbers >= 0) & (numbers <= 1 if name == "acceptance" else np.isfinite(numbers)))


def _problem(name: str, term: float | str, frame: pd.DataFrame | None) -> str | None:
    rule = _rule(name)
    if not isinstance(term, str):
        return f"not {rule}" if _unfit(name, np.array(term)).any() else None
    if frame is None:
        return None
    if term not in frame:
        return f"neither {rule} nor a column of the table"
    bad = _unfit(name, _numbers(term, frame))
    if not bad.any():
        return None
    row = int(np.argmax(bad))
    cell = frame[term].iloc[row]
    shown = "empty" if pd.isna(cell) else repr(str(cell))
    cells = plural(int(bad.sum()), "cell is", "cells are")
    return f"{cells} not {rule}, the first in row {frame.index[row]}: {shown}"
