"""The hold-out: decided by the customer, not by the run, so that it stays the same across runs."""

import numpy as np
import pandas as pd

from churn.data.contract import Contract
from churn.data.copies import content_hash, copies_by_chance
from churn.data.frames import category
from churn.data.near_copies import NearCopies
from churn.data.rows import Rows, column_of, labels_of, rows_of
from churn.errors import ChurnError

# The parts of a table; `called` are customers whose label the call may have changed.
TRAIN, HOLDOUT, COPY, CALLED = PARTS = ("train", "holdout", "copy", "called")
MIN_TRAIN_ROWS = 50
MIN_TRAIN_PER_CLASS = 10


# With each renewal so much of the hold-out goes back to training, and as many customers follow.
RENEWED = 0.25


def holdout_mask(
    frame: "pd.DataFrame | Rows",
    contract: Contract,
    share: float,
    near: NearCopies | None = None,
    renewals: int = 0,
) -> np.ndarray:
    """Which rows are held out.

    With a time column these are the latest rows; else those with a hash below `share`, of the id,
    or of the features where there is no id. pandas' hash is SipHash with a fixed key, so it is the
    same in every run.

    Parameters
    ----------
    frame : DataFrame or Rows
        Clean rows, as `validate_data` returns them.
    share : float
        The share to hold out, in [0, 1); 0 holds out no customer.
    near : NearCopies, optional
        Rows that are near copies of each other have the hash of one of them, and so stay together;
        the latest rows are held out whatever they copy.
    renewals : int
        How often a quarter of the hold-out has been renewed; see `held_by_hash`. The latest rows
        renew themselves.

    Raises
    ------
    ChurnError
        If all customers would be held out as the latest.

    Returns
    -------
    ndarray of bool, shape (n,)
    """
    if not 0 <= share < 1:
        raise ValueError(f"the share to hold out must be in [0, 1), not {share}")
    if contract.time and share:
        times = column_of(frame, contract.time)
        cut = times.quantile(1 - share, interpolation="higher")
        held = (times >= cut).to_numpy()
        if held.all():
            problem = f"{contract.time} is {cut} for every customer: nobody is earlier"
            raise ChurnError("The latest customers cannot be held out:", [problem])
        return held
    return held_by_hash(row_hashes(frame, contract, near), share, renewals)


def row_hashes(
    frame: "pd.DataFrame | Rows", contract: Contract, near: NearCopies | None = None
) -> np.ndarray:
    """The hash that decides on which side each row is: (n,) uint64; see `holdout_mask`."""
    if contract.id:
        hashes = np.concatenate(
            [
                pd.util.hash_pandas_object(rows[contract.id], index=False).to_numpy()
                for _, rows in rows_of(frame).chunks([contract.id])
            ]
        )
    else:
        hashes = content_hash(frame, contract)
    if near is not None:
        hashes = hashes[_representative(hashes, near.groups)]
    return hashes


def held_by_hash(hashes: np.ndarray, share: float, renewals: int = 0) -> np.ndarray:
    """Which rows are held out after some renewals.

    Held out is a window of the hashes, `share` of them wide. A renewal moves it by a quarter of its
    width: after four renewals nobody is held out who was before.
    """
    start = renewals * RENEWED * share
    return np.asarray((hashes.astype(np.float64) / 2.0**64 - start) % 1.0 < share)


def _representative(hashes: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """For each row a row of its group, drawn by a second hash: the same for all of the group."""
    order = np.lexsort([hashes, pd.util.hash_array(hashes)])
    chosen = np.empty(groups.max() + 1, dtype=np.int64)
    chosen[groups[order[::-1]]] = order[::-1]
    return np.asarray(chosen[groups])


def split_customers(
    frame: "pd.DataFrame | Rows", contract: Contract, holdout: np.ndarray
) -> pd.Categorical:
    """Split rows into those to train on, those to evaluate on, and those to leave out.

    A training row with the same features as a held-out row would leak the label; such rows are left
    out of training, unless rows of this table are alike by chance, see `churn.data.copies`.

    Parameters
    ----------
    holdout : ndarray of bool, shape (n,)
        From `holdout_mask`.

    Returns
    -------
    Categorical of n rows
        `train`, `holdout` or `copy`; a byte for each row.
    """
    content = content_hash(frame, contract)
    copy = np.isin(content, np.unique(content[holdout])) & ~holdout
    if copy.any() and copies_by_chance(frame, contract, content):
        copy[:] = False
    codes = np.where(holdout, np.int8(1), np.where(copy, np.int8(2), np.int8(0)))
    return category(codes, PARTS)


def check_split(
    frame: "pd.DataFrame | Rows", contract: Contract, split: "pd.Categorical | np.ndarray"
) -> str:
    """How many rows are trained on, held out and left out, in a sentence for the user.

    Raises
    ------
    ChurnError
        If too few rows are left to train on.
    """
    left = labels_of(frame, contract)
    parts = {name: left[split == name] for name in (TRAIN, HOLDOUT, COPY)}
    counts = ", ".join(
        f"{len(part):,} {what} ({part.mean():.1%} left)"
        for part, what in zip(
            parts.values(),
            ("to train on", "held out", "left out as copies of held-out customers"),
            strict=True,
        )
        if len(part)
    )
    train = parts["train"]
    problems = []
    if len(train) < MIN_TRAIN_ROWS:
        problems.append(f"at least {MIN_TRAIN_ROWS} rows are needed")
    if min(train.sum(), len(train) - train.sum()) < MIN_TRAIN_PER_CLASS:
        problems.append(
            f"at least {MIN_TRAIN_PER_CLASS} customers who left and who stayed are needed"
        )
    if problems:
        hint = "hold out fewer customers (--holdout), or take away columns by a contract"
        raise ChurnError("Too few customers are left to train on:", [counts, *problems, hint])
    return f"{counts}."
