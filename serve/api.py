"""What programs ask: is it up, what is it, and who is about to leave."""

import math
from collections.abc import Mapping

from flask import Blueprint, Response, current_app, jsonify, request
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from werkzeug.exceptions import RequestEntityTooLarge

from churn.data.values import FLAGS
from churn.feedback.outcomes import read_body
from churn.scoring.json_body import Problem
from serve import metrics, service
from serve.openapi import document
from serve.prediction_log import log
from serve.problem_details import Refused
from serve.responses import JSON
from serve.served_model import served

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
        made=run.created_at.isoformat(timespec="seconds"),
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
    """The risk of one customer; with `?explain=1` its reasons and the best change."""
    explain = _flag("explain")
    response = service.predict_one(served(), log(), _body(), explain=explain)
    return Response(response, content_type=JSON)


@blueprint.post("/predict/batch")
def predict_batch():
    """The risk of many customers, in their order; those that cannot be scored are named."""
    return Response(service.predict_many(served(), log(), _body()), content_type=JSON)


@blueprint.post("/what-if")
def what_if():
    """The risk a customer would have, with its reasons; no prediction, and not logged."""
    return jsonify(service.what_if(served(), _body()))


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


def _body() -> bytes:
    asked = request._get_current_object()  # the proxy costs as much as what it is asked for
    if asked.environ.get("CONTENT_TYPE") != JSON and not asked.is_json:
        wrong = Problem("Content-Type", JSON, (asked.mimetype or "nothing")[:80])
        raise Refused(415, f"The body must be {JSON}.", [wrong])
    body = asked.get_data(cache=False)
    if len(body) >= asked.max_content_length and asked.content_length is None:
        raise RequestEntityTooLarge  # a chunked body is cut at the limit without a word
    return body


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
