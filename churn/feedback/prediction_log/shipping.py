"""Move the files that workers wrote to the database."""

import fcntl
import logging
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from churn.errors import ChurnError
from churn.feedback.prediction_log.entries import Prediction, read_entry
from churn.feedback.prediction_log.spool import SUFFIX
from churn.feedback.prediction_log.store import PredictionLog

# The number of predictions in one transaction.
CHUNK = 2_000
PARTIAL = ".partial"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Shipped:
    """How many predictions were moved to the database, and how many lines were set aside."""

    rows: int
    partial_lines: int

    def __add__(self, other: "Shipped") -> "Shipped":
        return Shipped(self.rows + other.rows, self.partial_lines + other.partial_lines)


NOTHING = Shipped(0, 0)


class Shipper:
    """Ships repeatedly, and retries after a failure of the database.

    Attributes
    ----------
    failure : str or None
        Why the last attempt failed.
    """

    def __init__(self, folder: str | Path, log: PredictionLog):
        self.folder = folder
        self.log = log
        self.failure: str | None = None

    def ship(self) -> None:
        """Ship the finished files; a failure is reported once, and the next call tries again."""
        try:
            ship(self.folder, self.log)
        except ChurnError as error:
            if self.failure is None:
                logger.error("%s", error)
            self.failure = str(error)
        else:
            if self.failure is not None:
                logger.info("Predictions go to %s again.", self.log.where)
            self.failure = None


def ship(folder: str | Path, log: PredictionLog) -> Shipped:
    """Move every finished file of a spool to the database.

    A file is removed when all of it is in the database. A shipper that is killed leaves the file,
    and the next one reads it again: predictions that are in the database already stay as they are.
    Lines that cannot be read, because their writer was killed or the disk was full, are moved to a
    file next to it.

    Raises
    ------
    ChurnError
        If the database, or a file, cannot be used; nothing is lost.
    """
    done = NOTHING
    for path in _files(folder):
        try:
            done += _ship_file(path, log)
        except OSError as error:
            raise ChurnError(f"Cannot take {path} to the database:", [str(error)]) from error
    return done


def ship_all(folder: str | Path, log: PredictionLog, patience: float = 30.0) -> Shipped:
    """Ship until all current files of a spool are in the database.

    Parameters
    ----------
    patience : float
        How many seconds to wait for processes that are writing or shipping.

    Raises
    ------
    ChurnError
        As for `ship`, and if the patience is exceeded.
    """
    end = time.monotonic() + patience
    waiting = set(_files(folder))
    done = ship(folder, log)
    while waiting := waiting.intersection(_files(folder)):
        if time.monotonic() > end:
            files = [f"{path} is still in use; is its process stopped?" for path in sorted(waiting)]
            raise ChurnError("Not everything could be taken to the database:", files)
        time.sleep(0.1)
        done += ship(folder, log)
    return done


def partial_files(folder: str | Path) -> list[Path]:
    """The files of lines that were set aside."""
    return sorted(Path(folder).glob(f"*{PARTIAL}"))


def _files(folder: str | Path) -> list[Path]:
    return sorted(Path(folder).glob(f"*{SUFFIX}"))


def _ship_file(path: Path, log: PredictionLog) -> Shipped:
    try:
        file = path.open("rb")
    except FileNotFoundError:  # another shipper was faster
        return NOTHING
    with file:
        if not _take(file):
            return NOTHING
        partial_lines: list[bytes] = []
        shipped = 0
        rows: list[Prediction] = []
        for line in file:
            try:
                rows += () if line.isspace() else read_entry(line)
            except ValueError:
                partial_lines.append(line)
            if len(rows) >= CHUNK:
                log.add(rows)
                shipped += len(rows)
                rows = []
        log.add(rows)
        if partial_lines:
            aside = path.with_suffix(PARTIAL)
            aside.write_bytes(b"".join(partial_lines))
            logger.warning("%d lines cannot be read, and are in %s", len(partial_lines), aside)
        path.unlink()
        return Shipped(shipped + len(rows), len(partial_lines))


def _take(file: BinaryIO) -> bool:
    """Lock a file, unless it is being written, or another shipper has or had locked it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return os.fstat(file.fileno()).st_nlink > 0
