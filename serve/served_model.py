"""The model that an app answers by: which one it is, and how it changes between two requests."""

import json
import threading
import time
from dataclasses import asdict
from pathlib import Path

from flask import Flask, current_app

from churn.data.contract import Category
from churn.errors import ChurnError
from churn.registry.runs import fetch_run
from churn.scoring.deployment import Deployment
from churn.scoring.request_schema import RequestSchema
from serve.cache import load_model

NO_RUN = ChurnError(
    "No model is loaded.",
    ["train one with `make run`, then serve it with `make serve RUN=ChurnFlow/<id>`"],
)
STARTING = ChurnError("No model is loaded yet.", ["it is being read; ask again in a moment"])
STATUS = "status.json"
# How long a worker waits for the first model, and between looks at what it is to serve.
FIRST_SECONDS = 2.0
SECONDS = 0.5


class NoModel(ChurnError):
    """What was asked for needs a model, and none is loaded."""


class Model:
    """A deployment, and what its answers need, made once. It never changes.

    Attributes
    ----------
    run : Deployment
    requests : churn.scoring.request_schema.RequestSchema
        Reads what the model can score.
    common_fields : str
        What every answer says of the model, as JSON without braces.
    flags_unseen : bool
        Whether there is a feature that `unseen` may name.
    """

    def __init__(self, run: Deployment, max_batch: int):
        self.run = run
        self.requests = RequestSchema(run.contract, max_batch)
        threshold, name = run.scorer.threshold, json.dumps(run.run)
        self.common_fields = f'"threshold":{threshold!r},"run":{name}'
        self._accepted = [
            (name, frozenset(feature.categories))
            for name, feature in run.contract.features.items()
            if isinstance(feature, Category) and feature.unseen == "flag"
        ]
        self.flags_unseen = bool(self._accepted)

    def unseen(self, record: dict) -> list[str]:
        """The features whose category was not there in training, which the contract lets pass."""
        return [
            name
            for name, known in self._accepted
            if (value := record.get(name)) is not None and value not in known
        ]

    def explain(self, record: dict, most: int) -> dict:
        """The strongest reasons for a record's risk, and the change that lowers it most."""
        reasons, scorer = self.run.explainer, self.run.scorer
        change = reasons.best_change(scorer, record)
        return {
            "reasons": [asdict(reason) for reason in reasons.explain(scorer, record, most)],
            "best_change": change and asdict(change),
        }


class ServedModel:
    """What an app serves now.

    Attributes
    ----------
    model : Model or None
        Replaced as a whole, so that a request that began with one ends with it.
    why : ChurnError or None
        Why there is no model.
    problem : str or None
        Why the model is not the one that is wanted.
    status : dict
        What the keeper said last.
    """

    def __init__(self):
        self.model: Model | None = None
        self.why: ChurnError | None = NO_RUN
        self.problem: str | None = None
        self.status: dict = {}
        self._digest = None

    def init_app(self, app: Flask) -> None:
        """Find the model that the settings name; one that cannot be loaded is no crash."""
        app.extensions["churn"] = self
        app.logger.setLevel("INFO")
        self._logger, self._max_batch = app.logger, app.config["MAX_BATCH"]
        if app.config["INSTANCE"]:
            self._follow(Path(app.config["INSTANCE"]))
            return
        try:
            if app.config["SERVED"] is not None:
                self._load(app.config["SERVED"])
            elif app.config["RUN"]:
                self._load(fetch_run(app.config["RUN"]))
        except ChurnError as error:
            self.why = error
        if self.why is not None:
            app.logger.warning("Serving without a model. %s", self.why)

    def _load(self, run: Deployment) -> None:
        run.scorer.compile()  # in this thread, so that no request waits for it
        self.model, self.why = Model(run, self._max_batch), None
        self._logger.info("Serving %s (%s)", run.run, run.candidate)

    def _follow(self, instance: Path) -> None:
        """Do as the keeper says, for as long as this process lives."""
        self.why = STARTING
        first = threading.Event()

        def look() -> None:
            seen = None
            while True:
                try:
                    text = (instance / STATUS).read_text("utf-8")
                except FileNotFoundError:
                    text = None
                if text not in (None, seen):
                    seen = text
                    self.apply_status(json.loads(text))
                    first.set()
                time.sleep(SECONDS if first.is_set() else 0.02)

        threading.Thread(target=look, name="follow", daemon=True).start()
        first.wait(FIRST_SECONDS)

    def apply_status(self, status: dict) -> None:
        problem = status["problem"]
        if status["digest"] not in (None, self._digest):
            try:
                self._load(load_model(Path(status["file"]), status["digest"]))
                self._digest = status["digest"]
            except ChurnError as error:
                problem = str(error)
        if self.model is None:
            self.why = ChurnError(*status["why"]) if status["why"] else NO_RUN
            if problem:
                self.why = ChurnError("No model is loaded.", [problem])
        if problem and problem != self.problem:
            self._logger.warning("%s", problem)
        self.problem, self.status = problem, status


def served() -> Model:
    """The model of this app, for the request that asks.

    Raises
    ------
    NoModel
        Saying why there is none, and what to do.
    """
    found = current_app.extensions["churn"]
    if found.model is None:
        raise NoModel(found.why.summary, found.why.problems)
    return found.model
