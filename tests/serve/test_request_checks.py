"""Requests that are odd around their JSON are refused by name."""

import gzip
import json

import pytest

from serve import create_app
from serve.trusted_hosts import host_check


def refused(answer, status) -> dict:
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/problem+json"
    return {problem["where"]: problem for problem in json.loads(answer.data)["problems"]}


@pytest.mark.parametrize("path", ["/predict", "/predict/batch", "/what-if", "/outcomes"])
@pytest.mark.parametrize("encoding", ["gzip", "br", "identity, gzip"])
def test_compressed_body_is_refused(client, records, path, encoding):
    body = gzip.compress(json.dumps(records[0]).encode())
    headers = {"Content-Encoding": encoding, "Content-Type": "application/json"}
    found = refused(client.post(path, data=body, headers=headers), 415)
    assert found["Content-Encoding"]["got"] == encoding


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/predict?explian=1"),
        ("POST", "/predict?explain=1&explain=0"),
        ("POST", "/predict/batch?explain=1"),
        ("POST", "/what-if?x"),
        ("GET", "/predictions?limit=3&offset=1"),
        ("GET", "/health?verbose=1"),
        ("GET", "/model/info?run=ChurnFlow/1"),
    ],
)
def test_unknown_or_repeated_query_parameters_are_refused(client, records, method, path):
    kwargs = {"json": records[0]} if method == "POST" else {}
    assert refused(client.open(path, method=method, **kwargs), 422)


LOOPBACK = ["localhost", "127.0.0.1:8000", "[::1]:8000", "LOCALHOST"]
FOREIGN = ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:8000", "[::2]", "a b"]


@pytest.mark.parametrize("path", ["/predict", "/predict?explain=1", "/outcomes", "/", "/health"])
@pytest.mark.parametrize("host", FOREIGN)
def test_foreign_host_is_refused_on_loopback(client, records, path, host):
    method = "POST" if path[1:2] in ("p", "o") else "GET"
    answer = client.open(path, method=method, json=records[0], headers={"Host": host})
    assert set(refused(answer, 400)) == {"Host"}


@pytest.mark.parametrize("host", LOOPBACK)
def test_names_of_the_loopback_are_trusted(client, host):
    assert client.get("/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    ("settings", "host", "trusted"),
    [
        ({"HOST": "0.0.0.0"}, "anything.example", True),
        ({"HOST": "0.0.0.0", "TRUSTED_HOSTS": "a.example"}, "anything.example", False),
        ({"TRUSTED_HOSTS": "churn.example, .in.example"}, "churn.example:80", True),
        ({"TRUSTED_HOSTS": "churn.example, .in.example"}, "x.in.example", True),
        ({"TRUSTED_HOSTS": "churn.example"}, "localhost", False),
        ({"TRUSTED_HOSTS": "*"}, "anything.example", True),
    ],
)
def test_trusted_hosts_are_a_setting(served, settings, host, trusted):
    client = create_app({"SERVED": served, "LOG": "off"} | settings).test_client()
    status = client.get("/health", headers={"Host": host}).status_code
    assert status == (200 if trusted else 400)


def test_ipv6_addresses_are_compared_without_their_port():
    check = host_check(["::1"])
    assert check("[::1]:8000")
    assert not check("[::1]evil")
    assert not check("::1.evil")


def test_foreign_host_is_refused_by_a_real_server(server, records):
    import requests

    for path in ("/predict", "/predict?explain=1", "/health"):
        headers = {"Host": "evil.example"}
        answer = requests.post(f"{server.url}{path}", json=records[0], headers=headers)
        assert answer.status_code == 400, path
