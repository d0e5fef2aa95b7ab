"""The responses of the API: their types, for the OpenAPI document, and their JSON.

The JSON of predictions is formatted here field by field: a general encoder, which checks the type
of every value, takes most of the time of a response.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from json.encoder import encode_basestring_ascii as quoted
from typing import Any, Literal

from typing_extensions import TypedDict  # Pydantic accepts typing's only from Python 3.12 on

from churn.scoring.json_body import Problem, Problems
from serve.served_model import Model

JSON = "application/json"
# An object of JSON.
Json = dict[str, Any]


class Contribution(TypedDict):
    """The contribution of one feature, in probability, compared with its typical value."""

    feature: str
    value: float | str | None
    typical: float | str | None
    contribution: float
    actionable: bool


class Counterfactual(TypedDict):
    """Another value of an actionable feature, and the probability with it."""

    feature: str
    value: float | str
    probability: float


class Prediction(TypedDict):
    """The churn probability of one customer; `churn` is true from the threshold on."""

    prediction: str
    customer: str | int | None
    probability: float
    churn: bool
    unseen: list[str]


class Answer(Prediction):
    """A prediction, with the run that made it."""

    threshold: float
    run: str


class Explained(Answer):
    """A prediction with its reasons, and the single change that lowers the probability most."""

    reasons: list[Contribution]
    best_change: Counterfactual | None


class WhatIf(TypedDict):
    """The churn probability of a hypothetical customer; it is not logged."""

    probability: float
    churn: bool
    unseen: list[str]
    threshold: float
    run: str
    reasons: list[Contribution]
    best_change: Counterfactual | None


class Answers(TypedDict):
    """The predictions for a batch, in its order; null where a customer has a problem.

    The first 100 problems are named; problem_count says how many there are.
    """

    run: str
    threshold: float
    predictions: list[Prediction | None]
    problems: list[Problem]
    problem_count: int


class Logged(TypedDict):
    """A prediction in the log."""

    prediction: str
    time: str
    run: str
    customer: str | None
    probability: float
    churn: bool
    threshold: float


class Log(TypedDict):
    """The latest predictions, the newest first."""

    predictions: list[Logged]


class Added(TypedDict):
    """How many outcomes are new, correct a stored one, or change nothing."""

    new: int
    corrected: int
    unchanged: int


class RecordedCalls(TypedDict):
    """How many results of calls are new, known already, or older than what is known.

    `unlisted` are of customers on no list of the campaign then, and `control` of customers whom the
    list said not to call; neither is recorded. `other` of the new ones had another action.
    """

    new: int
    known: int
    older: int
    unlisted: int
    control: int
    other: int


class ProblemDetails(TypedDict):
    """An error, as of RFC 9457."""

    type: Literal["about:blank"]
    title: str
    status: int
    detail: str
    problems: list[Problem]


def prediction_json(model: Model, prediction: str, record: Json, probability: float) -> str:
    """An Answer as JSON, its closing brace left out."""
    return f"{_prediction(model, prediction, record, probability)},{model.common_fields}"


def batch_json(
    model: Model,
    prediction: str,
    records: Sequence[Json | None],
    probabilities: Sequence[float | None],
    problems: Problems,
) -> str:
    """Answers as JSON; the i-th prediction of it is called `<prediction>-<i>`."""
    many = ",".join(
        [
            "null"
            if record is None or p is None
            else f"{_prediction(model, f'{prediction}-{i}', record, p)}}}"
            for i, (record, p) in enumerate(zip(records, probabilities, strict=True))
        ]
    )
    named = json.dumps([asdict(problem) for problem in problems.named])
    return (
        f'{{{model.common_fields},"predictions":[{many}],'
        f'"problems":{named},"problem_count":{problems.total}}}'
    )


def _prediction(model: Model, prediction: str, record: Json, probability: float) -> str:
    key = model.run.contract.id
    churn = "true" if probability >= model.run.scorer.threshold else "false"
    # Most contracts refuse unseen categories, and then there is nothing to look for.
    unseen = json.dumps(model.unseen(record)) if model.flags_unseen else "[]"
    return (
        f'{{"prediction":"{prediction}","customer":{_id_json(record.get(key) if key else None)},'
        f'"probability":{probability!r},"churn":{churn},"unseen":{unseen}'
    )


def _id_json(customer: Any) -> str:
    """An id as json.dumps would write it, whose own look at the type takes most of its time."""
    if customer is None:
        return "null"
    return quoted(customer) if isinstance(customer, str) else json.dumps(customer)
