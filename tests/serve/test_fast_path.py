"""The fast path responds as Flask does: with a query the same request is handled by Flask."""

import json
from time import perf_counter, time

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from serve import create_app
from serve.fast_path import FastPath

pytestmark = pytest.mark.slow
WAYS = ("/predict", "/predict?explain=0")


def test_the_response_is_flasks(server, records):
    for number, record in enumerate(records):
        named = {"X-Request-ID": f"request-{number}"}
        fast, whole = (
            requests.post(f"{server.url}{path}", json=record, headers=named) for path in WAYS
        )
        assert fast.headers["X-Request-ID"] == f"request-{number}"
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
    assert 0 <= found["churn_spool_lag_seconds"].value < 30
    assert found["churn_build_info"].labels["commit"] != "unknown"
    assert found["churn_requests_in_progress"].value == 1  # this one


def test_processes_are_exposed_by_their_role(server):
    text = requests.get(f"{server.url}/metrics").text
    found = {
        (sample.name, sample.labels.get("role")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    number = {"server": 1, "worker": 2, "keeper": 1}
    for role, expected in number.items():
        assert found["churn_processes", role] == expected
        assert found["churn_process_resident_memory_bytes", role] > 10e6
        assert found["churn_process_cpu_seconds_total", role] > 0
        assert found["churn_process_open_fds", role] > 0
        started = found["churn_process_start_time_seconds", role]
        assert 0 < time() - started < 7200


def test_scores_are_a_histogram(server, served, records):
    def scores() -> dict[str, float]:
        text = requests.get(f"{server.url}/metrics").text
        return {
            sample.labels.get("le", sample.name): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if family.name == "churn_score"
        }

    before = scores()
    for path, body in ((WAYS[0], records[0]), ("/predict/batch", {"customers": records})):
        requests.post(f"{server.url}{path}", json=body).raise_for_status()
    risen = {key: value - before[key] for key, value in scores().items()}
    probabilities = [served.scorer(record) for record in [records[0], *records]]
    assert risen["churn_score_count"] == risen["+Inf"] == len(probabilities)
    assert risen["churn_score_sum"] == pytest.approx(sum(probabilities))
    for bound in (0.1, 0.5, 0.9, 1.0):
        assert risen[str(bound)] == sum(one < bound for one in probabilities)


def test_with_keys_it_answers_nobody(served, records, tmp_path):
    """Flask asks for the key, so the short way must not be taken."""
    environ = {"CONTENT_TYPE": "application/json", "HTTP_HOST": "localhost"}
    body = json.dumps(records[0]).encode()
    for number, keys in enumerate(({}, {"KEYS": "a key of the retention team"})):
        settings = {"SERVED": served, "LOG": "off", "STATE": tmp_path / str(number)}
        answer = FastPath(create_app(settings | keys)).respond(environ, body, perf_counter())
        assert (answer is None) == bool(keys)
