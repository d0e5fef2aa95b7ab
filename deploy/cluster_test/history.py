"""Log predictions of the champion as an app did some days ago.

python history.py broken DATABASE DAY      no customer's tenure arrives, after a fault upstream
python history.py labelled DATABASE DAY    and a month later it is known who has left
"""

import sys
from datetime import UTC, datetime, timedelta

import numpy as np

from churn.data.parsing import parse_features
from churn.data.readers import load_table
from churn.feedback.outcomes import Outcome, OutcomeStore
from churn.feedback.prediction_log import Prediction, PredictionLog
from churn.registry.runs import fetch_run
from churn.scoring.export.models import records

CUSTOMERS = 500
MONTH = timedelta(days=31)

what, database, day = sys.argv[1:]
deployment = fetch_run("champion")
table = load_table("telco").head(CUSTOMERS)
features = parse_features(table, deployment.contract)
if what == "broken":
    features = features.assign(tenure=np.nan)
noon = datetime.fromisoformat(day).replace(hour=12, tzinfo=UTC)
with PredictionLog(database) as log:
    log.add(
        [
            Prediction(
                f"{what}-{i}", noon + timedelta(seconds=i), deployment.run, f"{what}-{i}",
                deployment.scorer(record), False, 0.5, record,
            )
            for i, record in enumerate(records(features))
        ]
    )  # fmt: skip
if what == "labelled":
    # Within the horizon, or seen to be there after it.
    days = {"Yes": timedelta(days=20), "No": MONTH}
    with OutcomeStore(database) as outcomes:
        outcomes.add(
            Outcome(f"{what}-{i}", (noon + days[left]).date(), left == "Yes", noon + MONTH)
            for i, left in enumerate(table[deployment.contract.target])
        )
