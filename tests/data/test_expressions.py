"""Formulas: the same result for a column of ten million rows and for one record."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from churn.data.contract import Category, Flag, Number
from churn.data.expressions import Formula

NAN = float("nan")
FEATURES = {
    "x": Number(nullable=True),
    "y": Number(nullable=True),
    "f": Flag(nullable=True),
    "c": Category(categories=("Yes", "No", "No line"), nullable=True),
}

atoms = st.sampled_from(["x", "y", "f", "0", "1", "2.5", 'c == "Yes"', '"No line" != c', "x > y"])


def combine(inner):
    joined = st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "<", "<=", "==", "!="]), inner)
    return joined.map(lambda parts: "({}) {} ({})".format(*parts)) | inner.map("-({})".format)


formulas = st.recursive(atoms, combine, max_leaves=6)
quarters = st.integers(-400, 400).map(lambda n: n / 4)
records = st.fixed_dictionaries(
    {
        "x": quarters,
        "y": quarters,
        "f": st.sampled_from([0.0, 1.0]),
        "c": st.sampled_from(["Yes", "No", "No line", "never seen"]),
    }
)
incomplete = st.fixed_dictionaries(
    {
        "x": quarters | st.just(NAN),
        "y": quarters | st.just(NAN),
        "f": st.sampled_from([0.0, 1.0, NAN]),
        "c": st.sampled_from(["Yes", "No", "No line", "never seen", None]),
    }
)


def as_columns(rows):
    columns = {name: np.array([row[name] for row in rows]) for name in ("x", "y", "f")}
    known = ["Yes", "No", "No line", "never seen"]
    return columns | {"c": pd.Categorical([row["c"] for row in rows], categories=known)}


@pytest.mark.slow
@given(formulas, st.lists(incomplete, min_size=1, max_size=6))
@settings(max_examples=200, deadline=None)
def test_a_formula_over_columns_is_the_formula_over_each_record(text, rows):
    assert Formula.problems(text, FEATURES) == []
    formula = Formula(text)
    column = np.broadcast_to(formula(as_columns(rows)), len(rows))  # one of constants is one number
    assert column.dtype == np.float64
    np.testing.assert_array_equal(column, [formula(row) for row in rows])


@given(formulas, records)
@settings(max_examples=200, deadline=None)
def test_without_missing_values_a_formula_is_what_python_makes_of_it(text, record):
    try:
        expected = float(eval(text, {}, record))
    except ZeroDivisionError:
        assume(False)
    assert Formula(text)(record) == expected


@given(incomplete)
@settings(max_examples=50, deadline=None)
def test_a_missing_number_makes_arithmetic_missing(record):
    missing = math.isnan(record["x"]) or math.isnan(record["y"])
    for text in ("x + y", "x - y", "x * y", "-x * -y", "(x + y) * 0"):
        assert math.isnan(Formula(text)(record)) == missing


COMPARISONS = ["x == 1", "x < 1", "x <= 1", "x > 1", "x >= 1", "f == 1", 'c == "Yes"', '"Yes" == c']
UNEQUAL = ["x != 1", "x != y", "f != 1", 'c != "Yes"', '"Yes" != c']
RECORD = {"x": NAN, "y": NAN, "f": NAN, "c": None}


@pytest.mark.parametrize(
    "text",
    [
        *COMPARISONS,
        *(pytest.param(text) for text in UNEQUAL),
    ],
)
def test_a_comparison_with_something_missing_is_no(text):
    formula = Formula(text)
    assert formula(RECORD) == 0.0
    assert formula(as_columns([RECORD])).tolist() == [0.0]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("x / y", 6 / 4),
        ("x - y - 1", 1.0),
        ("x - (y - 1)", 3.0),
        ("-x + 2.5 * y", 4.0),
        ("(x > y) + (y > x) + f", 2.0),
        ('c == "No line"', 1.0),
        ('c != "No line"', 0.0),
        ('(c == "Yes")\n  + (c == "No line")', 1.0),
        ("x / 0", NAN),
        ("x / (y - 4)", NAN),
        ("0 / 0", NAN),
        ("7", 7.0),
        ("x  # and why", 6.0),
    ],
)
def test_a_formula_means_what_it_says(text, value):
    record = {"x": 6.0, "y": 4.0, "f": 1.0, "c": "No line"}
    assert Formula.problems(text, FEATURES) == []
    np.testing.assert_equal(Formula(text)(record), value)
    column = np.broadcast_to(Formula(text)(as_columns([record, record])), 2)
    np.testing.assert_equal(column, [value, value])


def test_a_division_by_zero_is_missing_in_its_row_only():
    ratio = Formula("x / y")({"x": np.array([1.0, 2, 0]), "y": np.array([0.0, 4, 0])})
    np.testing.assert_array_equal(ratio, [NAN, 0.5, NAN])


def test_the_columns_of_a_formula_are_the_names_in_it():
    assert Formula('(c == "x") + y / (y + 2)').columns == {"c", "y"}
    assert Formula("1 + 1").columns == set()


def test_evaluating_leaves_the_columns_as_they_are():
    columns = {"x": np.array([1.0, 2]), "y": np.array([0.0, 1])}
    Formula("-(x / y) + x")(columns)
    assert columns["x"].tolist() == [1, 2]
    assert columns["y"].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x +", "not an expression"),
        ("", "not allowed"),
        ("x; y", "not an expression"),
        ("x = 1", "not an expression"),
        ("z", "no feature is called 'z'"),
        ("x ** 2", "Pow is not allowed"),
        ("x % 2", "Mod is not allowed"),
        ("x if f else y", "IfExp is not allowed"),
        ("x and y", "BoolOp is not allowed"),
        ("not f", "Not is not allowed"),
        ("1 < x < 3", "compare two things at a time"),
        ("abs(x)", "Call is not allowed"),
        ("__import__('os').system('true')", "Call is not allowed"),
        ("x.real", "Attribute is not allowed"),
        ("x[0]", "Subscript is not allowed"),
        ("lambda: x", "Lambda is not allowed"),
        ("(x, y)", "Tuple is not allowed"),
        ('x in "abc"', "In is not allowed"),
        ("c", "the result is a text"),
        ('"Yes"', "the result is a text"),
        ("-c", "no arithmetic with texts"),
        ("c * 2", "no arithmetic with texts"),
        ('x + "1"', "no arithmetic with texts"),
        ("c == 1", "a category can only be compared with a text"),
        ("c == x", "a category can only be compared with a text"),
        ('c < "Yes"', "by == or !="),
        ("c == c", "a category can only be compared with a text"),
        ('x == "Yes"', "a category can only be compared with a text"),
    ],
)
def test_what_is_no_formula_is_named(text, says):
    found = Formula.problems(text, FEATURES)
    assert found
    assert says in "; ".join(found)


@pytest.mark.parametrize("text", ["x + None", 'x + b"Yes"', "x + 1j", "x + ..."])
def test_a_constant_that_is_no_number_is_named(text):
    assert Formula.problems(text, FEATURES)


def test_every_mistake_in_a_formula_is_named():
    found = Formula.problems("z ** 2 + w % x", FEATURES)
    assert len(found) == 4


def test_a_name_with_blanks_stands_in_backquotes():
    features = {"Phone Service": FEATURES["c"], "x y": FEATURES["x"], "x": FEATURES["x"]}
    text = '(`Phone Service` == "Yes") * (`x y` > 2) * (x < 9)'
    assert Formula.problems(text, features) == []
    formula = Formula(text)
    assert formula.columns == {"Phone Service", "x y", "x"}
    assert formula({"Phone Service": "Yes", "x y": 3.0, "x": 1.0}) == 1
    assert Formula.problems("`no such` + 1", features) == ["no feature is called 'no such'"]
    # A backquote in a text is a part of the text.
    assert Formula("c == 'a`b`c'").columns == {"c"}
