"""Results of calls as a table: late, repeated, corrected, or of the control group."""

import subprocess
import sys
from datetime import UTC, date, datetime
from types import SimpleNamespace

import pytest

from churn.campaign.effects import per_protocol
from churn.campaign.stored import CallListStore, ListedCustomer, StoredList
from churn.campaign.stored.call_results import record_results
from churn.campaign.stored.results_table import read_results
from churn.errors import ChurnError

DAY = date(2026, 3, 2)
TODAY = date(2026, 3, 20)


@pytest.fixture
def url(tmp_path):
    """A database with a list: 7 and 8 are to be called, 9 is in the control group."""
    url = f"sqlite:///{tmp_path / 'log.db'}"
    of = StoredList(
        "1", datetime(2026, 3, 2, tzinfo=UTC), DAY, "spring", "ChurnFlow/1", "risk", "ChurnFlow/1",
        "", "id", {}, {}, [],
    )  # fmt: skip
    rows = [
        ListedCustomer(
            "1", customer, rank, customer == "9", "list", None, None, 0.5, 0.5, 1.0, 1.0, 1.0, 1.0,
            [], None, None, {}, None,
        )
        for rank, customer in enumerate("789", start=1)
    ]  # fmt: skip
    with CallListStore(url) as store:
        store.add(of, rows)
    return url


def results(tmp_path, text: str):
    path = tmp_path / "results.csv"
    path.write_text(text)
    return read_results(str(path), today=TODAY)


def test_results_are_on_the_list_with_who_when_and_the_cost(url, tmp_path):
    found = results(
        tmp_path,
        "customer,result,date,by,cost\n7,Accepted,2026-03-05,Anna,12.5\n8,not reached,,,\n",
    )
    with CallListStore(url) as store:
        assert record_results(store, "spring", found).new == 2
        (event,) = store.events("7")
        assert (event.state, event.by, event.cost) == ("accepted", "Anna", 12.5)
        assert event.at.date() == date(2026, 3, 5)
        assert store.find("1", "8").state == "not_reached"


def test_repeated_corrected_and_late_results(url, tmp_path):
    first = results(tmp_path, "customer,result,date\n7,refused,2026-03-06\n")
    with CallListStore(url) as store:
        assert record_results(store, "spring", first).new == 1
        assert record_results(store, "spring", first).known == 1
        late = results(tmp_path, "customer,result,date\n7,not_reached,2026-03-03\n")
        assert record_results(store, "spring", late).older == 1
        corrected = results(tmp_path, "customer,result,date\n7,accepted,2026-03-06\n")
        assert record_results(store, "spring", corrected).new == 1
        assert store.find("1", "7").state == "accepted"
        assert [event.state for event in store.events("7")] == ["accepted", "refused"]


def test_calls_of_the_control_group_and_of_others_are_told(url, tmp_path):
    found = results(tmp_path, "customer,result\n9,called\n10,called\n7,called\n")
    with CallListStore(url) as store:
        done = record_results(store, "spring", found)
        assert (done.new, done.control, done.unlisted) == (1, 1, 1)
        assert "1 customer was called though in the control group" in str(done)
        assert store.events("9") == []
        assert record_results(store, "summer", found).unlisted == 3


def test_every_problem_of_the_table_is_named(tmp_path):
    rows = ",called,2026-03-05,1", "7,maybe,5.3.,x", "8,called,2027-01-01,-1"
    with pytest.raises(ChurnError) as error:
        results(tmp_path, "\n".join(["customer,result,date,cost", *rows]))
    for problem in (
        "customer: row 1 is empty", "result: row 2 is 'maybe'", "date: row 2 is '5.3.'",
        "cost: row 2", "cost: row 3",
        "date: row 3 is '2027-01-01', not a day like 2026-01-31, today at the latest",
    ):  # fmt: skip
        assert any(problem in one for one in error.value.problems), problem
    with pytest.raises(ChurnError) as error:
        results(tmp_path, "id,what\n7,called\n")
    assert len(error.value.problems) == 2


def test_another_action_than_the_list_s_is_recorded_and_told(url, tmp_path):
    with CallListStore(url) as store, store.connected() as connection:
        connection.exec_driver_sql("UPDATE listed_customers SET action = 'discount'")
    found = results(
        tmp_path,
        "customer,result,action,note\n7,accepted,mail,asked for it\n8,refused,discount,\n",
    )
    with CallListStore(url) as store:
        told = record_results(store, "spring", found)
        assert (told.new, told.other) == (2, 1)
        assert "1 customer has got another action than the list's" in str(told)
        assert store.events("7")[0].note == "mail instead of discount; asked for it"
        assert store.find("1", "7").action == "discount"  # as it was drawn


@pytest.mark.slow
def test_the_command(url, tmp_path):
    path = tmp_path / "results.csv"
    path.write_text("customer,result\n7,called\n8,refused\n")
    command = [sys.executable, "-m", "churn", "calls", str(path), "--campaign", "spring"]
    done = subprocess.run([*command, "--log", url], capture_output=True, text=True, check=True)
    assert done.stdout == "2 results are recorded, 0 were known already.\n"


def test_the_effect_of_a_call_that_reaches_is_that_of_the_list_over_the_share_reached():
    report = SimpleNamespace(mean_effects=[("call", 0.03, 0.005)])
    (told,) = per_protocol(report, {"call": 0.6})
    assert told.startswith("60.0% of those to be called were reached.")
    assert "keeps +5.0 of 100 (+3.4 to +6.6)" in told
    assert "not known" in per_protocol(report, {})[0]
    assert "A call has reached no customer." in per_protocol(report, {"call": 0.0})
