"""The app around a real run, in this process and in a process of its own."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pandas as pd
import pytest

from churn.registry import fetch_run
from serve import create_app

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def served(telco_run):
    return fetch_run(telco_run.pathspec)


@pytest.fixture(scope="session")
def app(served):
    return create_app({"SERVED": served, "TESTING": True, "MAX_BATCH": 100})


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture(scope="session")
def customers(telco_run):
    """Real rows: some whose total charges are missing, some of each outcome."""
    frame = telco_run.data.frame
    empty = frame[frame["total_charges"].isna()].head(5)
    others = frame[~frame.index.isin(empty.index)].iloc[::150].head(45)
    return pd.concat([others, empty])


@pytest.fixture(scope="session")
def records(customers, served):
    """The rows as a program would send them: JSON, missing values as null."""
    contract = served.contract
    frame = customers[[contract.id, *contract.features]]
    return json.loads(frame.to_json(orient="records", double_precision=15))


class Server:
    """`python -m serve` as a process, from its start to its end."""

    def __init__(self, log: Path, cwd: Path = ROOT, **environment: str):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = log
        # No user, no home, no PYTHONPATH: what a bare container has.
        keep = ("PATH", "METAFLOW_DATASTORE_SYSROOT_LOCAL")
        bare = {name: os.environ[name] for name in keep if name in os.environ}
        with log.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "serve"],
                cwd=cwd, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
                env=bare | {"PORT": str(self.port), "CHURN_WORKERS": "2"} | environment,
            )  # fmt: skip

    def wait(self, seconds: float = 60) -> "Server":
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.process.poll() is None:
            try:
                with urlopen(f"{self.url}/health"):
                    return self
            except (URLError, ConnectionError):
                time.sleep(0.1)
        raise AssertionError(self.log.read_text())

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)

    def left_behind(self) -> bool:
        """Whether a process of the server's session is still there."""
        try:
            os.killpg(self.process.pid, 0)
        except ProcessLookupError:
            return False
        return True


@pytest.fixture(scope="session")
def server(telco_run, tmp_path_factory):
    log = tmp_path_factory.mktemp("serve") / "log"
    server = Server(log, CHURN_RUN=telco_run.pathspec)
    yield server.wait()
    server.stop()


@pytest.fixture
def start(tmp_path):
    """Start a server with other settings; it is stopped when the test ends."""
    started = []

    def begin(**environment):
        started.append(Server(tmp_path / f"log{len(started)}", **environment))
        return started[-1]

    yield begin
    for one in started:
        one.stop()


@pytest.fixture(scope="session")
def chromium():
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if not path:
        pytest.skip("no chromium on PATH")
    return path
