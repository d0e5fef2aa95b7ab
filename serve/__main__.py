"""`python -m serve`: the app under granian, one process per core, and its keeper beside them."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# The interpreter runs one thread at a time; a batch must not block the rest.
THREADS = 4
STOP_SECONDS = 10


def main() -> int:
    """Serve until SIGTERM or SIGINT; the status to exit with."""
    # One thread each: processes that share the cores gain nothing from more and lose much.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if Path(sys.path[0]).resolve() != ROOT:  # started as `python path/to/serve`
        sys.path[0] = str(ROOT)
    problems = []
    host = os.environ.get("HOST") or "127.0.0.1"
    port = _whole("PORT", 8000, 1, 65535, problems)
    workers = _whole("CHURN_WORKERS", len(os.sched_getaffinity(0)), 1, 1024, problems)
    problems += _settings()
    if problems:
        print("Cannot serve:", *problems, sep="\n  - ", file=sys.stderr)
        return 2

    try:
        # granian would share a port with whoever listens there already, and answer half of it all.
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.create_server((host, port), family=family) as trial:
            address = trial.getsockname()[0]  # granian wants an address where a name may be given
    except OSError as error:
        print(f"Cannot serve on {host}:{port}: {error.strerror}", file=sys.stderr)
        return 1

    with an_instance(), a_keeper():
        server(address, port, workers).serve()
    return 0


def server(address: str, port: int, workers: int, target: str = "serve:create_app"):
    """The server, with all its settings."""
    from granian.constants import Interfaces
    from granian.server import Server

    return Server(
        target,
        factory=True,
        address=address,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=THREADS,
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_SECONDS,
    )


@contextmanager
def an_instance() -> Iterator[None]:
    """A folder in which the processes of this server tell each other what is the case."""
    folder = tempfile.mkdtemp(prefix="churn-serve-")
    os.environ["CHURN_INSTANCE"] = folder
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = f"{folder}/metrics"
    os.mkdir(f"{folder}/metrics")
    try:
        yield
    finally:
        shutil.rmtree(folder)


@contextmanager
def a_keeper() -> Iterator[None]:
    """The keeper, started again if it dies."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    command = [sys.executable, "-m", "serve.server.keeper"]
    done = threading.Event()
    process = None

    def keep() -> None:
        nonlocal process
        while not done.is_set():
            process = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": path})
            status = process.wait()
            if not done.wait(1):
                print(f"The keeper ended with status {status}; starting it again", file=sys.stderr)

    thread = threading.Thread(target=keep, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        if process is not None:
            process.terminate()
        thread.join(STOP_SECONDS)


def _settings() -> list[str]:
    """What is wrong with the app's settings."""
    from churn.errors import ChurnError
    from serve import settings

    try:
        config = settings.read()
        if config["LOG"] not in ("", settings.OFF):
            from churn.feedback.prediction_log import PredictionLog

            PredictionLog(config["LOG"])  # it is looked at, and not connected to
    except ChurnError as error:
        return error.problems
    return []


def _whole(name: str, default: int, low: int, high: int, problems: list[str]) -> int:
    text = os.environ.get(name) or str(default)
    if text.isascii() and text.isdigit() and len(text) < 10 and low <= int(text) <= high:
        return int(text)
    problems.append(f"{name} must be a whole number from {low} to {high}, not {text!r}")
    return default


if __name__ == "__main__":
    sys.exit(main())
