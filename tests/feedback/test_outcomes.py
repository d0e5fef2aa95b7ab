"""What happened to customers, in tables and in real databases."""

import threading
from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from churn.__main__ import main
from churn.errors import ChurnError
from churn.feedback.outcomes import Added, Outcome, OutcomeStore, frame_of, read_table, rows_of
from churn.feedback.prediction_log import PredictionLog
from databases import PASSWORD

NOON = datetime(2024, 6, 1, 12, tzinfo=UTC)
MAY, JUNE, JULY = date(2024, 5, 1), date(2024, 6, 1), date(2024, 7, 1)


def outcome(customer="a", day=MAY, left=True, recorded=NOON):
    return Outcome(customer, day, left, recorded)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    """A database of each kind, without outcomes."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'database' / 'log.db'}"
    import psycopg

    server = request.getfixturevalue("postgres")
    with psycopg.connect(server.replace("+psycopg", "")) as connection:
        connection.execute("DROP TABLE IF EXISTS outcomes")
    return server


@pytest.fixture
def store(url):
    with OutcomeStore(url) as store:
        yield store


# What holds


def test_an_outcome_comes_back_as_it_was_told(store):
    zone = datetime(2024, 6, 1, 14, 0, 0, 123456, tzinfo=UTC)
    assert store.add([outcome(7, left=False, recorded=zone), outcome("ł\0")]) == Added(2, 0, 0)
    found = {row.customer: row for row in store.between()}
    assert found["7"] == Outcome("7", MAY, False, zone)
    assert found["7"].left is False
    assert found["7"].recorded.tzinfo is UTC
    assert found["ł␀"].left is True
    assert [row.customer for row in store.of(["ł\0"])] == ["ł␀"]


def test_what_is_told_twice_is_there_once(store):
    rows = [outcome("a"), outcome("b", left=False)]
    assert store.add(rows) == Added(new=2, corrected=0, unchanged=0)
    assert store.add([*rows, *rows]) == Added(new=0, corrected=0, unchanged=4)
    assert list(store.between()) == rows


def test_what_was_recorded_later_holds_even_if_it_came_first(store):
    later = NOON + timedelta(microseconds=1)
    store.add([outcome("a", left=False, recorded=later), outcome("b", left=False)])
    assert store.add([outcome("a"), outcome("b", recorded=later)]) == Added(0, 1, 1)
    assert {row.customer: row.left for row in store.between()} == {"a": False, "b": True}


told = st.lists(
    st.builds(
        outcome,
        st.sampled_from(["a", "b"]),
        st.sampled_from([MAY, JUNE]),
        st.booleans(),
        st.integers(0, 2).map(lambda hours: NOON + timedelta(hours=hours)),
    ),
    min_size=1,
    max_size=8,
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=told, order=st.randoms(use_true_random=False), cut=st.integers(0, 8))
def test_the_order_of_arrival_does_not_matter(store, rows, order, cut):
    shuffled = order.sample(rows, len(rows))
    tables = []
    for parts in ([rows], [shuffled[:cut], shuffled[cut:], rows[:cut]]):
        added = [store.add(part) for part in parts]
        assert sum(map(sum, added)) == sum(map(len, parts))
        tables.append(list(store.between()))
        assert sum(one.new for one in added) == len(tables[-1])
        for customer in ("a", "b"):
            store.delete_customer(customer)
    assert tables[0] == tables[1]
    best = {}
    for row in rows:
        best[row[:2]] = max(best.get(row[:2], row), row, key=lambda one: (one.recorded, one.left))
    assert sorted(tables[0]) == sorted(best.values())


def test_all_are_added_or_none(store):
    def rows():
        for i in range(5_000):
            yield outcome(f"{i}")
        raise RuntimeError("the table ends here")

    with pytest.raises(RuntimeError):
        store.add(rows())
    assert list(store.between()) == []


def test_many_at_once_in_many_chunks_and_by_many_writers(url, store):
    rows = [outcome(f"{i:05}", MAY + timedelta(days=i % 3)) for i in range(5_000)]
    found = []

    def work(part):
        with OutcomeStore(url) as own:
            found.append(own.add(part))

    writers = [
        threading.Thread(target=work, args=(part,))
        for part in (rows, rows[::-1], rows[1_000:], rows[:4_000])
    ]
    for thread in writers:
        thread.start()
    for thread in writers:
        thread.join()
    assert sum(one.new for one in found) == 5_000
    assert sum(map(sum, found)) == 18_000
    assert sorted(store.between()) == sorted(rows)


def test_many_find_no_database_at_once(tmp_path):
    def work(url, start, found):
        start.wait()
        with OutcomeStore(url) as own:
            found.append(own.add([outcome()]))

    for i in range(50):
        start, found = threading.Barrier(6), []
        url = f"sqlite:///{tmp_path / str(i) / 'log.db'}"
        writers = [threading.Thread(target=work, args=(url, start, found)) for _ in range(6)]
        for thread in writers:
            thread.start()
        for thread in writers:
            thread.join()
        assert sorted(found) == [Added(0, 0, 1)] * 5 + [Added(1, 0, 0)]
        left = {path.name for path in (tmp_path / str(i)).iterdir()}
        assert left == {"log.db"}


# Reading and deleting


def test_outcomes_are_found_by_customer_and_day(store):
    rows = [outcome(who, day) for day in (MAY, JUNE, JULY) for who in ("a", "b", 3)]
    store.add(reversed(rows))
    assert [row[:2] for row in store.between(JUNE, JULY)] == [("3", JUNE), ("a", JUNE), ("b", JUNE)]
    assert len(list(store.between(start=JUNE))) == 6
    assert len(list(store.between(end=JUNE))) == 3
    assert [row[:2] for row in store.of([3])] == [("3", MAY), ("3", JUNE), ("3", JULY)]
    assert list(store.of([])) == []
    assert len(list(store.of(["nobody", *map(str, range(10_000)), "a"]))) == 6


def test_a_frame_of_outcomes_is_typed_and_goes_back_to_rows(store):
    rows = [outcome("a"), outcome("b", left=False)]
    store.add(rows)
    types = {
        "customer": "str", "date": "datetime64[us]", "left": "bool",
        "recorded": "datetime64[us, UTC]",
    }  # fmt: skip
    for frame in (frame_of(store.between()), frame_of([])):
        assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == types
    assert list(rows_of(frame_of(store.between()))) == rows


def test_deleted_customers_and_old_days_are_gone(store):
    today = datetime.now(UTC).date()
    store.add([outcome(9, today - timedelta(days=days)) for days in (0, 30, 31)] + [outcome("b")])
    assert store.keep(days=30) == 2
    assert store.delete_customer(9) == 2
    assert store.delete_customer(9) == 0
    assert list(store.between()) == []


def test_predictions_and_outcomes_share_a_database(url, store):
    with PredictionLog(url) as log:
        assert log.count() >= 0
        store.add([outcome()])
        assert log.count() >= 0


def test_nobody_else_may_read_what_is_about_people(tmp_path):
    with OutcomeStore(f"sqlite:///{tmp_path / 'log.db'}") as store:
        store.add([outcome()])
    assert (tmp_path / "log.db").stat().st_mode & 0o077 == 0


def test_a_database_that_is_away_is_said_without_its_password():
    store = OutcomeStore(f"postgresql+psycopg://crm:{PASSWORD}@127.0.0.1:1/crm")
    with pytest.raises(ChurnError, match="Cannot use the outcomes in postgresql") as caught:
        store.add([outcome()])
    assert PASSWORD not in str(caught.value)


# Tables


def written(tmp_path, text):
    path = tmp_path / "outcomes.csv"
    path.write_text(text)
    return str(path)


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
        f"recorded: 1 cells are not {days}: 'soon'",
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
    with pytest.raises(ChurnError, match="nobody has 'Gone'"):
        read_table(path, positive="Gone")


def test_a_table_that_contradicts_itself_is_refused_and_a_correction_is_not(tmp_path):
    text = "customer,date,left\na,2024-05-01,yes\na,2024-05-01,no\n"
    with pytest.raises(ChurnError, match="both left and stayed: a on 2024-05-01"):
        read_table(written(tmp_path, text))
    text = "customer,date,left,recorded\na,2024-05-01,no,2024-06-02\na,2024-05-01,yes,2024-06-01\n"
    with OutcomeStore(f"sqlite:///{tmp_path / 'log.db'}") as store:
        store.add(rows_of(read_table(written(tmp_path, text))))
        assert [row.left for row in store.between()] == [False]


# Commands


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.setenv("CHURN_STATE", str(tmp_path / "state"))
    monkeypatch.delenv("CHURN_LOG", raising=False)


@pytest.mark.usefixtures("here")
def test_a_table_is_added_and_shown(tmp_path, capsys):
    assert main(["outcomes", "show"]) == 0
    assert "No outcomes in sqlite:///" in capsys.readouterr().out
    path = written(tmp_path, "id,date,left\na,2024-05-01,yes\nb,2024-06-01,no\nb,2024-07-01,no\n")
    assert main(["outcomes", "add", path, "--id", "id"]) == 0
    assert "3 new outcomes in sqlite:///" in capsys.readouterr().out
    written(tmp_path, "id,date,left\na,2024-05-01,no\nb,2024-06-01,no\n")
    assert main(["outcomes", "add", path, "--id", "id"]) == 0
    assert "0 new outcomes in sqlite:///" in (said := capsys.readouterr().out)
    assert "1 corrected, 1 as they were" in said
    assert main(["outcomes", "add", path, "--id", "id", "--left", "churned"]) == 1
    assert "churned: the column is missing" in capsys.readouterr().err
    assert main(["outcomes", "show"]) == 0
    said = capsys.readouterr().out
    assert "3 outcomes of 2 customers in sqlite:///" in said
    assert "from 2024-05-01 to 2024-07-01; 0.0% say" in said


@pytest.mark.usefixtures("here")
def test_a_customer_who_is_deleted_from_the_log_has_no_outcomes_either(tmp_path, capsys):
    log = ["--log", f"sqlite:///{tmp_path / 'other.db'}"]
    path = written(tmp_path, "customer,date,left\na,2024-05-01,yes\nb,1999-06-01,no\n")
    assert main(["outcomes", "add", path, *log]) == 0
    assert main(["log", "delete", "a", *log]) == 0
    assert "0 predictions for customer 'a' deleted" in (said := capsys.readouterr().out)
    assert "and 1 outcomes" in said
    assert main(["log", "delete", "a", *log]) == 1
    assert main(["log", "keep", "--days", "400", *log]) == 0
    assert "1 outcomes more than 400 days old deleted" in capsys.readouterr().out
    with OutcomeStore(log[1]) as store:
        assert store.summary().outcomes == 0
