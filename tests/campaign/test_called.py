"""Called customers are not trained on, so the next model is calibrated for the riskiest."""

import numpy as np
import pandas as pd
import pytest

from campaigns import CONTRACT
from churn.campaign.called import CALLED, _copies, leave_out_called
from churn.campaign.control_group import in_control
from churn.campaign.reading import read_call_lists
from churn.data.contract import Contract
from churn.data.synthetic import generate_sample_data
from churn.errors import ChurnError
from churn.modeling.model import ChurnModel
from churn.modeling.search_space import BASELINE


def listed(customers, arms, day="2026-03-02") -> pd.DataFrame:
    nobody = read_call_lists([])
    calls = pd.DataFrame({"customer": customers, "arm": arms, "day": pd.Timestamp(day)})
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
        rows, split, found = leave_out_called(table, split, CONTRACT, calls)
        frame = table.iloc[rows]
        assert found.called + found.control == 1_200
        assert found.trained + found.repeated == 3 * found.trained
        for name, rows in (("all rows", table), ("without the called", frame[split == "train"])):
            predicted, true = top_tenth(ChurnModel(CONTRACT, BASELINE).fit(rows))
            gaps[name].append(true - predicted)
    assert np.mean(gaps["all rows"]) > 0.1
    assert abs(np.mean(gaps["without the called"])) < 0.05


def test_called_customers_are_on_neither_side_and_the_control_group_is_repeated_in_training_only():
    table = generate_sample_data(100, seed=5)
    ids = table["customer_id"].astype(str).to_numpy(dtype=object)
    split = np.array(["train"] * 80 + ["holdout"] * 20)
    arms = ["contact"] * 30 + ["control"] * 10
    calls = listed(np.concatenate([ids[:30], ids[72:82]]), arms)
    rows, parts, found = leave_out_called(table, split, CONTRACT, calls)
    frame = table.iloc[rows]
    assert (found.on_lists, found.called, found.control, found.trained) == (40, 30, 10, 8)
    assert found.repeated == 16  # each of the eight weighs as three, not as four
    assert set(parts[:30]) == {CALLED}
    added = frame.iloc[100:]["customer_id"].astype(str)
    assert set(parts[100:]) == {"train"}
    assert added.value_counts().to_dict() == dict.fromkeys(ids[72:80], 2)
    assert (parts[80:100] == "holdout").all()
    assert "30 customers are left out because they were called; 8 of the control" in str(found)


def test_without_lists_nothing_changes():
    table, split = generate_sample_data(50, seed=5), np.full(50, "train")
    rows, parts, found = leave_out_called(table, split, CONTRACT, read_call_lists([]))
    assert rows.tolist() == list(range(50))
    assert parts is split
    assert str(found) == ""


@pytest.mark.parametrize(
    ("day", "called"), [("02-28", 0), ("03-01", 1), ("03-31", 1), ("04-01", 0)]
)
def test_with_dates_a_call_counts_from_the_observation_until_the_horizon(day, called):
    values = CONTRACT.model_dump() | {"time": "seen", "horizon_days": 30}
    table = generate_sample_data(50, seed=5).assign(seen=pd.Timestamp("2026-03-01"))
    calls = listed([str(table["customer_id"].iloc[0])], ["contact"], day=f"2026-{day}")
    _, parts, found = leave_out_called(table, np.full(50, "train"), Contract.parse(values), calls)
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


@pytest.mark.parametrize(("n", "weight"), [(7, 9.6), (160, 10.0), (3, 1.0), (0, 5.0), (10, 1.05)])
def test_copies_add_up_to_the_weight(n, weight):
    copies = _copies(n, weight)
    assert len(copies) == n
    assert copies.sum() + n == pytest.approx(n * weight, abs=0.5)
    assert np.ptp(copies) <= 1 if n else True
