"""`python -m serve` as a process."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

from processes import children_of, command_of, free_port, of_session, wait_for

ROOT = Path(__file__).parents[1]
# The kernel gives each connection to a worker by chance; one of two may be ready before the other.
IN_A_ROW = 20


class Server:
    """`python -m serve` as a process, from its start to its end."""

    def __init__(self, log: Path, cwd: Path = ROOT, **environment: str):
        self.port = free_port()
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
        self.settings = bare | own | environment
        with log.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "serve"],
                cwd=cwd, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
                env=self.settings,
            )  # fmt: skip

    def wait(self, seconds: float = 60, path: str = "/health") -> "Server":
        """Wait until all workers answer a path with 200; `/ready` is when a model is loaded."""
        wait_for(lambda: self._all_answer(path), seconds, self.log.read_text)
        return self

    def _all_answer(self, path: str) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            for _ in range(IN_A_ROW):
                urlopen(f"{self.url}{path}").close()
        except OSError:
            return False
        return True

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)

    def health(self) -> dict:
        with urlopen(f"{self.url}/health") as answer:
            return json.load(answer)

    def keeper(self) -> int:
        """The process that follows the champion and ships the log."""
        return self._complete()[0]

    def workers(self) -> list[int]:
        """The processes that answer."""
        return self._complete()[1:]

    def _complete(self) -> list[int]:
        """The keeper and the workers, once all of them run: what is killed is started again."""
        return wait_for(self._children, problem=self.log.read_text)

    def _children(self) -> list[int] | None:
        commands = {child: command_of(child) for child in children_of(self.process.pid)}
        keepers = [child for child in commands if b"keeper" in commands[child]]
        workers = [child for child in commands if commands[child] and child not in keepers]
        complete = len(keepers) == 1 and len(workers) == int(self.settings["CHURN_WORKERS"])
        return keepers + workers if complete else None

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
        return of_session(self.process.pid)
