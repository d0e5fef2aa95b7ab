"""A program is plain values: it is checked strictly, and nothing of it is executed."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn.errors import ChurnError
from churn.scoring.compiler import compile_program
from churn.scoring.program import Program

NUMBER = {"op": "number", "name": "x"}
STUMP = {
    "columns": [0, -1, -1], "cuts": [1.5, 0.0, 0.0], "lefts": [1, 0, 0], "rights": [2, 0, 0],
    "missing_left": [True, False, False], "values": [0.0, -1.0, 1.0],
}  # fmt: skip


def boosted(**changed):
    return {"op": "boosted_trees", "columns": [0], "baseline": 0.5, "trees": [STUMP | changed]}


def run(*steps):
    return compile_program(Program.parse({"steps": list(steps)}))


def test_small_programs_do_what_they_say():
    assert run(NUMBER, boosted())({"x": 1.0}) == -0.5
    assert run(NUMBER, boosted())({"x": 2.0}) == 1.5
    assert run(NUMBER, boosted())({}) == -0.5
    levels = {"levels": [[0.0, 2.0], None, None], "missing_left": [False] * 3}
    by_level = run(
        {"op": "category", "name": "x", "categories": ["a", "b", "c"]}, boosted(**levels)
    )
    assert [by_level({"x": x}) for x in ("a", "b", " c ", "?", None)] == [-0.5, 1.5, -0.5, 1.5, 1.5]
    missing = {"columns": [0, 0], "cuts": [None, 1.0], "values": [1.0, 2.0, 3.0, 4.0]}
    oblivious = {"op": "oblivious_trees", "columns": [0], "baseline": 0.0, "trees": [missing]}
    assert [run(NUMBER, oblivious)({"x": x}) for x in (None, 0, 2)] == [1.0, 2.0, 4.0]
    ratio = {"op": "divide", "left": 0, "right": 1}
    score = run(NUMBER, {"op": "number", "name": "y"}, ratio, {"op": "finite", "of": 2})
    assert score({"x": 1, "y": 4}) == 0.25
    assert math.isnan(score({"x": 1, "y": 0}))


texts = st.text(max_size=20) | st.sampled_from(
    ['"', "'", "\\", "\n", "']; import os; ['", "v1", "f1", "record", "{**x}", "\ud800", "\0"]
)


@settings(max_examples=30, deadline=None)
@given(name=texts, other=texts, category=texts.filter(lambda text: text == text.strip()))
def test_no_text_becomes_source(name, other, category):
    score = run(
        {"op": "category", "name": name, "categories": [category, "else"]},
        {"op": "equal_text", "column": 0, "text": category},
        {"op": "flag", "name": name + other + "_"},
        {"op": "sum", "intercept": 0.0, "weights": [1.0, 2.0], "terms": [1, 2]},
    )
    assert score({name: category, name + other + "_": True}) == 3.0
    assert score({name: "something", name + other + "_": False}) == 0.0


CHILD_IN_FRONT = boosted(lefts=[0, 0, 0])
TWO_PARENTS = boosted(columns=[0, 0, -1], lefts=[1, 2, 0], rights=[2, 2, 0])
COMBS = 400  # a chain of so many splits
DEEP = boosted(
    columns=[0, -1] * COMBS + [-1], cuts=[0.0] * (2 * COMBS + 1), values=[0.0] * (2 * COMBS + 1),
    missing_left=[True] * (2 * COMBS + 1),
    lefts=[i + 1 for i in range(2 * COMBS)] + [0], rights=[i + 2 for i in range(2 * COMBS)] + [0],
)  # fmt: skip


@pytest.mark.parametrize(
    ("steps", "problem"),
    [
        ([], "at least 1 item"),
        ([{"op": "exec", "text": "import os"}], "exec"),
        ([{"op": "number"}], "name: Field required"),
        ([NUMBER | {"code": "import os"}], "code: Extra inputs"),
        ([{"op": "number", "name": 3}], "valid string"),
        ([NUMBER, {"op": "negate", "of": 1}], "refers to step 1"),
        ([NUMBER, {"op": "negate", "of": -1}], "greater than or equal to 0"),
        ([NUMBER, {"op": "negate", "of": True}], "valid integer"),
        ([NUMBER, {"op": "clip", "of": 0, "low": math.nan, "high": 1.0}], "finite number"),
        ([NUMBER, {"op": "clip", "of": 0, "low": "__import__('os')", "high": 1.0}], "valid number"),
        ([NUMBER, {"op": "sum", "intercept": 0.0, "weights": [], "terms": [0]}], "one length"),
        ([NUMBER, {"op": "equal_text", "column": 0, "text": "a"}], "no category"),
        ([NUMBER, CHILD_IN_FRONT], "must be behind it"),
        ([NUMBER, TWO_PARENTS], "two parents"),
        ([NUMBER, DEEP], "deep"),
        ([NUMBER, boosted(columns=[7, -1, -1])], "column 7"),
        ([NUMBER, boosted(cuts=[1.5])], "one length"),
    ],
)
def test_whatever_is_no_program_is_refused(steps, problem):
    with pytest.raises(ChurnError, match="compiled model cannot be used") as caught:
        Program.parse({"steps": steps})
    assert problem in str(caught.value)


def test_problems_are_named_together():
    with pytest.raises(ChurnError) as caught:
        Program.parse({"steps": [{"op": "number"}, {"op": "flag"}, {"op": "what"}], "more": 1})
    assert len(caught.value.problems) == 4


def test_a_program_is_the_same_when_it_comes_from_json():
    program = Program.parse({"steps": [NUMBER, boosted(cuts=[math.inf, 0.0, 0.0])]})
    again = Program.parse(json.loads(json.dumps(program.to_plain())))
    assert again == program
    assert compile_program(again)({"x": 9.0}) == -0.5


def test_many_trees_are_compiled_in_pieces():
    """Python holds all other threads up for as long as it compiles one function."""
    score = run(NUMBER, boosted() | {"trees": [STUMP] * 5_000})
    functions = [f for f in score.__globals__.values() if hasattr(f, "__code__")]
    assert max(len(f.__code__.co_code) for f in functions) < 60_000
    assert score({"x": 0.0}) == 0.5 - 5_000
