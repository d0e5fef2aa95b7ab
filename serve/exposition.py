"""`/metrics`: the counts of all workers, and the state of the model, the keeper and the log."""

import os
import platform
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from flask import Flask
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from serve.instance import LOG_BEAT, MODEL_BEAT

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
BUILD = {"python": platform.python_version()} | {
    name: version(name) for name in ("flask", "granian", "metaflow")
}


def exposition(app: Flask) -> bytes:
    """All metrics, in Prometheus' text format."""
    counts = REGISTRY
    if folder := os.environ.get(FOLDER):
        _forget_dead_workers(Path(folder))
        counts = CollectorRegistry()
        MultiProcessCollector(counts)
    state = CollectorRegistry()
    state.register(_State(app))
    return generate_latest(counts) + generate_latest(state)


class _State:
    """The state of the model, the keeper and the log, as seen by the worker of this request."""

    def __init__(self, app: Flask):
        self._served = app.extensions["churn"]
        self._log = app.extensions["churn-log"]

    def collect(self) -> Iterator[GaugeMetricFamily]:
        served, model = self._served, self._served.model
        build = GaugeMetricFamily("churn_build_info", "Versions", labels=list(BUILD))
        build.add_metric(list(BUILD.values()), 1)
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
            files, size = self._log.backlog()
            yield _gauge("churn_spool_files", "Files that wait for the database", files)
            yield _gauge("churn_spool_bytes", "Bytes that wait for the database", size)


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
