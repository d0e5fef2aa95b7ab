"""Predictions: read a request, score it, log it, count it; the same for every route."""

import json
from time import time
from typing import Any

from churn.feedback.prediction_log import entry, new_id
from serve import metrics
from serve.logs import note
from serve.prediction_log import LogWriter
from serve.responses import batch_json, prediction_json
from serve.served_model import Model

# The maximum number of reasons in an explained prediction.
MAX_REASONS = 5


def predict_one(
    model: Model, log: LogWriter | None, body: bytes, *, explain: bool = False
) -> bytes:
    """Score one customer.

    Parameters
    ----------
    model : Model
    log : LogWriter or None
        None where the prediction log is off.
    body : bytes
        A customer as JSON in UTF-8.
    explain : bool
        Whether the response has the reasons and the best change.

    Returns
    -------
    bytes
        The response as JSON.

    Raises
    ------
    InvalidRequest
        Naming the problems of the body.
    LogFailed
        If the prediction is not stored in the log; then the response must not be sent.
    """
    record = model.requests.read_record(body)
    probability = model.run.scorer(record)
    prediction = new_id()
    response = prediction_json(model, prediction, record, probability)
    if explain:
        response += f",{json.dumps(model.explain(record, MAX_REASONS))[1:-1]}"
    _log(log, model, prediction, [probability], body)
    metrics.count_one(probability, probability >= model.run.scorer.threshold)
    return f"{response}}}".encode()


def predict_many(model: Model, log: LogWriter | None, body: bytes) -> str:
    """Score a batch; customers that cannot be scored are named in its `problems`.

    Parameters, errors and the response are those of `predict_one`, for `{"customers": [...]}`.
    """
    records, problems = model.requests.read_batch(body)
    scorer = model.run.scorer
    probabilities = scorer.many(records)
    prediction = new_id()
    response = batch_json(model, prediction, records, probabilities, problems)
    _log(log, model, prediction, probabilities, body, batch=True)
    metrics.count((p for p in probabilities if p is not None), scorer.threshold)
    return response


def what_if(model: Model, body: bytes) -> dict[str, Any]:
    """The risk of a hypothetical customer, with its reasons; it is neither logged nor counted."""
    record = model.requests.read_record(body)
    probability, threshold = model.run.scorer(record), model.run.scorer.threshold
    return {
        "probability": probability,
        "churn": probability >= threshold,
        "unseen": model.unseen(record),
        "threshold": threshold,
        "run": model.run.run,
        **model.explain(record, MAX_REASONS),
    }


def _log(
    log: LogWriter | None,
    model: Model,
    prediction: str,
    probabilities: list[float | None],
    body: bytes,
    *,
    batch: bool = False,
) -> None:
    note(prediction=prediction, run=model.run.run)
    if log is None:
        return
    line = entry(
        prediction, time(), model.run.run, model.run.scorer.threshold, probabilities, body,
        key=model.run.contract.id, batch=batch,
    )  # fmt: skip
    log.spool.write(line)
