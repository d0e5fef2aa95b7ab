"""Where a process puts its answers before they leave: files of its own, outliving a kill -9."""

import fcntl
import os
import threading
from pathlib import Path

from churn.errors import ChurnError
from churn.feedback.prediction_log.entries import new_id

SUFFIX = ".log"
SECONDS = 1.0


class LogFailed(ChurnError):
    """The prediction log cannot be written: what was to be answered must not leave."""


class Spool:
    """The files that one process writes its answers to; make it in the process that writes.

    The process holds a lock on the file that it writes, and after a second goes on to another
    one. A file on which nobody has a lock is finished, and so is one whose writer was killed, for
    then the kernel gives the lock back. Finished files are the shipper's.

    Parameters
    ----------
    folder : Path
        On a disk of this machine; made where it is missing.
    seconds : float
        How long a file is written to.
    """

    def __init__(self, folder: str | Path, seconds: float = SECONDS):
        self.folder = Path(folder)
        self._file: int | None = None
        self._partial_line = False
        self._lock = threading.Lock()
        self._closed = threading.Event()
        # Not left to the next write: the last answer before a quiet night is wanted as well.
        threading.Thread(target=self._finish_often, args=(seconds,), daemon=True).start()

    def write(self, line: bytes) -> None:
        """Write a line, with its newline, in one piece; any thread may.

        Raises
        ------
        LogFailed
            If the line is not in the file, or not whole. Lines after it are not harmed.
        """
        with self._lock:
            try:
                if self._file is None:
                    self._open()
                # A newline ends what is left of a line that could not be written whole.
                whole = b"\n" + line if self._partial_line else line
                self._partial_line = True
                written = os.write(self._file, whole)
                self._partial_line = written < len(whole)
            except OSError as error:
                raise self._failed(error.strerror) from error
            if self._partial_line:
                raise self._failed("there was no room for all of a line")

    def check(self) -> None:
        """See whether a line could be written, by writing an empty one.

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

    def _open(self) -> None:
        self.folder.mkdir(0o700, parents=True, exist_ok=True)
        while self._file is None:
            path = self.folder / f"{new_id()}{SUFFIX}"
            file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                if _hold(file):
                    self._file, self._partial_line = file, False
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
    """Lock a file that was just made, unless a shipper took it for a finished one."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return os.fstat(file).st_nlink > 0
