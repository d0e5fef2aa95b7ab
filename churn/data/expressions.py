"""Small arithmetic over columns, for derived features.

A formula is a Python expression of column names, numbers, texts, `+ - * /`, comparisons and
parentheses: `total_charges / tenure`, `(tech_support == "Yes") + (online_backup == "Yes")`. A name
with blanks is in backquotes.
A comparison is 1.0 or 0.0, and 0.0 with something missing; a missing number makes the result of
arithmetic missing, and so does a division by zero. A formula is evaluated over whole columns;
`churn.scoring.export.formulas` compiles it into steps for a single record.
"""

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from churn.data.contract import Feature

_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: lambda a, b: np.divide(a, np.where(b == 0, np.nan, b)),
}
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


# Texts, which are left as they are, and names in backquotes.
_QUOTED = re.compile(r"""'[^'\n]*'|"[^"\n]*"|`(?P<name>[^`\n]+)`""")


class Formula:
    """A parsed formula.

    Parameters
    ----------
    text : str
        The expression. A name that is no Python name stands in backquotes: `` `Phone Service` ``.
    """

    def __init__(self, text: str):
        self.text = text
        quoted: dict[str, str] = {}

        def placeholder(found: re.Match[str]) -> str:
            if found["name"] is None:
                return str(found[0])
            return quoted.setdefault(found["name"], f"quoted_{len(quoted)}__")

        plain = _QUOTED.sub(placeholder, text)
        self.tree = ast.parse(f"({plain}\n)", mode="eval").body  # so it may span lines
        names = {made: name for name, made in quoted.items()}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Name):
                node.id = names.get(node.id, node.id)

    @property
    def columns(self) -> set[str]:
        """The columns the formula reads."""
        return {node.id for node in ast.walk(self.tree) if isinstance(node, ast.Name)}

    @classmethod
    def problems(cls, text: str, features: "Mapping[str, Feature]") -> list[str]:
        """Everything that keeps `text` from being a formula over `features`."""
        try:
            formula = cls(text)
        except SyntaxError as error:
            return [f"not an expression: {error.msg}"]
        except (RecursionError, MemoryError, ValueError):  # as ast.parse documents
            return ["not an expression that can be read"]
        found = []
        for node in ast.walk(formula.tree):
            if isinstance(node, ast.Name) and node.id not in features:
                found.append(f"no feature is called {node.id!r}")
            elif isinstance(node, ast.Constant) and (
                isinstance(node.value, bool) or not isinstance(node.value, int | float | str)
            ):
                found.append(f"{node.value!r} is neither a number nor a text")
            elif isinstance(node, ast.Constant) and not _is_finite(node.value):
                found.append(f"{str(node.value)[:20]}… is too large a number")
            elif isinstance(node, ast.Compare) and len(node.ops) > 1:
                found.append("compare two things at a time")
            elif not isinstance(node, _ALLOWED):
                found.append(f"{type(node).__name__} is not allowed")
        return found or _kind_problems(formula.tree, features)

    def __call__(self, values: Mapping[str, Any]) -> Any:
        """Evaluate over columns or over one record.

        Parameters
        ----------
        values : dict of str to ndarray or scalar
            Numbers and flags as float64 (NaN when missing), categories as Categorical or text.

        Returns
        -------
        ndarray or scalar of float64
        """
        with np.errstate(all="ignore"):
            result = np.asarray(_evaluate(self.tree, values), dtype=np.float64)
        return np.where(np.isfinite(result), result, np.nan)[()]


_ALLOWED = (
    ast.BinOp, ast.UnaryOp, ast.USub, ast.Compare, ast.Name, ast.Constant, ast.Load,
    *_ARITHMETIC, *_COMPARISONS,
)  # fmt: skip


def _is_finite(value: object) -> bool:
    try:
        return not isinstance(value, int | float) or math.isfinite(float(value))
    except OverflowError:  # an int of more than 308 digits
        return False


def _kind_problems(tree: ast.AST, features: "Mapping[str, Feature]") -> list[str]:
    def kind(node: ast.AST) -> str:
        if isinstance(node, ast.Name):
            return "category" if features[node.id].kind == "category" else "number"
        if isinstance(node, ast.Constant):
            return "text" if isinstance(node.value, str) else "number"
        return "number"

    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            sides = sorted([kind(node.left), kind(node.comparators[0])])
            equality = isinstance(node.ops[0], ast.Eq | ast.NotEq)
            found += _unknown_categories(node, features)
            if sides != ["number", "number"] and not (sides == ["category", "text"] and equality):
                found.append("a category can only be compared with a text, by == or !=")
        elif isinstance(node, ast.BinOp | ast.UnaryOp) and any(
            kind(child) != "number" for child in ast.iter_child_nodes(node)
        ):
            found.append("there is no arithmetic with texts")
    if kind(tree) != "number":
        found.append("the result is a text, not a number")
    return found


def _unknown_categories(node: ast.Compare, features: "Mapping[str, Feature]") -> list[str]:
    sides = (node.left, node.comparators[0])
    columns = [side.id for side in sides if isinstance(side, ast.Name)]
    texts = [side.value for side in sides if isinstance(side, ast.Constant)]
    return [
        f"{name} has no category {text!r}"
        for name in columns
        for text in texts
        if (known := _categories(features[name])) is not None and text not in known
    ]


def _categories(feature: "Feature") -> Sequence[str] | None:
    return feature.categories if feature.kind == "category" else None


def _evaluate(node: ast.AST, values: Mapping[str, Any]) -> Any:
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return values[node.id]
    if isinstance(node, ast.UnaryOp):
        return -_evaluate(node.operand, values)
    if isinstance(node, ast.BinOp):
        left, right = _evaluate(node.left, values), _evaluate(node.right, values)
        return _ARITHMETIC[type(node.op)](left, right)
    assert isinstance(node, ast.Compare)
    import pandas as pd  # not at the top: a server process parses formulas and evaluates none

    left, right = _evaluate(node.left, values), _evaluate(node.comparators[0], values)
    result = _COMPARISONS[type(node.ops[0])](left, right)
    return np.asarray(result & ~(pd.isna(left) | pd.isna(right)), dtype=np.float64)
