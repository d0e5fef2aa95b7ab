"""What Prometheus is told, of all the workers together.

Under `python -m serve` each worker keeps its counts in files of its own (PROMETHEUS_MULTIPROC_DIR),
which outlive a worker that is killed, and whoever is asked adds them up.
"""

import os
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache

import numpy as np
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector

BUCKETS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5)
TENTHS = 10

_seconds = Histogram(
    "churn_request_seconds", "Time to answer; its count is the requests by status",
    ["route", "status"], buckets=BUCKETS,
)  # fmt: skip
_predictions = Counter(
    "churn_predictions_total", "Answered predictions, by decision and by tenth of the probability",
    ["churn", "score"],
)  # fmt: skip
_log_failures = Counter(
    "churn_log_failures_total", "Answers refused because the prediction log could not be written"
)


@cache
def _timer(route: str, status: str):
    return _seconds.labels(route, status).observe


def observe(route: str, status: str, seconds: float) -> None:
    """Count an answer."""
    _timer(route, status)(seconds)


@cache
def _counter(churn: bool, tenth: int):
    span = f"{tenth / TENTHS:.1f}-{(tenth + 1) / TENTHS:.1f}"
    return _predictions.labels("yes" if churn else "no", span)


def count_one(probability: float, churn: bool) -> None:
    """Count a prediction."""
    _counter(churn, min(int(probability * TENTHS), TENTHS - 1)).inc()


def count(probabilities: Iterable[float], threshold: float) -> None:
    """Count many predictions; a counter's own work, once per kind instead of once for each."""
    scores = np.fromiter(probabilities, dtype=np.float64)
    tenths = np.minimum((scores * TENTHS).astype(int), TENTHS - 1)
    for churn in (False, True):
        for tenth, many in enumerate(np.bincount(tenths[(scores >= threshold) == churn])):
            if many:
                _counter(churn, tenth).inc(int(many))


def count_log_failure() -> None:
    """Count an answer that was refused since it could not be logged."""
    _log_failures.inc()


class _Model:
    """What is served, as the worker that is asked knows it."""

    def __init__(self, found):
        self.found = found

    def collect(self):
        model, status = self.found.model, self.found.status
        info = GaugeMetricFamily(
            "churn_model_info", "The run that answers", labels=["run", "candidate"]
        )
        age = GaugeMetricFamily("churn_model_age_seconds", "Since that run was made")
        if model is not None:
            info.add_metric([model.run.run, model.run.candidate], 1)
            age.add_metric([], (datetime.now(UTC) - model.run.created_at).total_seconds())
        yield info
        yield age
        yield GaugeMetricFamily(
            "churn_model_stale", "1 if the run that is wanted cannot be read, 0 if it is served",
            value=int(self.found.problem is not None),
        )  # fmt: skip
        yield GaugeMetricFamily(
            "churn_log_database_away", "1 if predictions wait for the database of the log",
            value=int(bool(status.get("log"))),
        )  # fmt: skip


def exposition(found) -> bytes:
    """All metrics, in Prometheus' text format.

    Parameters
    ----------
    found : serve.served_model.ServedModel
    """
    workers = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        workers = CollectorRegistry()
        MultiProcessCollector(workers)
    own = CollectorRegistry()
    own.register(_Model(found))
    return generate_latest(workers) + generate_latest(own)
