"""The counters and histograms of the app: requests, predictions, failures of the log.

Under `python -m serve` each worker stores its counts in files of its own
(PROMETHEUS_MULTIPROC_DIR), which survive a worker that is killed; `serve.exposition` adds them up.
"""

from collections.abc import Callable, Iterable
from functools import cache
from time import perf_counter

import numpy as np
from flask import Flask, Response, request
from prometheus_client import Counter, Gauge, Histogram

BUCKETS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5)
TENTHS = 10
# The key of the WSGI environment for the time at which a request arrived, by `perf_counter`.
BEGIN = "churn.begin"

_seconds = Histogram(
    "churn_request_seconds", "Time to answer; its count is the requests by status",
    ["route", "status"], buckets=BUCKETS,
)  # fmt: skip
_predictions = Counter(
    "churn_predictions_total", "Answered predictions, by decision and by tenth of the probability",
    ["churn", "score"],
)  # fmt: skip
_probabilities = Counter(
    "churn_probabilities_total", "The sum of the answered probabilities: churners expected"
)
_log_failures = Counter(
    "churn_log_failures_total", "Answers refused because the prediction log could not be written"
)
_in_progress = Gauge(
    "churn_requests_in_progress", "Requests that Flask is answering, fast predictions aside",
    multiprocess_mode="livesum",
)  # fmt: skip


@cache
def _timer(route: str, status: str) -> Callable[[float], None]:
    observed: Callable[[float], None] = _seconds.labels(route, status).observe
    return observed


def init_app(app: Flask) -> None:
    """Time the requests to an app."""

    @cache
    def paths() -> frozenset[str]:
        return frozenset(rule.rule for rule in app.url_map.iter_rules())

    @app.before_request
    def begin() -> None:
        request.environ.setdefault(BEGIN, perf_counter())
        _in_progress.inc()

    @app.teardown_request
    def leave(_error: BaseException | None) -> None:
        _in_progress.dec()

    @app.after_request
    def end(response: Response) -> Response:
        # Unknown paths share one series.
        route = request.path if request.path in paths() else "other"
        observe(route, str(response.status_code), perf_counter() - request.environ[BEGIN])
        return response


def observe(route: str, status: str, seconds: float) -> None:
    """Count an answer."""
    _timer(route, status)(seconds)


@cache
def _counter(churn: bool, tenth: int) -> Counter:
    span = f"{tenth / TENTHS:.1f}-{(tenth + 1) / TENTHS:.1f}"
    return _predictions.labels("yes" if churn else "no", span)


def count_one(probability: float, churn: bool) -> None:
    """Count a prediction."""
    _counter(churn, min(int(probability * TENTHS), TENTHS - 1)).inc()
    _probabilities.inc(probability)


def count(probabilities: Iterable[float], threshold: float) -> None:
    """Count many predictions, with one update of each counter instead of one per prediction."""
    scores = np.fromiter(probabilities, dtype=np.float64)
    tenths = np.minimum((scores * TENTHS).astype(int), TENTHS - 1)
    for churn in (False, True):
        for tenth, many in enumerate(np.bincount(tenths[(scores >= threshold) == churn])):
            if many:
                _counter(churn, tenth).inc(int(many))
    _probabilities.inc(float(scores.sum()))


def count_log_failure() -> None:
    """Count a request that was refused because its answer could not be logged."""
    _log_failures.inc()
