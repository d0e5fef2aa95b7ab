"""The verdict as metrics of Prometheus: in a file, or on a Pushgateway.

A file is for the textfile collector of a node exporter, on a machine that stays. The disk of a pod
is deleted with it, so from there the metrics are pushed.
"""

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Gauge, generate_latest, push_to_gateway

from churn.data.readers import public_name
from churn.errors import ChurnError
from churn.files import write_file
from churn.monitoring.cohort_metrics import QUALITY
from churn.monitoring.cohorts import WAITING, Quality
from churn.monitoring.drift import Drift
from churn.monitoring.profit_drift import Money
from churn.monitoring.verdict import LEVELS, OK, Verdict

PUSHGATEWAY = "CHURN_PUSHGATEWAY"
SECONDS = 10


def verdict_metrics(
    verdict: Verdict, drift: Drift, money: Money, quality: Quality, as_of: datetime
) -> CollectorRegistry:
    """The verdict and the numbers behind it."""
    registry = CollectorRegistry()

    def gauge(name: str, about: str, value: float | None, **labels: str) -> None:
        if value is not None:
            known = gauges.get(name)
            if known is None:
                names = ["run", *labels]
                known = gauges[name] = Gauge(
                    f"churn_monitor_{name}", about, names, registry=registry
                )
            known.labels(verdict.run, *labels.values()).set(float(value))

    gauges: dict[str, Gauge] = {}
    level = LEVELS.index(verdict.verdict) - LEVELS.index(OK)
    gauge("verdict", "-1 insufficient data, 0 ok, 1 watch, 2 retrain.", level)
    gauge("time_seconds", "When the model was examined.", as_of.timestamp())
    gauge("customers", "Customers in the period.", drift.customers)
    gauge("drifted", "Drift tests of the period that raised an alarm.", len(drift.alarms))
    for row in drift.table.itertuples():
        of = {"column": str(row.column), "what": str(row.what)}
        gauge("effect", "How far a column drifted, 0 to 1.", float(str(row.effect)), **of)
    if money.profit:
        about = "Money per customer expected of calling whom it pays to call."
        gauge("expected_profit", about, money.profit.now)
    if money.calls:
        gauge("calls", "Share of customers whom it pays to call.", money.calls.now)
    matured = quality.cohorts[quality.cohorts["state"] != WAITING]
    latest: Mapping[Any, Any] = matured.iloc[-1].to_dict() if len(matured) else {}
    about = "Of the latest matured cohort."
    for name in QUALITY:
        gauge("quality", about, latest.get(name), metric=name)
    gauge("label_completeness", about, latest.get("completeness"))
    return registry


def write_metrics(metrics: CollectorRegistry, path: str | Path) -> None:
    """Write metrics for the node exporter's textfile collector, atomically.

    Raises
    ------
    ChurnError
        If the file cannot be written.
    """
    try:
        # The collector runs as another user.
        write_file(path, generate_latest(metrics).decode(), mode=0o644)
    except OSError as error:
        raise ChurnError(f"The metrics cannot be written to {path}:", [str(error)]) from error


def push_metrics(metrics: CollectorRegistry, url: str = "") -> None:
    """Replace the metrics of MonitorFlow on a Pushgateway.

    Parameters
    ----------
    metrics : CollectorRegistry
    url : str
        If empty, that of the environment, CHURN_PUSHGATEWAY; without one, nothing is pushed.

    Raises
    ------
    ChurnError
        If it does not take them within ten seconds.
    """
    url = url or os.environ.get(PUSHGATEWAY, "")
    if not url:
        return
    try:
        push_to_gateway(url, job="churn_monitor", registry=metrics, timeout=SECONDS)
    except (OSError, ValueError) as error:  # URLError is an OSError
        name = public_name(url)
        raise ChurnError(f"The Pushgateway {name} took no metrics:", [str(error)]) from error
