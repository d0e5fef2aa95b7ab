"""A campaign's lists and outcomes read as an experiment: who counts, and what is known of them."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from campaigns import DAY, settle
from churn.campaign.effects import Settings, read_campaign
from churn.campaign.list_policy import ListPolicy
from churn.campaign.stored import CallListStore, Query
from churn.campaign.stored.listing import list_name, store_list
from churn.data.contract import Contract
from churn.errors import ChurnError
from churn.feedback.outcomes import Outcome, OutcomeStore
from churn.targeting.learned import LearnedPolicy

pytestmark = pytest.mark.heavy

LISTED = date.fromisoformat(DAY)
LATER = LISTED + timedelta(days=60)
REACHED = 40


@pytest.fixture
def campaign(listed, deployed, customers, tmp_path):
    """A stored list of which the forty best were reached, with the outcome of everybody."""
    settings = {"budget": 60, "explore": 20}
    found, _ = listed(customers, **settings)
    url = f"sqlite:///{tmp_path / 'log.db'}"
    campaign, _ = settle({}, **settings)
    none = pd.DataFrame(index=found.rows)
    contract = deployed[0].contract
    store_list(found, contract, campaign, "ChurnFlow/1", url, none)
    with CallListStore(url) as store:
        rows = list(store.every(list_name(campaign), Query()))
        for row in rows[:REACHED]:
            store.record(row.list_id, row.customer, 0, "accepted", "Anna")
    calls = found.calls.to_pandas()
    recorded = datetime(2026, 5, 1, tzinfo=UTC)
    with OutcomeStore(url) as store:
        store.add(
            Outcome(customer, LISTED + timedelta(days=20), place % 4 == 0, recorded)
            for place, customer in enumerate(calls["customer_id"])
        )
    return calls, url, contract


def read(url, contract, **settings):
    given = {"budget": None, "horizon": 30, "as_of": LATER} | settings
    return read_campaign(url, contract, Settings(**given, campaign="spring"))


def test_every_customer_has_the_probability_of_the_draw_and_the_outcome(campaign):
    calls, url, contract = campaign
    found = read(url, contract)
    known = found.known
    of_all = calls
    calls = calls[calls["weight"] > 0]  # they stand for all
    assert len(known.action) == len(calls) == 40
    order = calls.set_index("customer_id")
    assert known.action.sum() == (calls["arm"] == "contact").sum()
    drawn = known.propensity[np.arange(len(known.action)), known.action]
    assert sorted(drawn) == pytest.approx(sorted(order["propensity"]))
    assert 1 - known.outcome.mean() == pytest.approx(0.25, abs=0.15)
    assert sorted(known.weight) == pytest.approx(sorted(calls["weight"]))
    assert known.weights.mean() == pytest.approx(1)
    assert found.costs.shape == (len(calls), 1)
    assert list(known.features) == [*contract.features, "probability of leaving"]
    assert found.budget == pytest.approx((of_all["arm"] == "contact").sum() / found.eligible)
    assert any("on the list, and those who were drawn stand for all" in one for one in found.notes)


def test_who_is_drawn_twice_counts_twice_and_is_one_customer(campaign, listed, deployed, customers):
    calls, url, contract = campaign
    settings = {"budget": 60, "explore": 20}
    found, _ = listed(customers, **settings)
    again, _ = settle({}, **settings, as_of="2026-04-10")
    store_list(found, contract, again, "ChurnFlow/1", url, pd.DataFrame(index=found.rows))
    recorded = datetime(2026, 6, 1, tzinfo=UTC)
    with OutcomeStore(url) as store:  # all who had stayed then leave after the second list
        store.add(
            Outcome(customer, date(2026, 4, 20), True, recorded)
            for place, customer in enumerate(calls["customer_id"])
            if place % 4
        )
    read_again = read(url, contract, as_of=date(2026, 7, 1)).known
    # Who had left before the second list has no outcome after it.
    gone = ((calls["weight"] > 0) & (calls.index % 4 == 0)).sum()
    assert len(read_again.action) == 80 - gone
    of_first = read(url, contract).known
    assert sorted(of_first.outcome) == sorted(read_again.outcome[:40])
    assert (read_again.outcome[40:] == 0).all()
    assert len(np.unique(read_again.clusters)) == 40


@pytest.mark.parametrize("budget", [None, 0.2])
def test_whom_the_calls_reached_is_known_with_any_budget(campaign, budget):
    calls, url, contract = campaign
    found = read(url, contract, budget=budget)
    called = calls[calls["arm"] == "contact"]
    share = called["weight"].head(REACHED).sum() / called["weight"].sum()  # of the drawn alone
    assert 0 < share < 1
    assert found.reached == pytest.approx({"call": share})
    assert budget is None or found.budget == budget


def test_customers_who_do_not_count_are_told(campaign):
    calls, url, contract = campaign
    calls = calls[(calls["stratum"] == "exploration") & (calls["weight"] > 0)]
    with CallListStore(url) as store, store.connected() as connection:
        some = "', '".join(calls["customer_id"][:7])
        connection.exec_driver_sql(
            f"UPDATE listed_customers SET propensity = NULL WHERE customer IN ('{some}')"
        )
    found = read(url, contract)
    assert len(found.known.action) == len(calls) - 7
    assert any("in the control group, and the draw found them" in one for one in found.notes)
    assert (
        "7 customers do not count: whether they are called was not drawn with a known probability."
        in found.notes
    )
    features = contract.model_dump()["features"]
    more = contract.model_dump() | {"features": features | {"mood": {"kind": "number"}}}
    with pytest.raises(ChurnError) as error:
        read(url, Contract.parse(more))
    assert (
        f"{len(calls) - 7} customers do not count: the model of their list had other features"
        in (" ".join(error.value.problems))
    )


def test_who_leaves_after_the_horizon_has_stayed_within_it(campaign):
    calls, url, contract = campaign
    calls = calls[(calls["stratum"] == "exploration") & (calls["weight"] > 0)]
    assert 0.1 < 1 - read(url, contract, horizon=20).known.outcome.mean() < 0.4
    early = read(url, contract, horizon=19).known
    assert (early.outcome == 1).all()
    assert len(early.outcome) == len(calls)


def test_a_list_that_is_too_young_does_not_count(campaign):
    _, url, contract = campaign
    with pytest.raises(ChurnError, match="Nothing can be learned"):
        read(url, contract, as_of=LISTED + timedelta(days=30))
    assert len(read(url, contract, as_of=LISTED + timedelta(days=31)).known.action)


def test_a_policy_of_another_model_s_features_ranks_no_list(deployed):
    contract = deployed[0].contract
    _, offer = settle({})
    typical = dict.fromkeys([*list(contract.features)[1:], "probability of leaving"], 0.0)
    learned = LearnedPolicy("spring", "EffectFlow/1", None, {}, typical, {"call": 0.0})
    with pytest.raises(ChurnError) as error:
        ListPolicy(offer, [], contract, "ChurnFlow/1", learned)
    assert "differ in" in error.value.problems[0]
    assert "--policy risk" in error.value.problems[1]
