"""Call lists read back as they were written."""

import pandas as pd
import pyarrow as pa
import pytest

from campaigns import CONTRACT, settle
from churn.campaign.export import list_table, write_list
from churn.campaign.list_policy import ListPolicy
from churn.campaign.reading import list_paths, read_call_lists
from churn.campaign.spreadsheet import neutralise, restore_text
from churn.errors import ChurnError

IDS = ["1", "007", '=HYPERLINK("http://x")', "'=1", "+49", "-5", "-x", "@a", "''+a", "'", "a'b"]


@pytest.fixture(params=["calls.csv", "calls.csv.gz", "calls.parquet"])
def written(request, tmp_path) -> str:
    campaign, offer = settle({}, campaign="=spring")
    policy = ListPolicy(offer, [], CONTRACT, "ChurnFlow/1")
    columns = {
        "id": IDS, "arm": ["contact", "control"] * 5 + ["none"], "probability": [0.5] * 11,
        "value_at_risk": [10.0] * 11, "reason_1": ["=1+1"] * 11,
    }  # fmt: skip
    path = str(tmp_path / request.param)
    write_list([list_table(columns, "id", campaign, policy)], path)
    return path


def test_every_listed_customer_comes_back(written):
    calls = read_call_lists([written])
    assert calls["customer"].tolist() == IDS[:10]
    assert calls["arm"].tolist() == ["contact", "control"] * 5
    assert set(calls["day"]) == {pd.Timestamp("2026-03-02")}
    assert set(calls["probability"]) == {0.5}
    assert set(calls["key"]) == {"id"}


def test_no_lists_are_an_empty_table_with_the_same_columns(written):
    pd.testing.assert_series_equal(read_call_lists([]).dtypes, read_call_lists([written]).dtypes)


def test_every_list_that_cannot_be_used_is_named(tmp_path):
    (tmp_path / "a.csv").write_text("id,name\n1,x\n")
    (tmp_path / "b.csv").write_text(
        "id,arm,probability,value_at_risk,campaign,as_of\n1,contact,0,many,spring,soon\n"
    )
    with pytest.raises(ChurnError) as caught:
        read_call_lists([str(tmp_path / name) for name in ("a.csv", "b.csv")])
    problems = [problem.partition(".csv: ")[2] for problem in caught.value.problems]
    assert problems == [
        "no call list, it lacks arm, probability, value_at_risk, campaign, as_of",
        "a cell of value_at_risk is not a number",
        "a probability is not above 0",
        "a cell of as_of is not a day",
    ]


def test_lists_may_be_named_by_a_pattern(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("calls-2.csv", "calls-1.csv", "other.csv"):
        (tmp_path / name).touch()
    assert list_paths("calls-*.csv, s3://b/c*.csv,other.csv") == [
        "calls-1.csv", "calls-2.csv", "s3://b/c*.csv", "other.csv",
    ]  # fmt: skip
    assert list_paths("") == []
    with pytest.raises(ChurnError, match=r"lists-\*\.csv: no file has such a name"):
        list_paths("calls-*.csv,lists-*.csv")


def test_no_cell_is_a_formula_and_numbers_stay_numbers():
    table = neutralise(pa.table({"id": IDS, "n": range(len(IDS))}))
    cells = table["id"].to_pylist()
    assert cells[:3] == ["1", "007", '\'=HYPERLINK("http://x")']
    assert cells[5] == "-5"
    for cell in cells:
        assert cell.lstrip("+-").isdigit() or cell[0] not in "=+-@\t\r"
    assert [restore_text(cell) for cell in cells] == IDS
    assert table["n"].to_pylist() == list(range(len(IDS)))
