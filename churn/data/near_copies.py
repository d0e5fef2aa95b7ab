"""Near copies: rows that repeat another one but for a few columns, as multiplied tables have them.

A split by rows holds nobody out in such a table, since each held-out row has its near copy in
training. But customers are similar by chance, too, above all where a table has few discrete
columns. So the number of differing columns to the nearest other row is compared with that in a
table of as many rows that is sampled from a tree model of the columns (Chow & Liu, 1968). The tree
knows how columns depend on each other in coarse bins, and nothing of single rows.

Pairs of near copies are found by locality-sensitive hashing (Indyk & Motwani, 1998): rows that
agree on a random subset of the columns share a bucket. The time grows with rows times columns.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from churn.data.contract import Contract
from churn.data.parsing import labels
from churn.data.rows import Rows, rows_of
from churn.statistics.bins import quantile_edges, to_bins

__all__ = ["NearCopies", "describe_sample", "find_near_copies"]

# Of a larger table so many rows are looked at first, and all of them only if some are near copies.
MAX_ROWS = 500_000

# Near copies differ in at most this share of the columns, and in at most MOST_DIFFER.
DIFFER_SHARE, MOST_DIFFER = 0.28, 6
MIN_COLUMNS, MIN_ROWS = 6, 200
# A column that differs between nearly all rows, as a row number does, says nothing about copies.
MAX_OWN = 0.95
# At least this share of the rows must have a near copy, and SLACK times the share by chance. Of
# five public tables without copies none has twice as many as by chance.
MIN_SHARE, SLACK = 0.1, 5
# Rows that are similar by chance form chains through the whole table, copies form small groups.
MAX_GROUP = 0.05
# Up to this share of rows with a similar row by chance, all similar rows are linked.
RARE = 0.02
ROUNDS = 24
# A subset of the columns is large enough once it leaves so many pairs per row.
PAIRS_PER_ROW, MAX_OFFSET = 3, 30
# The bins of the tree: of numbers with many values, and levels of other columns.
NUMBER_BINS, MAX_LEVELS, TREE_ROWS = 16, 32, 10_000
_MIX, _SHIFT = np.uint64(0x9E3779B97F4A7C15), np.uint64(29)


@dataclass(frozen=True)
class NearCopies:
    """Rows that are near copies of each other, beyond chance.

    Attributes
    ----------
    groups : ndarray of int, shape (n,)
        Near copies share a number.
    share : float
        The share of the rows that have a near copy.
    by_chance : float
        The same in a sampled table without copies.
    differ, columns : int
        In at most how many of the columns near copies differ.
    agree : float
        The share of pairs of near copies with the same label.
    """

    groups: np.ndarray
    share: float
    by_chance: float
    differ: int
    columns: int
    agree: float

    def __str__(self) -> str:
        return (
            f"{self.share:.1%} of the rows differ from another row in at most {self.differ} of "
            f"{self.columns} columns ({self.by_chance:.1%} by chance), and {self.agree:.1%} of "
            "these pairs have the same label: the table repeats customers. Near copies are on one "
            "side of the hold-out (unless that is the latest customers) and in one fold, so the "
            "loss is that of customers of whom the model has seen no copy."
        )


def find_near_copies(
    table: "pd.DataFrame | Rows", contract: Contract, seed: int = 0
) -> NearCopies | None:
    """Find rows that repeat others, if there are more than chance explains.

    Of more than `MAX_ROWS` rows a sample is searched first. A row whose near copy is one other row
    has it in the sample as often as a row is in it, so the share that has to be found is smaller by
    that.

    Parameters
    ----------
    table : DataFrame or Rows, n rows
        Clean, with the target, as `validate_data` returns them.
    contract : Contract
    seed : int
        Of the subsets of columns, and of the table that is sampled.

    Returns
    -------
    NearCopies or None
        None where near copies are rare, or no more frequent than by chance.
    """
    rows, columns = rows_of(table), [*contract.features, contract.target]
    if len(rows) > MAX_ROWS:
        some = np.random.default_rng(seed).choice(len(rows), MAX_ROWS, replace=False)
        sample, share = rows.read(np.sort(some), columns), MAX_ROWS / len(rows)
        if _search(sample, contract, seed, MIN_SHARE * share) is None:
            return None
    return _search(rows.read(None, columns), contract, seed, MIN_SHARE)


def describe_sample(rows: int) -> str:
    """How many of so many rows are searched if none is found, for the user; empty for all."""
    if rows <= MAX_ROWS:
        return ""
    return f"Near copies were looked for among {MAX_ROWS:,} of {rows:,} customers."


def _search(
    frame: pd.DataFrame, contract: Contract, seed: int, min_share: float
) -> NearCopies | None:
    names = [name for name in contract.features if frame[name].nunique() < MAX_OWN * len(frame)]
    most = min(int(DIFFER_SHARE * len(names)), MOST_DIFFER)
    if len(names) < MIN_COLUMNS or len(frame) < MIN_ROWS:
        return None
    codes = np.column_stack(
        [pd.factorize(frame[name], use_na_sentinel=False)[0] for name in names]
    ).astype(np.int32)
    pairs, distance = _similar_pairs(codes, most, seed)
    shares = _shares(pairs, distance, len(codes), most)
    if shares[most] < min_share:
        return None
    sampled = _sample_table(codes, frame[names], seed)
    by_chance = _shares(*_similar_pairs(sampled, most, seed), len(codes), most)
    for differ in range(most, 0, -1):
        if shares[differ] < max(min_share, SLACK * by_chance[differ]):
            continue
        near = pairs[:, _links(pairs, distance, len(codes), differ, by_chance)]
        groups = _components(near, len(codes))
        if np.bincount(groups).max() <= max(MAX_GROUP * len(codes), MIN_ROWS):
            target = labels(frame, contract)
            return NearCopies(
                groups=groups, share=shares[differ], by_chance=by_chance[differ], differ=differ,
                columns=len(names), agree=float((target[near[0]] == target[near[1]]).mean()),
            )  # fmt: skip
    return None


def _similar_pairs(codes: np.ndarray, most: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of rows, (2, n_pairs), and in how many columns they differ, at most `most`."""
    rng, n = np.random.default_rng(seed), len(codes)
    found = [np.empty(0, dtype=np.int64)]
    for _ in range(ROUNDS):
        order = _bucket_order(codes, rng, codes.shape[1] - most)
        if order is None:
            continue
        rows, ends = order
        for offset in range(1, MAX_OFFSET):
            same = np.flatnonzero(ends[:-offset] == ends[offset:])
            if not len(same):
                break
            pair = np.sort(np.stack([rows[same], rows[same + offset]]), axis=0)
            near = (codes[pair[0]] != codes[pair[1]]).sum(axis=1) <= most
            found.append(pair[0][near] * n + pair[1][near])
    keys = np.unique(np.concatenate(found))
    pairs = np.stack([keys // n, keys % n])
    return pairs, (codes[pairs[0]] != codes[pairs[1]]).sum(axis=1)


def _bucket_order(
    codes: np.ndarray, rng: np.random.Generator, largest: int
) -> tuple[np.ndarray, np.ndarray] | None:
    """Rows sorted by their bucket, and the bucket of each; None if buckets stay too large."""
    n, bucket, pairs = len(codes), np.zeros(len(codes), dtype=np.uint64), np.inf
    for size, column in enumerate(rng.permutation(codes.shape[1])[:largest], start=1):
        bucket = (bucket ^ (codes[:, column].astype(np.uint64) + np.uint64(1))) * _MIX
        bucket ^= bucket >> _SHIFT
        if size >= 3:
            _, counts = np.unique(bucket, return_counts=True)
            pairs = float((counts * (counts - 1.0)).sum() / 2)
            if pairs <= PAIRS_PER_ROW * n:
                break
    if pairs > MAX_OFFSET * n:
        return None
    rows = np.argsort(bucket, kind="stable")
    return rows, bucket[rows]


def _links(
    pairs: np.ndarray, distance: np.ndarray, n: int, differ: int, by_chance: list[float]
) -> np.ndarray:
    """Which pairs are near copies: all at a distance that is rare by chance, then the nearest."""
    rare = max((d for d in range(differ + 1) if by_chance[d] <= RARE), default=0)
    nearest = np.full(n, differ + 1)
    for end in pairs:
        np.minimum.at(nearest, end, distance)
    is_nearest = distance == np.maximum(nearest[pairs[0]], nearest[pairs[1]])
    return np.asarray((distance <= rare) | ((distance <= differ) & is_nearest))


def _shares(pairs: np.ndarray, distance: np.ndarray, n: int, most: int) -> list[float]:
    """For each number of columns, the share of rows that differ from another in at most so many."""
    nearest = np.full(n, most + 1)
    for end in pairs:
        np.minimum.at(nearest, end, distance)
    return [float((nearest <= differ).mean()) for differ in range(most + 1)]


def _components(pairs: np.ndarray, n: int) -> np.ndarray:
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    graph = coo_matrix((np.ones(pairs.shape[1], dtype=bool), tuple(pairs)), shape=(n, n))
    groups: np.ndarray = connected_components(graph, directed=False)[1]
    return groups


def _sample_table(codes: np.ndarray, frame: pd.DataFrame, seed: int) -> np.ndarray:
    """A table of the same columns, sampled from the tree: (n, n_columns) int32."""
    rng, n = np.random.default_rng(seed + 1), len(codes)
    coarse = np.column_stack([_coarse(codes[:, i], frame[name]) for i, name in enumerate(frame)])
    some = slice(None, None, -(-n // TREE_ROWS))
    order = np.argsort(-codes.max(axis=0), kind="stable")
    drawn = np.empty(codes.shape, dtype=np.int64)  # the row that each value is taken from
    for place, column in enumerate(order):
        if place == 0:
            drawn[:, column] = rng.integers(0, n, n)
            continue
        parent = max(
            order[:place], key=lambda other: _information(coarse[some, column], coarse[some, other])
        )
        drawn[:, column] = _draw_like(coarse[:, parent], coarse[drawn[:, parent], parent], rng)
    return np.take_along_axis(codes, drawn, axis=0)


def _draw_like(level: np.ndarray, wanted: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """For each wanted level a random row that has it."""
    rows = np.argsort(level, kind="stable")
    count = np.bincount(level)
    start = np.cumsum(count) - count
    place = start[wanted] + (rng.random(len(wanted)) * count[wanted]).astype(np.int64)
    return np.asarray(rows[place])


def _coarse(code: np.ndarray, column: pd.Series) -> np.ndarray:
    if code.max() < MAX_LEVELS:
        return code
    if isinstance(column.dtype, pd.CategoricalDtype):
        frequent = np.argsort(-np.bincount(code), kind="stable")[: MAX_LEVELS - 1]
        level = np.full(code.max() + 1, len(frequent))
        level[frequent] = np.arange(len(frequent))
        return np.asarray(level[code])
    numbers = column.to_numpy(dtype=np.float64)
    edges = quantile_edges(numbers, np.linspace(0, 1, NUMBER_BINS + 1)[1:-1])
    return to_bins(numbers, edges) + 1


def _information(one: np.ndarray, other: np.ndarray) -> float:
    """Mutual information in nats, less what chance adds (Miller, 1955)."""
    table = np.bincount(one * np.int64(other.max() + 1) + other).astype(np.float64)
    cells = [np.bincount(one), np.bincount(other), table]
    entropy = [-_sum_log(count / len(one)) for count in cells]
    used = [np.count_nonzero(count) for count in cells]
    return entropy[0] + entropy[1] - entropy[2] - (used[2] - used[0] - used[1] + 1) / 2 / len(one)


def _sum_log(share: np.ndarray) -> float:
    share = share[share > 0]
    return float((share * np.log(share)).sum())
