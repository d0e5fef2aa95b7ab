"""Derived features as steps of a program."""

import ast
from collections.abc import Mapping

from churn.data.expressions import Formula
from churn.scoring.export.builder import ProgramBuilder

_OPERATIONS = {
    ast.Add: "add", ast.Sub: "subtract", ast.Mult: "multiply", ast.Div: "divide",
    ast.Eq: "equal", ast.NotEq: "differ", ast.Lt: "less", ast.LtE: "less_equal",
    ast.Gt: "greater", ast.GtE: "greater_equal",
}  # fmt: skip


def add_formula(builder: ProgramBuilder, formula: Formula, columns: Mapping[str, int]) -> int:
    """Add a derived feature, NaN where it is infinite; its place.

    Parameters
    ----------
    columns : mapping of str to int
        The places of the features.
    """
    return builder.add("finite", of=_add_node(builder, formula.tree, columns))


def _add_node(builder: ProgramBuilder, node: ast.AST, columns: Mapping[str, int]) -> int:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return builder.add("constant", value=float(node.value))
    if isinstance(node, ast.Name):
        return columns[node.id]
    if isinstance(node, ast.UnaryOp):
        return builder.add("negate", of=_add_node(builder, node.operand, columns))
    if isinstance(node, ast.BinOp):
        operation, sides = _OPERATIONS[type(node.op)], (node.left, node.right)
    else:
        assert isinstance(node, ast.Compare)
        operation, sides = _OPERATIONS[type(node.ops[0])], (node.left, node.comparators[0])
    texts = [s.value for s in sides if isinstance(s, ast.Constant) and isinstance(s.value, str)]
    if texts:
        (column,) = (columns[side.id] for side in sides if isinstance(side, ast.Name))
        return builder.add(f"{operation}_text", column=column, text=texts[0])
    left, right = (_add_node(builder, side, columns) for side in sides)
    return builder.add(operation, left=left, right=right)
