"""Rankings of customers by net benefit and by risk, and the expected profit of each list length.

A shard's ranking is stored as blocks of customers, so that merging the rankings of all shards takes
little memory.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

BLOCKS = 1_000


def blocks(scores: np.ndarray, benefits: np.ndarray) -> np.ndarray:
    """A ranking summarised in blocks, to be merged with other shards'; see `merge_ranking`.

    Returns
    -------
    ndarray of float64, shape (at most BLOCKS, 3)
        For each block of consecutive customers in the ranking by `scores`: the mean score, the
        number of customers, and the sum of their benefits.
    """
    if not len(scores):
        return np.zeros((0, 3))
    order = np.argsort(-scores, kind="stable")
    starts = np.unique(np.linspace(0, len(order), BLOCKS, endpoint=False).astype(int))
    counts = np.diff(starts, append=len(order))
    sums = [np.add.reduceat(values[order], starts) for values in (scores, benefits)]
    return np.column_stack([sums[0] / counts, counts, sums[1]])


def merge_ranking(parts: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The `blocks` of several shards as one ranking.

    Returns
    -------
    called, profit : ndarray of float64, shape (m,)
        From none to all: how many customers, and the sum of their benefits.
    """
    every = np.concatenate(parts)
    every = every[np.argsort(-every[:, 0], kind="stable")]
    called, profit = (np.append(0, np.cumsum(every[:, column])) for column in (1, 2))
    return called, profit


def compare_rankings(
    best: tuple[np.ndarray, np.ndarray], riskiest: tuple[np.ndarray, np.ndarray], points: int = 200
) -> pd.DataFrame:
    """Expected profit against the length of the list, by the ranking that is called.

    Parameters
    ----------
    best, riskiest : tuple of ndarray
        Of the rankings by net benefit and by probability: see `merge_ranking`.

    Returns
    -------
    DataFrame
        calls, best, riskiest and random, money; from no calls to half as many again as pay.
    """
    called, profit = best
    longest = min(called[-1], 1.5 * called[np.argmax(profit)] or called[-1])
    calls = np.unique(np.round(np.linspace(0, longest, points)))
    return pd.DataFrame(
        {
            "calls": calls,
            "best": np.interp(calls, *best),
            "riskiest": np.interp(calls, *riskiest),
            "random": calls * profit[-1] / max(called[-1], 1),
        }
    )
