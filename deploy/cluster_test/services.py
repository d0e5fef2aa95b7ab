"""The services of a cluster on one machine: S3, PostgreSQL, metadata service, Kubernetes' API."""

import contextlib
import http.server
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))
from databases import running_postgres  # noqa: E402

BUCKET = "store"
MIGRATIONS = "services/migration_service/migration_files"


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@contextlib.contextmanager
def object_store() -> Iterator[dict[str, str]]:
    """An S3 server with a bucket: the environment that leads to it."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host.replace('0.0.0.0', '127.0.0.1')}:{port}"
    environment = {
        "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1", "AWS_ENDPOINT_URL": url, "METAFLOW_S3_ENDPOINT_URL": url,
        "METAFLOW_S3_WORKER_COUNT": "2",
    }  # fmt: skip
    os.environ |= environment
    boto3.client("s3").create_bucket(Bucket=BUCKET)
    try:
        yield environment
    finally:
        server.stop()


class MetadataService:
    """Metaflow's metadata service on a PostgreSQL database.

    Parameters
    ----------
    python : Path
        Of the environment that it is installed in.
    source : Path
        With its SQL files.
    database : str
        The URL of an empty database.

    Attributes
    ----------
    url : str
    """

    def __init__(self, python: Path, source: Path, database: str):
        self.python, self.port = python, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.database = urlsplit(database)
        self._migrate(source / MIGRATIONS, database)

    def _migrate(self, migrations: Path, database: str) -> None:
        import psycopg

        with psycopg.connect(database.replace("+psycopg", ""), autocommit=True) as connection:
            for file in sorted(migrations.glob("*.sql"), key=_version):
                text = file.read_text().partition("-- +goose Down")[0]
                connection.execute(text.replace("CONCURRENTLY", ""))

    def start(self) -> None:
        where = self.database
        environment = {
            "PATH": os.environ["PATH"], "MF_METADATA_PORT": str(self.port),
            "MF_METADATA_HOST": "127.0.0.1", "MF_METADATA_DB_HOST": where.hostname,
            "MF_METADATA_DB_PORT": str(where.port), "MF_METADATA_DB_USER": where.username,
            "MF_METADATA_DB_PSWD": where.password, "MF_METADATA_DB_NAME": where.path[1:],
        }  # fmt: skip
        self.process = subprocess.Popen(
            [self.python, "-m", "services.metadata_service.server"], env=environment,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        for _ in range(100):
            try:
                urllib.request.urlopen(f"{self.url}/ping", timeout=1).close()
                return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError("the metadata service does not start")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)

    @contextlib.contextmanager
    def hanging(self) -> Iterator[None]:
        """It takes connections, and answers none."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)


def _version(file: Path) -> int:
    return int(re.match(r"\d+", file.name)[0])


@contextlib.contextmanager
def metadata_service(python: Path, source: Path) -> Iterator[tuple[MetadataService, str]]:
    """The metadata service, and the URL of another database of its PostgreSQL."""
    import psycopg

    with running_postgres() as postgres:
        plain = postgres.url.replace("+psycopg", "")
        with psycopg.connect(plain, autocommit=True) as connection:
            connection.execute("CREATE DATABASE churn")
        service = MetadataService(python, source, postgres.url)
        service.start()
        try:
            yield service, postgres.url.rpartition("/")[0] + "/churn"
        finally:
            service.stop()


@contextlib.contextmanager
def kubernetes_api(start) -> Iterator[str]:
    """The calls of Kubernetes' API that start a workflow of a template; its URL.

    Parameters
    ----------
    start : callable
        Called with the template and the parameters, as JSON texts; returns the workflow's name.
    """

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.reply({"metadata": {"annotations": {"metaflow/owner": "churn"}}})

        def do_POST(self):
            spec = json.loads(self.body())["spec"]
            values = {one["name"]: one["value"] for one in spec["arguments"]["parameters"]}
            self.reply({"metadata": {"name": start(spec["workflowTemplateRef"]["name"], values)}})

        def body(self) -> str:
            return self.rfile.read(int(self.headers["Content-Length"])).decode()

        def reply(self, values) -> None:
            content = json.dumps(values).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    with serving(Handler) as url:
        yield url


@contextlib.contextmanager
def pushgateway() -> Iterator[tuple[str, list[str]]]:
    """A server that takes what is pushed as a Pushgateway does: its URL, and what it got."""
    got: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_PUT(self):
            got.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    with serving(Handler) as url:
        yield url, got


@contextlib.contextmanager
def serving(handler) -> Iterator[str]:
    """An HTTP server with a handler, in a thread; its URL."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
