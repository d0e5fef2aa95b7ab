"""The metrics file and the webhook."""

import http.server
import json
import threading

import pytest

from churn.errors import ChurnError
from churn.monitoring import notify
from watching import (
    APRIL,
    period,
)


class TestTelling:
    def test_prometheus_reads_the_metrics(self, judged, tmp_path):
        from prometheus_client.parser import text_string_to_metric_families

        path = tmp_path / "churn.prom"
        path.write_text("old")
        found = judged(period().assign(tenure=None))
        notify.write_metrics(notify.prometheus_text(*found, APRIL), path)
        samples = {
            (sample.name, *sorted(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(path.read_text())
            for sample in family.samples
        }
        run = ("run", "ChurnFlow/1")
        assert samples["churn_monitor_verdict", run] == 2
        assert samples["churn_monitor_effect", ("column", "tenure"), run, ("what", "missing")] == 1
        assert samples["churn_monitor_quality", ("metric", "roc_auc"), run] > 0.8
        assert samples["churn_monitor_label_completeness", run] == 1
        assert [entry.name for entry in tmp_path.iterdir()] == ["churn.prom"]

    def test_a_metrics_file_that_cannot_be_written_is_told(self, tmp_path):
        with pytest.raises(ChurnError, match="cannot be written"):
            notify.write_metrics("", tmp_path / "nowhere" / "churn.prom")

    def test_a_webhook_gets_the_verdict_and_a_failing_one_is_told_without_its_path(self, judged):
        got = []

        class Hook(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200 if self.path == "/good" else 500)
                self.end_headers()

            def log_message(self, *_):
                pass

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            url = f"http://127.0.0.1:{server.server_port}"
            found = judged(period().assign(tenure=None))[0]
            notify.post(f"{url}/good", notify.message(found, "MonitorFlow/9", APRIL))
            with pytest.raises(ChurnError, match="was not notified") as failure:
                notify.post(f"{url}/secret", {})
            server.shutdown()
        assert got[0]["verdict"] == "retrain"
        assert got[0]["monitor"] == "MonitorFlow/9"
        assert got[0]["reasons"][0]["about"] == "drift"
        assert "secret" not in str(failure.value)
