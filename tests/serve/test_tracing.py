"""Traces are made where the standard's variables ask for them, and nowhere else."""

import pytest

from serve.tracing import traced, wanted

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, False),
        ({"OTEL_SERVICE_NAME": "churn"}, False),
        (ENDPOINT, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, True),
        (ENDPOINT | {"OTEL_SDK_DISABLED": "True"}, False),
        (ENDPOINT | {"OTEL_TRACES_EXPORTER": "none"}, False),
        (ENDPOINT | {"OTEL_TRACES_EXPORTER": "otlp"}, True),
    ],
)
def test_the_standards_variables_decide(environment, expected):
    assert wanted(environment) == expected


def test_without_them_the_app_is_left_alone(monkeypatch):
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)

    def app(_environ, _start_response):
        return []

    assert traced(app) is app


@pytest.mark.slow
def test_without_the_packages_a_server_that_should_trace_does_not_start(start):
    server = start(**ENDPOINT)
    assert server.process.wait(30) == 2
    log = server.log.read_text()
    assert "OTEL_EXPORTER_OTLP_ENDPOINT asks for traces" in log
    assert "opentelemetry.sdk" in log
    assert "serve/otel.lock" in log
