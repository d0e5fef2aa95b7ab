"""Several actions on a list: who may get which, how many, and with what probability."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from campaigns import CONTRACT, TWO_ACTIONS, settle
from churn.__main__ import main
from churn.campaign.campaign_reading import read_campaign_file
from churn.campaign.effects import Settings, capacity_shares, read_campaign
from churn.campaign.known_calls import read_stored_lists
from churn.campaign.reading import read_call_lists
from churn.campaign.results import experiment_health
from churn.campaign.rules import Rule, rule_problems
from churn.campaign.stored import CallListStore, Query
from churn.campaign.stored.listing import list_name, store_list
from churn.errors import ChurnError
from churn.feedback.outcomes import Outcome, OutcomeStore

pytestmark = pytest.mark.heavy

RUN_COSTS = {"contact_cost": 1.0, "offer_cost": 10.0, "acceptance": 0.3, "customer_value": 200.0}
RECORDED = datetime(2026, 5, 1, tzinfo=UTC)
NO_OUTCOMES = pd.DataFrame({"customer": [], "date": []})
SETTINGS = {"budget": 160, "explore": 40, "control": 0.2}


@pytest.fixture(scope="module")
def actions(tmp_path_factory):
    path = tmp_path_factory.mktemp("campaign") / "campaign.toml"
    path.write_text(TWO_ACTIONS, "utf-8")
    return read_campaign_file(str(path)).build(RUN_COSTS, {})


@pytest.fixture
def found(customers, listed, actions):
    return listed(customers, actions=actions, **SETTINGS)


@pytest.fixture
def calls(found):
    return found[0].calls.to_pandas()


def chances(row) -> dict[str, float]:
    return {name: float(p) for name, p in (one.rsplit(" ", 1) for one in row.split("; "))}


def test_capacities_and_budget_are_kept_and_what_is_left_out_is_told(found, calls):
    contact = calls[calls["arm"] == "contact"]
    counts = contact["assigned_action"].value_counts()
    assert counts["discount"] <= 60
    assert counts["mail"] <= 100
    assert counts.sum() <= 160
    assert counts["discount"] > 50
    told = found[0].describe_actions()
    assert told[0].startswith(f"discount: {counts['discount']} customers of at most 60")
    assert found[0].counts["suppressed"] > 0
    assert f"{found[0].counts['suppressed']:,} by a rule of the campaign" in told[-1]


def test_rules_say_who_may_get_which_action(found, calls, customers):
    of = calls.merge(customers.astype({"customer_id": str}), on="customer_id")
    assert not (of["payment_method"] == "Mailed check").any()
    discounted = of["eligible_actions"].str.contains("discount")
    assert (of["contract"][discounted] == "Month-to-month").all()
    assert discounted.any()
    assert not discounted.all()
    suppressed = (customers["payment_method"] == "Mailed check").sum()
    assert found[0].counts["suppressed"] == suppressed
    assert found[0].counts["eligible"] == len(customers) - suppressed


def test_every_row_has_the_probability_of_what_was_drawn(calls):
    for _, row in calls.iterrows():
        possible = chances(row["eligible_actions"])
        assert sum(possible.values()) == pytest.approx(1, abs=1e-5)
        assert row["propensity"] == pytest.approx(possible[row["assigned_action"]], abs=1e-5)
    assert set(calls["policy"]) == {"risk"}
    assert (calls.loc[calls["arm"] == "control", "assigned_action"] == "control").all()
    explored = calls["stratum"] == "exploration"
    assert calls["policy_action"].isna().eq(explored).all()


def test_the_action_with_the_greatest_profit_is_preferred(calls):
    of_list = calls[(calls["stratum"] == "list") & calls["eligible_actions"].str.contains("disc")]
    discount = calls.set_index("customer_id").loc[of_list["customer_id"]]
    assert len(discount)
    # As long as there are discounts, who leaves with 20 % or more is worth one.
    risky = of_list[of_list["probability"] > 0.5]
    assert (risky["policy_action"] == "discount").mean() > 0.9


def test_a_list_in_parts_is_the_same(customers, listed, actions, calls):
    parts, _ = listed(customers, actions=actions, shard_rows=700, **SETTINGS)
    pd.testing.assert_frame_equal(parts.calls.to_pandas(), calls)


@pytest.mark.slow
def test_the_draws_have_the_probabilities_that_the_rows_state(customers, listed, actions):
    """Over many campaigns each action is drawn as often as the sum of its probabilities."""
    drawn, expected, variance = (dict.fromkeys(("discount", "mail", "control"), 0.0) for _ in "abc")
    for number in range(5):
        found, _ = listed(customers, actions=actions, campaign=f"c{number}", **SETTINGS)
        for name, options in zip(
            found.calls["assigned_action"].to_pylist(), found.options, strict=True
        ):
            drawn[name] += 1
            for one, of in options.items():
                expected[one] += of["propensity"]
                variance[one] += of["propensity"] * (1 - of["propensity"])
    for name in drawn:
        assert drawn[name] == pytest.approx(expected[name], abs=4 * np.sqrt(variance[name]))


def test_the_database_has_the_action_and_all_that_was_possible(found, deployed, tmp_path):
    url = f"sqlite:///{tmp_path / 'log.db'}"
    campaign, _ = settle({}, **SETTINGS)
    none = pd.DataFrame(index=found[0].rows)
    store_list(found[0], deployed[0].contract, campaign, "ChurnFlow/1", url, none)
    with CallListStore(url) as store:
        rows = list(store.every(list_name(campaign), Query()))
    assert {row.action for row in rows} == {"discount", "mail"}
    for row in rows:
        assert row.options[row.action]["propensity"] == row.propensity
        assert row.options[row.action]["cost"] == pytest.approx(row.call_cost)
        assert row.options[row.action]["benefit_by_risk"] == pytest.approx(row.benefit_by_risk)
        assert sum(one["propensity"] for one in row.options.values()) == pytest.approx(1)


def test_the_two_arms_have_their_own_probability_whatever_the_action(
    calls, found, deployed, tmp_path
):
    calls.to_csv(tmp_path / "calls.csv", index=False)
    url = f"sqlite:///{tmp_path / 'log.db'}"
    campaign, _ = settle({}, **SETTINGS)
    none = pd.DataFrame(index=found[0].rows)
    store_list(found[0], deployed[0].contract, campaign, "ChurnFlow/1", url, none)
    for read in (read_call_lists([str(tmp_path / "calls.csv")]), read_stored_lists(url)[0]):
        of_list = read[read["stratum"] == "list"]
        called = (of_list["arm"] == "contact").to_numpy()
        assert of_list["propensity"].to_numpy() == pytest.approx(np.where(called, 0.8, 0.2))
        health = {one["name"]: one["ok"] for one in experiment_health(of_list, NO_OUTCOMES)}
        assert health["Sample ratio"]


def test_savings_are_told_by_offer_and_by_month(calls, tmp_path, capsys):
    calls.to_csv(tmp_path / "calls.csv", index=False)
    left = pd.DataFrame({"customer": calls["customer_id"], "left": np.arange(len(calls)) % 5 == 0})
    left.to_csv(tmp_path / "left.csv", index=False)
    command = ["savings", str(tmp_path / "calls.csv"), str(tmp_path / "left.csv"), "--left", "left"]
    assert main([*command, "--by", "offer"]) == 0
    told = capsys.readouterr().out
    of_list = calls[calls["stratum"] == "list"]
    for name in ("discount", "mail"):
        part = told.split(f"offer {name}, before the costs of calling:\n")[1]
        contact = (of_list["policy_action"] == name) & (of_list["assigned_action"] == name)
        assert part.startswith(f"contact  {contact.sum()} customers")
    assert main([*command, "--by", "month"]) == 0
    assert "month 2026-03, before the costs" in capsys.readouterr().out


def test_one_action_of_a_file_makes_the_list_of_no_file(customers, listed, tmp_path):
    path = tmp_path / "campaign.toml"
    path.write_text('campaign = "spring"\n[[actions]]\nname = "visit"\nchannel = "shop"\n')
    one = read_campaign_file(str(path)).build(RUN_COSTS, {})
    plain, _ = listed(customers, budget=100, explore=40)
    named, _ = listed(customers, actions=one, budget=100, explore=40)
    extra = named.calls.to_pandas()
    assert set(extra["assigned_action"]) == {"visit", "control"}
    assert set(extra["stratum"]) == {"list", "exploration"}
    pd.testing.assert_frame_equal(extra[plain.calls.column_names], plain.calls.to_pandas())


def test_a_rule_may_name_a_column_that_the_model_does_not_know(customers, listed, actions):
    complaints = np.where(np.arange(len(customers)) % 2 == 0, "yes", "")
    own = replace(actions, suppress=(Rule('complaint == "yes"'),))
    table = customers.assign(complaint=complaints)
    found, _ = listed(table, actions=own, **SETTINGS)
    assert found.counts["suppressed"] == len(customers) // 2
    asked = set(found.calls["customer_id"].to_pylist())
    assert not asked & set(table["customer_id"][table["complaint"] == "yes"].astype(str))
    with pytest.raises(ChurnError, match="complaint"):
        listed(customers, actions=own, **SETTINGS)


def test_rules_read_features_and_any_other_column():
    table = pd.DataFrame(
        {
            "contract": pd.Categorical(["One year", "Two year", None]),
            "partner": [True, False, True],
            "complaint": ["yes", None, " no "],
            "visits": ["3", "", "x"],
        }
    )
    holds = {text: Rule(text)(table).tolist() for text in (
        'contract == "One year"', "partner == 1", 'complaint == "yes"', 'complaint == "no"',
        "visits > 2", "visits + partner", 'contract != "One year"',
    )}  # fmt: skip
    assert holds == {
        'contract == "One year"': [True, False, False],
        "partner == 1": [True, False, True],
        'complaint == "yes"': [True, False, False],
        'complaint == "no"': [False, False, True],
        "visits > 2": [True, False, False],
        "visits + partner": [True, False, False],
        'contract != "One year"': [False, True, False],
    }
    assert rule_problems('complaint == "yes"', CONTRACT) == []
    assert rule_problems('tenure == "yes"', CONTRACT)


def test_the_experiment_has_every_action_with_its_probability_and_cost(found, deployed, tmp_path):
    """Read from the database; a later list that gives another action contaminates."""
    url = f"sqlite:///{tmp_path / 'log.db'}"
    contract = deployed[0].contract
    none = pd.DataFrame(index=found[0].rows)
    campaign, _ = settle({}, **SETTINGS)
    store_list(found[0], contract, campaign, "ChurnFlow/1", url, none)
    calls = found[0].calls.to_pandas()
    with OutcomeStore(url) as store:
        store.add(
            Outcome(customer, campaign.as_of + timedelta(days=9), place % 4 == 0, RECORDED)
            for place, customer in enumerate(calls["customer_id"])
        )
    calls = calls[(calls["stratum"] == "exploration") & (calls["weight"] > 0)]  # they stand for all
    settings = Settings(None, 30, campaign.as_of + timedelta(days=60), "spring", {"discount": 60})
    read = read_campaign(url, contract, settings)
    known = read.known
    assert known.names == ("no call", "discount", "mail")
    assert known.propensity.sum(axis=1) == pytest.approx(1)
    of_discount = calls["eligible_actions"].str.contains("discount")
    assert known.possible[:, 1].sum() == of_discount.sum()
    assert np.bincount(known.action).tolist() == [
        (calls["assigned_action"] == name).sum() for name in ("control", "discount", "mail")
    ]
    assert (read.costs[~known.possible[:, 1:]] == 0).all()
    assert read.costs[known.possible[:, 1], 0].min() > 4  # of the contact alone
    eligible = found[0].counts["eligible"]
    assert capacity_shares(read, settings.capacities) == pytest.approx([60 / eligible, 1.0])
    contamination = read.checks[-1]
    assert contamination.passed
    # Five days later everybody is on a list again, who had a mail with a discount.
    later, _ = settle({}, **SETTINGS, as_of="2026-03-07")
    store_list(found[0], contract, later, "ChurnFlow/1", url, none)
    with CallListStore(url) as store, store.connected() as connection:
        connection.exec_driver_sql(
            "UPDATE listed_customers SET action = 'discount' WHERE NOT control AND list_id = "
            f"'{list_name(later)}'"
        )
    contamination = read_campaign(url, contract, settings).checks[-1]
    assert not contamination.passed
    mails = (calls["assigned_action"] == "mail").sum()
    assert f"{mails:,} of {mails:,} with mail" in contamination.finding
    assert "0 of " in contamination.finding
