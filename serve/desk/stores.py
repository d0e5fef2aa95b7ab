"""The stores of the desk, in the database of the prediction log; opened when first needed."""

from flask import current_app

from serve.prediction_log import PATIENCE_SECONDS, log
from serve.problem_details import Refused

KEY = "churn-desk-stores"


class Stores:
    """The stores of one database.

    Attributes
    ----------
    calls : CallListStore
    predictions : PredictionLog
    outcomes : OutcomeStore
    reports : ReportStore
    """

    def __init__(self, url: str):
        # Imported here: a worker that shows no page of the desk does not load SQLAlchemy.
        from churn.campaign.stored import CallListStore
        from churn.feedback.outcomes import OutcomeStore
        from churn.feedback.prediction_log import PredictionLog
        from churn.feedback.reports import ReportStore

        self.calls = CallListStore(url, PATIENCE_SECONDS)
        self.predictions = PredictionLog(url, PATIENCE_SECONDS)
        self.outcomes = OutcomeStore(url, PATIENCE_SECONDS)
        self.reports = ReportStore(url, PATIENCE_SECONDS)


def stores() -> Stores:
    """The stores of the current app.

    Raises
    ------
    Refused
        If the prediction log is off.
    """
    found: Stores | None = current_app.extensions.get(KEY)
    if found is None:
        writer = log()
        if writer is None:
            raise Refused(503, "The prediction log is off, and its database has the call lists.")
        found = current_app.extensions[KEY] = Stores(writer.url)
    return found
