"""What the server logs: an object of JSON a line, which names request, prediction and run."""

import json
import logging

import pytest
import requests

from processes import wait_for
from serve.logs import JsonFormatter, read_setting


@pytest.mark.slow
def test_json_lines_of_all_processes_name_request_prediction_and_run(start, served, records):
    server = start(CHURN_RUN=served.run, CHURN_LOGGING="debug,json").wait(path="/ready")
    named = {"X-Request-ID": "a-request"}
    answers = [
        requests.post(f"{server.url}{path}", json=records[0], headers=named).json()
        for path in ("/predict", "/predict?explain=1")
    ]
    other = requests.get(f"{server.url}/nowhere", headers={"X-Request-ID": "é"})
    wait_for(lambda: "/nowhere" in server.log.read_text())
    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    assert {"server", "worker", "keeper"} == {line["process"] for line in lines}
    mine = [line for line in lines if line.get("request") == "a-request"]
    assert [line["prediction"] for line in mine] == [each["prediction"] for each in answers]
    for line in mine:
        assert (line["run"], line["status"], line["path"]) == (served.run, 200, "/predict")
        assert 0 < line["seconds"] < 5
    (line,) = [line for line in lines if line.get("path") == "/nowhere"]
    assert line["status"] == 404
    assert line["request"] == other.headers["X-Request-ID"] != "é"
    assert "prediction" not in line


def test_an_error_is_one_line_of_json():
    try:
        raise ValueError("the\ncause")
    except ValueError as error:
        caught = (ValueError, error, error.__traceback__)
    record = logging.LogRecord("name", logging.ERROR, "path", 1, "It %s.", ("failed",), caught)
    (line,) = JsonFormatter("worker").format(record).splitlines()
    found = json.loads(line)
    assert (found["message"], found["level"], found["process"]) == ("It failed.", "error", "worker")
    assert "the\ncause" in found["error"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ("info", "text")),
        ("json", ("info", "json")),
        ("warning", ("warning", "text")),
        ("JSON, debug", ("debug", "json")),
    ],
)
def test_one_setting_has_level_and_format(text, expected):
    assert read_setting(text) == expected


@pytest.mark.parametrize("text", ["loud", "info,error", "json,text", "info json"])
def test_what_is_neither_is_refused(text):
    with pytest.raises(ValueError, match="one of debug, info, warning, error, and text or json"):
        read_setting(text)
