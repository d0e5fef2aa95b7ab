"""The run that an app serves: loaded once, when the app is made."""

from dataclasses import asdict

from flask import Flask, current_app

from churn.deployment import Deployment
from churn.errors import ChurnError
from churn.registry import fetch_run
from churn.requests import Requests

NO_RUN = ChurnError(
    "No model is loaded.",
    ["train one with `make run`, then serve it with `make serve RUN=ChurnFlow/<id>`"],
)


class NoModel(ChurnError):
    """What was asked for needs a model, and none is loaded."""


class Served:
    """The run of an app, or why there is none.

    Attributes
    ----------
    run : Deployment or None
    requests : churn.requests.Requests or None
        Reads what the run's model can score.
    why : ChurnError or None
        Why there is no run.
    """

    def __init__(self):
        self.run: Deployment | None = None
        self.requests: Requests | None = None
        self.why: ChurnError | None = NO_RUN

    def init_app(self, app: Flask) -> None:
        """Load the run that the settings name; a run that cannot be loaded is no crash."""
        app.extensions["churn"] = self
        app.logger.setLevel("INFO")
        try:
            if app.config["SERVED"] is not None:
                self.run = app.config["SERVED"]
            elif app.config["RUN"]:
                self.run = fetch_run(app.config["RUN"])
        except ChurnError as error:
            self.why = error
            app.logger.error("Serving without a model. %s", error)
            return
        if self.run is None:
            app.logger.warning("Serving without a model. %s", self.why)
            return
        self.why = None
        self.requests = Requests(self.run.contract, app.config["MAX_BATCH"])
        app.logger.info("Serving %s (%s)", self.run.run, self.run.candidate)

    def score(self, records: list[dict]) -> list[float]:
        """The probability of leaving of each record."""
        return [self.run.scorer(record) for record in records]

    def explain(self, record: dict, most: int) -> dict:
        """The strongest reasons for a record's risk, and the change that lowers it most."""
        reasons, scorer = self.run.reasons, self.run.scorer
        change = reasons.best_change(scorer, record)
        return {
            "reasons": [asdict(reason) for reason in reasons.explain(scorer, record, most)],
            "best_change": change and asdict(change),
        }


def served() -> Served:
    """What this app serves.

    Raises
    ------
    NoModel
        Saying why there is no model, and what to do.
    """
    found = current_app.extensions["churn"]
    if found.why is not None:
        raise NoModel(found.why.summary, found.why.problems)
    return found
