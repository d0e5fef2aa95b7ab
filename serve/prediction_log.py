"""The app's end of the prediction log: each answer is on disk before it leaves."""

from pathlib import Path

from flask import Flask, current_app

from churn.feedback.outcomes import Added, Outcome
from churn.feedback.prediction_log import Spool, locations
from serve.settings import OFF


def init_app(app: Flask) -> None:
    """Open the log of an app, unless it is to have none."""
    app.extensions["churn-log"] = None
    if app.config["LOG"] != OFF:
        app.extensions["churn-log"] = LogWriter(*places(app.config))


def places(config) -> tuple[Path, str]:
    """The folder that workers write to, and the URL of the database, by an app's settings."""
    return locations({"CHURN_STATE": config["STATE"], "CHURN_LOG": config["LOG"]})


class LogWriter:
    """What a worker writes before it answers, and the database that it is read from."""

    def __init__(self, folder: Path, url: str):
        self.spool = Spool(folder)
        self.url = url
        self._database = self._outcomes = None

    def latest(self, most: int) -> list:
        """The latest predictions in the database, the newest first."""
        if self._database is None:
            # Here, not above: SQLAlchemy is for who looks at the page, not for every worker.
            from churn.feedback.prediction_log import PredictionLog

            self._database = PredictionLog(self.url)
        return self._database.latest(most)

    def add_outcomes(self, rows: list[Outcome]) -> Added:
        """Put outcomes into the database, all or none; see `OutcomeStore.add`."""
        if self._outcomes is None:
            from churn.feedback.outcomes import OutcomeStore  # SQLAlchemy again

            self._outcomes = OutcomeStore(self.url)
        return self._outcomes.add(rows)


def log() -> LogWriter | None:
    """The log of this app, or None where it is off."""
    return current_app.extensions["churn-log"]
