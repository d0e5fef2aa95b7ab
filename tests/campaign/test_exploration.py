"""Calls at random beside the list: whom they reach, how probably, and what they stand for."""

import numpy as np
import pandas as pd
import pytest

from campaigns import BY_VALUE, DAY, settle
from churn.campaign.control_group import in_control
from churn.campaign.exploration import candidates, explore
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
    drawn = calls[(calls["stratum"] == "exploration") & (calls["weight"] > 0)]
    assert drawn["arm"].value_counts().to_dict() == {"contact": 40, "control": 40}
    assert (calls["arm"] == "contact").sum() == 100
    assert found.counts["explored"] == found.counts["explored_control"] == 40
    assert "40 of the calls are drawn at random" in str(found)
    assert everyone["customer_id"].is_unique
    # Most of the drawn would be on the list or near its edge; some are not worth a call.
    assert (drawn["net_benefit"] > 0).mean() > 0.5
    assert (drawn["net_benefit"] < 0).any()


def test_each_row_has_its_probability_and_what_it_stands_for(customers, listed, calls):
    found, _ = listed(customers, BY_VALUE, **EXPLORED)
    of_list = calls[calls["stratum"] == "list"]
    assert set(of_list[of_list["arm"] == "contact"]["propensity"]) == {0.8}
    assert set(of_list[of_list["arm"] == "control"]["propensity"]) == {0.2}
    assert set(of_list["weight"]) == {0}
    every = calls[calls["stratum"] == "exploration"]
    held = every[every["weight"] == 0]  # of the list's control group, and in the draw
    assert len(held) == found.counts["held"] > 5
    assert set(held["arm"]) == {"control"}
    assert set(held["propensity"]) == {1.0}
    drawn = every[every["weight"] > 0]
    assert drawn["propensity"].between(0.3, 0.7).all()
    assert drawn["weight"].min() < 10 < 100 < drawn["weight"].max()
    assert drawn["weight"].sum() == pytest.approx(found.counts["eligible"], rel=0.5)


def test_without_exploration_each_row_stands_for_itself(customers, listed):
    found, _ = listed(customers, BY_VALUE, budget=60)
    assert set(found.calls["weight"].to_pylist()) == {1.0}


@pytest.mark.slow
def test_the_draw_does_not_depend_on_how_the_table_is_cut(customers, listed, calls):
    parts, _ = listed(customers, BY_VALUE, shard_rows=700, **EXPLORED)
    pd.testing.assert_frame_equal(parts.calls.to_pandas(), calls)


BUDGET, EXPLORE, PEOPLE = 60, 30, 1_500


def drawn_of(name: str, risky: np.ndarray, other: np.ndarray | None = None):
    """The draw of a campaign: of the customers with a group, and the positions of all who are out.

    `risky` is the probability of leaving, and the benefit by the list's policy.
    """
    campaign, _ = settle({}, campaign=name, budget=BUDGET, explore=EXPLORE)
    ids = [f"c{number}" for number in range(len(risky))]
    rankings = np.column_stack([risky] if other is None else [risky, other])
    scores = candidates(ids, risky, risky[:, None], rankings, pd.RangeIndex(len(ids)), campaign)
    found = explore((scores, scores), len(ids), np.array([10_000]), campaign)
    (drawn, _), allocation, idle, held = found
    out = [*drawn.index, *held.index]
    return drawn, np.where(drawn["control"], idle, 1 - idle), allocation, out


@pytest.fixture(scope="module")
def risky() -> np.ndarray:
    return np.random.default_rng(0).beta(1, 6, PEOPLE)


def test_totals_are_unbiased_though_probabilities_differ(risky):
    """Horvitz and Thompson's totals of customers, and of a property by group, over campaigns."""
    counts, called, rest = [], [], []
    for number in range(150):
        drawn, chance, _, _ = drawn_of(f"total {number}", risky)
        assert len(drawn) == 2 * EXPLORE
        counts.append(drawn["weight"].sum())
        control = drawn["control"].to_numpy(dtype=bool)
        own = (drawn["weight"] * drawn["probability"]).to_numpy() / chance
        called.append(own[~control].sum())
        rest.append(own[control].sum())
    for totals, truth in ((counts, PEOPLE), (called, risky.sum()), (rest, risky.sum())):
        error = np.std(totals, ddof=1) / np.sqrt(len(totals))
        assert np.mean(totals) == pytest.approx(truth, abs=3.5 * error)
        assert error < 0.1 * truth  # precise enough to notice a wrong probability


