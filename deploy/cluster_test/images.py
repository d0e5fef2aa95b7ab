"""Both images: built, tried out, weighed, their bills of materials; and traces of requests."""

import contextlib
import gzip
import http.server
import json
import os
import subprocess
from collections.abc import Iterator

from cluster import Cluster
from containers import ask, build_environment, engine, output, wait_until
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from services import ROOT, free_port, serving

MOST_MEGABYTES = 450


def work(cluster: Cluster) -> str:
    """Both images train, serve and answer as any user, with a read-only root and one volume."""
    with engine():
        done = subprocess.run(
            [ROOT / "deploy" / "try-images.sh"], env=os.environ | build_environment(),
            capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
        inspect = ["docker", "image", "inspect", "churn-serve", "--format", "{{json .}}"]
        image = json.loads(output(*inspect))
        output(str(ROOT / "deploy" / "sbom.sh"), "churn", "churn-serve")
    size = image["Size"] / 1e6
    labels = image["Config"]["Labels"]
    assert size < MOST_MEGABYTES, size
    assert labels["org.opencontainers.image.revision"].rstrip("+") == cluster.commit
    packages = {}
    for name in ("churn", "churn-serve"):
        bill = json.loads((ROOT / "dist" / f"{name}.cdx.json").read_text())
        packages[name] = {component["name"].lower() for component in bill["components"]}
    assert {"flask", "granian", "metaflow"} <= packages["churn-serve"]
    assert not packages["churn-serve"] & {"plotly", "statsmodels", "evidently", "pytest", "pandas"}
    assert {"scikit-learn", "evidently"} <= packages["churn"]
    base = "a stand-in for the base" if build_environment() else "the pinned base"
    return (
        f"{done.stdout.splitlines()[-1]} churn-serve has {size:.0f} MB and "
        f"{len(packages['churn-serve'])} packages on {base}"
    )


def traces(cluster: Cluster) -> str:
    """With the lock of the extra `otel`, requests are spans that a collector of OTLP gets."""
    with engine(), collector() as (endpoint, got):
        arguments = [f"{name}={value}" for name, value in _arguments().items()]
        options = [part for one in arguments for part in ("--build-arg", one)]
        tag, name = "churn-serve-otel", f"churn-traces-{os.getpid()}"
        output(
            "docker", "build", "--quiet", "--network", "host", *options, "--build-arg",
            "LOCK=serve/otel.lock", "--target", "serve", "--tag", tag, str(ROOT),
        )  # fmt: skip
        port = free_port()
        output(
            "docker", "run", "--detach", "--rm", "--network", "host", "--name", name, "--env",
            f"OTEL_EXPORTER_OTLP_ENDPOINT={endpoint}", "--env", f"PORT={port}", tag,
        )  # fmt: skip
        try:
            wait_until(lambda: ask(f"http://127.0.0.1:{port}/health"), "the app is never alive")
        finally:
            output("docker", "stop", name)  # what has been made is sent first
    spans = [
        (span.name, {one.key: one.value.string_value for one in span.attributes})
        for body in got
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    names, attributes = zip(*spans, strict=True)
    assert "GET /health" in names, spans
    assert all(each["churn.request"] for each in attributes), spans
    return f"{len(spans)} spans, {', '.join(sorted(set(names)))}"


@contextlib.contextmanager
def collector() -> Iterator[tuple[str, list[bytes]]]:
    """A server that takes traces by OTLP over HTTP: its endpoint, and the bodies that it got."""
    got: list[bytes] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            assert self.path == "/v1/traces"
            body = self.rfile.read(int(self.headers["Content-Length"]))
            packed = self.headers.get("Content-Encoding") == "gzip"
            got.append(gzip.decompress(body) if packed else body)
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with serving(Handler) as url:
        yield url, got


def _arguments() -> dict[str, str]:
    return {name: value for name, value in build_environment().items() if name == "BASE"}
