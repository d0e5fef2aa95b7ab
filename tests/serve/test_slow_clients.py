"""Clients that send slowly, too little or too much do not block other clients."""

import json
import socket
import sqlite3
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from pathlib import Path
from urllib.request import urlopen

import pytest

CLIENTS = 64
BODY_SECONDS = 3
HEAD = (
    b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: 100\r\n\r\n"
)


@pytest.fixture(scope="module")
def guarded(telco_run, tmp_path_factory):
    from server_process import Server

    log = tmp_path_factory.mktemp("slow") / "log"
    server = Server(log, CHURN_RUN=telco_run.pathspec, CHURN_BODY_SECONDS=str(BODY_SECONDS))
    yield server.wait(path="/ready")
    server.stop()


def connect(server, sent: bytes) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    client.sendall(sent)
    return client


def status_of(client: socket.socket) -> int:
    with client.makefile("rb") as answer:
        return int(answer.readline().split()[1])


def seconds_of_health(server) -> float:
    begin = time.perf_counter()
    with urlopen(f"{server.url}/health", timeout=30):
        return time.perf_counter() - begin


def test_slow_bodies_hold_nobody_up_and_have_a_deadline(guarded, records):
    with ExitStack() as open_clients:
        begin = time.monotonic()
        clients = [
            open_clients.enter_context(connect(guarded, HEAD + b"{")) for _ in range(CLIENTS)
        ]
        times = sorted(seconds_of_health(guarded) for _ in range(20))
        assert times[10] < 0.1, times
        body = json.dumps(records[0])
        with closing(HTTPConnection("127.0.0.1", guarded.port, timeout=10)) as connection:
            connection.request("POST", "/predict", body, {"Content-Type": "application/json"})
            assert connection.getresponse().status == 200
        for client in clients[: CLIENTS // 2]:  # a byte now and then does not extend the deadline
            client.sendall(b" ")
        assert {status_of(client) for client in clients} == {408}
        assert BODY_SECONDS <= time.monotonic() - begin < BODY_SECONDS + 10


def test_more_slow_clients_than_threads_are_disconnected_soon(guarded):
    with ExitStack() as open_clients:
        clients = [open_clients.enter_context(connect(guarded, HEAD + b"{")) for _ in range(400)]
        # Until a second has passed, others may have to wait.
        assert max(seconds_of_health(guarded) for _ in range(10)) < BODY_SECONDS
        # One that still waited for a thread may find its body incomplete, or no response.
        answers = Counter(client.recv(12) for client in clients)
        assert set(answers) <= {b"HTTP/1.1 408", b"HTTP/1.1 400", b""}
        assert answers[b"HTTP/1.1 408"] > len(clients) / 2


def test_connection_that_was_idle_for_longer_than_the_deadline_can_be_used(guarded, records):
    sent = "POST", "/predict", json.dumps(records[0]), {"Content-Type": "application/json"}
    with closing(HTTPConnection("127.0.0.1", guarded.port, timeout=10)) as connection:
        for _ in range(2):
            connection.request(*sent)
            answer = connection.getresponse()
            assert (answer.status, bool(answer.read())) == (200, True)
            time.sleep(BODY_SECONDS + 1)


@pytest.mark.parametrize("path", ["/predict", "/predict?explain=1", "/predict/batch", "/outcomes"])
@pytest.mark.parametrize("length", [10_000, 200_000])
def test_body_shorter_than_its_length_is_refused(guarded, records, path, length):
    body = json.dumps(records[0]).encode()
    head = HEAD.replace(b"/predict", path.encode()).replace(b": 100", b": %d" % length)
    with connect(guarded, head + body) as client:
        client.shutdown(socket.SHUT_WR)
        assert status_of(client) == 400


def test_body_is_refused_by_its_length_before_it_is_sent(guarded):
    with connect(guarded, HEAD.replace(b": 100", b": 17000000")) as client:
        assert status_of(client) == 413


def test_large_bodies_have_a_bound_for_all_together(guarded):
    head = HEAD.replace(b": 100", b": 16000000")
    part = b" " * 15_900_000
    statuses = []

    def send():
        try:
            with connect(guarded, head) as client:
                client.sendall(part)
                statuses.append(status_of(client))
        except (OSError, IndexError):  # refused while it was sending
            statuses.append(None)

    with ThreadPoolExecutor(24) as pool:
        for _ in range(24):
            pool.submit(send)
    assert len(statuses) == 24
    for worker in guarded.workers():
        lines = Path(f"/proc/{worker}/status").read_text().splitlines()
        (peak,) = [int(line.split()[1]) for line in lines if line.startswith("VmHWM")]
        assert peak < 700_000, f"{peak} kB"
    assert seconds_of_health(guarded) < 5


def test_locked_database_is_a_quick_503_and_no_other_request_waits(guarded):
    outcome = {"outcomes": [{"customer": "C1", "date": "2024-11-01", "left": True}]}
    database = guarded.state / "predictions.db"

    def tell() -> tuple[int, str | None, float]:
        begin = time.monotonic()
        with closing(HTTPConnection("127.0.0.1", guarded.port, timeout=60)) as connection:
            sent = json.dumps(outcome), {"Content-Type": "application/json"}
            connection.request("POST", "/outcomes", *sent)
            answer = connection.getresponse()
            return answer.status, answer.headers["Retry-After"], time.monotonic() - begin

    assert tell()[0] == 200
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with ThreadPoolExecutor(12) as pool:
            told = [pool.submit(tell) for _ in range(12)]
            time.sleep(0.5)
            with urlopen(f"{guarded.url}/model/info", timeout=1.5) as answer:
                assert answer.status == 200
            found = [one.result() for one in told]
        other.execute("ROLLBACK")
    assert {(status, retry) for status, retry, _ in found} == {(503, "2")}
    assert min(seconds for *_, seconds in found) < 5
    assert tell()[0] == 200


@pytest.mark.parametrize("junk", [b"{}", b'{"a":1,"b":2}', b"[]"])
def test_small_body_has_a_small_answer(guarded, junk):
    body = b'{"customers":[' + b",".join([junk] * 10_000) + b"]}"
    begin = time.monotonic()
    with closing(HTTPConnection("127.0.0.1", guarded.port, timeout=60)) as connection:
        connection.request("POST", "/predict/batch", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
    assert answer.status == 422
    assert len(text) < 50_000
    assert time.monotonic() - begin < 3
