"""Call lists in real databases: what ScoreFlow writes, and what agents record."""

import threading
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest

from campaigns import arm
from churn.campaign.settings import Campaign
from churn.campaign.shards import Source
from churn.campaign.stored import (
    CallListStore,
    Changed,
    ListedCustomer,
    NotListed,
    Query,
    StoredList,
)  # fmt: skip
from churn.campaign.stored.listing import kept_columns, kept_names, listed_customers, store_list

DAY = date(2026, 3, 2)
LIST = "20260302-spring"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def store(request, tmp_path):
    """A store in a database of each kind, without lists."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'log.db'}"
    else:
        import psycopg

        url = request.getfixturevalue("postgres")
        with psycopg.connect(url.replace("+psycopg", "")) as connection:
            connection.execute("DROP TABLE IF EXISTS call_lists, listed_customers, call_events")
    with CallListStore(url) as store:
        yield store


def a_list(**values) -> StoredList:
    return StoredList(
        LIST, datetime(2026, 3, 2, 6, tzinfo=UTC), DAY, "spring", "ChurnFlow/1", "risk",
        "ChurnFlow/1", "EUR", "customer_id", {"contact": 2}, {"value": 1.0}, ["a note"],
    )._replace(**values)  # fmt: skip


def listed(customer: str, rank: int = 1, **values) -> ListedCustomer:
    plain = ListedCustomer(
        LIST, customer, rank, False, None, ["contact", "control"], "contact", None, 0.5, 100.0,
        20.0, 10.0, 30.0, ["Tenure: 1 month"], "Contract: Two year", "North",
        {"name": f"Ångström {customer}"}, None,
    )  # fmt: skip
    return plain._replace(**values)


def test_a_list_comes_back_as_it_was_written(store):
    rows = [listed("7", 1), listed("8", 2, control=True), listed("9", 3, agent="Anna")]
    store.add(a_list(), rows)
    assert store.lists() == [a_list()] == [store.find_list(LIST)]
    assert store.page(LIST, Query(), limit=10).customers == [rows[0], rows[2]]
    assert store.find(LIST, "8") == rows[1]
    assert list(store.between(DAY, date(2026, 3, 3))) == [(a_list(), row) for row in rows]


def test_the_control_group_is_never_on_a_page(store):
    store.add(a_list(), [listed("7", control=True), listed("8", 2)])
    assert [row.customer for row in store.every(LIST, Query(text="ång"))] == ["8"]
    assert store.counts(LIST)[0]["open"] == 1
    with pytest.raises(NotListed):
        store.record(LIST, "7", 0, "called", "Anna")


def test_what_is_recorded_has_who_and_when_and_a_history(store):
    store.add(a_list(), [listed("7")])
    before = datetime.now(UTC)
    store.record(LIST, "7", 0, "later", "Anna", date(2026, 3, 9), "asked for Monday")
    row = store.record(LIST, "7", 1, "accepted", "Ben")
    assert store.find(LIST, "7") == row
    assert (row.state, row.version, row.due, row.changed_by, row.agent) == (
        "accepted", 2, None, "Ben", "Anna",
    )  # fmt: skip
    last, first = store.events("7")
    assert (first.by, first.before, first.state, first.due) == (
        "Anna", "open", "later", date(2026, 3, 9),
    )  # fmt: skip
    assert (last.by, last.before, last.state, first.note) == (
        "Ben", "later", "accepted", "asked for Monday",
    )  # fmt: skip
    assert before <= first.at <= last.at == row.changed_at


def test_of_two_agents_at_once_one_is_told_what_the_other_did(store):
    store.add(a_list(), [listed("7")])
    done, start = [], threading.Barrier(2)

    def call(by, state):
        start.wait()
        try:
            done.append(store.record(LIST, "7", 0, state, by))
        except Changed as error:
            done.append(error)

    agents = [
        threading.Thread(target=call, args=one) for one in (("A", "called"), ("B", "refused"))
    ]
    for agent in agents:
        agent.start()
    for agent in agents:
        agent.join()
    ((first, second),) = [sorted(done, key=lambda one: isinstance(one, Changed))]
    assert isinstance(second, Changed)
    assert second.now == store.find(LIST, "7") == first
    assert first.changed_by in str(second)
    assert len(store.events("7")) == 1


def test_a_list_written_again_keeps_what_was_done(store):
    store.add(a_list(), [listed("7"), listed("8", 2), listed("9", 3)])
    store.record(LIST, "7", 0, "called", "Anna")
    store.record(LIST, "8", 0, "refused", "Anna")
    store.add(a_list(run="ChurnFlow/2"), [listed("7", 5, probability=0.9), listed("1", 2)])
    found = {row.customer: row for row in store.every(LIST, Query())}
    assert sorted(found) == ["1", "7", "8"]
    assert (found["7"].state, found["7"].rank, found["7"].probability) == ("called", 5, 0.9)
    assert store.find_list(LIST).run == "ChurnFlow/2"


def test_filters_search_and_order(store):
    rows = [
        listed(str(n), n, agent=("Anna", "Ben", None)[n % 3], segment=("N", "S")[n % 2],
               probability=n / 10)
        for n in range(1, 9)
    ]  # fmt: skip
    store.add(a_list(), rows)

    def found(**asked):
        return [row.customer for row in store.every(LIST, Query(**asked))]

    assert found(agent="Anna") == ["3", "6"]
    assert found(agent="Anna", unassigned=True) == ["2", "3", "5", "6", "8"]
    assert found(segment="N", sort="risk") == ["8", "6", "4", "2"]
    assert found(text="ÅNGSTRÖM 4") == ["4"]
    assert found(text="%") == []
    assert found(states=("called",)) == []
    page = store.page(LIST, Query(), limit=3, offset=6)
    assert ([row.customer for row in page.customers], page.total) == (["7", "8"], 8)
    assert store.counts(LIST)[1:] == (["Anna", "Ben"], ["N", "S"])


def test_what_is_deleted_is_gone_with_its_history(store):
    store.add(a_list(), [listed("7"), listed("8", 2)])
    store.record(LIST, "7", 0, "called", "Anna")
    assert store.delete_customer(7) == 1
    assert store.events("7") == []
    assert store.of_customer("7") == []
    assert store.prune(0) == 1
    assert store.lists() == []


class TestOfScoreFlow:
    @pytest.fixture
    def table(self, customers):
        phones = np.arange(len(customers), dtype=float)
        phones[::2] = np.nan
        return customers.assign(phone=phones, town=np.where(customers["partner"] == 1, "A", "B"))

    def test_contact_details_are_those_of_the_customer(self, listed, table, tmp_path):
        found, _ = listed(table, budget=50)
        source = Source.open(str(tmp_path / "customers.parquet"))
        kept = kept_columns(source, source.shards(1), found.rows, ["phone", "town"])
        rows = list(listed_customers(found, "today", kept, "town", ["Anna", "Ben"]))
        by_id = table.set_index(table["customer_id"].map(str))
        for row in rows:
            own = by_id.loc[row.customer]
            assert row.segment == own["town"]
            assert row.contact == (
                {} if pd.isna(own["phone"]) else {"phone": f"{own['phone']:.0f}"}
            )
        called = [row.agent for row in rows if not row.control]
        assert called == ["Anna", "Ben"] * 25
        assert all(row.agent is None for row in rows if row.control)
        assert sum(row.control for row in rows) == len(arm(found, "control"))

    @pytest.mark.parametrize(
        ("given", "segment", "kept"),
        [
            ("", "", ["name", "phone"]),
            ("", " town ", ["name", "phone", "town"]),
            ("mail, name", "name", ["mail", "name"]),
            ("off", "town", ["town"]),
        ],
    )
    def test_the_command_line_decides_before_the_contract(self, deployed, given, segment, kept):
        contract = deployed[0].contract.model_copy(update={"keep": ("name", "phone")})
        assert kept_names(contract, given, segment) == kept

    def test_the_list_is_in_the_database_of_the_log(self, listed, deployed, table, tmp_path):
        found, _ = listed(table, budget=20)
        settings = Campaign.check(
            {}, campaign="spring", budget=20, control=0.2, as_of="2026-03-02", max_rejected=0.05,
            shard_rows=1, output="calls.csv",
        )  # fmt: skip
        url = f"sqlite:///{tmp_path / 'log.db'}"
        none = pd.DataFrame(index=found.rows)
        told = store_list(found, deployed[0].contract, settings, "ChurnFlow/1", url, none)
        with CallListStore(url) as store:
            (header,) = store.lists()
            assert header.list_id in told
            assert header.counts == found.counts
            assert len(list(store.every(header.list_id, Query()))) == 20
        assert "no database" in store_list(
            found, deployed[0].contract, settings, "ChurnFlow/1", "off", none
        )
