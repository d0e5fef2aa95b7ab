"""The API as an OpenAPI 3.1 document, made of the types that read requests and name answers."""

from pydantic import TypeAdapter

from churn.feedback.outcomes import body_type
from serve import responses
from serve.api_keys import HEADER
from serve.served_model import Model

REF = "#/components/schemas/{model}"
PROBLEM = "application/problem+json"
ANSWERS = ("Answer", "Answers", "Explained", "WhatIf", "Log", "Added", "ProblemDetails")
SAID = {
    400: "The body is no JSON",
    401: "An API key is wanted",
    413: "The body is too large",
    415: "The body is not application/json",
    422: "The request breaks the contract; its problems say where",
    503: "No model is loaded, or the prediction log cannot be reached",
}
EXPLAIN = {
    "name": "explain", "in": "query", "description": "1 for the reasons, too",
    "schema": {"enum": ["0", "1"], "default": "0"},
}  # fmt: skip
LIMIT = {
    "name": "limit", "in": "query", "description": "How many at most",
    "schema": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 20},
}  # fmt: skip


def document(model: Model, keys: bool = False) -> dict:
    """The document of the API as it is with a model.

    Parameters
    ----------
    model : Model
    keys : bool
        Whether an API key is wanted.
    """
    named = {
        "Customer": model.requests.record,
        "Batch": model.requests.batch,
        "Outcomes": body_type(model.requests.max_batch),
        **{name: TypeAdapter(getattr(responses, name)) for name in ANSWERS},
    }
    body, said = "validation", "serialization"
    modes = {"Customer": body, "Batch": body, "Outcomes": body}
    schemas, shared = TypeAdapter.json_schemas(
        [(name, modes.get(name, said), adapter) for name, adapter in named.items()],
        ref_template=REF,
    )
    found = {name: schema for (name, _), schema in schemas.items()}
    one_or_explained = {"anyOf": [found["Explained"], found["Answer"]]}
    paths = {
        "/predict": _post("predict", "The risk of one customer", found["Customer"],
                          one_or_explained, keys, [EXPLAIN]),
        "/predict/batch": _post("predict_batch", "The risk of many customers", found["Batch"],
                                found["Answers"], keys),
        "/what-if": _post("what_if", "The risk that a customer would have; it is not logged",
                          found["Customer"], found["WhatIf"], keys),
        "/predictions": _get("predictions", "The latest predictions in the log", found["Log"],
                             [422, 503], [LIMIT], keys),
        "/outcomes": _post("outcomes", "What happened to customers; what is recorded last holds",
                           found["Outcomes"], found["Added"], keys),
        "/model/info": _get("info", "What the model is and how good it is", _OBJECT, [503]),
        "/health": _get("health", "Whether the process answers, and with which model", _OBJECT),
        "/ready": _get("ready", "Whether a prediction would be answered", _OBJECT, [503]),
        "/metrics": _get("metrics", "Prometheus' text format", None),
    }  # fmt: skip
    components = {"schemas": shared.get("$defs", {})}
    if keys:
        components["securitySchemes"] = {"key": {"type": "apiKey", "in": "header", "name": HEADER}}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "churn",
            "version": model.run.run,
            "description": f"Who is about to leave, by {model.run.candidate} of {model.run.run}.",
        },
        "paths": paths,
        "components": components,
    }


_OBJECT = {"type": "object"}


def _post(name: str, summary: str, body: dict, answer: dict, keys: bool, parameters=()) -> dict:
    operation = _operation(name, summary, answer, [400, 413, 415, 422, 503], parameters, keys)
    operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return {"post": operation}


def _get(name: str, summary: str, answer: dict | None, errors=(), parameters=(), keys=False):
    return {"get": _operation(name, summary, answer, errors, parameters, keys)}


def _operation(name, summary, answer, errors, parameters, keys) -> dict:
    if answer is None:
        content = {"text/plain": {"schema": {"type": "string"}}}
    else:
        content = {"application/json": {"schema": answer}}
    problem = {PROBLEM: {"schema": {"$ref": REF.format(model="ProblemDetails")}}}
    operation = {
        "operationId": name,
        "summary": summary,
        "parameters": list(parameters),
        "responses": {
            "200": {"description": "The answer", "content": content},
            **{
                str(status): {"description": SAID[status], "content": problem}
                for status in sorted([*errors, *([401] if keys else [])])
            },
        },
    }
    if keys:
        operation["security"] = [{"key": []}]
    return operation
