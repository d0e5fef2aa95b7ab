"""Calls at random beside the list: whom they reach, how probably, and what they stand for."""

import numpy as np
import pandas as pd
import pytest

from campaigns import BY_VALUE, DAY, settle
from churn.campaign.reading import read_call_lists
from churn.campaign.savings import one_campaign
from churn.errors import ChurnError

pytestmark = pytest.mark.heavy

EXPLORED = {"budget": 100, "explore": 40}


@pytest.fixture
def calls(customers, listed):
    found, _ = listed(customers, BY_VALUE, **EXPLORED)
    return found.calls.to_pandas()


def test_calls_at_random_are_part_of_the_budget(customers, listed):
    found, everyone = listed(customers, BY_VALUE, **EXPLORED)
    calls = found.calls.to_pandas()
    drawn = calls[calls["stratum"] == "exploration"]
    assert drawn["arm"].value_counts().to_dict() == {"contact": 40, "control": 40}
    assert (calls["arm"] == "contact").sum() == 100
    assert found.counts["explored"] == found.counts["explored_control"] == 40
    assert "40 of the calls are drawn at random" in str(found)
    # Everybody is there once, and some of the drawn are not worth a call by the list's ranking.
    assert everyone["customer_id"].is_unique
    assert (drawn["net_benefit"] < 0).any()


def test_each_row_has_its_probability_and_what_it_stands_for(customers, listed, calls):
    found, _ = listed(customers, BY_VALUE, **EXPLORED)
    of_list = calls[calls["stratum"] == "list"]
    assert set(of_list[of_list["arm"] == "contact"]["propensity"]) == {0.8}
    assert set(of_list[of_list["arm"] == "control"]["propensity"]) == {0.2}
    drawn = calls[calls["stratum"] == "exploration"]
    assert set(drawn["propensity"]) == {0.5}
    assert calls["weight"].sum() == pytest.approx(found.counts["eligible"])


def test_the_list_itself_is_the_one_of_a_smaller_budget(customers, listed, calls):
    smaller, _ = listed(customers, BY_VALUE, budget=60)
    of_list = calls[calls["stratum"] == "list"].reset_index(drop=True)
    pd.testing.assert_frame_equal(of_list, smaller.calls.to_pandas())


@pytest.mark.slow
def test_the_draw_does_not_depend_on_how_the_table_is_cut(customers, listed, calls):
    parts, _ = listed(customers, BY_VALUE, shard_rows=700, **EXPLORED)
    pd.testing.assert_frame_equal(parts.calls.to_pandas(), calls)


@pytest.mark.slow
def test_a_customer_stays_in_one_group_on_every_day(customers, listed):
    arms: dict[str, set[str]] = {}
    seen = 0
    for day in range(2, 6):
        found, _ = listed(customers, BY_VALUE, as_of=f"2026-03-0{day}", budget=300, explore=250)
        drawn = found.calls.to_pandas().query("stratum == 'exploration'")
        seen += len(drawn)
        for customer, arm in zip(drawn["customer_id"], drawn["arm"], strict=True):
            arms.setdefault(customer, set()).add(arm)
    assert seen > len(arms) > 700  # other customers every day, some of them twice
    assert all(len(found) == 1 for found in arms.values())


@pytest.mark.slow
def test_everybody_may_be_drawn(customers, listed):
    """Over many campaigns the drawn have the mean risk of all who are eligible."""
    chances, eligible = [], None
    for number in range(5):
        found, everyone = listed(
            customers, BY_VALUE, campaign=f"c{number}", budget=110, explore=100
        )
        drawn = found.calls.to_pandas().query("stratum == 'exploration'")
        chances += drawn["probability"].tolist()
        eligible = everyone["probability"]
    se = eligible.std() / np.sqrt(len(chances))
    assert np.mean(chances) == pytest.approx(eligible.mean(), abs=4 * se + 0.01)


def test_savings_and_training_ignore_what_says_nothing_of_the_list(calls, tmp_path):
    path = tmp_path / "calls.csv"
    calls.to_csv(path, index=False)
    read = read_call_lists([str(path)])
    drawn = read[read["stratum"] == "exploration"]
    assert set(drawn["arm"]) == {"contact"}  # their labels are those of called customers
    assert len(drawn) == 40
    assert len(one_campaign(read)) == (calls["stratum"] == "list").sum()


def test_all_calls_cannot_be_at_random():
    with pytest.raises(ChurnError, match="less than --budget 10"):
        settle({}, budget=10, explore=10, as_of=DAY)
