"""Start the processes: the workers under Granian, one per core, and the keeper."""

import logging
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from churn.errors import ChurnError
from churn.feedback.prediction_log import OFF
from churn.folders import check_owner
from serve import logs, tracing
from serve.instance import STOP_SECONDS, shared_folder
from serve.server.cpus import available_cpus
from serve.settings import Settings

if TYPE_CHECKING:
    from granian.server.common import AbstractServer

ROOT = Path(__file__).resolve().parents[2]
FRONT = "serve.server.front:create_front"
# Per worker. Threads start when they are needed; more than a few at a time wait for slow clients.
THREADS = 128
# The maximum time in which a connection sends the head of each request.
HEADER_SECONDS = 10
RESTART_SECONDS = 1
# Granian's messages go where all others do.
GRANIAN_LOGGERS = {"_granian": {"handlers": [], "propagate": True}}

logger = logging.getLogger("churn.server")


def main() -> int:
    """Serve until SIGTERM or SIGINT; the exit status."""
    try:
        settings = _settings()
    except ChurnError as error:
        print("Cannot serve:", *error.problems, sep="\n  - ", file=sys.stderr)
        return 2
    logs.configure(settings.logging, "server")
    try:
        # Granian would share a port with another server, and get only a part of its requests.
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        with socket.create_server((settings.host, settings.port), family=family) as trial:
            address = trial.getsockname()[0]  # Granian needs an address, not a host name
    except OSError as error:
        where = f"{settings.host}:{settings.port}"
        print(f"Cannot serve on {where}: {error.strerror}", file=sys.stderr)
        return 1

    with shared_folder(), keeper():
        granian_server(address, settings.port, settings.workers or available_cpus()).serve()
    return 0


def granian_server(
    address: str, port: int, workers: int, target: str = FRONT, **more: Any
) -> "AbstractServer[Any]":
    """Granian with the settings of this server.

    Parameters
    ----------
    target : str
        `module:factory`.
    more
        Parameters of `granian.Granian` that replace these settings.
    """
    from granian.constants import HTTPModes, Interfaces
    from granian.http import HTTP1Settings
    from granian.log import logger as granian_logger
    from granian.server import Server

    # It warns of many threads per core; most of these wait.
    granian_logger.addFilter(lambda record: "spawning up to" not in str(record.msg))
    return Server(
        target,
        **{
            "factory": True,
            "address": address,
            "port": port,
            "interface": Interfaces.WSGI,
            "workers": workers,
            "blocking_threads": THREADS,
            # HTTP/2 without TLS has no deadline for a head; proxies use HTTP/1.1 for servers.
            "http": HTTPModes.http1,
            "http1_settings": HTTP1Settings(header_read_timeout=HEADER_SECONDS * 1000),
            "websockets": False,
            "respawn_failed_workers": True,
            "workers_kill_timeout": STOP_SECONDS,
            "log_dictconfig": {"loggers": GRANIAN_LOGGERS},
            **more,
        },
    )


@contextmanager
def keeper() -> Iterator[None]:
    """Run the keeper, and restart it if it ends."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    command = [sys.executable, "-m", "serve.server.keeper", str(os.getpid())]
    done = threading.Event()
    process = None

    def keep() -> None:
        nonlocal process
        while not done.is_set():
            try:
                process = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": path})
                ended = f"ended with status {process.wait()}"
            except OSError as error:
                ended = f"cannot be started: {error}"
            if not done.wait(RESTART_SECONDS):
                logger.error("The keeper %s; starting it again", ended)

    thread = threading.Thread(target=keep, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        if process is not None:
            process.terminate()
            thread.join(STOP_SECONDS)
            process.kill()  # for a process that hangs; no effect on one that has ended
            thread.join()


def _settings() -> Settings:
    """The settings of the environment; the state's owner, the log's URL and traces are checked."""
    settings = Settings.read()
    tracing.check()
    check_owner(settings.state)
    if settings.log not in ("", OFF):
        from churn.feedback.prediction_log import PredictionLog

        PredictionLog(settings.log)  # validates the URL, and does not connect
    return settings
