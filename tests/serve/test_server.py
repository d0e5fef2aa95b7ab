"""`python -m serve`: a real process, real HTTP."""

import http.client
import json
from contextlib import closing, suppress
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from churn.errors import ChurnError
from processes import wait_for
from serve import create_app


def post(url, value):
    request = Request(url, json.dumps(value).encode(), {"Content-Type": "application/json"})
    with urlopen(request) as answer:
        return json.load(answer)


def test_it_serves_the_run_it_was_told_to(server, served, telco_run, customers, records):
    probabilities = telco_run.model.predict_proba(customers)[:, 1]
    answer = post(f"{server.url}/predict/batch", {"customers": records})["predictions"]
    assert [one["probability"] for one in answer] == pytest.approx(list(probabilities), abs=1e-9)
    assert {one["customer"] for one in answer} == {one["customer_id"] for one in records}


def test_chunked_body_has_the_same_limit(server):
    chunks = (b" " * 2**20 for _ in range(17))
    headers = {"Content-Type": "application/json"}
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)) as connection:
        with suppress(BrokenPipeError):  # it may have answered before the end of the body
            connection.request("POST", "/predict", chunks, headers, encode_chunked=True)
        assert connection.getresponse().status == 413


def test_sigterm_ends_it_and_leaves_nothing_behind(start):
    server = start().wait()
    assert server.stop() == 0
    assert not server.left_behind()


def test_run_that_is_not_there_is_said_and_no_crash(start):
    server = start(CHURN_RUN="ChurnFlow/1").wait()

    def detail() -> str:
        with pytest.raises(HTTPError) as caught:
            urlopen(f"{server.url}/model/info")
        with caught.value as answer:
            assert answer.code == 503
            return json.load(answer)["detail"]

    wait_for(lambda: "ChurnFlow/1" in detail(), problem=detail)
    assert "ChurnFlow/1" in server.log.read_text()


@pytest.mark.parametrize("port", ["http", "0", "65536", "-1", "8000.5"])
def test_bad_port_is_named(start, port):
    server = start(PORT=port, CHURN_WORKERS="none")
    assert server.process.wait(20) == 2
    log = server.log.read_text()
    assert f"PORT must be a whole number from 1 to 65535, not '{port}'" in log
    assert "CHURN_WORKERS" in log


def test_port_in_use_is_said(server, start):
    second = start(PORT=str(server.port))
    assert second.process.wait(20) == 1
    assert f"Cannot serve on 127.0.0.1:{server.port}" in second.log.read_text()
    assert "Traceback" not in second.log.read_text()


def test_bad_settings_are_all_named(monkeypatch):
    monkeypatch.setenv("CHURN_MAX_BATCH", "many")
    monkeypatch.setenv("CHURN_MAX_CONTENT_LENGTH", "0")
    with pytest.raises(ChurnError) as caught:
        create_app()
    assert len(caught.value.problems) == 2
