"""The CPU seconds of all processes that a command starts, however they are started and reaped.

The operating system adds up the time of children that their parent waits for. A flow's tasks are
forked by a server that lets the kernel reap them, so their time is in no sum; it is read while they
run, twice a second. What a process does after it was read for the last time is missing.
"""

import ctypes
import os
import threading
from pathlib import Path
from types import TracebackType

PR_SET_CHILD_SUBREAPER = 36
INTERVAL = 0.5  # seconds
TICKS = os.sysconf("SC_CLK_TCK")

# A process: its number, and when it started, since numbers are used again.
Process = tuple[int, str]


class CpuTime:
    """Measures this process's descendants from entering the context to leaving it.

    Attributes
    ----------
    seconds : float
        CPU seconds, user and system.
    """

    def __init__(self) -> None:
        self._found: dict[Process, float] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "CpuTime":
        # What loses its parent becomes a child of this process, and not of init.
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self._before = descendants(os.getpid())
        self._thread.start()
        return self

    def __exit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._read()
        self._stop.set()
        self._thread.join()

    @property
    def seconds(self) -> float:
        return sum(
            seconds - self._before.get(process, 0.0) for process, seconds in self._found.items()
        )

    def _watch(self) -> None:
        while not self._stop.wait(INTERVAL):
            self._read()

    def _read(self) -> None:
        self._found |= descendants(os.getpid())


def descendants(ancestor: int) -> dict[Process, float]:
    """The CPU seconds so far of each running process below another one."""
    parents, processes = {}, {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name, in brackets, may have blanks.
            fields = path.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):  # it has ended
            continue
        pid = int(path.parent.name)
        parents[pid] = int(fields[1])
        processes[pid] = (pid, fields[19]), (int(fields[11]) + int(fields[12])) / TICKS
    below: set[int] = set()
    level = {ancestor}
    while level:
        level = {pid for pid, parent in parents.items() if parent in level}
        below |= level
    return dict(processes[pid] for pid in below)
