"""The API as an OpenAPI 3.1 document, generated from the types of requests and responses."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import TypeAdapter

from churn.campaign.stored.results_body import calls_type
from churn.data.contract import Feature, Number
from churn.feedback.outcomes import body_type
from serve import responses
from serve.api_keys import HEADER
from serve.problem_details import MEDIA_TYPE as PROBLEM
from serve.responses import JSON, Json
from serve.served_model import Model

REF = "#/components/schemas/{model}"
RESPONSES = (
    "Answer",
    "Answers",
    "Explained",
    "WhatIf",
    "Log",
    "Added",
    "RecordedCalls",
    "ProblemDetails",
)
STATUS_DESCRIPTIONS = {
    400: "The body is not JSON or is incomplete, or the Host is not trusted",
    401: "The API key is missing or not valid",
    408: "The body did not arrive in time",
    413: "The body is too large",
    415: "The body is not application/json, or is compressed",
    422: "The request breaks the contract, or has an unknown parameter; see its problems",
    503: "No model is loaded, or the prediction log cannot be used; try again later",
}
POST_ERRORS = (400, 408, 413, 415, 422, 503)
EXPLAIN = {
    "name": "explain", "in": "query",
    "description": "1 adds the reasons and the best change to the response",
    "schema": {"enum": ["0", "1"], "default": "0"},
}  # fmt: skip
LIMIT = {
    "name": "limit", "in": "query", "description": "The maximum number of predictions",
    "schema": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 20},
}  # fmt: skip
EXAMPLE_OUTCOMES = {"outcomes": [{"customer": "C0042", "date": "2025-01-31", "left": True}]}
EXAMPLE_CALLS = {
    "calls": [
        {
            "customer": "C0042",
            "result": "accepted",
            "date": "2025-01-03",
            "cost": 12.5,
            "by": "Anna",
        },
        {"customer": "C0043", "result": "not_reached", "date": "2025-01-03"},
    ]
}
_OBJECT: Json = {"type": "object"}


def document(model: Model, keys: bool = False) -> Json:
    """The document of the API with a given model.

    Parameters
    ----------
    model : Model
    keys : bool
        Whether requests need an API key.
    """
    named = {
        "Customer": model.requests.record,
        "Batch": model.requests.batch,
        "Outcomes": body_type(model.requests.max_batch),
        "Calls": calls_type(model.requests.max_batch),
        **{name: TypeAdapter(getattr(responses, name)) for name in RESPONSES},
    }
    bodies = ("Customer", "Batch", "Outcomes", "Calls")
    schemas, shared = TypeAdapter.json_schemas(
        [
            (name, "validation" if name in bodies else "serialization", adapter)
            for name, adapter in named.items()
        ],
        ref_template=REF,
    )
    found = {name: schema for (name, _), schema in schemas.items()}
    customer = example_customer(model)
    components = {"schemas": shared.get("$defs", {})}
    if keys:
        components["securitySchemes"] = {"key": {"type": "apiKey", "in": "header", "name": HEADER}}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "churn",
            "version": model.run.run,
            "description": (
                f"The probability that a customer leaves (churns){model.run.contract.within}, "
                "predicted by "
                f"{model.run.candidate} of {model.run.run}."
            ),
        },
        "paths": {
            "/predict": _post(
                "predict", "Predict the churn probability of one customer",
                found["Customer"], {"customer": customer},
                {"anyOf": [found["Explained"], found["Answer"]]}, keys, [EXPLAIN],
            ),
            "/predict/batch": _post(
                "predict_batch", "Predict the churn probabilities of many customers",
                found["Batch"], {"customers": {"customers": [customer]}}, found["Answers"], keys,
            ),
            "/what-if": _post(
                "what_if", "Explain a hypothetical customer; nothing is logged",
                found["Customer"], {"customer": customer}, found["WhatIf"], keys,
            ),
            "/predictions": _get(
                "predictions", "List the latest predictions in the log",
                found["Log"], [422, 503], [LIMIT], keys,
            ),
            "/outcomes": _post(
                "outcomes",
                "Record which customers left, or what came of calls; a later record corrects an "
                "earlier one",
                {"anyOf": [found["Outcomes"], found["Calls"]]},
                {"outcomes": EXAMPLE_OUTCOMES, "calls": EXAMPLE_CALLS},
                {"anyOf": [found["Added"], found["RecordedCalls"]]}, keys,
            ),
            "/model/info": _get(
                "info", "Describe the model: its metrics, lineage and features", _OBJECT, [503]
            ),
            "/health": _get("health", "Whether the process answers, and with which run", _OBJECT),
            "/ready": _get("ready", "Whether a prediction can be answered now", _OBJECT, [503]),
            "/metrics": _get("metrics", "Metrics in the text format of Prometheus", None),
        },
        "components": components,
    }  # fmt: skip


def example_customer(model: Model) -> Json:
    """A typical customer as a request body."""
    typical = model.run.explainer.typical
    return {
        name: _json_value(feature, typical[name])
        for name, feature in model.run.contract.features.items()
    }


def days_ago(days: float) -> str:
    """The date so many days ago, in the format of a request."""
    return (datetime.now(UTC) - timedelta(days=round(days))).date().isoformat()


def _json_value(feature: Feature, typical: Any) -> Any:
    if typical is None or isinstance(typical, str):
        return typical
    if feature.kind == "flag":
        return bool(typical)
    if feature.kind == "date":
        return days_ago(typical)
    # A median may lie between two whole numbers.
    integer = isinstance(feature, Number) and feature.integer
    return round(typical) if integer else float(typical)


def _post(
    name: str,
    summary: str,
    body: Json,
    examples: Mapping[str, Json],
    response: Json,
    keys: bool,
    parameters: Iterable[Json] = (),
) -> Json:
    operation = _operation(name, summary, response, POST_ERRORS, parameters, keys)
    named = {name: {"value": value} for name, value in examples.items()}
    content = {JSON: {"schema": body, "examples": named}}
    operation["requestBody"] = {"required": True, "content": content}
    return {"post": operation}


def _get(
    name: str,
    summary: str,
    response: Json | None,
    errors: Iterable[int] = (),
    parameters: Iterable[Json] = (),
    keys: bool = False,
) -> Json:
    return {"get": _operation(name, summary, response, errors, parameters, keys)}


def _operation(
    name: str,
    summary: str,
    response: Json | None,
    errors: Iterable[int],
    parameters: Iterable[Json],
    keys: bool,
) -> Json:
    if response is None:
        content: Json = {"text/plain": {"schema": {"type": "string"}}}
    else:
        content = {JSON: {"schema": response}}
    problem = {PROBLEM: {"schema": {"$ref": REF.format(model="ProblemDetails")}}}
    # Each may be requested with an unknown parameter, or with an untrusted host.
    errors = {*errors, 400, 422, *([401] if keys else [])}
    operation: Json = {
        "operationId": name,
        "summary": summary,
        "parameters": list(parameters),
        "responses": {
            "200": {"description": "Success", "content": content},
            **{
                str(status): {"description": STATUS_DESCRIPTIONS[status], "content": problem}
                for status in sorted(errors)
            },
        },
    }
    if keys:
        operation["security"] = [{"key": []}]
    return operation
