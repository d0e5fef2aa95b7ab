"""What the month and the weekday of a date add to the days since it.

    python benchmarks/dates.py rides.csv --date signup_date --target 'last_trip_date < 2014-06-01'

Gradient boosting, cross-validated (5 folds, 3 repeats) on the same folds, without and with them:
the paired difference in log loss, with its standard error. The public table of a ride service is
the only one at hand with a date among its features.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_predict

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from churn.data.inference import infer_contract
from churn.data.parsing import labels, parse_features
from churn.data.readers import load_table
from churn.data.target_rule import with_target

REPEATS = 3


def losses(features: pd.DataFrame, left: np.ndarray) -> np.ndarray:
    """The loss of each customer out of fold, mean over the repeats."""
    model = HistGradientBoostingClassifier(
        max_iter=150, learning_rate=0.05, max_leaf_nodes=15, random_state=0
    )
    found = []
    for seed in range(REPEATS):
        folds = StratifiedKFold(5, shuffle=True, random_state=seed)
        risk = cross_val_predict(model, features, left, cv=folds, method="predict_proba")[:, 1]
        found.append(-np.log(np.where(left == 1, risk, 1 - risk)))
    return np.mean(found, axis=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("table")
    parser.add_argument("--date", required=True)
    parser.add_argument("--target", required=True)
    options = parser.parse_args()
    table = load_table(options.table)
    contract = infer_contract(table, options.target)
    table = with_target(table, contract.target, contract.target_rule)
    features, left = parse_features(table, contract), labels(table, contract)
    day = pd.to_datetime(table[options.date])
    known = {"weekday": day.dt.dayofweek, "month": day.dt.month}
    more = features.assign(**{name: part.astype("category") for name, part in known.items()})
    without, beside = losses(features, left), losses(more, left)
    gap = beside - without
    print(f"{len(left):,} customers, {day.dt.month.nunique()} months of {options.date}")
    print(f"days alone {without.mean():.5f}, with weekday and month {beside.mean():.5f}")
    print(f"difference {gap.mean():+.5f} (standard error {gap.std() / np.sqrt(len(gap)):.5f})")


if __name__ == "__main__":
    main()
