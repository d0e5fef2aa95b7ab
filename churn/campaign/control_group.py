"""The control group: customers worth a call who are not called, to measure its effect."""

from collections.abc import Sequence
from hashlib import sha256

import numpy as np
import pandas as pd

from churn.campaign.stored.entries import CONTACT, CONTROL

__all__ = ["ARMS", "CONTACT", "CONTROL", "in_control"]

ARMS = (CONTACT, CONTROL)


def in_control(ids: Sequence[str], campaign: str, share: float) -> np.ndarray:
    """Which customers are in the control group: a hash of customer and campaign decides.

    pandas' hash is SipHash, here with a key from the campaign's name: it is the same in every run
    and on every day, it is independent of the hold-out in training, and a larger share includes
    all customers of a smaller one.

    Returns
    -------
    ndarray of bool, shape (n,)
    """
    key = sha256(campaign.encode()).hexdigest()[:16]
    texts = np.asarray(ids, dtype=object)
    hashes = pd.util.hash_array(texts, hash_key=key, categorize=False)
    return hashes.astype(np.float64) < share * 2.0**64
