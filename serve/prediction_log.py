"""The prediction log of the app: a prediction is on disk before the response is sent."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Any

from flask import Flask, current_app

from churn.feedback.outcomes import Added, Outcome
from churn.feedback.prediction_log import OFF, Spool, locations
from churn.feedback.prediction_log.spool import SUFFIX

if TYPE_CHECKING:
    from churn.feedback.outcomes import OutcomeStore
    from churn.feedback.prediction_log import Prediction, PredictionLog

# A request waits so long for a locked database; then its client gets a 503.
PATIENCE_SECONDS = 2.0


def init_app(app: Flask) -> None:
    """Open the log of an app, unless the settings disable it."""
    app.extensions["churn-log"] = None
    if app.config["LOG"] != OFF:
        app.extensions["churn-log"] = LogWriter(*places(app.config))


def places(config: Mapping[str, Any]) -> tuple[Path, str]:
    """The folder that workers write to, and the URL of the database, by an app's settings."""
    return locations({"CHURN_STATE": config["STATE"], "CHURN_LOG": config["LOG"]})


class LogWriter:
    """Writes predictions to the spool of this process, and reads the database of the log."""

    def __init__(self, folder: Path, url: str):
        self.spool = Spool(folder)
        self.url = url
        self._database: PredictionLog | None = None
        self._outcomes: OutcomeStore | None = None

    def backlog(self) -> tuple[int, int, float]:
        """The files that are not in the database yet: number, bytes, seconds of the oldest."""
        found = []
        for path in self.spool.folder.glob(f"*{SUFFIX}"):
            with suppress(FileNotFoundError):  # it has been moved to the database since
                found.append(path.stat())
        # A file is written to for a second.
        oldest = min((each.st_mtime for each in found), default=time())
        return len(found), sum(each.st_size for each in found), max(0.0, time() - oldest)

    def latest(self, most: int) -> "list[Prediction]":
        """The latest predictions in the database, the newest first."""
        if self._database is None:
            # Imported here: a worker that reads no database does not load SQLAlchemy.
            from churn.feedback.prediction_log import PredictionLog

            self._database = PredictionLog(self.url, PATIENCE_SECONDS)
        return self._database.latest(most)

    def add_outcomes(self, rows: list[Outcome]) -> Added:
        """Store outcomes in the database, all or none; see `OutcomeStore.add`."""
        if self._outcomes is None:
            from churn.feedback.outcomes import OutcomeStore  # see `latest`

            self._outcomes = OutcomeStore(self.url, PATIENCE_SECONDS)
        return self._outcomes.add(rows)


def log() -> LogWriter | None:
    """The log of this app, or None where it is off."""
    found: LogWriter | None = current_app.extensions["churn-log"]
    return found
