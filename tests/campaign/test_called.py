"""Called customers are not trained on, so the next model is calibrated for the riskiest."""

import numpy as np
import pandas as pd
import pytest

from campaigns import CONTRACT
from churn.campaign.called import CALLED, leave_out_called
from churn.campaign.control_group import in_control
from churn.campaign.reading import read_call_lists
from churn.data.contract import Contract
from churn.data.synthetic import generate_sample_data
from churn.errors import ChurnError
from churn.modeling.model import ChurnModel
from churn.modeling.search_space import BASELINE


def listed(customers, arms, day="2026-03-02", campaign="spring", propensity=np.nan) -> pd.DataFrame:
    nobody = read_call_lists([])
    calls = pd.DataFrame({"customer": customers, "arm": arms, "day": pd.Timestamp(day)})
    calls = calls.assign(campaign=campaign, propensity=propensity, stratum="list")
    return pd.concat([nobody, calls.astype({"customer": object})]).astype(nobody.dtypes.to_dict())


def campaign(model: ChurnModel, seed: int, acceptance: float):
    """A year later: 1,200 of 6,000 are listed, nine in ten of them called, and some stay for it."""
    now = generate_sample_data(6_000, seed)
    ids = now["customer_id"].astype(str)
    top = np.argsort(-model.predict_proba(now)[:, 1])[:1_200]
    arms = np.where(in_control(ids.iloc[top], "spring", 0.1), "control", "contact")
    called = np.zeros(len(now), dtype=bool)
    called[top[arms == "contact"]] = True
    stays = called & (np.random.default_rng(seed).random(len(now)) < acceptance)
    now.loc[stays, "churn"] = CONTRACT.negative[0]
    return now, listed(ids.iloc[top].to_numpy(dtype=object), arms)


def top_tenth(model: ChurnModel) -> tuple[float, float]:
    """Predicted and true mean risk of the riskiest tenth, if nobody is called."""
    fresh, truth = generate_sample_data(20_000, seed=99, return_probability=True)
    chance = model.predict_proba(fresh)[:, 1]
    top = np.argsort(-chance)[:2_000]
    return chance[top].mean(), truth[top].mean()


@pytest.mark.slow
def test_the_next_model_is_right_about_the_riskiest_tenth():
    first = ChurnModel(CONTRACT, BASELINE).fit(generate_sample_data(5_000, seed=1))
    gaps = {"all rows": [], "without the called": []}
    for seed in (2, 3, 4):
        table, calls = campaign(first, seed, acceptance=0.6)
        split = np.full(len(table), "train")
        split, weights, found = leave_out_called(table, split, CONTRACT, calls)
        train = split == "train"
        assert found.called + found.control == 1_200
        assert weights[train].sum() == pytest.approx(6_000)
        for name, rows, times in (
            ("all rows", table, None), ("without the called", table[train], weights[train]),
        ):  # fmt: skip
            predicted, true = top_tenth(ChurnModel(CONTRACT, BASELINE).fit(rows, weights=times))
            gaps[name].append(true - predicted)
    assert np.mean(gaps["all rows"]) > 0.1
    assert abs(np.mean(gaps["without the called"])) < 0.05


def test_called_customers_are_on_neither_side_and_the_control_group_stands_for_them_on_both():
    table = generate_sample_data(100, seed=5)
    ids = table["customer_id"].astype(str).to_numpy(dtype=object)
    split = np.array(["train"] * 80 + ["holdout"] * 20)
    arms = ["contact"] * 30 + ["control"] * 10
    calls = listed(np.concatenate([ids[:30], ids[72:82]]), arms)
    parts, weights, found = leave_out_called(table, split, CONTRACT, calls)
    assert (found.on_lists, found.called, found.control, found.trained) == (40, 30, 10, 8)
    assert set(parts[:30]) == {CALLED}
    assert parts[30:].tolist() == split[30:].tolist()
    assert weights[72:82].tolist() == [4.0] * 10
    assert weights[30:72].tolist() == [1.0] * 42
    assert weights[parts != CALLED].sum() == 100
    assert "30 customers are left out because they were called; 8 of the control" in str(found)
    assert "with the weight of 32 (at most 4.0 each)" in str(found)


def test_campaigns_have_control_groups_of_their_own_size_and_draw_independently():
    table = generate_sample_data(100, seed=5)
    ids = table["customer_id"].astype(str).to_numpy(dtype=object)
    spring = listed(ids[:40], ["contact"] * 30 + ["control"] * 10)
    summer = listed(ids[30:60], ["control"] * 15 + ["contact"] * 15, campaign="summer")
    # Of the same campaign on another day, with more controls: who was called at all, was called.
    again = listed(ids[:40], ["control"] * 40, day="2026-03-03")
    parts, weights, found = leave_out_called(
        table, np.full(100, "train"), CONTRACT, pd.concat([spring, summer, again])
    )
    assert (parts == CALLED).tolist() == [True] * 30 + [False] * 15 + [True] * 15 + [False] * 40
    assert weights[30:40].tolist() == [8.0] * 10  # 1 / (1/4 * 1/2)
    assert weights[40:45].tolist() == [2.0] * 5
    assert found.largest == 8.0


