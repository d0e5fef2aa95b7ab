"""The files to which a process writes its answers before they are sent; they survive a kill -9."""

import fcntl
import os
import threading
from pathlib import Path

from churn.errors import ChurnError
from churn.feedback.prediction_log.entries import new_id

SUFFIX = ".log"
SECONDS = 1.0


class LogFailed(ChurnError):
    """The prediction log cannot be written, so the answer must not be sent."""


class Spool:
    """The files that one process writes its answers to; create it in the process that writes.

    The process holds a lock on the file that it writes, and starts another file after a second. A
    file without a lock is finished, and so is one whose writer was killed, since the kernel then
    releases the lock. The shipper moves finished files to the database.

    Parameters
    ----------
    folder : Path
        On a disk of this machine; made where it is missing.
    seconds : float
        For how long a file is written to.
    """

    def __init__(self, folder: str | Path, seconds: float = SECONDS):
        self.folder = Path(folder)
        self._file: int | None = None
        self._partial_line = False
        self._lock = threading.Lock()
        self._closed = threading.Event()
        # Not at the next write, which may come hours after the last answer.
        threading.Thread(target=self._finish_often, args=(seconds,), daemon=True).start()

    def write(self, line: bytes) -> None:
        """Write a line, with its newline, in one piece; thread-safe.

        Raises
        ------
        LogFailed
            If the line is not completely in the file. Lines after it are not affected.
        """
        with self._lock:
            try:
                file = self._open() if self._file is None else self._file
                # A newline ends the partial line of a failed write.
                whole = b"\n" + line if self._partial_line else line
                self._partial_line = True
                written = os.write(file, whole)
                self._partial_line = written < len(whole)
            except OSError as error:
                raise self._failed(error.strerror or str(error)) from error
            if self._partial_line:
                raise self._failed("there was no room for all of a line")

    def check(self) -> None:
        """Check that a line could be written, by writing an empty one.

        Raises
        ------
        LogFailed
            If it could not.
        """
        self.write(b"\n")

    def close(self) -> None:
        """Finish the file; nothing is written afterwards."""
        self._closed.set()
        self._finish()

    def _failed(self, why: str) -> LogFailed:
        return LogFailed("The prediction log cannot be written:", [f"{self.folder}: {why}"])

    def _open(self) -> int:
        self.folder.mkdir(0o700, parents=True, exist_ok=True)
        while True:
            path = self.folder / f"{new_id()}{SUFFIX}"
            file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                if _hold(file):
                    self._file, self._partial_line = file, False
                    return file
            finally:
                if self._file is None:
                    os.close(file)

    def _finish(self) -> None:
        with self._lock:
            if self._file is not None:
                file, self._file = self._file, None
                os.close(file)

    def _finish_often(self, seconds: float) -> None:
        while not self._closed.wait(seconds):
            self._finish()


def _hold(file: int) -> bool:
    """Lock a file that was just made, unless a shipper has taken it as a finished one."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return os.fstat(file).st_nlink > 0
