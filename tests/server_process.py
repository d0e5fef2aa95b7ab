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

    def workers(self) -> list[int]:
        """The processes that answer."""
        task = Path(f"/proc/{self.process.pid}/task/{self.process.pid}")
        return [
            int(child)
            for child in (task / "children").read_text().split()
            if b"keeper" not in Path(f"/proc/{child}/cmdline").read_bytes()
        ]

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
