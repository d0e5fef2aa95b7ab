"""Out-of-fold predictions as more pairs for the gate, where few customers are held out.

A thousand held-out customers cannot tell models apart that differ by thousandths of a nat, and the
training rows, predicted out of fold by both runs, are several times as many. Only rows that are the
same in both tables, label included, are paired. Both runs chose among their candidates by these
predictions, which flatters both about equally.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from churn.data.contract import Contract
from churn.data.parsing import labels
from churn.statistics.weighting import take

__all__ = ["Pairs", "keep_out_of_fold", "pair_out_of_fold"]


class Pairs(NamedTuple):
    """Rows that two models predicted out of fold: labels and both probabilities, (n,) each.

    The weights are those of the new run, how many customers each row stands for, or None.
    """

    target: np.ndarray
    ours: np.ndarray
    theirs: np.ndarray
    weights: np.ndarray | None = None


def keep_out_of_fold(
    rows: pd.DataFrame,
    contract: Contract,
    probabilities: np.ndarray,
    weights: np.ndarray | None = None,
    repeats: int = 1,
) -> dict[str, bytes]:
    """The predictions as plain values, which are stored with the run.

    Parameters
    ----------
    rows : DataFrame of n rows
        The rows that candidates were cross-validated on, typed, with all columns of the table.
    contract : Contract
        With their target.
    probabilities : ndarray of float64, shape (n,)
        Of the chosen candidate, out of fold.
    weights : ndarray of float64, shape (n,), optional
        How many customers each row stands for.
    repeats : int
        Of how many cross-validations each probability is the mean.

    Returns
    -------
    dict of str to bytes
        keys (uint64, a hash of the whole row), labels (int8), probabilities (float64), if there
        are any, weights (float64), and, of more than one, the number of repeats (int64).
    """
    keys = pd.util.hash_pandas_object(rows, index=False).to_numpy()
    keys, first = np.unique(keys, return_index=True)
    kept = {
        "keys": keys.tobytes(),
        "labels": labels(rows, contract)[first].astype(np.int8).tobytes(),
        "probabilities": np.asarray(probabilities, dtype=np.float64)[first].tobytes(),
    }
    if weights is not None:
        kept["weights"] = weights[first].tobytes()
    if repeats > 1:
        kept["repeats"] = np.int64(repeats).tobytes()
    return kept


def pair_out_of_fold(ours: Mapping[str, bytes], theirs: Mapping[str, bytes]) -> Pairs | None:
    """The rows that both runs predicted out of fold; see `keep_out_of_fold`.

    None where one run is the mean of more cross-validations: a mean has a lower loss whatever the
    model, so the two cannot be compared by it.
    """
    if ours.get("repeats") != theirs.get("repeats"):
        return None
    _, here, there = np.intersect1d(
        np.frombuffer(ours["keys"], np.uint64), np.frombuffer(theirs["keys"], np.uint64),
        assume_unique=True, return_indices=True,
    )  # fmt: skip
    chance = [np.frombuffer(one["probabilities"], np.float64) for one in (ours, theirs)]
    target = np.frombuffer(ours["labels"], np.int8)
    weights = np.frombuffer(ours["weights"], np.float64) if "weights" in ours else None
    return Pairs(target[here], chance[0][here], chance[1][there], take(weights, here))
