"""Record who of a call list has left, where a call keeps half of those who would.

python outcomes.py CALLS DATABASE DAY
"""

import sys
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd

from churn.feedback.outcomes import Outcome, OutcomeStore

path, database, day = sys.argv[1:]
calls = pd.read_csv(path, dtype={"customer_id": str})
keeps = np.where(calls["arm"] == "contact", 0.5, 1.0)
left = np.random.default_rng(0).random(len(calls)) < calls["probability"] * keeps
begun = date.fromisoformat(day)
# Within the horizon, or seen to be there after it.
days = {True: timedelta(days=20), False: timedelta(days=31)}
recorded = datetime.combine(begun + timedelta(days=35), datetime.min.time(), UTC)
with OutcomeStore(database) as store:
    store.add(
        Outcome(customer, begun + days[bool(gone)], bool(gone), recorded)
        for customer, gone in zip(calls["customer_id"], left, strict=True)
    )
