"""What the API answers: the shapes, for its document, and their bytes, written out by hand.

Most of what Flask takes to answer is to look at every value for how it is written as JSON; here
that is known beforehand.
"""

import json
from dataclasses import asdict
from json.encoder import encode_basestring_ascii as quoted
from typing import Literal

from typing_extensions import TypedDict  # Pydantic takes no older one than 3.12's

from churn.scoring.json_body import Problem, Problems
from serve.served_model import Model

JSON = "application/json"


class Reason(TypedDict):
    """What one feature adds to a customer's risk, in probability, and its typical value."""

    feature: str
    value: float | str | None
    typical: float | str | None
    contribution: float
    actionable: bool


class Change(TypedDict):
    """Another value of a feature that the business can change, and the risk with it."""

    feature: str
    value: float | str
    probability: float


class Prediction(TypedDict):
    """The risk of one customer; `churn` says whether a call is worth its cost."""

    prediction: str
    customer: str | int | None
    probability: float
    churn: bool
    unseen: list[str]


class Answer(Prediction):
    """The risk of one customer, and by which run."""

    threshold: float
    run: str


class Explained(Answer):
    """The same with its reasons, and the change by the business that lowers the risk most."""

    reasons: list[Reason]
    best_change: Change | None


class WhatIf(TypedDict):
    """The risk that a customer would have; no prediction, and not logged."""

    probability: float
    churn: bool
    unseen: list[str]
    threshold: float
    run: str
    reasons: list[Reason]
    best_change: Change | None


class Answers(TypedDict):
    """The risks of many customers, in their order; null where a customer has a problem.

    The first 100 problems are named; problem_count says how many there are.
    """

    run: str
    threshold: float
    predictions: list[Prediction | None]
    problems: list[Problem]
    problem_count: int


class Logged(TypedDict):
    """A prediction as the log has it."""

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
    """How many outcomes are new, correct what was known, or change nothing."""

    new: int
    corrected: int
    unchanged: int


class ProblemDetails(TypedDict):
    """RFC 9457."""

    type: Literal["about:blank"]
    title: str
    status: int
    detail: str
    problems: list[Problem]


def prediction_json(model: Model, prediction: str, record: dict, probability: float) -> str:
    """An Answer as JSON, its closing brace left out."""
    return f"{_prediction(model, prediction, record, probability)},{model.common_fields}"


def batch_json(
    model: Model, prediction: str, records: list, probabilities: list, problems: Problems
) -> str:
    """Answers as JSON; the i-th prediction of it is called `<prediction>-<i>`."""
    many = ",".join(
        [
            "null" if record is None else f"{_prediction(model, f'{prediction}-{i}', record, p)}}}"
            for i, (record, p) in enumerate(zip(records, probabilities, strict=True))
        ]
    )
    named = json.dumps([asdict(problem) for problem in problems.named])
    return (
        f'{{{model.common_fields},"predictions":[{many}],'
        f'"problems":{named},"problem_count":{problems.total}}}'
    )


def _prediction(model: Model, prediction: str, record: dict, probability: float) -> str:
    customer = record.get(model.run.contract.id)
    # What json.dumps has to find out first is half of what it takes for a text.
    customer = quoted(customer) if isinstance(customer, str) else json.dumps(customer)
    churn = "true" if probability >= model.run.scorer.threshold else "false"
    # Most contracts refuse what was not there in training, and then there is nothing to look for.
    unseen = json.dumps(model.unseen(record)) if model.flags_unseen else "[]"
    return (
        f'{{"prediction":"{prediction}","customer":{customer},"probability":{probability!r},'
        f'"churn":{churn},"unseen":{unseen}'
    )
