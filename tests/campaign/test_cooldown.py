"""Customers of earlier lists rest for some days, whether they were to be called or not."""

from datetime import date, timedelta

import pandas as pd
import pytest

from campaigns import DAY, settle
from churn.campaign.cooldown import describe_resting, resting_customers
from churn.campaign.stored.listing import store_list
from churn.errors import ChurnError

LISTED = date.fromisoformat(DAY)


@pytest.fixture
def stored(listed, deployed, customers, tmp_path):
    """A stored list, and the URL of its database."""
    found, _ = listed(customers, budget=50)
    url = f"sqlite:///{tmp_path / 'log.db'}"
    campaign, _ = settle({}, budget=50)
    none = pd.DataFrame(index=found.rows)
    store_list(found, deployed[0].contract, campaign, "ChurnFlow/1", url, none)
    return found.calls.column("customer_id").to_pylist(), url


@pytest.mark.heavy
def test_they_rest_for_so_many_days(stored):
    ids, url = stored
    for days_later, rests in ((0, False), (1, True), (30, True), (31, False)):
        resting = resting_customers(url, LISTED + timedelta(days=days_later), 30)
        assert list(resting) == (sorted(ids) if rests else []), days_later


@pytest.mark.heavy
def test_they_are_on_no_list_and_counted(listed, customers, stored):
    ids, url = stored
    resting = resting_customers(url, LISTED + timedelta(days=5), 30)
    found, everyone = listed(customers, budget=50, resting=resting, do_not_contact=ids[:3])
    assert not set(ids) & set(found.calls.column("customer_id").to_pylist())
    assert set(everyone[everyone["customer_id"].isin(ids)]["arm"]) == {"none"}
    assert found.counts["do_not_contact"] == 3
    assert found.counts["resting"] == len(ids) - 3
    assert found.counts["eligible"] == 3_000 - len(ids)
    told = describe_resting(resting, found.counts["resting"], 30)
    assert told == (
        f"{len(ids) - 3} customers rest: on a list of the last 30 days "
        f"({len(ids)} in the database)."
    )


def test_who_was_drawn_rests_until_the_outcome_is_known(listed, deployed, customers, tmp_path):
    """Else the next list would call who was drawn not to be called."""
    settings = {"budget": 50, "explore": 20}
    found, _ = listed(customers, **settings)
    url = f"sqlite:///{tmp_path / 'drawn.db'}"
    campaign, _ = settle({}, **settings)
    none = pd.DataFrame(index=found.rows)
    store_list(found, deployed[0].contract, campaign, "ChurnFlow/1", url, none)
    drawn = found.calls.to_pandas().query("stratum == 'exploration'")["customer_id"]
    assert len(drawn) == 40 + found.counts["held"]
    for days, resting in ((28, sorted(drawn)), (29, [])):
        day = LISTED + timedelta(days=days)
        assert list(resting_customers(url, day, 0, 28)) == resting
    every = resting_customers(url, LISTED + timedelta(days=5), 7, 28)
    assert set(drawn) < set(every) == set(found.calls["customer_id"].to_pylist())
    told = describe_resting(every, 40, 7, 28)
    assert "on a list of the last 7 days or drawn at random in the last 28 days" in told


def test_without_a_log_nobody_knows_who_rests():
    with pytest.raises(ChurnError, match="--log"):
        resting_customers("off", LISTED, 30)
    assert resting_customers("off", LISTED, 0) == ()
    assert resting_customers("off", LISTED, 0, 30) == ()
    assert describe_resting((), 0, 0) == ""
