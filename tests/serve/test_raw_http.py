"""Bytes and connections that no HTTP library sends: the server refuses them and keeps running."""

import json
import random
import socket
import struct
import time
from urllib.request import urlopen

import pytest

from server_process import Server

pytestmark = pytest.mark.slow

CASES = 1_500
HOST = b"Host: localhost\r\n"
JSON = b"Content-Type: application/json\r\n"
HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"


@pytest.fixture(scope="module")
def attacked(telco_run, tmp_path_factory):
    log = tmp_path_factory.mktemp("raw") / "log"
    server = Server(log, CHURN_RUN=telco_run.pathspec, CHURN_BODY_SECONDS="2")
    yield server.wait(path="/ready")
    server.stop()


class Attack:
    """Sends one odd thing after the other."""

    def __init__(self, server, body: bytes, seed: int):
        self.server, self.body, self.rng = server, body, random.Random(seed)
        self.statuses = []

    def run(self, cases: int) -> None:
        kinds = [
            self.half_closed, self.reset, self.pipelined, self.chunked, self.broken_chunks,
            self.preface, self.many_headers, self.long_header, self.mutated, self.smuggled,
            self.early_end, self.junk,
        ]  # fmt: skip
        for _ in range(cases):
            self.rng.choice(kinds)()

    def request(self, headers: bytes = b"", path: bytes = b"/predict", body=None) -> bytes:
        body = self.body if body is None else body
        head = b"POST %b HTTP/1.1\r\n" % path + HOST + JSON + headers
        return head + b"Content-Length: %d\r\n\r\n" % len(body) + body

    def send(self, data: bytes, *, half: bool = False, expected: int = 1) -> list[int]:
        """The statuses of the responses; the connection may be closed instead."""
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=20) as client:
            try:
                client.sendall(data)
                if half:
                    client.shutdown(socket.SHUT_WR)
            except OSError:
                return []
            found = []
            with client.makefile("rb") as stream:
                while len(found) < expected and (status := self._response(stream)) is not None:
                    found.append(status)
        self.statuses += found
        return found

    def _response(self, stream) -> int | None:
        try:
            line = stream.readline()
            if not line:
                return None
            length = 0
            while header := stream.readline().strip():
                name, _, value = header.lower().partition(b":")
                length = int(value) if name == b"content-length" else length
            assert len(stream.read(length)) == length
        except ConnectionError:
            return None
        return int(line.split()[1])

    def cut(self, data: bytes) -> bytes:
        return data[: self.rng.randrange(1, len(data))]

    def half_closed(self):
        self.send(self.cut(self.request()), half=True)

    def reset(self):
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=20) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.sendall(self.cut(self.request()))

    def early_end(self):
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=20) as client:
            client.sendall(self.request() * self.rng.randint(1, 5))

    def pipelined(self):
        many = self.rng.randint(2, 20)
        assert self.send(self.request() * many, expected=many) == [200] * many

    def chunks(self) -> bytes:
        body, parts = self.body, b""
        while body:
            size = self.rng.randint(1, 200)
            part, body = body[:size], body[size:]
            extension = self.rng.choice([b"", b";a=b"])
            parts += b"%x%b\r\n%b\r\n" % (len(part), extension, part)
        return parts + b"0\r\n\r\n"

    def chunked(self):
        head = b"POST /predict HTTP/1.1\r\n" + HOST + JSON + b"Transfer-Encoding: chunked\r\n\r\n"
        assert self.send(head + self.chunks()) == [200]

    def broken_chunks(self):
        head = b"POST /predict HTTP/1.1\r\n" + HOST + JSON + b"Transfer-Encoding: chunked\r\n\r\n"
        chunks = bytearray(self.chunks())
        chunks[self.rng.randrange(min(4, len(chunks)))] = self.rng.randrange(256)
        self.send(head + bytes(chunks), half=True)

    def preface(self):
        self.send(HTTP2_PREFACE + self.request(), half=True)

    def many_headers(self):
        count = self.rng.choice([50, 99, 101, 5000])
        self.send(self.request(b"".join(b"X-%d: y\r\n" % i for i in range(count))))

    def long_header(self):
        self.send(self.request(b"X-Long: " + b"y" * self.rng.choice([8_000, 500_000]) + b"\r\n"))

    def mutated(self):
        data = bytearray(self.request())
        for _ in range(self.rng.randint(1, 6)):
            data[self.rng.randrange(len(data))] = self.rng.randrange(256)
        self.send(bytes(data), half=True)

    def smuggled(self):
        odd = self.rng.choice(
            [b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n",
             b"Transfer-Encoding: gzip, chunked\r\n", b"Content-Length: +5\r\n",
             b"Content-Length: 0x5\r\n", b"Host: evil.example\r\n", b"Expect: 100-continue\r\n",
             b"Connection: upgrade\r\nUpgrade: h2c\r\n", b"X-\xff\xfe: \xff\r\n",
             b"X-API_Key: a\r\n", b"Content_Length: 1\r\n"]
        )  # fmt: skip
        self.send(self.request(odd), half=True)

    def junk(self):
        self.send(self.rng.randbytes(self.rng.randint(1, 400)), half=True)


def test_odd_bytes_and_connections_break_nothing(attacked, records):
    body = json.dumps(records[0]).encode()
    attack = Attack(attacked, body, seed=5)
    workers = set(attacked.workers())
    attack.run(CASES)
    assert {200, 400} <= set(attack.statuses)
    wrong = [status for status in attack.statuses if status >= 500]
    assert not wrong, f"{wrong[:9]}\n{attacked.log.read_text()[-3000:]}"
    assert set(attacked.workers()) == workers, attacked.log.read_text()[-3000:]
    begin = time.monotonic()
    assert attack.send(attack.request()) == [200]
    with urlopen(f"{attacked.url}/health") as answer:
        assert answer.status == 200
    assert time.monotonic() - begin < 2


def test_two_lengths_are_never_both_believed(attacked, records):
    """A request in another's body would be answered for a client that did not send it."""
    inner = b"GET /model/info HTTP/1.1\r\n" + HOST + b"\r\n"
    for odd in (b"Transfer-Encoding: chunked\r\n", b"Content-Length: 5\r\n"):
        attack = Attack(attacked, b"0\r\n\r\n" + inner, seed=1)
        assert attack.send(attack.request(odd), half=True, expected=2)[1:] == []
