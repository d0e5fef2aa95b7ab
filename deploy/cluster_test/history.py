"""Log predictions as an app does after a fault upstream: no customer's tenure arrives.

python broken_column.py DATABASE DAY
"""

import sys
from datetime import UTC, datetime, timedelta

import numpy as np

from churn.data.parsing import parse_features
from churn.data.readers import load_table
from churn.feedback.prediction_log import Prediction, PredictionLog
from churn.registry.runs import fetch_run
from churn.scoring.export.models import records

CUSTOMERS = 500

database, day = sys.argv[1:]
deployment = fetch_run("champion")
table = load_table("telco").head(CUSTOMERS)
features = parse_features(table, deployment.contract).assign(tenure=np.nan)
noon = datetime.fromisoformat(day).replace(hour=12, tzinfo=UTC)
with PredictionLog(database) as log:
    log.add(
        [
            Prediction(
                f"broken-{i}", noon + timedelta(seconds=i), deployment.run, f"customer-{i}",
                deployment.scorer(record), False, 0.5, record,
            )
            for i, record in enumerate(records(features))
        ]
    )  # fmt: skip
