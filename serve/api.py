"""What programs ask: is it up, what is it, and who is about to leave."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from time import time

from flask import Blueprint, Response, current_app, jsonify, request
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from werkzeug.exceptions import RequestEntityTooLarge

from churn.data.values import FLAGS
from churn.feedback.outcomes import read_body
from churn.feedback.prediction_log import entry, new_id
from churn.scoring.request_schema import Problem
from serve import metrics
from serve.answers import say_many, say_one
from serve.errors import Refused
from serve.log import Log, log
from serve.openapi import document
from serve.served import Model, served

JSON = "application/json"
REASONS = 5
LATEST = 20
MOST_LATEST = 1_000

blueprint = Blueprint("api", __name__)


@blueprint.get("/health")
def health():
    """Whether the process answers, with which model, and what is wrong with that."""
    found = current_app.extensions["churn"]
    if found.model is None:
        return jsonify(status="no model", model=None, problem=str(found.why), log=_log_state(found))
    run = found.model.run
    return jsonify(
        status="ok" if found.problem is None else "stale",
        model={"run": run.run, "candidate": run.candidate},
        problem=found.problem,
        log=_log_state(found),
    )


@blueprint.get("/ready")
def ready():
    """Whether a prediction would be answered: a model is loaded, and the log can be written."""
    served()
    if log():
        log().spool.check()
    return jsonify(status="ready")


@blueprint.get("/metrics")
def prometheus():
    """What Prometheus is told, of all workers together."""
    text = metrics.exposition(current_app.extensions["churn"])
    return Response(text, content_type=CONTENT_TYPE_PLAIN_0_0_4)


@blueprint.get("/openapi.json")
def openapi():
    """This API, described in OpenAPI 3.1."""
    return jsonify(document(served(), current_app.extensions["churn-keys"]))


@blueprint.get("/model/info")
def info():
    """What the model is, how good it is, where it comes from and what it wants to know."""
    run = served().run
    features = {
        name: feature.model_dump(mode="json", exclude_none=True)
        for name, feature in run.contract.features.items()
    }
    return jsonify(
        run=run.run,
        candidate=run.candidate,
        made=run.made.isoformat(timespec="seconds"),
        customers=run.customers,
        threshold=run.scorer.threshold,
        evaluated_on=run.evaluated_on,
        metrics=_plain(run.metrics),
        fingerprint=run.fingerprint,
        lineage=_plain(run.lineage),
        id=run.contract.id,
        features=features,
        derived=run.contract.derived,
    )


@blueprint.post("/predict")
def predict():
    """The risk of one customer; with `?explain=1` its reasons, and what would lower it most."""
    explain = _flag("explain")
    return Response(answer_one(served(), log(), _body(), explain), content_type=JSON)


@blueprint.post("/predict/batch")
def predict_batch():
    """The risk of many customers, in their order; who cannot be scored is named."""
    model = served()
    body = _body()
    records, problems = model.requests.read_batch(body)
    scorer = model.run.scorer
    probabilities = scorer.many(records)
    prediction = new_id()
    problems = [asdict(problem) for problem in problems]
    said = say_many(model, prediction, records, probabilities, problems)
    _write(log(), model, prediction, probabilities, body, batch=True)
    metrics.count((p for p in probabilities if p is not None), scorer.threshold)
    return Response(said, content_type=JSON)


@blueprint.post("/what-if")
def what_if():
    """The risk a customer would have, with its reasons; no prediction, and not logged."""
    model = served()
    record = model.requests.read_record(_body())
    probability, threshold = model.run.scorer(record), model.run.scorer.threshold
    return jsonify(
        probability=probability,
        churn=probability >= threshold,
        unseen=model.unseen(record),
        threshold=threshold,
        run=model.run.run,
        **model.explain(record, REASONS),
    )


@blueprint.get("/predictions")
def predictions():
    """The latest predictions in the log, the newest first."""
    text = request.args.get("limit", str(LATEST))
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= MOST_LATEST):
        wrong = Problem("?limit", f"a whole number from 1 to {MOST_LATEST}", text[:80])
        raise Refused(422, "The query cannot be understood.", [wrong])
    if not log():
        raise Refused(503, "The prediction log is off.")
    return jsonify(
        predictions=[
            {
                "prediction": row.prediction,
                "time": row.time.isoformat(),
                "run": row.run,
                "customer": row.customer,
                "probability": row.probability,
                "churn": row.churn,
                "threshold": row.threshold,
            }
            for row in log().latest(int(text))
        ]
    )


@blueprint.post("/outcomes")
def outcomes():
    """Take what happened to customers, all of it or nothing; what is known already may be sent."""
    rows = read_body(_body(), current_app.config["MAX_BATCH"])
    if not log():
        raise Refused(503, "The prediction log is off, and outcomes are kept where it is.")
    return jsonify(log().add_outcomes(rows)._asdict())


def answer_one(model: Model, written: Log | None, body: bytes, explain: bool = False) -> bytes:
    """Read one customer, score, log and count it; the answer, as JSON.

    Raises
    ------
    InvalidRequest
        Naming every problem of the body.
    LogFailed
        If it is not safe in the log.
    """
    record = model.requests.read_record(body)
    probability = model.run.scorer(record)
    prediction = new_id()
    said = say_one(model, prediction, record, probability)
    if explain:
        said += f",{json.dumps(model.explain(record, REASONS))[1:-1]}"
    _write(written, model, prediction, [probability], body)
    metrics.count_one(probability, probability >= model.run.scorer.threshold)
    return f"{said}}}".encode()


def _body() -> bytes:
    asked = request._get_current_object()  # the proxy costs as much as what it is asked for
    if asked.environ.get("CONTENT_TYPE") != JSON and not asked.is_json:
        wrong = Problem("Content-Type", JSON, (asked.mimetype or "nothing")[:80])
        raise Refused(415, f"The body must be {JSON}.", [wrong])
    body = asked.get_data(cache=False)
    if len(body) >= asked.max_content_length and asked.content_length is None:
        raise RequestEntityTooLarge  # a chunked body is cut at the limit without a word
    return body


def _write(
    written: Log | None, model: Model, prediction: str, probabilities: list, body: bytes,
    batch: bool = False,
) -> None:  # fmt: skip
    if written is None:
        return
    line = entry(
        prediction, time(), model.run.run, model.run.scorer.threshold, probabilities, body,
        key=model.run.contract.id, batch=batch,
    )  # fmt: skip
    written.spool.write(line)


def _flag(name: str) -> bool:
    if not request.query_string:
        return False
    text = request.args.get(name, "no")
    if text.lower() not in FLAGS:
        wrong = Problem(f"?{name}", "1 or 0", text[:80])
        raise Refused(422, "The query cannot be understood.", [wrong])
    return bool(FLAGS[text.lower()])


def _log_state(found) -> str:
    return "off" if not log() else found.status.get("log") or "ok"


def _plain(value):
    """What JSON can say: no numpy, and null where a number is not one."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
