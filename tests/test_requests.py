"""The request model follows from the contract, whatever its columns are called."""

import json

import pytest

from churn.contract import Contract
from churn.errors import ChurnError
from churn.requests import Requests, request_model

CONTRACT = Contract.parse(
    {
        "target": "left", "positive": "1", "negative": ["0"],
        "features": {
            "Monthly Charges (€)": {"kind": "number", "min": 0.5, "description": "What is paid"},
            "class": {"kind": "category", "categories": ["a", "b"], "unseen": "flag"},
            "_private": {"kind": "flag", "nullable": True},
            "model_config": {"kind": "number", "integer": True, "nullable": True, "max": 9},
        },
    }
)  # fmt: skip
GOOD = {"Monthly Charges (€)": 1, "class": "c", "_private": "No", "model_config": 3.0}


@pytest.fixture(scope="module")
def requests():
    return Requests(CONTRACT, max_batch=2)


def read(requests, value):
    return requests.read_record(json.dumps(value).encode())


def test_any_column_name_will_do(requests):
    records, problems = read(requests, GOOD)
    assert problems == []
    assert records == [GOOD | {"_private": 0.0}]
    assert isinstance(records[0]["Monthly Charges (€)"], float)


def test_what_may_be_missing_may_be_left_out(requests):
    records, problems = read(requests, {"Monthly Charges (€)": 1, "class": "a"})
    assert problems == []
    assert (records[0]["_private"], records[0]["model_config"]) == (None, None)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("Monthly Charges (€)", 0.4, "a number of at least 0.5"),
        ("Monthly Charges (€)", None, "a number of at least 0.5"),
        ("Monthly Charges (€)", True, "a number of at least 0.5"),
        ("model_config", 3.00000001, "a whole number of at most 9, or null"),
        ("model_config", "3", "a whole number of at most 9, or null"),
        ("class", "", "a text"),
        ("class", "NaN", "a text"),
        ("class", 3, "a text"),
        ("_private", 0.5, "true or false (or 1 or 0, yes or no), or null"),
        ("f0", 1, "no such field"),
        ("id", 1, "no such field"),
    ],
)
def test_problem_says_where_what_was_expected_and_what_came(requests, name, value, expected):
    records, (problem,) = read(requests, GOOD | {name: value})
    assert records == []
    assert (problem.where, problem.expected) == (name, expected)
    assert problem.got == json.dumps(value)


def test_batch_says_which_customer(requests):
    body = {"customers": [GOOD, GOOD | {"class": None}]}
    _, (problem,) = requests.read_batch(json.dumps(body).encode())
    assert problem.where == "customers[1].class"


def test_long_values_are_cut(requests):
    _, (problem,) = read(requests, GOOD | {"model_config": "x" * 10_000})
    assert len(problem.got) <= 80


def test_what_is_no_json(requests):
    with pytest.raises(ChurnError, match="not JSON"):
        requests.read_record(b"{")


def test_schema_carries_the_contract():
    schema = request_model(CONTRACT).model_json_schema()
    charges = schema["properties"]["Monthly Charges (€)"]
    assert (charges["minimum"], charges["description"]) == (0.5, "What is paid")
    assert schema["required"] == ["Monthly Charges (€)", "class"]
    assert schema["additionalProperties"] is False
