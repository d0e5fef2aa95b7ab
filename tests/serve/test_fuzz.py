"""A hundred thousand broken bodies: no 5xx, no lost connection, no growth of memory."""

import json
import os
import random
import socket
from pathlib import Path

import pytest

pytestmark = pytest.mark.scheduled

BODIES = 100_000
ROUND = 50
REQUEST = (
    b"POST %b HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    + b"Content-Length: %d\r\n\r\n%b"
)
PATHS = ("/predict", "/predict?explain=1", "/predict/batch", "/what-if")
ODD = [
    b"null", b"true", b"-0", b"1e308", b"1e309", b"-1e-400", b"NaN", b"Infinity", b"9" * 400,
    b'""', b'"\\u0000"', b'"\\ud800"', b'"\xc3\xa9"', b'"\xff"', b"[]", b"{}", b"[" * 300,
    b'{"a":' * 300,
    b'{"customers":[]}', b'{"customers":[{}]}', b'"' + b"x" * 5000 + b'"', b"0.1e", b"01", b"'x'",
    b"\x00", b"\r\n", b"\xef\xbb\xbf", b",", b":", b"}", b"]",
]  # fmt: skip


def mutate(body: bytes, rng: random.Random) -> bytes:
    """A body with a few places changed: bytes, values, pieces left out, doubled or swapped."""
    for _ in range(rng.randint(1, 4)):
        at, to = sorted(rng.randrange(len(body) + 1) for _ in range(2))
        kind = rng.randrange(6)
        if kind == 0:
            body = body[:at] + bytes([rng.randrange(256)]) + body[at + 1 :]
        elif kind == 1:
            body = body[:at] + rng.choice(ODD) + body[at:]
        elif kind == 2:
            body = body[:at]
        elif kind == 3:
            body = body[:to] + body[at:]
        else:  # the value of a field, which leaves the rest as it should be
            parts = body.split(b":")
            place = rng.randrange(len(parts))
            _, comma, rest = parts[place].partition(b",")
            parts[place] = rng.choice(ODD) + comma + rest
            body = b":".join(parts)
    return body


class Client:
    """Sends many requests at once on one connection (HTTP/1.1 pipelining)."""

    def __init__(self, port: int):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def post(self, requests: list[tuple[str, bytes]]) -> list[int]:
        self.socket.sendall(
            b"".join(REQUEST % (path.encode(), len(body), body) for path, body in requests)
        )
        return [self._status() for _ in requests]

    def _status(self) -> int:
        status, length = int(self.file.readline().split()[1]), 0
        while line := self.file.readline().strip():
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        assert len(self.file.read(length)) == length
        return status


def memory(server) -> int:
    """The bytes that the workers of a server have for themselves."""
    total = 0
    for worker in server.workers():
        rollup = Path(f"/proc/{worker}/smaps_rollup").read_text()
        total += sum(int(line.split()[1]) for line in rollup.splitlines() if "Private" in line)
    return total * 1024


@pytest.mark.skipif(not os.path.exists("/proc/self/smaps_rollup"), reason="needs Linux")
def test_broken_bodies_break_nothing(start, telco_run, records):
    server = start(CHURN_RUN=telco_run.pathspec).wait(path="/ready")
    rng = random.Random(4)
    seeds = [json.dumps(record).encode() for record in records[:20]]
    seeds += [b'{"customers":[' + b",".join(seeds[i : i + 3]) + b"]}" for i in range(0, 18, 3)]
    statuses, early = dict.fromkeys((200, 400, 422), 0), None
    with Client(server.port) as client:
        for done in range(0, BODIES, ROUND):
            if done >= BODIES // 4 and early is None:
                early = memory(server)
            bodies = [mutate(rng.choice(seeds), rng) for _ in range(ROUND)]
            requests = [(rng.choice(PATHS), body) for body in bodies]
            try:
                answered = client.post(requests)
            except TimeoutError:
                pytest.fail(f"no answer among requests {done} to {done + ROUND}\n{server.stacks()}")
            for status in answered:
                statuses[status] += 1  # any other one is a KeyError
    assert min(statuses.values()) > BODIES / 1000, statuses
    assert memory(server) - early < 8 * 2**20
