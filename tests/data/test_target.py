"""The value that means that a customer left: inferred, or required; spellings are one value."""

import numpy as np
import pandas as pd
import pytest

from churn.data.contract import Contract
from churn.data.inference import infer_contract
from churn.data.parsing import labels
from churn.data.source import notes
from churn.data.target import describe_target, read_labels, settle_target
from churn.data.validation import validate_data
from churn.errors import ChurnError
from churn.feedback.outcomes import read_table


def column(*values):
    return pd.Series(values, name="churn")


@pytest.mark.parametrize(
    ("values", "positive", "negative"),
    [
        (("no", "yes"), "yes", "no"),
        (("N", "Y"), "Y", "N"),
        (("0", "1"), "1", "0"),
        ((0, 1), "1", "0"),
        ((0.0, 1.0), "1", "0"),
        ((False, True), "True", "False"),
        (("-1", "1"), "1", "-1"),
        (("False.", "True."), "True.", "False."),
        (("no", "no", "No", "yes", "YES ", "yes"), "yes", "no"),
    ],
)
def test_an_opposite_pair_is_certain(values, positive, negative):
    label = settle_target(column(*values))
    assert (label.positive, label.negative) == (positive, (negative,))


@pytest.mark.parametrize(
    "values", [("1", "2"), ("yes", "0"), ("left", "stayed"), ("yes", "no", "joined")]
)
def test_anything_else_is_asked_for_with_the_values_there_are(values):
    with pytest.raises(ChurnError, match="--positive") as error:
        settle_target(column(*values * 5))
    assert all(repr(value) in str(error.value) for value in values)


@pytest.mark.parametrize(
    ("positive", "values", "found"),
    [
        ("1.0", ("0", "1"), "1"),
        ("true", ("0", "1"), "1"),
        ("yes", (False, True), "True"),
        ("CHURNED", ("Churned", "Stayed", "Joined"), "Churned"),
        (" yes ", ("Yes", "No"), "Yes"),
        ("2", ("1", "2"), "2"),
    ],
)
def test_a_given_value_may_be_written_otherwise(positive, values, found):
    label = settle_target(column(*values), positive)
    assert label.positive == found
    assert len(label.negative) == len(values) - 1


def test_one_in_a_thousand_who_left_is_no_slip_of_the_pen():
    assert settle_target(column(*["0"] * 39_970, *["1"] * 30)).positive == "1"


def clerks():
    churn = ["Yes", "yes", "YES ", "No", "no", "No"] * 100
    frame = pd.DataFrame({"id": [f"C{i}" for i in range(600)], "fee": np.arange(600) % 97})
    return frame.assign(churn=churn)


def test_spellings_are_one_value_in_training_and_told():
    frame = clerks()
    contract = infer_contract(frame, "churn", id="id")
    assert (contract.positive, contract.negative) == ("Yes", ("No",))
    checked = validate_data(frame, contract)
    assert labels(checked.frame, contract).tolist() == [1, 1, 1, 0, 0, 0] * 100
    assert labels(frame, contract).sum() == 300
    (note,) = checked.problems.itertuples()
    assert (note.column, note.effect, note.count) == ("churn", "note", 300)
    with pytest.raises(ChurnError, match="both positive and negative"):
        Contract.parse(contract.model_dump() | {"negative": ["yes"]})


def test_a_run_says_which_value_counts_as_left():
    frame = clerks()
    contract = infer_contract(frame, "churn", id="id").model_copy(update={"horizon_days": 30})
    said = describe_target(frame, contract)
    assert said == (
        "churn = 'Yes' counts as left within 30 days, 'No' as stayed: "
        "300 of 600 customers left (50.0%)."
    )


def test_spellings_are_one_value_in_outcomes_and_savings_too(tmp_path):
    words = ["Churned", "churned", "CHURNED ", "Active"]
    frame = pd.DataFrame({"customer": list("abcd"), "date": "2025-01-31", "status": words})
    frame.to_csv(tmp_path / "o.csv", index=False)
    read = read_table(str(tmp_path / "o.csv"), positive="churned")
    assert read["left"].tolist() == [True, True, True, False]
    assert any("CHURNED" in note for note in notes(read))
    frame.drop(columns="date").to_csv(tmp_path / "s.csv", index=False)
    states = read_table(str(tmp_path / "s.csv"), positive="churned", dated=False)
    assert states["left"].tolist() == [True, True, True, False]


def test_the_codes_1_and_2_are_asked_for_in_outcomes(tmp_path):
    frame = pd.DataFrame({"customer": list("ab"), "date": "2025-01-31", "left": [1, 2]})
    frame.to_csv(tmp_path / "o.csv", index=False)
    with pytest.raises(ChurnError, match="say which value means left"):
        read_table(str(tmp_path / "o.csv"))
    left, problems, _ = read_labels(column("-1", "1"))
    assert (left.tolist(), problems) == ([0, 1], [])


def test_a_target_of_one_value_cannot_be_learned():
    with pytest.raises(ChurnError, match="every customer has 'Yes'"):
        settle_target(pd.Series(["Yes"] * 10, name="left"))
