"""The results of calling by month, and the checks of the experiment."""

import numpy as np
import pandas as pd
import pytest

from churn.campaign.results import experiment_health, results_by_month

pytestmark = pytest.mark.heavy

# 30 % of those who would leave stay if they are called.
SAVED = 0.3


def campaign(seed: int, months: int = 3, per_month: int = 2_000, share: float = 0.2):
    """Lists and outcomes with a known effect."""
    rng = np.random.default_rng(seed)
    n = months * per_month
    control = rng.random(n) < share
    chance = rng.uniform(0.1, 0.9, n)
    calls = pd.DataFrame(
        {
            "customer": [f"C{i}" for i in range(n)],
            "arm": np.where(control, "control", "contact"),
            "day": pd.to_datetime([f"2026-{1 + i % months:02d}-05" for i in range(n)]),
            "probability": chance, "value_at_risk": 100 * chance, "campaign": "spring",
            "key": "customer_id", "stratum": "list",
            "propensity": np.where(control, share, 1 - share),
            "assigned_action": np.where(control, "control", "contact"), "policy_action": None,
            "segment": np.where(np.arange(n) % 4 == 0, "gold", "rest"),
        }
    )  # fmt: skip
    left = rng.random(n) < chance * np.where(control, 1, 1 - SAVED)
    outcomes = pd.DataFrame(
        {"customer": calls["customer"], "date": calls["day"] + pd.Timedelta(days=30),
         "left": left, "recorded": pd.Timestamp("2026-06-01", tz="UTC")}
    )  # fmt: skip
    truth = SAVED * chance[~control].sum()
    return calls, outcomes, truth


def checks(calls, outcomes):
    return {one["name"]: one["ok"] for one in experiment_health(calls, outcomes)}


@pytest.mark.slow
def test_intervals_of_the_whole_and_of_the_months_hold_the_truth():
    """In 12 campaigns at least 10 of the intervals; 11.4 are expected."""
    held = 0
    for seed in range(12):
        calls, outcomes, truth = campaign(seed, months=2)
        (found,) = results_by_month(calls, outcomes)
        held += found["total"]["kept"]["low"] <= truth <= found["total"]["kept"]["high"]
        assert [month["month"] for month in found["months"]] == ["2026-01", "2026-02"]
        assert (
            sum(month["contact"]["drawn"] for month in found["months"])
            == (found["total"]["contact"]["drawn"])
        )
    assert held >= 10


def test_a_sound_experiment_passes_its_checks():
    assert set(checks(*campaign(1)[:2]).values()) == {True}


def test_an_arm_that_is_too_small_is_named():
    calls, outcomes, _ = campaign(1)
    lost = (calls["arm"] == "control") & (np.arange(len(calls)) % 3 == 0)
    assert checks(calls[~lost], outcomes)["Sample ratio"] is False


def test_arms_that_differ_before_the_call_are_named():
    calls, outcomes, _ = campaign(1)
    swapped = (calls["arm"] == "control") & (calls["probability"] > 0.6)
    assert checks(calls[~swapped], outcomes)["Balance"] is False


def test_outcomes_that_depend_on_the_call_are_named():
    calls, outcomes, _ = campaign(1)
    lost = (calls["arm"] == "contact").to_numpy() & (np.arange(len(calls)) % 5 == 0)
    assert checks(calls, outcomes[~lost])["Outcomes known"] is False


@pytest.mark.parametrize("stated", [True, False])
def test_a_control_share_that_changes_with_the_season_is_sound(stated):
    """In the riskier half, of which little is known yet, fewer are in the control group."""
    early, of_early, _ = campaign(1, months=1, per_month=6_000, share=0.4)
    late, of_late, _ = campaign(2, months=1, per_month=6_000, share=0.1)
    late["customer"] = of_late["customer"] = "L" + late["customer"]
    late["day"] += pd.Timedelta(days=31)
    early, of_early = early[early["probability"] < 0.6], of_early[early["probability"] < 0.6]
    calls = pd.concat([early, late], ignore_index=True)
    if not stated:
        calls["propensity"] = np.nan
    found = checks(calls, pd.concat([of_early, of_late[::3]], ignore_index=True))
    assert found == {"Sample ratio": True if stated else None, "Balance": True,
                     "Outcomes known": True}  # fmt: skip


def test_what_cannot_be_tested_is_not_called_sound():
    calls, outcomes, _ = campaign(1, months=1, per_month=60, share=0.1)
    found = checks(calls.assign(propensity=np.nan), outcomes)
    assert found == {"Sample ratio": None, "Balance": None, "Outcomes known": None}


def test_a_month_without_outcomes_says_so():
    calls, outcomes, _ = campaign(1)
    early = outcomes[calls["day"] < pd.Timestamp("2026-03-01")]
    (found,) = results_by_month(calls, early)
    assert found["months"][2]["saved"] is None
    assert found["months"][2]["insufficient"]


@pytest.mark.parametrize("campaigns", [("spring", "autumn"), ("spring", "spring")])
def test_campaigns_are_not_mixed(campaigns):
    calls, outcomes, _ = campaign(1)
    calls["campaign"] = np.where(np.arange(len(calls)) % 2, *campaigns)
    assert [one["campaign"] for one in results_by_month(calls, outcomes)] == sorted(set(campaigns))


@pytest.mark.slow
def test_offers_are_compared_with_the_control_group_of_those_who_would_have_got_them():
    """A discount keeps 40 %, a mail none; a tenth of each list got the other action at random."""
    held = {"discount": 0, "mail": 0}
    for seed in range(6):
        calls, outcomes, _ = campaign(seed, months=1, per_month=3_000)
        rng = np.random.default_rng(100 + seed)
        chance = calls["probability"].to_numpy()
        policy = np.where(chance > 0.5, "discount", "mail")
        other = np.where(policy == "mail", "discount", "mail")
        control = (calls["arm"] == "control").to_numpy()
        got = np.where(rng.random(len(calls)) < 0.1, other, policy)
        got[control] = "control"
        left = rng.random(len(calls)) < chance * np.where(got == "discount", 0.6, 1)
        calls = calls.assign(policy_action=policy, assigned_action=got)
        (found,) = results_by_month(calls, outcomes.assign(left=left))
        offers = {one["name"]: one for one in found["groups"]["offer"]}
        assert set(offers) == {"discount", "mail"}
        for name, one in offers.items():
            mine = (policy == name) & (got == name)
            truth = (0.4 if name == "discount" else 0.0) * chance[mine].sum()
            held[name] += one["kept"]["low"] <= truth <= one["kept"]["high"]
            assert one["contact"]["drawn"] == mine.sum()
    assert min(held.values()) >= 5  # of 6, 5.7 expected


def test_segments_and_intervals_that_hold_at_every_look():
    calls, outcomes, _ = campaign(4)
    (found,) = results_by_month(calls, outcomes)
    assert [one["name"] for one in found["groups"]["segment"]] == ["rest", "gold"]
    assert found["groups"]["offer"] == []
    total = found["total"]
    for what in ("kept", "saved"):
        assert total["always"][what]["low"] < total[what]["low"]
        assert total["always"][what]["high"] > total[what]["high"]
