"""What programs ask: is it up, what is it, and who is about to leave."""

import math
from collections.abc import Mapping

from flask import Blueprint, current_app, jsonify, request
from werkzeug.exceptions import RequestEntityTooLarge

from churn.cells import FLAGS
from churn.errors import ChurnError
from churn.requests import Problem
from serve.errors import Refused
from serve.served import served

REASONS = 5

blueprint = Blueprint("api", __name__)


@blueprint.get("/health")
def health():
    """Whether the process answers, and with which model."""
    found = current_app.extensions["churn"]
    if found.why is not None:
        return jsonify(status="no model", model=None, reason=str(found.why))
    return jsonify(status="ok", model={"run": found.run.run, "candidate": found.run.candidate})


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
    found = served()
    explain = _flag("explain")
    records = _read(found.requests.read_record)
    answer = _answers(found, records)[0]
    if explain:
        answer |= found.explain(records[0], REASONS)
    return jsonify(answer)


@blueprint.post("/predict/batch")
def predict_batch():
    """The risk of many customers, in their order."""
    found = served()
    return jsonify(predictions=_answers(found, _read(found.requests.read_batch)))


def _read(read) -> list[dict]:
    if not request.is_json:
        got = request.mimetype or "nothing"
        wrong = Problem("Content-Type", "application/json", got)
        raise Refused(415, f"The body must be application/json, not {got}.", [wrong])
    body = request.get_data(cache=False)
    if request.content_length is None and len(body) >= current_app.config["MAX_CONTENT_LENGTH"]:
        raise RequestEntityTooLarge  # a chunked body is cut at the limit without a word
    try:
        records, problems = read(body)
    except ChurnError as error:
        wrong = Problem("the body", "JSON in UTF-8", "; ".join(error.problems))
        raise Refused(400, error.summary, [wrong]) from None
    if problems:
        what = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise Refused(422, f"The request breaks the model's contract: {what}.", problems)
    return records


def _answers(found, records: list[dict]) -> list[dict]:
    threshold, key = found.run.scorer.threshold, found.run.contract.id
    return [
        {
            "customer": record.get(key),
            "probability": probability,
            "churn": probability >= threshold,
            "threshold": threshold,
            "run": found.run.run,
        }
        for record, probability in zip(records, found.score(records), strict=True)
    ]


def _flag(name: str) -> bool:
    text = request.args.get(name, "no")
    if text.lower() not in FLAGS:
        wrong = Problem(f"?{name}", "1 or 0", text[:80])
        raise Refused(422, "The query cannot be understood.", [wrong])
    return bool(FLAGS[text.lower()])


def _plain(value):
    """What JSON can say: no numpy, and null where a number is not one."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
