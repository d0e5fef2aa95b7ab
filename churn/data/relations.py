"""Number columns that others determine: products, ratios, and linear combinations.

Products and ratios are looked up, not tried: the logarithms of a few rows, combined into one number
for each column, turn `y = a * b` into `y - a = b`, which a search in a sorted array answers for all
pairs at once. Linear combinations need one QR decomposition: a column depends on those before it
where its diagonal entry is 0. Each relation is verified on every row that has all its columns. Time
grows with the square of the number of columns, and hardly with the number of rows.
"""

from collections.abc import Iterator

import numpy as np

__all__ = ["find_relations"]

# Relative to the column's largest value.
TINY = 1e-9
PROBES = 6
# The number of rows of a decomposition, and of the choice of probes, unless the columns need more.
MAX_ROWS = 4_000
# A linear combination needs at least so many rows per column.
ROWS_PER_COLUMN = 3
# The maximum number of pairs that are verified for each column.
MAX_PAIRS = 50


def find_relations(names: list[str], values: np.ndarray) -> Iterator[tuple[str, str]]:
    """Find columns that others determine, the last of them first.

    Parameters
    ----------
    names : list of str
    values : ndarray of float64, shape (n, len(names))
        NaN where missing.

    Yields
    ------
    (str, str)
        A column, and its formula; a column that was found already is in no other formula.
    """
    alive = np.ptp(np.nan_to_num(values), axis=0) > 0 if len(values) else np.zeros(0, bool)
    sums = _dependent(values, alive)
    logs = _signatures(values, alive)
    for column in reversed(range(len(names))):
        if not alive[column]:
            continue
        how = _pair(column, values, logs, alive, names)
        if how is None and column in sums:
            how = _sum(column, values, alive, names)
        if how is not None:
            alive[column] = False
            yield names[column], how


def _signatures(values: np.ndarray, alive: np.ndarray) -> np.ndarray:
    """One number for each column, NaN where a probed row has no logarithm of it."""
    some = values[:: -(-len(values) // MAX_ROWS) or 1]
    usable = np.isfinite(some) & (some != 0)
    signatures = np.full(values.shape[1], np.nan)
    if len(some) < PROBES:
        return signatures
    # Rows in which most columns have a value, spread over the table.
    best = np.sort(np.argsort(-usable[:, alive].sum(axis=1), kind="stable")[: 20 * PROBES])
    rows = best[np.linspace(0, len(best) - 1, PROBES).astype(int)]
    weights = np.random.default_rng(0).uniform(1, 2, PROBES)
    probed = np.where(usable[rows], some[rows], np.nan)
    return weights @ np.log(np.abs(probed))


def _pair(
    column: int, values: np.ndarray, logs: np.ndarray, alive: np.ndarray, names: list[str]
) -> str | None:
    others = np.flatnonzero(alive & ~np.isnan(logs))
    others = others[others != column]
    if np.isnan(logs[column]) or len(others) < 2:
        return None
    order = others[np.argsort(logs[others])]
    for sign, mark in ((1, "*"), (-1, "/")):
        # y = a * b: the other one is y - a; y = a / b: it is a - y.
        wanted = sign * (logs[column] - logs[others])
        near = np.searchsorted(logs[order], wanted - 1e-6)
        found = near < len(order)
        found[found] &= logs[order[near[found]]] <= wanted[found] + 1e-6
        for place in np.flatnonzero(found)[:MAX_PAIRS]:
            a = others[place]
            for b in order[near[place] : near[place] + 3]:
                if a != b and _holds(values[:, column], values[:, a], values[:, b], mark):
                    a, b = sorted((a, b)) if mark == "*" else (a, b)
                    return f"{names[a]} {mark} {names[b]}"
    return None


def _holds(y: np.ndarray, a: np.ndarray, b: np.ndarray, mark: str) -> bool:
    known = ~(np.isnan(y) | np.isnan(a) | np.isnan(b))
    y, a, b = y[known], a[known], b[known]
    if len(y) < PROBES or np.ptp(y) == 0:
        return False
    with np.errstate(all="ignore"):
        made = a * b if mark == "*" else a / b
    return bool(np.all(np.abs(made - y) <= TINY * (np.abs(y).max() + TINY)))


def _complete(values: np.ndarray, alive: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Columns that mostly have a value, and rows that have all of them."""
    columns = np.flatnonzero(alive & (np.isnan(values).mean(axis=0) <= 0.5))
    rows = np.flatnonzero(~np.isnan(values[:, columns]).any(axis=1))
    return columns[: len(rows) // ROWS_PER_COLUMN], rows


def _dependent(values: np.ndarray, alive: np.ndarray) -> set[int]:
    """The columns that add nothing to those before them, by a decomposition of some rows."""
    columns, rows = _complete(values, alive)
    if len(columns) < 2:
        return set()
    step = max(1, len(rows) // max(MAX_ROWS, ROWS_PER_COLUMN * len(columns)))
    matrix = values[np.ix_(rows[::step], columns)]
    matrix = matrix / (np.abs(matrix).max(axis=0) + TINY)
    matrix = np.column_stack([np.ones(len(matrix)), matrix])
    diagonal = np.abs(np.diag(np.linalg.qr(matrix, mode="r")))[1:]
    size = np.linalg.norm(matrix, axis=0)[1:]
    return {int(column) for column in columns[diagonal <= 1e-8 * size]}


def _sum(column: int, values: np.ndarray, alive: np.ndarray, names: list[str]) -> str | None:
    columns, rows = _complete(values, alive)
    columns = columns[columns < column]
    if not len(columns):
        return None
    y = values[rows, column]
    matrix = np.column_stack([values[np.ix_(rows, columns)], np.ones(len(rows))])
    scale = np.abs(matrix).max(axis=0) + TINY
    some = slice(None, None, max(1, len(rows) // max(MAX_ROWS, ROWS_PER_COLUMN * len(columns))))
    weights, *_ = np.linalg.lstsq(matrix[some] / scale, y[some], rcond=None)
    if np.abs(matrix / scale @ weights - y).max() > TINY * (np.abs(y).max() + TINY):
        return None
    used = np.abs(weights[:-1]) > 1e-6 * np.abs(weights).max()
    return f"a sum of multiples of {', '.join(names[i] for i in columns[used])}"
