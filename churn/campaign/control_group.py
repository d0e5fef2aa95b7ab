"""The control group: customers worth a call who are not called, to measure what calling does."""

from collections.abc import Sequence
from hashlib import sha256

import numpy as np
import pandas as pd

CONTACT, CONTROL = "contact", "control"
ARMS = (CONTACT, CONTROL)


def in_control(ids: Sequence[str], campaign: str, share: float) -> np.ndarray:
    """Who belongs to the control group: decided by customer and campaign, so that it stays so.

    pandas' hash is SipHash, here with a key made from the campaign's name: no run and no day
    changes it, it has nothing to do with who is held out in training, and a greater share keeps
    everybody who was in a smaller one.

    Returns
    -------
    ndarray of bool, shape (n,)
    """
    key = sha256(campaign.encode()).hexdigest()[:16]
    texts = np.asarray(ids, dtype=object)
    hashes = pd.util.hash_array(texts, hash_key=key, categorize=False)
    return hashes.astype(np.float64) < share * 2.0**64
