"""The model that an app serves, and its replacement between two requests."""

import json
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from flask import Flask, current_app

from churn.data.contract import Category
from churn.errors import ChurnError
from churn.registry.runs import fetch_run
from churn.scoring.deployment import Deployment
from churn.scoring.request_schema import RequestSchema
from serve.cache import load_model
from serve.instance import LOG_BEAT, MODEL_BEAT, read_status, seconds_since

# An object of JSON.
Json = dict[str, Any]

NO_RUN = ChurnError(
    "No model is loaded.",
    ["train one with `make run`, then serve it with `make serve RUN=ChurnFlow/<id>`"],
)
STARTING = ChurnError("No model is loaded yet.", ["it is being read; ask again in a moment"])
# How long a worker waits for the first model, and how often it checks for another one.
FIRST_SECONDS = 10.0
FOLLOW_SECONDS = 0.5
# A keeper without a beat for so long hangs, or has ended. A database may be locked for 30 seconds.
SILENT_SECONDS = {MODEL_BEAT: 20.0, LOG_BEAT: 45.0}


class NoModel(ChurnError):
    """A request needs a model, and none is loaded."""


class Model:
    """A deployment with the parts of its responses that are computed once; immutable.

    Attributes
    ----------
    run : Deployment
    requests : churn.scoring.request_schema.RequestSchema
        Reads the requests that the model can score.
    common_fields : str
        The fields that all responses share, as JSON without braces.
    flags_unseen : bool
        Whether `unseen` may name any feature.
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

    def unseen(self, record: Json) -> list[str]:
        """The features whose category is not in the training data, where that is allowed."""
        return [
            name
            for name, known in self._accepted
            if (value := record.get(name)) is not None and value not in known
        ]

    def explain(self, record: Json, most: int) -> Json:
        """The features that raise a record's risk most, and the change that lowers it most."""
        reasons, scorer = self.run.explainer, self.run.scorer
        change = reasons.best_change(scorer, record)
        return {
            "reasons": [asdict(reason) for reason in reasons.explain(scorer, record, most)],
            "best_change": change and asdict(change),
        }


class ServedModel:
    """The model that an app serves, and the status of the keeper.

    Attributes
    ----------
    model : Model or None
        Replaced as a whole, so that each request uses one model.
    why : ChurnError or None
        Why there is no model.
    status : dict
        The status that the keeper published last.
    """

    def __init__(self) -> None:
        self.model: Model | None = None
        self.why: ChurnError | None = NO_RUN
        self.status: Json = {}
        self._problem: str | None = None
        self._digest = None
        self._instance: Path | None = None
        self._wanted = False
        self._started = time.monotonic()

    def init_app(self, app: Flask) -> None:
        """Load the model that the settings name; a failure does not end the process."""
        app.extensions["churn"] = self
        app.logger.setLevel("INFO")
        self._logger, self._max_batch = app.logger, app.config["MAX_BATCH"]
        if app.config["INSTANCE"]:
            self._follow(Path(app.config["INSTANCE"]), wanted=bool(app.config["RUN"]))
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

    @property
    def problem(self) -> str | None:
        """Why the served model may not be the wanted one."""
        if self._problem is None and self._wanted and (silent := self.silent(MODEL_BEAT)):
            return f"The keeper has not looked for {silent:.0f} seconds which run is wanted."
        return self._problem

    @property
    def log_problem(self) -> str | None:
        """Why predictions are not moved to the database of the log."""
        if silent := self.silent(LOG_BEAT):
            return f"The keeper has not moved predictions to the database for {silent:.0f} seconds."
        return self.status.get("log")

    def silent(self, name: str) -> float | None:
        """The seconds since the keeper's last beat, if that is overdue."""
        seconds = self.seconds_since(name)
        return seconds if seconds is not None and seconds > SILENT_SECONDS[name] else None

    def seconds_since(self, name: str) -> float | None:
        """The seconds since the keeper's last beat, or the start; None without a keeper."""
        if self._instance is None:
            return None
        seconds = seconds_since(self._instance, name)
        return time.monotonic() - self._started if seconds is None else seconds

    def apply_status(self, status: Json) -> None:
        """Serve the model that the keeper publishes.

        Parameters
        ----------
        status : dict
            See `serve.server.keeper.Keeper`.
        """
        problem = status["problem"]
        if status["digest"] not in (None, self._digest):
            try:
                self._load(load_model(Path(status["file"]), status["digest"]))
                self._digest = status["digest"]
            except ChurnError as error:
                problem = str(error)
        if self.model is None:
            if status["why"]:
                self.why = ChurnError(*status["why"])
            if problem:
                self.why = ChurnError("No model is loaded.", [problem])
        if problem and problem != self._problem:
            self._logger.warning("%s", problem)
        self._problem, self.status = problem, status

    def _load(self, run: Deployment) -> None:
        run.require_compiled()
        run.scorer.compile()  # in this thread, so that no request waits for it
        self.model, self.why = Model(run, self._max_batch), None
        self._logger.info("Serving %s (%s)", run.run, run.candidate)

    def _follow(self, instance: Path, *, wanted: bool) -> None:
        """Apply the status of the keeper for as long as this process lives."""
        self._instance, self._wanted = instance, wanted
        if wanted:
            self.why = STARTING
        first = threading.Event()

        def follow() -> None:
            applied = None
            while True:
                try:
                    text = read_status(instance)
                    if text not in (None, applied):
                        self.apply_status(json.loads(text))
                        applied = text
                        first.set()
                except Exception as error:  # any error; the next attempt may succeed
                    problem = f"The model cannot be replaced. {type(error).__name__}: {error}"
                    if problem != self._problem:
                        self._logger.exception("The model cannot be replaced.")
                    self._problem = problem
                time.sleep(FOLLOW_SECONDS if first.is_set() else 0.02)

        threading.Thread(target=follow, name="follow", daemon=True).start()
        if wanted:
            first.wait(FIRST_SECONDS)


def served() -> Model:
    """The model of the current app.

    Raises
    ------
    NoModel
        With the reason, and what to do.
    """
    found: ServedModel = current_app.extensions["churn"]
    if found.model is None:
        why = found.why or NO_RUN
        raise NoModel(why.summary, why.problems)
    return found.model
