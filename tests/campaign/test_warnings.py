"""Warnings about a call list: customers who left already, and rejected rows."""

import pandas as pd
import pytest

from churn.campaign.call_list import describe_list, describe_problems
from churn.campaign.chunks import left_already
from churn.campaign.export import write_rejected
from churn.campaign.shards import Source
from churn.data.contract import Contract
from churn.data.rejected import write_rejected as write_rows

CONTRACT = Contract.parse(
    {
        "target": "churn", "positive": "Yes", "negative": ["No"], "id": "id",
        "features": {"spend": {"kind": "number"}},
    }
)  # fmt: skip


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_customers_who_left_already_are_counted(tmp_path, name):
    frame = pd.DataFrame(
        {"id": range(6), "spend": 1.5, "churn": ["Yes", "yes", "No", None, "No", "YES "]}
    )
    write = frame.to_csv if name == "t.csv" else frame.to_parquet
    write(tmp_path / name, index=False)
    source = Source.open(str(tmp_path / name))
    assert ": by it 3 customers have left already" in left_already(
        source, source.shards(2), CONTRACT
    )
    without = frame.drop(columns="churn")
    write = without.to_csv if name == "t.csv" else without.to_parquet
    write(tmp_path / name, index=False)
    source = Source.open(str(tmp_path / name))
    assert left_already(source, source.shards(2), CONTRACT) == ""


def test_rejected_rows_stand_beside_the_list_and_are_no_formulas(tmp_path):
    rejected = pd.DataFrame({"id": ["=1+1", "b"], "reason": ["spend: missing"] * 2}, index=[3, 9])
    said = write_rejected(rejected, 5, str(tmp_path / "calls.csv.gz"))
    assert said.startswith("the first 2 of 5 rejected rows are in")
    written = pd.read_csv(tmp_path / "calls.rejected.csv")
    assert written["row"].tolist() == [3, 9]
    assert written["id"].tolist() == ["'=1+1", "b"]
    assert write_rejected(rejected.head(0), 0, str(tmp_path / "calls.csv")) == ""


def test_no_file_is_written_where_no_row_is_rejected(tmp_path):
    assert write_rows(pd.DataFrame(), str(tmp_path / "r.csv")) == ""
    assert not (tmp_path / "r.csv").exists()


def test_the_end_of_a_list_says_why_rows_are_rejected_and_when_customers_leave():
    problems = pd.DataFrame(
        {
            "column": ["fee", "plan"],
            "check": ["above 310", "a category never seen"],
            "effect": "rejected",
            "count": [2, 1],
            "examples": ["row 3: '9999'", "row 7: 'Ultra'"],
        }
    )
    assert describe_problems(problems) == [
        "fee: above 310 (2 rows; row 3: '9999').",
        "plan: a category never seen (1 row; row 7: 'Ultra').",
    ]
    assert describe_problems(problems, most=1)[1] == "… 1 more in the card."
    values = {
        "target": "left", "positive": "yes", "negative": ["no"], "horizon_days": 60,
        "features": {"tenure": {"kind": "number"}},
    }  # fmt: skip
    said = describe_list(Contract.parse(values))
    assert said[0] == "The probabilities are of leaving within 60 days."
    assert said[1].startswith("Nothing is marked as changeable yet")
    values["features"]["tenure"]["actionable"] = True
    assert len(describe_list(Contract.parse(values))) == 1
