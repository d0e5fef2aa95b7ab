"""The hold-out: the same customers in every run, and nobody who copies them in training."""

import numpy as np
import pandas as pd
import pytest

from churn.data.contract import Contract
from churn.data.holdout import content_hash, holdout_mask, split_customers
from churn.data.parsing import parse_features

CONTRACT = Contract.parse(
    {
        "target": "left",
        "positive": "yes",
        "negative": ["no"],
        "id": "id",
        "features": {
            "age": {"kind": "number", "nullable": True},
            "plan": {"kind": "category", "categories": ["basic", "gold"], "nullable": True},
        },
    }
)
WITHOUT_ID = CONTRACT.model_copy(update={"id": None})
WITH_TIME = CONTRACT.model_copy(update={"time": "day"})


def customers(ids, seed=0):
    """A clean frame of customers with these ids."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "id": pd.Series(ids, dtype="str"),
            "age": rng.normal(40, 10, len(ids)),
            "plan": pd.Categorical(rng.choice(["basic", "gold"], len(ids)), ["basic", "gold"]),
            "left": pd.Categorical(rng.choice(["yes", "no"], len(ids))),
        }
    )


@pytest.fixture(scope="module")
def many():
    return customers([f"K{n}" for n in range(20_000)])


def held_ids(frame, contract=CONTRACT, share=0.2):
    return set(frame["id"][holdout_mask(frame, contract, share)])


def test_these_customers_are_held_out_for_ever():
    # If this fails, the hash has changed: every champion has then seen part of the new hold-out.
    ids = ["C0001", "C0002", "C0003", "C0013", "C0014", "C0015", "7590-VHVEG", "5575-GNVDE",
           "15634602", "1", "Łódź-1"]  # fmt: skip
    assert held_ids(customers(ids)) == {"C0014", "7590-VHVEG"}
    assert held_ids(customers(ids), share=0.5) == {
        "C0003", "C0013", "C0014", "7590-VHVEG", "5575-GNVDE"
    }  # fmt: skip


def test_these_rows_without_an_id_are_held_out_for_ever():
    frame = pd.DataFrame(
        {
            "age": [18.0, 25, 33, 47, 52.5, np.nan, 71, 80],
            "plan": pd.Categorical(
                ["basic", "gold", None, "basic", "gold", "basic", "gold", "basic"],
                ["basic", "gold"],
            ),
        }
    )
    assert np.flatnonzero(holdout_mask(frame, WITHOUT_ID, 0.5)).tolist() == [1, 3]
    assert content_hash(frame, WITHOUT_ID)[:2].tolist() == [
        11207748288401146442,
        5337989585123897815,
    ]


def test_the_shipped_table_has_the_hold_out_it_has_always_had(telco_clean, telco_contract):
    holdout = holdout_mask(telco_clean, telco_contract, 0.2)
    assert holdout.sum() == 1419
    assert telco_clean["customer_id"][holdout].head(4).tolist() == [
        "C0014", "C0022", "C0029", "C0032"
    ]  # fmt: skip


@pytest.mark.parametrize("contract", [CONTRACT, WITHOUT_ID], ids=["by id", "by content"])
def test_the_order_of_the_rows_does_not_matter(many, contract):
    shuffled = many.sample(frac=1, random_state=1)
    assert held_ids(shuffled, contract) == held_ids(many, contract)


@pytest.mark.parametrize("contract", [CONTRACT, WITHOUT_ID], ids=["by id", "by content"])
def test_new_customers_do_not_move_the_old_ones(many, contract):
    newer = pd.concat([many, customers([f"N{n}" for n in range(5000)], seed=9)])
    newer["plan"] = newer["plan"].astype(many["plan"].dtype)
    old = set(many["id"])
    assert held_ids(newer, contract) & old == held_ids(many, contract)


def test_a_customer_whose_features_change_stays_on_his_side(many):
    aged = many.assign(age=many["age"] + 1, plan=many["plan"].to_numpy()[::-1], left="yes")
    assert held_ids(aged) == held_ids(many)


def test_without_an_id_neither_the_target_nor_other_columns_decide(many):
    changed = many.assign(left="yes", id="the same")
    before = holdout_mask(many, WITHOUT_ID, 0.2)
    assert (holdout_mask(changed, WITHOUT_ID, 0.2) == before).all()


def test_the_order_of_the_categories_in_the_frame_does_not_matter(many):
    turned = many.assign(plan=many["plan"].cat.reorder_categories(["gold", "basic"]))
    assert (content_hash(turned, CONTRACT) == content_hash(many, CONTRACT)).all()


def test_a_larger_share_holds_out_whom_a_smaller_one_did(many):
    assert held_ids(many, share=0.1) < held_ids(many, share=0.2) < held_ids(many, share=0.5)


@pytest.mark.parametrize("contract", [CONTRACT, WITHOUT_ID], ids=["by id", "by content"])
@pytest.mark.parametrize("share", [0.05, 0.2, 0.5])
def test_about_the_share_asked_for_is_held_out(many, contract, share):
    held = holdout_mask(many, contract, share).mean()
    assert abs(held - share) < 4 * np.sqrt(share * (1 - share) / len(many))


def test_being_held_out_has_nothing_to_do_with_leaving(telco_clean, telco_contract):
    holdout = holdout_mask(telco_clean, telco_contract, 0.2)
    left = telco_clean["churn"] == "Yes"
    assert abs(left[holdout].mean() - left[~holdout].mean()) < 0.04


@pytest.mark.parametrize("contract", [CONTRACT, WITHOUT_ID, WITH_TIME])
def test_a_share_of_nothing_holds_out_nobody(many, contract):
    days = pd.date_range("2026-01-01", periods=len(many), freq="min")
    assert not holdout_mask(many.assign(day=days), contract, 0).any()


@pytest.mark.parametrize("share", [-0.1, 1, 1.5, float("nan")])
def test_a_share_that_is_none_is_refused(many, share):
    with pytest.raises(ValueError, match="share to hold out"):
        holdout_mask(many, CONTRACT, share)


def test_zero_is_zero_whatever_its_sign():
    frame = customers(["C0001", "C0014"]).assign(plan=pd.Categorical(["gold", "gold"]))
    frame = frame.assign(**parse_features(frame.assign(age=[0.0, -0.0]), CONTRACT))
    hashes = content_hash(frame, CONTRACT)
    assert hashes[0] == hashes[1]


# With a time


def test_with_a_time_the_latest_customers_are_held_out(many):
    days = pd.Series(pd.date_range("2026-01-01", periods=len(many), freq="min"))
    days = days.sample(frac=1, random_state=0).to_numpy()
    frame = many.assign(day=days)
    holdout = holdout_mask(frame, WITH_TIME, 0.2)
    assert holdout.sum() == 4000
    assert frame["day"][holdout].min() > frame["day"][~holdout].max()


def test_a_day_is_never_split_between_training_and_hold_out(many):
    days = np.repeat(pd.date_range("2026-01-01", periods=8), 2500)
    frame = many.assign(day=days)
    holdout = holdout_mask(frame, WITH_TIME, 0.2)
    assert frame.groupby("day")["id"].count().eq(2500).all()
    assert sorted(frame["day"][holdout].unique()) == sorted(frame["day"].unique())[-2:]


# Copies


def test_copies_of_held_out_customers_are_in_neither_part():
    frame = customers([f"K{n}" for n in range(2000)])
    first = np.flatnonzero(holdout_mask(frame, CONTRACT, 0.2))[:10]
    copies = frame.iloc[first].assign(id=[f"copy {n}" for n in range(10)], left="yes")
    frame = pd.concat([frame.astype({"left": object}), copies], ignore_index=True)
    holdout = holdout_mask(frame, CONTRACT, 0.2)
    parts = split_customers(frame, CONTRACT, holdout)
    assert ((parts == "holdout") == holdout).all()
    assert set(parts[2000:]) <= {"copy", "holdout"}
    assert (parts[2000:] == "copy").any()
    assert set(parts[:2000]) == {"train", "holdout"}


def test_no_row_of_training_copies_a_held_out_row(telco_clean, telco_contract):
    holdout = holdout_mask(telco_clean, telco_contract, 0.2)
    parts = split_customers(telco_clean, telco_contract, holdout)
    names = list(telco_contract.features)
    seen = set(telco_clean.loc[parts == "holdout", names].astype(str).apply(tuple, axis=1))
    rows = telco_clean[names].astype(str).apply(tuple, axis=1)
    assert not set(rows[parts == "train"]) & seen
    assert set(rows[parts == "copy"]) <= seen
    assert (parts == "copy").sum() == 16


def test_copies_within_training_stay_there():
    frame = customers(["C0001", "C0002", "C0014"])
    frame.loc[1, ["age", "plan"]] = frame.loc[0, ["age", "plan"]].tolist()
    parts = split_customers(frame, CONTRACT, holdout_mask(frame, CONTRACT, 0.2))
    assert parts.tolist() == ["train", "train", "holdout"]


def test_missing_values_make_copies_too():
    frame = customers(["C0001", "C0014"]).assign(age=np.nan, plan=pd.Categorical([None, None]))
    parts = split_customers(frame, CONTRACT, holdout_mask(frame, CONTRACT, 0.2))
    assert parts.tolist() == ["copy", "holdout"]


def test_customers_alike_in_all_but_one_feature_are_no_copies():
    frame = customers(["C0001", "C0014"]).assign(age=40.0, plan=pd.Categorical(["basic", "gold"]))
    parts = split_customers(frame, CONTRACT, holdout_mask(frame, CONTRACT, 0.2))
    assert parts.tolist() == ["train", "holdout"]
