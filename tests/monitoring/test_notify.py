"""The webhook."""

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
