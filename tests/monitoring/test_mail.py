"""News by mail, taken by a real SMTP server."""

import email
import socketserver
import threading

import pytest

from churn.errors import ChurnError
from churn.monitoring.notify import announce


class Handler(socketserver.StreamRequestHandler):
    """As much of RFC 5321 as it takes to accept a message."""

    def handle(self):
        self.say("220 test")
        for line in self.rfile:
            word = line.split(b":")[0].strip().upper()
            if word == b"DATA":
                self.say("354 go on")
                lines = iter(self.rfile.readline, b".\r\n")
                self.server.taken.append(email.message_from_bytes(b"".join(lines)))
            if word == b"RCPT TO" and b"nobody" in line:
                self.say("550 no such box")
            elif word == b"QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 ok")

    def say(self, text):
        self.wfile.write(f"{text}\r\n".encode())


@pytest.fixture
def server(monkeypatch):
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.taken = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("CHURN_SMTP", f"smtp://127.0.0.1:{server.server_address[1]}")
        yield server
        server.shutdown()


def test_the_text_comes_by_mail(server):
    announce(
        "mailto:anna@example.com,ben@example.com", "300 customers\nto call", {"text": "Anrufe: €5"}
    )
    (mail,) = server.taken
    assert mail["To"] == "anna@example.com,ben@example.com"
    assert mail["Subject"] == "300 customers to call"
    assert mail.get_payload(decode=True).decode().strip() == "Anrufe: €5"


def test_what_is_not_taken_is_an_error_without_the_password(server, monkeypatch):
    with pytest.raises(ChurnError, match="no such box"):
        announce("mailto:nobody@example.com", "x", {"text": "x"})
    monkeypatch.setenv("CHURN_SMTP", "smtp://me:s3cret@127.0.0.1:1")
    with pytest.raises(ChurnError, match=r"127.0.0.1:1") as error:
        announce("mailto:anna@example.com", "x", {"text": "x"})
    assert "s3cret" not in str(error.value)
    assert server.taken == []


@pytest.mark.parametrize(
    ("smtp", "to"), [("http://x", "a@b"), ("smtp://", "a@b"), ("smtp://localhost", "anna")]
)
def test_what_is_no_server_or_address_is_named(monkeypatch, smtp, to):
    monkeypatch.setenv("CHURN_SMTP", smtp)
    with pytest.raises(ChurnError, match="No mail is sent"):
        announce(f"mailto:{to}", "x", {"text": "x"})


def test_a_password_is_not_sent_without_tls(server, monkeypatch):
    port = server.server_address[1]
    monkeypatch.setenv("CHURN_SMTP", f"smtp://me:s3cret@127.0.0.1:{port}")
    with pytest.raises(ChurnError, match="STARTTLS"):
        announce("mailto:anna@example.com", "x", {"text": "x"})
