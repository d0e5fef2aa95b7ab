"""The verdict as metrics, in a file and on a Pushgateway."""

import http.server
import threading

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from churn.errors import ChurnError
from churn.monitoring.metrics import push_metrics, verdict_metrics, write_metrics
from watching import APRIL, period


def samples(text: str) -> dict:
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def check(found: dict) -> None:
    run = ("run", "ChurnFlow/1")
    assert found["churn_monitor_verdict", run] == 2
    assert found["churn_monitor_effect", ("column", "tenure"), run, ("what", "missing")] == 1
    assert found["churn_monitor_quality", ("metric", "roc_auc"), run] > 0.8
    assert found["churn_monitor_label_completeness", run] == 1


def test_prometheus_reads_the_file(judged, tmp_path):
    path = tmp_path / "churn.prom"
    path.write_text("old")
    write_metrics(verdict_metrics(*judged(period().assign(tenure=None)), APRIL), path)
    check(samples(path.read_text()))
    assert [entry.name for entry in tmp_path.iterdir()] == ["churn.prom"]


def test_a_file_that_cannot_be_written_is_told(tmp_path):
    with pytest.raises(ChurnError, match="cannot be written"):
        write_metrics(CollectorRegistry(), tmp_path / "nowhere" / "churn.prom")


@pytest.fixture
def gateway():
    """A server that takes what is pushed, and its URL; below `/full` it refuses."""
    got = []

    class Gateway(http.server.BaseHTTPRequestHandler):
        def do_PUT(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((self.path, body.decode()))
            self.send_response(507 if self.path.startswith("/full") else 200)
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Gateway) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", got
        server.shutdown()


@pytest.mark.parametrize("by_environment", [True, False])
def test_a_pod_pushes_them(judged, gateway, monkeypatch, by_environment):
    url, got = gateway
    metrics = verdict_metrics(*judged(period().assign(tenure=None)), APRIL)
    monkeypatch.setenv("CHURN_PUSHGATEWAY", url if by_environment else "http://127.0.0.1:9")
    push_metrics(metrics, "" if by_environment else url)
    ((path, text),) = got
    assert path == "/metrics/job/churn_monitor"
    check(samples(text))


def test_without_a_gateway_nothing_is_pushed(monkeypatch):
    monkeypatch.delenv("CHURN_PUSHGATEWAY", raising=False)
    push_metrics(CollectorRegistry())


def test_a_gateway_that_takes_nothing_is_told_without_its_password(gateway):
    url = gateway[0].replace("http://", "http://churn:secret@")
    for where in (f"{url}/full", "http://churn:secret@127.0.0.1:9"):
        with pytest.raises(ChurnError, match="took no metrics") as failure:
            push_metrics(CollectorRegistry(), where)
        assert "secret" not in str(failure.value)
