"""The routes of the API: predictions, outcomes, and the state of the app for operators."""

from flask import Blueprint, Response, current_app, jsonify, request
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from churn.campaign.campaign_file import CampaignFile
from churn.campaign.stored.call_results import record_all
from churn.campaign.stored.entries import CAMPAIGN
from churn.campaign.stored.results_body import has_calls, read_calls
from churn.feedback.outcomes import read_body
from churn.json_values import plain
from serve import service
from serve.desk.stores import stores
from serve.exposition import exposition
from serve.openapi import document
from serve.prediction_log import log
from serve.problem_details import Refused
from serve.proxies import unproxied
from serve.request_checks import check_query, json_body, query_flag, query_number
from serve.responses import JSON
from serve.served_model import served

DEFAULT_LATEST = 20
MAX_LATEST = 1_000

blueprint = Blueprint("api", __name__)

# The parameters that a query may have, by endpoint; any other is refused.
QUERY = {"api.predict": {"explain"}, "api.predictions": {"limit"}}


@blueprint.before_request
def _check_query() -> None:
    check_query(QUERY.get(request.endpoint or "", ()))


@blueprint.get("/health")
def health() -> Response:
    """Whether the process answers, with which run, and the problems of the model and the log."""
    found = current_app.extensions["churn"]
    log_status = (found.log_problem or "ok") if log() else "off"
    if found.model is None:
        return jsonify(status="no model", model=None, problem=str(found.why), log=log_status)
    run = found.model.run
    return jsonify(
        status="ok" if found.problem is None else "stale",
        model={"run": run.run, "candidate": run.candidate},
        problem=found.problem,
        log=log_status,
    )


@blueprint.get("/ready")
def ready() -> Response:
    """Whether a prediction can be answered: a model is loaded, and the log can be written."""
    served()
    if writer := log():
        writer.spool.check()
    return jsonify(status="ready")


@blueprint.get("/metrics")
def prometheus() -> Response:
    """The metrics of all workers together, for Prometheus."""
    text = exposition(unproxied(current_app))
    return Response(text, content_type=CONTENT_TYPE_PLAIN_0_0_4)


@blueprint.get("/openapi.json")
def openapi() -> Response:
    """This API, described in OpenAPI 3.1."""
    return jsonify(document(served(), current_app.extensions["churn-keys"]))


@blueprint.get("/model/info")
def info() -> Response:
    """The model: its metrics, lineage, threshold and features."""
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
        metrics=plain(run.metrics),
        fingerprint=run.fingerprint,
        lineage=plain(run.lineage),
        project=run.contract.project,
        horizon_days=run.contract.horizon_days,
        id=run.contract.id,
        features=features,
        derived=run.contract.derived,
    )


@blueprint.post("/predict")
def predict() -> Response:
    """The risk of one customer; with `?explain=1` its reasons and the best change."""
    explain = query_flag("explain")
    response = service.predict_one(served(), log(), json_body(), explain=explain)
    return Response(response, content_type=JSON)


@blueprint.post("/predict/batch")
def predict_batch() -> Response:
    """The risk of many customers, in their order; those that cannot be scored are named."""
    return Response(service.predict_many(served(), log(), json_body()), content_type=JSON)


@blueprint.post("/what-if")
def what_if() -> Response:
    """The risk a customer would have, with its reasons; no prediction, and not logged."""
    return jsonify(service.what_if(served(), json_body()))


@blueprint.get("/predictions")
def predictions() -> Response:
    """The latest predictions in the log, the newest first."""
    limit = query_number("limit", DEFAULT_LATEST, MAX_LATEST)
    writer = log()
    if not writer:
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
            for row in writer.latest(limit)
        ]
    )


@blueprint.post("/outcomes")
def outcomes() -> Response:
    """Record which customers left, or what came of calls; what is known may be sent again."""
    body, most = json_body(), current_app.config["MAX_BATCH"]
    if has_calls(body):
        file: CampaignFile | None = current_app.config["CAMPAIGN"]
        results = read_calls(body, most, file.campaign if file else CAMPAIGN)
        return jsonify(vars(record_all(stores().calls, results)))
    rows = read_body(body, most)
    writer = log()
    if not writer:
        raise Refused(503, "The prediction log is off, and its database would hold the outcomes.")
    return jsonify(writer.add_outcomes(rows)._asdict())
