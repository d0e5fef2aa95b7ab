"""Outcomes in real databases: the one recorded last is kept."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from churn.errors import ChurnError
from churn.feedback.outcomes import Added, Outcome, OutcomeStore, frame_of, rows_of
from churn.feedback.prediction_log import PredictionLog
from databases import PASSWORD
from outcomes import JULY, JUNE, MAY, NOON, outcome


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
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


@pytest.mark.slow
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


def test_they_are_ordered_by_day_of_one_customer_and_of_all(store):
    store.add([outcome(key, day) for key in "ba" for day in (JULY, MAY, JUNE)])
    days = [MAY, JUNE, JULY]
    assert [row[:2] for row in store.between()] == [(key, day) for day in days for key in "ab"]
    assert [row[:2] for row in store.of("ab")] == [(key, day) for key in "ab" for day in days]


def test_the_summary_counts_customers_days_and_those_who_left(store):
    assert store.summary() == (0, 0, None, None, None)
    store.add([outcome("a", JUNE, left=False), outcome("a", JULY), outcome("b", MAY, left=False)])
    store.add([outcome("c", JUNE, left=False)])
    assert store.summary() == (4, 3, MAY, JULY, 0.25)


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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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
    assert store.prune(days=30) == 2
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
