"""The request schema follows from the contract, for any names of columns."""

import contextlib
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from churn.data.contract import Contract
from churn.scoring.json_body import InvalidRequest
from churn.scoring.request_schema import RequestSchema

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
    return RequestSchema(CONTRACT, max_batch=2)


def read(requests, value):
    return requests.read_record(json.dumps(value).encode())


def problem_of(requests, value):
    with pytest.raises(InvalidRequest) as caught:
        read(requests, value)
    (problem,) = caught.value.wrong
    return problem


def test_any_column_name_will_do(requests):
    record = read(requests, GOOD)
    assert record == GOOD
    assert isinstance(record["Monthly Charges (€)"], float)


def test_what_may_be_missing_may_be_left_out(requests):
    record = read(requests, {"Monthly Charges (€)": 1, "class": "a"})
    assert (record.get("_private"), record.get("model_config")) == (None, None)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("Monthly Charges (€)", 0.4, "a number of at least 0.5"),
        ("Monthly Charges (€)", None, "a number of at least 0.5"),
        ("Monthly Charges (€)", True, "a number of at least 0.5"),
        ("model_config", 3.00000001, "a whole number of at most 9, or null"),
        ("model_config", "3", "a whole number of at most 9, or null"),
        ("class", "", "a text, no word for a missing value"),
        ("class", "NaN", "a text, no word for a missing value"),
        ("class", 3, "a text, no word for a missing value"),
        ("_private", 0.5, "true or false (or 1 or 0, yes or no), or null"),
        ("f0", 1, "no such field"),
        ("id", 1, "no such field"),
    ],
)
def test_problem_says_where_what_was_expected_and_what_came(requests, name, value, expected):
    problem = problem_of(requests, GOOD | {name: value})
    assert (problem.where, problem.expected) == (name, expected)
    assert problem.got == json.dumps(value)


def test_batch_says_which_customer(requests):
    body = {"customers": [GOOD, GOOD | {"class": None}]}
    records, problems = requests.read_batch(json.dumps(body).encode())
    (problem,) = problems.named
    assert problem.where == "customers[1].class"
    assert records == [read(requests, GOOD), None]


def test_batch_of_bad_customers_alone_is_refused(requests):
    body = {"customers": [GOOD | {"class": None}, 3]}
    with pytest.raises(InvalidRequest) as caught:
        requests.read_batch(json.dumps(body).encode())
    assert [one.where for one in caught.value.wrong] == ["customers[0].class", "customers[1]"]


@given(
    bad=st.lists(st.booleans(), min_size=1, max_size=2).filter(lambda bad: not all(bad)),
    whole=st.integers(-(2**70), 9),
)
def test_good_customers_of_a_batch_are_read_as_if_they_were_alone(requests, bad, whole):
    good = GOOD | {"model_config": whole, "Monthly Charges (€)": 0.7 + 0.1}
    sent = [GOOD | {"class": 3} if one else good for one in bad]
    records, problems = requests.read_batch(json.dumps({"customers": sent}).encode())
    assert records == [None if one else read(requests, good) for one in bad]
    assert [one.where for one in problems.named] == [
        f"customers[{i}].class" for i, one in enumerate(bad) if one
    ]


def test_long_values_are_cut(requests):
    problem = problem_of(requests, GOOD | {"model_config": "x" * 10_000})
    assert len(problem.got) <= 80


def test_what_is_no_json(requests):
    with pytest.raises(InvalidRequest, match="not JSON") as caught:
        requests.read_record(b"{")
    assert caught.value.malformed


def test_schema_carries_the_contract(requests):
    schema = requests.record.json_schema()
    charges = schema["properties"]["Monthly Charges (€)"]
    assert (charges["minimum"], charges["description"]) == (0.5, "What is paid")
    assert schema["required"] == ["Monthly Charges (€)", "class"]
    assert schema["additionalProperties"] is False


@pytest.mark.parametrize(
    ("customers", "total"),
    [
        (b"{}," * 9_999 + b"{}", 10_000 * 2),
        (b"[]," * 9_999 + b"{}", 10_001),
        (b'{"a":1,"b":2,"c":3},' * 9_999 + b"3", 9_999 * 5 + 1),
    ],
)
def test_problems_are_named_up_to_a_hundred_and_counted(customers, total):
    requests = RequestSchema(CONTRACT, max_batch=10_000)
    with pytest.raises(InvalidRequest) as caught:
        requests.read_batch(b'{"customers":[' + customers + b"]}")
    assert len(caught.value.wrong) == 100
    assert caught.value.total == total
    assert f"{total:,} problems, of which the first 100 are named" in caught.value.summary


@pytest.mark.slow
def test_object_of_a_million_fields_is_one_problem(requests):
    junk = b"{" + b",".join(b'"%x":1' % i for i in range(1_000_000)) + b"}"
    for read, body, place in (
        (requests.read_record, junk, "the body"),
        (requests.read_batch, b'{"customers":[' + junk + b"]}", "customers[0]"),
    ):
        with pytest.raises(InvalidRequest) as caught:
            read(body)
        (problem,) = caught.value.wrong
        assert (problem.where, problem.got) == (place, "1,000,000 fields")


values = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4)


fields = st.sampled_from([*GOOD, "other"])
usual = st.sampled_from(["a", "No", "a: b", 3, 0.5])


# Each field and its colon may come twice, or in a text.
@given(st.lists(st.tuples(fields, values | usual)), st.sampled_from([[], [{}], [GOOD]]))
def test_record_is_the_same_alone_and_in_a_batch(requests, pairs, others):
    record = "{" + ",".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in pairs) + "}"
    several = ",".join([record, *map(json.dumps, others)])
    alone = batch = None
    with contextlib.suppress(InvalidRequest):
        alone = requests.read_record(record.encode())
    with contextlib.suppress(InvalidRequest):
        batch, _ = requests.read_batch(f'{{"customers": [{several}]}}'.encode())
    assert (batch and batch[0]) == alone


def test_unknown_field_is_a_problem_beside_good_customers(requests):
    sent = [GOOD, {**GOOD, "other": 1}]
    records, problems = requests.read_batch(json.dumps({"customers": sent}).encode())
    assert [record is None for record in records] == [False, True]
    assert [problem.where for problem in problems.named] == ["customers[1].other"]
    # Another field of the body than the list is no less a problem.
    with pytest.raises(InvalidRequest, match="no such field; the only one is customers"):
        requests.read_batch(json.dumps({"customers": [GOOD], "other": 1}).encode())


HOSTILE = {
    "empty customers": b'{"customers":[' + b",".join([b"{}"] * 10_000) + b"]}",
    "empty lists": b'{"customers":[' + b",".join([b"[]"] * 1_000_000) + b"]}",
    "unknown fields": b'{"customers":[{'
    + b",".join(b'"%x":1' % i for i in range(300_000))
    + b"}]}",
}


@pytest.mark.slow
@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_memory_for_a_hostile_body_is_bounded_by_its_size(requests, body):
    # Linux resets the peak of a process's memory with this file, see proc(5).
    Path("/proc/self/clear_refs").write_text("5")
    before = peak_of_memory()
    with pytest.raises(InvalidRequest):
        requests.read_batch(body)
    assert peak_of_memory() - before < 40 * len(body) + 8 * 2**20


def peak_of_memory() -> int:
    """The largest resident set since the last reset, in bytes."""
    (line,) = re.findall(r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.M)
    return int(line) * 1024
