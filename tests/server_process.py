"""`python -m serve` as a process."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

ROOT = Path(__file__).parents[1]


class Server:
    """`python -m serve` as a process, from its start to its end."""

    def __init__(self, log: Path, cwd: Path = ROOT, **environment: str):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = log
        self.state = Path(environment.get("CHURN_STATE", log.with_suffix(".state")))
        # No user, no home, no PYTHONPATH: what a bare container has.
        keep = ("PATH", "METAFLOW_DATASTORE_SYSROOT_LOCAL")
        bare = {name: os.environ[name] for name in keep if name in os.environ}
        own = {
            "PORT": str(self.port), "CHURN_WORKERS": "2", "CHURN_STATE": str(self.state),
            "PYTHONFAULTHANDLER": "1",
        }  # fmt: skip
        with log.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "serve"],
                cwd=cwd, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
                env=bare | own | environment,
            )  # fmt: skip

    def wait(self, seconds: float = 60, path: str = "/health") -> "Server":
        """Wait until a path is answered with 200; `/ready` is when a model is loaded."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.process.poll() is None:
            try:
                with urlopen(f"{self.url}{path}"):
                    return self
            except (URLError, ConnectionError):
                time.sleep(0.1)
        raise AssertionError(self.log.read_text())

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)

    def keeper(self) -> int:
        """The process that follows the champion and ships the log."""
        (found,) = (child for child in self._children() if child not in self.workers())
        return found

    def workers(self) -> list[int]:
        """The processes that answer."""
        return [child for child in self._children() if b"keeper" not in _command(child)]

    def _children(self) -> list[int]:
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        return [int(child) for task in tasks for child in task.read_text().split()]

    def stacks(self) -> str:
        """What all threads of workers that hang are doing, and the log; they are gone after."""
        for worker in self.workers():
            os.kill(worker, signal.SIGABRT)
        time.sleep(2)
        return self.log.read_text()

    def left_behind(self) -> bool:
        """Whether a process of the server's session is still there."""
        try:
            os.killpg(self.process.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def processes(self) -> list[int]:
        """All processes of the server's session that have not ended."""
        return [int(path.name) for path in Path("/proc").glob("[0-9]*") if self._is_ours(path)]

    def _is_ours(self, path: Path) -> bool:
        try:
            state, _, _, session = (path / "stat").read_text().rpartition(")")[2].split()[:4]
        except OSError:  # it has ended since it was listed
            return False
        return int(session) == self.process.pid and state != "Z"


def _command(process: int) -> bytes:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""
