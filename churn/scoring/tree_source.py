"""Trees as nested conditions, which take a fifth of the time of walking their arrays.

The trees are split into functions of a bounded number of leaves each: Python compiles 1,000 leaves
in about 0.02 s, and in the meantime no other thread of the process runs.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from churn.scoring.estimator_steps import BinaryTree, ObliviousTree
from churn.scoring.source import Functions, literal, used_names

# Leaves in a function: more take longer to compile, fewer make more calls per record.
LEAVES = 1_000
# Python's parser takes 200 parentheses within each other.
DEPTH = 60

Tree = TypeVar("Tree")


def add_boosted_trees(
    functions: Functions, trees: Sequence[BinaryTree], columns: list[str]
) -> Iterator[tuple[str, list[str]]]:
    """Define functions that add the trees to a total, in order.

    Parameters
    ----------
    columns : list of str
        The expression of each column of the trees.

    Yields
    ------
    function : str
        Its name; called with the total and the variables that follow.
    used : list of str
    """

    def write(tree: BinaryTree) -> str:
        return _write_node(functions, tree, columns, 0, 0)

    sizes = [sum(column < 0 for column in tree.columns) for tree in trees]
    yield from _add(functions, trees, sizes, write)


def add_oblivious_trees(
    functions: Functions, trees: Sequence[ObliviousTree], columns: list[str]
) -> Iterator[tuple[str, list[str]]]:
    """The same for oblivious trees."""

    def condition(column: int, cut: float | None) -> str:
        if cut is None:  # only a missing value, a NaN, goes left
            return f"{columns[column]} == {columns[column]}"
        return f"{columns[column]} > {literal(cut)}"

    def write(tree: ObliviousTree, level: int = 0, place: int = 0) -> str:
        if level == len(tree.columns):
            return literal(tree.values[place])
        right, left = write(tree, level + 1, place + 2**level), write(tree, level + 1, place)
        return f"({right} if {condition(tree.columns[level], tree.cuts[level])} else {left})"

    yield from _add(functions, trees, [len(tree.values) for tree in trees], write)


def _add(
    functions: Functions, trees: Sequence[Tree], sizes: list[int], write: Callable[[Tree], str]
) -> Iterator[tuple[str, list[str]]]:
    lines: list[str] = []
    leaves = 0
    for tree, size in zip(trees, sizes, strict=True):
        if lines and leaves + size > LEAVES:
            yield _define(functions, lines)
            lines, leaves = [], 0
        lines.append(f"total += {write(tree)}")
        leaves += size
    if lines:
        yield _define(functions, lines)


def _define(functions: Functions, lines: list[str]) -> tuple[str, list[str]]:
    used = used_names("\n".join(lines))
    return functions.define(["total", *used], [*lines, "return total"]), used


def _write_node(
    functions: Functions, tree: BinaryTree, columns: list[str], node: int, depth: int
) -> str:
    if tree.columns[node] < 0:
        return literal(tree.values[node])
    if depth == DEPTH:
        subtree = _write_node(functions, tree, columns, node, 0)
        used = used_names(subtree)
        return f"{functions.define(used, [f'return {subtree}'])}({', '.join(used)})"
    left = _write_node(functions, tree, columns, tree.lefts[node], depth + 1)
    right = _write_node(functions, tree, columns, tree.rights[node], depth + 1)
    return f"({left} if {_goes_left(tree, columns, node)} else {right})"


def _goes_left(tree: BinaryTree, columns: list[str], node: int) -> str:
    column, missing_left = columns[tree.columns[node]], tree.missing_left[node]
    levels = tree.levels[node] if tree.levels else None
    if levels is not None:
        listed = ", ".join(map(literal, levels))
        group = f"{{{listed}}}" if listed else "()"
        return f"{column} {'not in' if missing_left else 'in'} {group}"
    cut = tree.cuts[node]
    if cut == float("inf"):  # only a missing value goes right, or none does
        return "True" if missing_left else f"{column} == {column}"
    # A missing value is NaN, for which every comparison is false.
    return f"not {column} > {literal(cut)}" if missing_left else f"{column} <= {literal(cut)}"
