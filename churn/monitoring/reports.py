"""A verdict as plain values, for the reports in the database of the log."""

from dataclasses import asdict
from typing import Any

from churn.evaluation.metric_table import METRICS
from churn.monitoring.cohorts import EVALUATED, Quality
from churn.monitoring.drift import Drift
from churn.monitoring.verdict import Verdict

_ENDS = {"value": "", "low": "_low", "high": "_high"}


def verdict_report(
    verdict: Verdict, drift: Drift, quality: Quality, where: str, retrained: str | None
) -> dict[str, Any]:
    """A verdict with its reasons, and the quality that was found beside the expected one.

    Parameters
    ----------
    where : str
        The run of MonitorFlow with all results.
    retrained : str, optional
        The run of ChurnFlow that the verdict caused.
    """
    evaluated = quality.cohorts[quality.cohorts["state"] == EVALUATED]
    names = [name for name in METRICS if name in quality.holdout]
    cohorts = [
        {
            "cohort": row["cohort"], "customers": row["customers"], "known": row["known"],
            "left": row["left"], "expected_left": row["expected_left"],
            "metrics": {
                name: {end: row[f"{name}{tail}"] for end, tail in _ENDS.items()}
                for name in names if f"{name}_low" in row
            },
        }
        for row in evaluated.to_dict("records")
    ]  # fmt: skip
    return {
        "verdict": verdict.verdict, "run": verdict.run, "monitor": where, "retrained": retrained,
        "reasons": [asdict(reason) for reason in verdict.reasons],
        "remarks": list(verdict.remarks), "customers": drift.customers,
        "alarms": len(drift.alarms), "columns": len(drift.table),
        "cohorts": cohorts, "labels": {name: METRICS[name].label for name in names},
        "expected": {name: dict(quality.holdout[name]) for name in names},
        "states": {str(k): int(v) for k, v in quality.cohorts["state"].value_counts().items()},
    }  # fmt: skip
