"""Who is held out: decided by the customer, not by the run, so that it stays so for years."""

import numpy as np
import pandas as pd

from churn.data.contract import Contract
from churn.errors import ChurnError


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


def holdout_mask(frame: pd.DataFrame, contract: Contract, share: float) -> np.ndarray:
    """Which rows are held out.

    With a time column these are the latest; else those whose id (without an id: whose features)
    hashes below `share`. pandas' hash is SipHash with a fixed key: the same in every run.

    Parameters
    ----------
    frame : DataFrame
        A clean frame, as `validate_data` returns it.
    share : float
        The share to hold out, in [0, 1); 0 holds out nobody.

    Raises
    ------
    ChurnError
        If the latest customers are all there are.

    Returns
    -------
    ndarray of bool, shape (n,)
    """
    if not 0 <= share < 1:
        raise ValueError(f"the share to hold out must be in [0, 1), not {share}")
    if contract.time and share:
        cut = frame[contract.time].quantile(1 - share, interpolation="higher")
        held = (frame[contract.time] >= cut).to_numpy()
        if held.all():
            problem = f"{contract.time} is {cut} for every customer: nobody is earlier"
            raise ChurnError("The latest customers cannot be held out:", [problem])
        return held
    if contract.id:
        hashes = pd.util.hash_pandas_object(frame[contract.id], index=False).to_numpy()
    else:
        hashes = content_hash(frame, contract)
    return hashes.astype(np.float64) < share * 2.0**64


def split_customers(frame: pd.DataFrame, contract: Contract, holdout: np.ndarray) -> np.ndarray:
    """Which rows to train on, which to judge by, and which to leave out of both.

    A training row that copies the features of a held-out row would let the model look the answer
    up; such rows are left out of training.

    Parameters
    ----------
    holdout : ndarray of bool, shape (n,)
        From `holdout_mask`.

    Returns
    -------
    ndarray of str, shape (n,)
        `train`, `holdout` or `copy`.
    """
    content = content_hash(frame, contract)
    copy = np.isin(content, np.unique(content[holdout]))
    return np.select([holdout, copy], ["holdout", "copy"], "train")
