"""Traces of requests by OpenTelemetry, where its own environment variables ask for them.

The variables are the standard's: OTEL_EXPORTER_OTLP_ENDPOINT, or that of traces alone,
names a collector, OTEL_TRACES_EXPORTER=none and OTEL_SDK_DISABLED=true turn traces off, and the SDK
reads all others. Its packages are an extra: `pip install -e '.[otel]'`, or serve/otel.lock.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from importlib.util import find_spec
from multiprocessing.util import Finalize
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from churn.errors import ChurnError
from serve.logs import known

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PACKAGES = (
    "opentelemetry.sdk",
    "opentelemetry.exporter.otlp.proto.http",
    "opentelemetry.instrumentation.wsgi",
)
NAME = "churn"

App = Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]


def wanted(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the environment asks for traces."""
    off = (
        environment.get("OTEL_SDK_DISABLED", "").lower() == "true"
        or environment.get("OTEL_TRACES_EXPORTER", "otlp").lower() == "none"
    )
    return not off and any(environment.get(name) for name in ENDPOINTS)


def check() -> None:
    """Check that the traces that are wanted can be made.

    Raises
    ------
    ChurnError
        If OpenTelemetry's packages are not installed.
    """
    if not wanted():
        return
    named = next(name for name in ENDPOINTS if os.environ.get(name))
    missing = [name for name in PACKAGES if not _installed(name)]
    if missing:
        problem = (
            f"{named} asks for traces, and {', '.join(missing)} is not installed: "
            "`pip install -e '.[otel]'` in the checkout, or serve/otel.lock"
        )
        raise ChurnError("Requests cannot be traced:", [problem])


def traced(app: App) -> App:
    """An app whose requests are spans, with the ids of request, prediction and run.

    Parameters
    ----------
    app : WSGI app

    Returns
    -------
    WSGI app
        `app` itself where no traces are wanted.
    """
    if not wanted():
        return app
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    named = Resource.create({"service.name": NAME}).merge(OTELResourceDetector().detect())
    provider = TracerProvider(resource=named)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    # What is not sent yet is sent at the end; a process of multiprocessing runs no `atexit`.
    Finalize(None, provider.shutdown, exitpriority=0)

    def add_ids(span: Any, *_response: object) -> None:
        for name, value in known().items():
            span.set_attribute(f"churn.{name}", value)

    middleware = OpenTelemetryMiddleware(app, response_hook=add_ids, tracer_provider=provider)

    def respond(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        return [b"".join(middleware(environ, start_response))]  # the span ends here

    return respond


def _installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # a package above it is missing
        return False