def test_a_list_s_own_propensity_decides_where_it_has_one():
    table = generate_sample_data(100, seed=5)
    ids = table["customer_id"].astype(str).to_numpy(dtype=object)
    drawn = listed(ids[:20], ["contact"] * 15 + ["control"] * 5, propensity=[0.8] * 15 + [0.2] * 5)
    _, weights, _ = leave_out_called(table, np.full(100, "train"), CONTRACT, drawn)
    assert weights[15:20].tolist() == [5.0] * 5  # by the shares it would be 4


def test_who_was_drawn_and_not_called_stands_for_who_was_drawn_and_called():
    table = generate_sample_data(100, seed=5)
    ids = table["customer_id"].astype(str).to_numpy(dtype=object)
    ranked = listed(ids[:20], ["contact"] * 15 + ["control"] * 5)
    drawn = listed(ids[50:60], ["contact"] * 5 + ["control"] * 5, propensity=[0.5] * 10)
    drawn = drawn.assign(stratum="exploration")
    # On another day two of them are drawn again, and one of the list's control group is.
    again = listed(ids[[55, 56, 15]], ["control"] * 3, propensity=[0.4] * 3)
    again = again.assign(stratum="exploration", day=pd.Timestamp("2026-09-09"))
    parts, weights, found = leave_out_called(
        table, np.full(100, "train"), CONTRACT, pd.concat([ranked, drawn, again])
    )
    assert (parts[50:55] == CALLED).all()
    assert weights[55:60].tolist() == pytest.approx([5.0, 5.0, 2.0, 2.0, 2.0])
    assert weights[15:20].tolist() == pytest.approx([10.0, 4.0, 4.0, 4.0, 4.0])
    assert found.without_control == ()


def test_a_person_decides_if_too_few_stand_for_the_called():
    table, split = generate_sample_data(400, seed=5), np.full(400, "train")
    ids = table["customer_id"].astype(str).to_numpy(dtype=object)

    def withheld(called: int, control: int) -> str:
        arms = ["contact"] * called + ["control"] * control
        calls = listed(ids[: called + control], arms)
        return leave_out_called(table, split, CONTRACT, calls)[2].withheld

    assert "only 29 customers of a control group" in withheld(100, 29)
    assert withheld(100, 30) == withheld(15, 2) == ""


def test_without_lists_nothing_changes():
    table, split = generate_sample_data(50, seed=5), np.full(50, "train")
    parts, weights, found = leave_out_called(table, split, CONTRACT, read_call_lists([]))
    assert (parts == split).all()
    assert weights is None
    assert str(found) == found.withheld == ""


@pytest.mark.parametrize(
    ("day", "called"), [("02-28", 0), ("03-01", 1), ("03-31", 1), ("04-01", 0)]
)
def test_with_dates_a_call_counts_from_the_observation_until_the_horizon(day, called):
    values = CONTRACT.model_dump() | {"time": "seen", "horizon_days": 30}
    table = generate_sample_data(50, seed=5).assign(seen=pd.Timestamp("2026-03-01"))
    calls = listed([str(table["customer_id"].iloc[0])], ["contact"], day=f"2026-{day}")
    parts, _, found = leave_out_called(table, np.full(50, "train"), Contract.parse(values), calls)
    assert found.called == (parts == CALLED).sum() == called
    assert called or "was called in the time of the labels" in str(found)


def test_what_cannot_be_done_is_told():
    table, split = generate_sample_data(50, seed=5), np.full(50, "train")
    ids = table["customer_id"].astype(str).to_numpy(dtype=object)
    with pytest.raises(ChurnError, match="Nobody is left to train on"):
        leave_out_called(table, split, CONTRACT, listed(ids, ["contact"] * 50))
    nameless = Contract.parse(CONTRACT.model_dump() | {"id": None, "ignore": ["customer_id"]})
    with pytest.raises(ChurnError, match="--id"):
        leave_out_called(table, split, nameless, listed(ids[:1], ["contact"]))
    _, _, found = leave_out_called(table, split, CONTRACT, listed(ids[:9], ["contact"] * 9))
    assert "no control group is trained on in their place" in str(found)
    assert "spring" in str(found)
    assert "a control group stand for them" in found.withheld
