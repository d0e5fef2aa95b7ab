"""The fast path responds as Flask does: with a query the same request is handled by Flask."""

import json
from time import perf_counter

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from serve import create_app
from serve.fast_path import FastPath

pytestmark = pytest.mark.slow
WAYS = ("/predict", "/predict?explain=0")


def test_the_response_is_flasks(server, records):
    for record in records:
        fast, whole = (requests.post(f"{server.url}{path}", json=record) for path in WAYS)
        assert fast.status_code == whole.status_code == 200
        assert fast.json() | {"prediction": ""} == whole.json() | {"prediction": ""}
        found = [
            {name: value for name, value in answer.headers.items() if name != "date"}
            for answer in (fast, whole)
        ]
        assert found[0] == found[1]


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"Content-Type": "application/json; charset=utf-8"}, None),
        ({"Content-Type": "text/plain"}, None),
        ({"Content-Encoding": "gzip"}, None),
        ({"Host": "evil.example"}, None),
        ({}, b"{}"),
        ({}, b""),
        ({}, b"\xff"),
    ],
)
def test_what_is_unusual_is_answered_the_same_both_ways(server, records, headers, body):
    answers = [
        requests.post(
            f"{server.url}{path}", headers={"Content-Type": "application/json"} | headers,
            json=None if body is not None else records[0], data=body,
        )
        for path in WAYS
    ]  # fmt: skip
    assert answers[0].status_code == answers[1].status_code
    assert answers[0].json() | {"prediction": ""} == answers[1].json() | {"prediction": ""}


def count(server, **labels) -> float:
    text = requests.get(f"{server.url}/metrics").text
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "churn_request_seconds_count" and labels.items() <= sample.labels.items()
    )


def test_each_request_is_counted_once(server, records):
    before = {status: count(server, route="/predict", status=status) for status in ("200", "422")}
    for path in WAYS:
        requests.post(f"{server.url}{path}", json=records[0])
        requests.post(f"{server.url}{path}", json={})
    for status, value in before.items():
        assert count(server, route="/predict", status=status) == value + 2


def test_state_is_exposed(server, served):
    text = requests.get(f"{server.url}/metrics").text
    found = {
        sample.name: sample
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert found["churn_build_info"].labels["flask"]
    assert found["churn_model_info"].labels["run"] == served.run
    assert 0 < found["churn_model_age_seconds"].value < 86_400
    assert 0 <= found["churn_keeper_sync_age_seconds"].value < 20
    assert 0 <= found["churn_keeper_ship_age_seconds"].value < 45
    assert found["churn_spool_files"].value >= 0
    assert found["churn_requests_in_progress"].value == 1  # this one


def test_with_keys_it_answers_nobody(served, records, tmp_path):
    """Flask asks for the key, so the short way must not be taken."""
    environ = {"CONTENT_TYPE": "application/json", "HTTP_HOST": "localhost"}
    body = json.dumps(records[0]).encode()
    for number, keys in enumerate(({}, {"KEYS": "a key of the retention team"})):
        settings = {"SERVED": served, "LOG": "off", "STATE": tmp_path / str(number)}
        answer = FastPath(create_app(settings | keys)).respond(environ, body, perf_counter())
        assert (answer is None) == bool(keys)
