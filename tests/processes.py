"""Ports and processes of what the tests start."""

import random
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

# Below the ports that Linux gives to outgoing connections, so that none takes it meanwhile.
PORTS = range(20_000, 32_000)


def free_port() -> int:
    """A port of the loopback interface that nothing listens on."""
    chance = random.SystemRandom()
    while True:
        port = chance.choice(PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def wait_for(condition: Callable, seconds: float = 30, problem: Callable = str):
    """The first true value of a condition that is looked at again and again.

    Raises
    ------
    AssertionError
        None after so many seconds; with what `problem` returns.
    """
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"not within {seconds} s. {problem()}"
        time.sleep(0.05)
    return found


def of_session(leader: int) -> list[int]:
    """The processes of the session of a process that have not ended."""
    found = (int(path.name) for path in Path("/proc").glob("[0-9]*"))
    return [process for process in found if _session(process) == leader]


def _session(process: int) -> int | None:
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except OSError:  # it has ended since it was listed
        return None
    state, _, _, session = stat.rpartition(")")[2].split()[:4]
    return None if state == "Z" else int(session)


def children_of(process: int) -> list[int]:
    """The child processes of a process, those included that have ended and are not reaped."""
    found = []
    for path in Path(f"/proc/{process}/task").glob("*/children"):
        with suppress(OSError):  # the thread has ended
            found += map(int, path.read_text().split())
    return found


def command_of(process: int) -> bytes:
    """The command line of a process; empty where it has ended."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""
