"""`/metrics`: the counts of all workers, and the state of the model, the keeper and the log."""

import os
import platform
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path

import numpy as np
from flask import Flask
from prometheus_client import REGISTRY, CollectorRegistry, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from churn.registry.commit import git_commit
from serve.instance import LOG_BEAT, MODEL_BEAT
from serve.metrics import TENTHS
from serve.processes import process_metrics

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
BUILD = {"python": platform.python_version()} | {
    name: version(name) for name in ("flask", "granian", "metaflow")
}
_commit = cache(git_commit)


def exposition(app: Flask) -> bytes:
    """All metrics, in Prometheus' text format."""
    counts = REGISTRY
    if folder := os.environ.get(FOLDER):
        _forget_dead_workers(Path(folder))
        counts = CollectorRegistry()
        MultiProcessCollector(counts)
    state = CollectorRegistry()
    state.register(_State(app))
    state.register(_Scores(counts))
    return generate_latest(counts) + generate_latest(state)


class _Scores(Collector):
    """The distribution of the answered probabilities, from the counts by tenth."""

    def __init__(self, counts: CollectorRegistry):
        self._counts = counts

    def collect(self) -> Iterator[HistogramMetricFamily]:
        tenths = np.zeros(TENTHS)
        total = 0.0
        for family in self._counts.collect():
            for sample in family.samples:
                if sample.name == "churn_predictions_total":
                    tenths[round(float(sample.labels["score"][:3]) * TENTHS)] += sample.value
                elif sample.name == "churn_probabilities_total":
                    total = sample.value
        upper = [f"{(tenth + 1) / TENTHS:.1f}" for tenth in range(TENTHS)]
        buckets = list(zip(upper, tenths.cumsum(), strict=True))
        found = HistogramMetricFamily("churn_score", "Answered probabilities")
        found.add_metric([], [*buckets, ("+Inf", tenths.sum())], total)
        yield found


class _State(Collector):
    """The state of the model, the keeper and the log, as seen by the worker of this request."""

    def __init__(self, app: Flask):
        self._served = app.extensions["churn"]
        self._log = app.extensions["churn-log"]

    def collect(self) -> Iterator[Metric]:
        yield from process_metrics()
        served, model = self._served, self._served.model
        about = BUILD | {"commit": _commit()}
        build = GaugeMetricFamily("churn_build_info", "Versions", labels=list(about))
        build.add_metric(list(about.values()), 1)
        yield build
        info = GaugeMetricFamily(
            "churn_model_info", "The run that is served", labels=["run", "candidate"]
        )
        age = GaugeMetricFamily("churn_model_age_seconds", "Since that run was made")
        if model is not None:
            info.add_metric([model.run.run, model.run.candidate], 1)
            age.add_metric([], (datetime.now(UTC) - model.run.created_at).total_seconds())
        yield info
        yield age
        yield _gauge(
            "churn_model_stale",
            "1 if the model may not be the wanted one, 0 if it is",
            served.problem is not None,
        )
        yield _gauge(
            "churn_log_database_away",
            "1 if predictions wait for the database of the log",
            served.log_problem is not None,
        )
        yield _gauge(
            "churn_keeper_sync_age_seconds",
            "Since the keeper last looked which run is wanted",
            served.seconds_since(MODEL_BEAT),
        )
        yield _gauge(
            "churn_keeper_ship_age_seconds",
            "Since the keeper last moved predictions to the database",
            served.seconds_since(LOG_BEAT),
        )
        if self._log is not None:
            files, size, lag = self._log.backlog()
            yield _gauge("churn_spool_files", "Files that wait for the database", files)
            yield _gauge("churn_spool_bytes", "Bytes that wait for the database", size)
            yield _gauge("churn_spool_lag_seconds", "How long the oldest of them has waited", lag)


def _gauge(name: str, text: str, value: float | None) -> GaugeMetricFamily:
    found = GaugeMetricFamily(name, text)
    if value is not None:
        found.add_metric([], float(value))
    return found


def _forget_dead_workers(folder: Path) -> None:
    """Delete the gauges of workers that were killed; their counts stay."""
    for path in folder.glob("gauge_live*.db"):
        process = path.stem.rpartition("_")[2]
        with suppress(FileNotFoundError):  # another worker was faster
            if not Path("/proc", process).exists():
                mark_process_dead(int(process), str(folder))