def test_who_is_near_the_list_is_drawn_most_and_everybody_may_be(risky):
    place = np.argsort(np.argsort(-risky))
    times = np.zeros(PEOPLE)
    for number in range(150):
        drawn, _, _, _ = drawn_of(f"near {number}", risky)
        times[drawn.index] += 1 / 150
    near, middle, far = times[place < 60], times[(place >= 60) & (place < 240)], times[place >= 240]
    assert near.mean() > 2 * middle.mean() > 10 * far.mean() > 0
    # A tenth of the draw goes to all alike, and the control group of the list is never drawn.
    assert far.mean() == pytest.approx(0.8 * 0.1 * 2 * EXPLORE / (0.8 * PEOPLE), rel=0.35)


def test_policies_that_disagree_are_compared_where_they_do(risky):
    """The other policy calls a hundred customers of whom the list would call few."""
    other = np.where((np.arange(PEOPLE) % 15) == 0, 1 + risky, risky)
    chosen = np.zeros(2)
    differ = np.argsort(-other)[:BUDGET]
    differ = np.setdiff1d(differ, np.argsort(-risky)[: 3 * BUDGET])
    for number in range(20):
        for place, second in enumerate((None, other)):
            drawn, _, _, _ = drawn_of(f"differ {number}", risky, second)
            chosen[place] += np.isin(drawn.index, differ).sum()
    assert chosen[1] > 4 * chosen[0]


def test_where_policies_agree_less_is_drawn(risky):
    """The other policy calls nobody of every second customer of the list."""
    top = np.argsort(-risky)[:BUDGET]
    other = risky.copy()
    other[top[::2]] -= 1
    times = np.zeros(PEOPLE)
    for number in range(40):
        times[drawn_of(f"agree {number}", risky, other)[0].index] += 1
    assert times[top[::2]].sum() > 1.5 * times[top[1::2]].sum() > 0


def test_the_list_s_control_group_keeps_its_share(risky):
    """Whom the draw finds of it is out of the list too; else the list would have more of it."""
    ids, held, listed = [f"c{number}" for number in range(PEOPLE)], 0, 0
    for number in range(60):
        name = f"share {number}"
        drawn, _, _, out = drawn_of(name, risky)
        control = in_control(ids, name, 0.2)
        assert not control[drawn.index].any()
        rest = np.setdiff1d(np.argsort(-risky)[:BUDGET], out)
        held, listed = held + control[rest].sum(), listed + len(rest)
    assert held / listed == pytest.approx(0.2, abs=4 * np.sqrt(0.2 * 0.8 / listed))


def test_groups_are_drawn_anew_each_day(customers, listed):
    """And until their outcome is known, customers rest: see the tests of the cooldown."""
    arms: dict[str, set[str]] = {}
    for day in (2, 3):
        found, _ = listed(customers, as_of=f"2026-03-0{day}", budget=300, explore=250)
        drawn = found.calls.to_pandas().query("stratum == 'exploration'")
        for customer, arm in zip(drawn["customer_id"], drawn["arm"], strict=True):
            arms.setdefault(customer, set()).add(arm)
    assert sum(len(found) == 2 for found in arms.values()) > 20


def test_savings_ignore_what_says_nothing_of_the_list(calls, tmp_path):
    path = tmp_path / "calls.csv"
    calls.to_csv(path, index=False)
    read = read_call_lists([str(path)])
    drawn = read[read["stratum"] == "exploration"]
    # Those who were not called stand for the others in training.
    assert len(drawn) == (calls["stratum"] == "exploration").sum() > 80
    assert len(one_campaign(read)) == (calls["stratum"] == "list").sum()


def test_all_calls_cannot_be_at_random():
    with pytest.raises(ChurnError, match="less than --budget 10"):
        settle({}, budget=10, explore=10, as_of=DAY)
