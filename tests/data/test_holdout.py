"""The hold-out: the same customers in every run, and no copy of them in training."""

import numpy as np
import pandas as pd
import pytest

from churn.data.contract import Contract
from churn.data.copies import content_hash, copy_groups
from churn.data.holdout import check_split, holdout_mask, split_customers
from churn.data.inference import infer_contract
from churn.data.parsing import parse_features
from churn.data.validation import validate_data
from churn.errors import ChurnError

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


def test_a_renewal_renews_a_quarter_of_the_hold_out(many):
    before, after = (holdout_mask(many, CONTRACT, 0.2, renewals=count) for count in (0, 1))
    assert (before == holdout_mask(many, CONTRACT, 0.2)).all()
    assert after.mean() == pytest.approx(0.2, abs=0.01)
    assert (before & after).sum() == pytest.approx(0.75 * before.sum(), rel=0.05)
    assert not (before & holdout_mask(many, CONTRACT, 0.2, renewals=4)).any()
    # Far on, the window starts again from the first customers.
    assert (before == holdout_mask(many, CONTRACT, 0.2, renewals=20)).mean() > 0.999


def test_these_customers_follow_after_a_renewal_for_ever():
    ids = [f"C{number:04d}" for number in range(1, 31)]
    held = [
        [
            key
            for key, out in zip(
                ids, holdout_mask(customers(ids), CONTRACT, 0.2, None, n), strict=True
            )
            if out
        ]
        for n in (0, 1)
    ]
    assert held == [["C0014", "C0022", "C0029"], ["C0003", "C0014", "C0022", "C0027", "C0029"]]


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


def test_customers_of_one_day_alone_cannot_be_held_out(many):
    with pytest.raises(ChurnError, match="latest customers cannot be held out") as error:
        holdout_mask(many.assign(day=pd.Timestamp("2026-01-01")), WITH_TIME, 0.2)
    assert "day is 2026-01-01 00:00:00 for every customer: nobody is earlier" in str(error.value)


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


@pytest.mark.slow
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


# Copies by chance


def discrete(n, rng, **columns):
    frame = pd.DataFrame({name: rng.integers(0, k, n) for name, k in columns.items()})
    return frame.assign(id=np.arange(n), left=np.where(rng.random(n) < 0.2, "yes", "no"))


def parts_of(frame):
    contract = infer_contract(frame, "left", id="id")
    clean = validate_data(frame, contract).frame
    split = split_customers(clean, contract, holdout_mask(clean, contract, 0.2))
    return clean, contract, split


@pytest.mark.parametrize(
    "columns", [{"a": 3}, {"a": 4, "b": 2, "c": 6}, {"a": 3, "b": 2, "c": 6, "d": 9}]
)
def test_customers_alike_by_chance_are_trained_on(columns):
    clean, contract, split = parts_of(discrete(4000, np.random.default_rng(0), **columns))
    assert (split != "copy").all()
    assert "3," in check_split(clean, contract, split)
    # Nor are they tied together in cross-validation, where few folds could be dealt.
    assert len(np.unique(copy_groups(clean, contract))) == len(clean)


def test_dependent_columns_are_alike_by_chance_too():
    rng = np.random.default_rng(1)
    frame = discrete(4000, rng, segment=3)
    for i in range(10):  # 3 * 3**10 combinations, of which customers have few
        own = rng.integers(0, 3, len(frame))
        frame[f"q{i}"] = np.where(rng.random(len(frame)) < 0.8, frame["segment"], own)
    _, _, split = parts_of(frame)
    assert (split == "copy").sum() < 0.02 * len(frame)
    assert (split == "train").sum() > 0.75 * len(frame)


def test_customers_who_are_there_twice_are_left_out_as_before():
    rng = np.random.default_rng(2)
    once = discrete(2000, rng, a=3, b=5).assign(fee=np.round(rng.normal(50, 20, 2000), 2))
    frame = pd.concat([once, once.assign(id=once["id"] + 2000)], ignore_index=True)
    clean, contract, split = parts_of(frame)
    held = content_hash(clean, contract)[split == "holdout"]
    assert not np.isin(content_hash(clean, contract)[split == "train"], held).any()
    assert (copy_groups(clean, contract) == content_hash(clean, contract)).all()


def test_a_run_with_hardly_a_row_to_train_on_is_stopped_with_the_numbers():
    clean, contract, split = parts_of(discrete(400, np.random.default_rng(3), a=3, b=4))
    split[40:] = "copy"
    with pytest.raises(ChurnError, match="left out as copies") as error:
        check_split(clean, contract, split)
    assert "at least 50 rows" in str(error.value)


@pytest.mark.parametrize(
    ("left", "stayed", "problem"),
    [
        (10, 40, None),
        (40, 10, None),
        (10, 39, "at least 50 rows"),
        (9, 60, "at least 10 customers who left and who stayed"),
        (60, 9, "at least 10 customers who left and who stayed"),
    ],
)
def test_a_run_has_at_least_fifty_rows_and_ten_of_each_kind_to_train_on(left, stayed, problem):
    frame = customers([f"K{n}" for n in range(left + stayed + 4)])
    frame["left"] = pd.Categorical(np.repeat(["yes", "no"], [left + 1, stayed + 3]))
    split = np.full(len(frame), "train", dtype=object)
    split[[0, -1, -2, -3]] = "holdout"
    if problem is None:
        share = f"{left / (left + stayed):.1%}"
        assert check_split(frame, CONTRACT, split) == (
            f"50 to train on ({share} left), 4 held out (25.0% left)."
        )
        return
    with pytest.raises(ChurnError) as error:
        check_split(frame, CONTRACT, split)
    assert len(error.value.problems) == 3
    assert problem in error.value.problems[1]
    assert "hold out fewer customers (--holdout)" in error.value.problems[2]
