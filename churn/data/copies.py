"""Rows alike in every feature: copies of one customer, or customers who are alike by chance.

A copy on the other side of a split lets a model look the label up. But where a table has few
discrete columns, customers are alike by chance, and a model is supposed to learn from them; to
leave them out would leave an odd remainder to train on.
"""

import numpy as np
import pandas as pd

from churn.data.contract import Contract

__all__ = ["content_hash", "copies_by_chance", "copy_groups"]

# So few copies are left out without a question: that costs nothing.
FEW = 0.05
# In fewer rows chance cannot be told.
MIN_ROWS = 100
# Columns depend on each other in more ways than a tree has; copies of customers are hundreds of
# times as many as it expects.
SLACK = 20
MAX_ROWS = 20_000
MAX_COLUMNS = 20


def content_hash(frame: pd.DataFrame, contract: Contract) -> np.ndarray:
    """A hash of each row's features; customers alike in all of them share it.

    Parameters
    ----------
    frame : DataFrame
        A clean frame, as `validate_data` returns it.

    Returns
    -------
    ndarray of uint64, shape (n,)
    """
    return pd.util.hash_pandas_object(frame[list(contract.features)], index=False).to_numpy()


def copy_groups(frame: pd.DataFrame, contract: Contract) -> np.ndarray:
    """A number for each row that its copies beyond chance share: what must stay on one side.

    Returns
    -------
    ndarray of uint64, shape (n,)
    """
    content = content_hash(frame, contract)
    if not copies_by_chance(frame, contract):
        return content
    # A row of its own gets a number by the row's content and by how many like it came before, so
    # that it is the same in every run.
    before = pd.Series(content).groupby(content).cumcount().to_numpy().astype(np.uint64)
    return pd.util.hash_array(content + before * np.uint64(0x9E3779B97F4A7C15))


def copies_by_chance(frame: pd.DataFrame, contract: Contract) -> bool:
    """Whether rows are alike by chance, not because customers are in the table more than once.

    They are, where more than 5 % of the rows have a copy, and either the columns' values have no
    more combinations than there are rows, or there are at most 20 times as many copies as the
    values let expect: a row's probability is that of its values in a tree of the columns, each
    given the one that says most about it (Chow & Liu, 1968), counted over the rows that are not
    its copies.

    Parameters
    ----------
    frame : DataFrame
        A clean frame, as `validate_data` returns it.
    """
    content = pd.factorize(content_hash(frame, contract))[0]
    copies = np.bincount(content)[content] - 1
    if len(frame) < MIN_ROWS or (copies > 0).mean() <= FEW:
        return False
    codes = [pd.factorize(frame[name], use_na_sentinel=False)[0] for name in contract.features]
    levels = np.array([code.max() + 1 for code in codes], dtype=np.float64)
    if np.log(levels).sum() <= np.log(len(frame)):
        return True
    chance = _probability([codes[i] for i in np.argsort(-levels)], content)
    return bool(copies.sum() <= SLACK * len(frame) * chance.sum())


def _probability(codes: list[np.ndarray], content: np.ndarray) -> np.ndarray:
    """Of each row's values, in a tree of the columns, by the rows that are not its copies."""
    codes = codes[:MAX_COLUMNS]
    some = slice(None, None, -(-len(content) // MAX_ROWS))
    chance = np.ones(len(content))
    for i, code in enumerate(codes):
        if i == 0:
            chance *= _share(code, np.zeros_like(code), content)
            continue
        # Of the columns before: the parent with which it has the most information in common.
        information = [_information(code[some], other[some]) for other in codes[:i]]
        chance *= _share(code, codes[int(np.argmax(information))], content)
    return chance


def _share(code: np.ndarray, given: np.ndarray, content: np.ndarray) -> np.ndarray:
    """How often the value comes with its parent's, among the rows that are not copies."""
    copies = np.bincount(content)[content]
    pair = pd.factorize(given.astype(np.int64) * (code.max() + 1) + code)[0]
    both, parent = np.bincount(pair)[pair] - copies, np.bincount(given)[given] - copies
    return both / np.maximum(parent, 1)


def _information(one: np.ndarray, other: np.ndarray) -> float:
    """The mutual information of two columns, in nats, less what chance adds (Miller, 1955)."""
    pair = pd.factorize(one.astype(np.int64) * (other.max() + 1) + other)[0]
    entropy, cells = [], []
    for code in (one, other, pair):
        count = np.bincount(code)
        share = count[count > 0] / len(code)
        entropy.append(-(share * np.log(share)).sum())
        cells.append(len(share))
    return (
        entropy[0] + entropy[1] - entropy[2] - (cells[2] - cells[0] - cells[1] + 1) / (2 * len(one))
    )
