"""Calls are known from the prediction log, without naming a call list."""

from datetime import UTC, date, datetime

import pandas as pd
import pytest

import churn.campaign.known_calls as module
from churn.campaign.known_calls import known_calls
from churn.campaign.stored import CallListStore, ListedCustomer, StoredList
from churn.errors import ChurnError

SAME = "the digest of the table"


@pytest.fixture
def log(tmp_path, monkeypatch) -> str:
    """Two lists: one by a model that is gone, one by a model of the table at hand."""
    url = f"sqlite:///{tmp_path / 'log.db'}"
    with CallListStore(url) as store:
        for run, campaign in (("ChurnFlow/1", "spring"), ("ChurnFlow/2", "summer")):
            header = StoredList(
                campaign, datetime.now(UTC), date(2026, 3, 2), campaign, run, "risk", run, "",
                "id", {}, {}, [],
            )  # fmt: skip
            rows = [
                ListedCustomer(
                    list_id=campaign, customer=name, rank=place, control=name == "c",
                    stratum="list", eligible=None, action=None, propensity=0.25, weight=1.0,
                    features={}, probability=0.5, value_at_risk=9.0, net_benefit=1.0,
                    net_benefit_low=0.0, net_benefit_high=2.0, reasons=[], best_action=None,
                    segment=None, contact={}, agent=None,
                )
                for place, name in enumerate("abc", 1)
            ]  # fmt: skip
            store.add(header, rows)

    class Run:
        def __init__(self, run: str):
            if run == "ChurnFlow/1":
                raise ChurnError("There is no such run.")  # as after `churn prune`
            self.lineage = {"data": SAME}

    monkeypatch.setattr(module, "fetch_run", Run)
    return url


def test_stored_lists_are_read_and_those_later_than_the_labels_do_not_count(log):
    found = known_calls([], log, SAME)
    assert found.calls["campaign"].unique().tolist() == ["spring"]
    assert found.calls["arm"].tolist() == ["contact", "contact", "control"]
    assert found.calls["propensity"].tolist() == [0.25] * 3
    assert (found.stored, found.later) == (3, 3)
    assert "3 rows of call lists are known from the log sqlite" in str(found)
    assert "3 rows of call lists in the log" in str(found)
    assert "do not count" in str(found)


def test_of_another_table_all_count(log):
    assert known_calls([], log, "a third").calls["campaign"].nunique() == 2


def test_a_list_that_is_also_named_counts_once(log, tmp_path):
    path = tmp_path / "calls.csv"
    pd.DataFrame(
        {"id": list("abc"), "arm": ["contact", "contact", "control"], "probability": 0.5,
         "value_at_risk": 9.0, "campaign": "spring", "as_of": "2026-03-02"}
    ).to_csv(path, index=False)  # fmt: skip
    found = known_calls([str(path)], log, SAME)
    assert len(found.calls) == 3
    assert found.stored == 0


def test_no_log_is_made_by_looking_and_off_reads_none(log, tmp_path, monkeypatch):
    missing = tmp_path / "none.db"
    assert known_calls([], f"sqlite:///{missing}", SAME).calls.empty
    assert not missing.exists()
    assert known_calls([], "off", SAME).calls.empty
    monkeypatch.setenv("CHURN_LOG", log)
    assert len(known_calls([], "", SAME).calls) == 3
    monkeypatch.setenv("CHURN_LOG", "off")
    assert known_calls([], "", SAME).calls.empty
