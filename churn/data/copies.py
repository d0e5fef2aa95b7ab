"""Rows with identical features: copies of one customer, or customers who are alike by chance.

A copy on the other side of a split leaks its label to the model. But where a table has few discrete
columns, customers are alike by chance, and a model has to learn from them; without them the
remaining training rows would be a biased sample.
"""

import numpy as np
import pandas as pd

from churn.data.contract import Contract
from churn.data.rows import Rows, column_of, rows_of

__all__ = ["content_hash", "copies_by_chance", "copy_groups"]

# Up to this share of the rows, copies are left out without a test, since that costs nothing.
FEW = 0.05
# In fewer rows, copies cannot be distinguished from customers who are alike by chance.
MIN_ROWS = 100
# The factor allowed over the number that the tree expects: a tree leaves out dependences between
# columns, while true copies are hundreds of times as many as expected.
SLACK = 20
MAX_ROWS = 20_000
MAX_COLUMNS = 20


def content_hash(frame: "pd.DataFrame | Rows", contract: Contract) -> np.ndarray:
    """A hash of each row's features; rows with identical features share it.

    Parameters
    ----------
    frame : DataFrame
        A clean frame, as `validate_data` returns it.

    Returns
    -------
    ndarray of uint64, shape (n,)
    """
    return np.concatenate(
        [
            pd.util.hash_pandas_object(rows, index=False).to_numpy()
            for _, rows in rows_of(frame).chunks(list(contract.features))
        ]
    )


def copy_groups(frame: pd.DataFrame, contract: Contract) -> np.ndarray:
    """The group of each row: copies that are not by chance share one, and stay on one side.

    Returns
    -------
    ndarray of uint64, shape (n,)
    """
    content = content_hash(frame, contract)
    if not copies_by_chance(frame, contract):
        return content
    # A row without copies gets a number from its content and the count of equal rows before it, so
    # that the number is the same in every run.
    before = pd.Series(content).groupby(content).cumcount().to_numpy().astype(np.uint64)
    return pd.util.hash_array(content + before * np.uint64(0x9E3779B97F4A7C15))


def copies_by_chance(
    frame: "pd.DataFrame | Rows", contract: Contract, hashes: np.ndarray | None = None
) -> bool:
    """Whether rows are alike by chance, not because customers are in the table more than once.

    They are if more than 5 % of the rows have a copy, and either the columns' values have no more
    combinations than there are rows, or there are at most 20 times as many copies as expected. The
    expected number follows from a tree model of the columns, in which each column depends on the
    one with the most mutual information (Chow & Liu, 1968), estimated on the rows that are not
    copies of the row.

    Parameters
    ----------
    frame : DataFrame or Rows
        Clean rows, as `validate_data` returns them.
    hashes : ndarray of uint64, optional
        Their `content_hash`, if it is known.
    """
    hashes = content_hash(frame, contract) if hashes is None else hashes
    if len(frame) < MIN_ROWS or _share_copied(hashes) <= FEW:
        return False
    content = pd.factorize(hashes)[0]
    copies = np.bincount(content)[content] - 1
    codes = [_codes(column_of(frame, name)) for name in contract.features]
    levels = np.array([int(code.max()) + 1 for code in codes], dtype=np.float64)
    if np.log(levels).sum() <= np.log(len(frame)):
        return True
    chance = _probability([codes[i] for i in np.argsort(-levels)], content)
    return bool(copies.sum() <= SLACK * len(frame) * chance.sum())


def _share_copied(hashes: np.ndarray) -> float:
    """The share of rows with a copy."""
    ordered = np.sort(hashes)
    same = ordered[1:] == ordered[:-1]
    return float((np.append(same, False) | np.append(False, same)).mean())


def _codes(column: pd.Series) -> np.ndarray:
    """A column as codes, missing as one of its own, in as few bytes as they need."""
    codes = pd.factorize(column, use_na_sentinel=False)[0]
    return codes.astype(np.min_scalar_type(int(codes.max(initial=0))))


def _probability(codes: list[np.ndarray], content: np.ndarray) -> np.ndarray:
    """The probability of each row's values in the tree, estimated without the row's copies."""
    codes = codes[:MAX_COLUMNS]
    some = slice(None, None, -(-len(content) // MAX_ROWS))
    chance = np.ones(len(content))
    for i, code in enumerate(codes):
        if i == 0:
            chance *= _share(code, np.zeros_like(code), content)
            continue
        # The parent is the earlier column with the most mutual information.
        information = [_information(code[some], other[some]) for other in codes[:i]]
        chance *= _share(code, codes[int(np.argmax(information))], content)
    return chance


def _share(code: np.ndarray, given: np.ndarray, content: np.ndarray) -> np.ndarray:
    """The share of the value given its parent's, among the rows that are not copies."""
    copies = np.bincount(content)[content]
    pair = pd.factorize(given.astype(np.int64) * (int(code.max()) + 1) + code)[0]
    both, parent = np.bincount(pair)[pair] - copies, np.bincount(given)[given] - copies
    share: np.ndarray = both / np.maximum(parent, 1)
    return share


def _information(one: np.ndarray, other: np.ndarray) -> float:
    """The mutual information of two columns, in nats, less what chance adds (Miller, 1955)."""
    pair = pd.factorize(one.astype(np.int64) * (int(other.max()) + 1) + other)[0]
    entropy, cells = [], []
    for code in (one, other, pair):
        count = np.bincount(code)
        share = count[count > 0] / len(code)
        entropy.append(-(share * np.log(share)).sum())
        cells.append(len(share))
    chance = (cells[2] - cells[0] - cells[1] + 1) / (2 * len(one))
    return float(entropy[0] + entropy[1] - entropy[2] - chance)
