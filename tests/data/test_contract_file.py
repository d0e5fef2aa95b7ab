"""An inferred contract as a file: comments summarise each column, and odd names do no harm."""

import time
import tomllib

import numpy as np
import pandas as pd
import pytest

from churn.data.contract import Contract, label
from churn.data.contract_file import annotated_toml
from churn.data.inference import infer_contract
from churn.data.validation import validate_data
from churn.errors import ChurnError

N = 400
ODD = [
    "self",
    "a.b",
    "a b",
    'q"x',
    "n\nl",
    "🙂",
    "None",
    "class",
    "index",
    "reason",
    "x[0]",
    "{y}",
    "",
]


def table():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({name: rng.choice(["a", "b", "c"], N) for name in ODD})
    frame["spend"] = [None, *map(str, range(1, N))]
    frame["name"] = [f"n{i}" for i in range(N)]
    frame["left"] = rng.choice(["yes", "no"], N)
    return frame


def test_the_file_says_what_was_seen_and_is_the_same_contract():
    contract = infer_contract(table(), "left")
    text = annotated_toml(contract, table())
    assert Contract.parse(tomllib.loads(text)) == contract
    assert "399 different values, the first 1, 2, 3; from 1 to 399; 1 missing (0.2%)" in text
    assert "name: 400 different texts, more than the 100 of a category" in text
    assert "3 different values, the first " in text
    for word in ("actionable = true", "unit =", "[derived]", "unseen =", "horizon_days", "project"):
        assert word in text


def test_a_table_whose_columns_have_odd_names_keeps_its_contract():
    frame = table().drop(columns="name")
    contract = infer_contract(frame, "left")
    assert set(ODD) < set(contract.features)
    checked = validate_data(frame, contract)
    assert len(checked.frame) == N
    broken = frame.copy()
    broken.loc[0, "self"] = "d"
    assert validate_data(broken, contract).rejected["_reason"].tolist() == [
        "self: a category never seen"
    ]


def test_a_column_that_is_itself_a_target_by_rule_may_be_called_self():
    days = [f"2024-01-{day:02}" for day in range(1, 29)] * 20
    frame = pd.DataFrame({"self": days, "plan": np.resize(["a", "b"], len(days))})
    contract = infer_contract(frame, "self < 2024-01-11")
    assert (validate_data(frame, contract).frame["left"] == "yes").sum() == 200


def wide(n):
    features = {f"f{i}": {"kind": "number"} for i in range(n)}
    return {"target": "y", "positive": "1", "negative": ["0"], "features": features}


def seconds(n):
    start = time.process_time()
    contract = Contract.parse(wide(n))
    contract.without(["f1", "f2"])
    return time.process_time() - start


def test_a_contract_of_many_columns_takes_time_in_proportion():
    few = min(seconds(2_000) for _ in range(3))
    assert min(seconds(16_000) for _ in range(2)) < 24 * few


def test_a_number_that_no_float_holds_is_refused():
    with pytest.raises(ChurnError, match="too large a number"):
        Contract.parse(wide(2) | {"derived": {"x": f"f1 * {'9' * 400}"}})


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("NumOfProducts", "Num of products"),
        ("num_of_products", "Num of products"),
        ("HasCrCard", "Has cr card"),
        ("customerID", "Customer ID"),
        ("tenure", "Tenure"),
        ("Tenure in months", "Tenure in months"),
    ],
)
def test_a_column_s_name_is_read_as_words(name, words):
    assert label(name) == words


def test_the_file_says_what_amounts_dates_and_words_for_missing_values_are():
    frame = table()[["spend", "left"]]
    frame["fee"] = np.resize(["$1,234.50", "$3.00"], N)
    frame["since"] = np.resize(["25.03.2024", "26.03.2024", "?"], N)
    frame["region"] = np.resize(["EU", "NA", None], N)
    text = annotated_toml(infer_contract(frame, "left"), frame)
    assert "from 3 to 1234.5" in text
    assert "from 2024-03-25 to 2024-03-26" in text
    assert "cells say '?': a word for a missing value, taken as missing" in text
    assert "cells say 'NA': a word for a missing value elsewhere, a category here" in text
    assert "Nothing" not in text
