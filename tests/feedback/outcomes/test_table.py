"""Outcomes in tables, as people write them."""

from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest

from churn.errors import ChurnError
from churn.feedback.outcomes import OutcomeStore, read_table, rows_of
from outcomes import JUNE, MAY, outcome, written


def test_a_csv_is_read_as_it_is_written_by_people(tmp_path):
    path = written(
        tmp_path,
        "customer,date,churned\n007,2024-05-01,Yes\n8.0,2024-05-01T22:00:00-05:00,0\n"
        " 9 , 2024-06-01 ,FALSE\n007,2024-05-01,Yes\n",
    )
    before = datetime.now(UTC)
    rows = list(rows_of(read_table(path)))
    assert [row[:3] for row in rows] == [
        ("007", MAY, True), ("8", date(2024, 5, 2), False), ("9", JUNE, False),
    ]  # fmt: skip
    assert all(before <= row.recorded <= datetime.now(UTC) for row in rows)


def test_columns_and_values_can_be_named(tmp_path):
    path = written(
        tmp_path, "id,day,plan,status,recorded\na,2024-05-01,x,gone,2024-06-01T12:00:00Z\n"
    )
    frame = read_table(path, "id", date="day", left="status", positive="gone")
    assert list(rows_of(frame)) == [outcome()]


@pytest.mark.parametrize(
    "days",
    [
        pd.Series([MAY]),
        pd.Series(["2024-05-01"]),
        pd.Series(pd.to_datetime(["2024-05-01 23:59"])),
        pd.Series(pd.to_datetime(["2024-04-30 23:00-05:00"])),
    ],
    ids=["dates", "texts", "times", "zones"],
)
def test_parquet_days_of_every_type(tmp_path, days):
    path = tmp_path / "outcomes.parquet"
    pd.DataFrame({"customer": [7], "date": days, "left": [True]}).to_parquet(path)
    assert [row[:3] for row in rows_of(read_table(str(path)))] == [("7", MAY, True)]


def test_every_problem_of_a_table_is_named(tmp_path):
    tomorrow, after = (datetime.now(UTC).date() + timedelta(days=days) for days in (1, 2))
    long = "x" * 201
    path = written(
        tmp_path,
        f"customer,date,left,recorded\na,{tomorrow},yes,2024-01-01\n{long},{after},maybe,soon\n"
        ",1899-12-31,,2024-01-01\nb,20260501,no,2024-01-01\n",
    )
    with pytest.raises(ChurnError) as caught:
        read_table(path)
    days = "days like 2025-01-31 from 1900-01-01 to tomorrow, the first in row 2"
    assert caught.value.problems == [
        "customer: 2 cells are not keys of 1 to 200 characters, the first in row 2: "
        + repr(long[:80]),
        f"date: 3 cells are not {days}: '{after}'",
        "left: 2 cells are not yes or no; say which value means left, the first in row 2: 'maybe'",
        f"recorded: 1 cell is not {days}: 'soon'",
    ]


def test_columns_that_are_missing_are_named_together(tmp_path):
    path = written(tmp_path, "id,gone,why\na,yes,price\n")
    with pytest.raises(ChurnError) as caught:
        read_table(path)
    assert caught.value.problems == [
        "customer: the column is missing",
        "date: the column is missing",
        "say which column tells who left among id, gone, why",
    ]
    with pytest.raises(ChurnError, match="left: the column is missing"):
        read_table(path, "id", date="gone", left="left")


def test_a_value_that_nobody_has_is_no_silent_all_stayed(tmp_path):
    path = written(tmp_path, "customer,date,status\na,2024-05-01,gone\n")
    with pytest.raises(ChurnError, match="nobody has 'Left'"):
        read_table(path, positive="Left")


def test_a_table_that_contradicts_itself_is_refused_and_a_correction_is_not(tmp_path):
    text = "customer,date,left\na,2024-05-01,yes\na,2024-05-01,no\n"
    with pytest.raises(ChurnError, match="both left and stayed: a on 2024-05-01"):
        read_table(written(tmp_path, text))
    text = "customer,date,left,recorded\na,2024-05-01,no,2024-06-02\na,2024-05-01,yes,2024-06-01\n"
    with OutcomeStore(f"sqlite:///{tmp_path / 'log.db'}") as store:
        store.add(rows_of(read_table(written(tmp_path, text))))
        assert [row.left for row in store.between()] == [False]
