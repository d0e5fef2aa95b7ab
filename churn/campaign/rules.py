"""Rules over the columns of a customer table: which action a customer may get, and who gets none.

A rule is an expression as in a contract's derived features, see `churn.data.expressions`. It may
name any column of the table. One that is no feature of the contract is read as a text where the
rule compares it with a text, and as a number elsewhere.
"""

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from churn.data.contract import Contract, Number
from churn.data.expressions import Formula

if TYPE_CHECKING:  # the app reads rules, and does not load pandas
    import pandas as pd

__all__ = ["Rule", "rule_problems"]


@dataclass(frozen=True)
class Rule:
    """An expression that holds for some customers.

    Attributes
    ----------
    text : str
        It holds where the result is a number other than 0. A comparison with an empty cell does
        not hold.
    """

    text: str

    @property
    def formula(self) -> Formula:
        """The parsed expression."""
        return Formula(self.text)

    @property
    def columns(self) -> list[str]:
        """The columns that it reads."""
        return sorted(self.formula.columns)

    def __call__(self, customers: "pd.DataFrame") -> np.ndarray:
        """Where it holds: (n,) bool.

        Parameters
        ----------
        customers : DataFrame of n rows
            Typed features, and other columns as they are in the table.
        """
        texts = _compared_with_text(self.formula.tree)
        values = {name: _cells(customers[name], name in texts) for name in self.columns}
        found = np.asarray(self.formula(values), dtype=np.float64)
        holds = np.isfinite(found) & (found != 0)
        return np.broadcast_to(holds, len(customers)).copy()


def rule_problems(text: str, contract: Contract | None = None) -> list[str]:
    """Everything that keeps a text from being a rule.

    Parameters
    ----------
    contract : Contract, optional
        With it, comparisons of features are checked against their kinds and categories.
    """
    try:
        formula = Formula(text)
        columns, texts = formula.columns, _compared_with_text(formula.tree)
    except (SyntaxError, RecursionError, MemoryError, ValueError):
        columns, texts = set(), set()
    known = contract.features if contract else {}
    features: dict[str, Any] = {
        name: known[name] if name in known else _AnyText() if name in texts else Number()
        for name in columns
    }
    found = Formula.problems(text, features)
    return found or ([] if columns else ["it names no column"])


class _AnyText:
    """A column whose categories are not known."""

    kind = "category"
    categories = None


def _compared_with_text(tree: ast.AST) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            if any(
                isinstance(side, ast.Constant) and isinstance(side.value, str) for side in sides
            ):
                found |= {side.id for side in sides if isinstance(side, ast.Name)}
    return found


def _cells(column: "pd.Series", text: bool) -> "np.ndarray | pd.Categorical":
    import pandas as pd

    from churn.data.parsing import parse_numbers, parse_texts

    if isinstance(column.dtype, pd.CategoricalDtype):
        return pd.Categorical(column)
    if text:
        return parse_texts(column)
    if column.dtype == bool:
        return column.to_numpy(dtype=np.float64)
    return parse_numbers(column)[0]


def holds_any(rules: Sequence[Rule], customers: "pd.DataFrame") -> np.ndarray:
    """Where at least one of the rules holds: (n,) bool."""
    holds = np.zeros(len(customers), dtype=bool)
    for rule in rules:
        holds |= rule(customers)
    return holds


def holds_all(rules: Sequence[Rule], customers: "pd.DataFrame") -> np.ndarray:
    """Where all of the rules hold: (n,) bool."""
    holds = np.ones(len(customers), dtype=bool)
    for rule in rules:
        holds &= rule(customers)
    return holds
