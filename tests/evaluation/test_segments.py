"""Segments: no finding for true probabilities, and planted faults are found."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from churn.data.contract import Contract
from churn.data.parsing import labels, parse_features
from churn.data.readers import TELCO
from churn.data.synthetic import generate_sample_data
from churn.evaluation import charts
from churn.evaluation.segments import segments

CONTRACT = Contract.read(TELCO / "contract.toml")
CROSSED = ("contract", "internet_service", "payment_method")


def customers(n, seed=0):
    """Customers, who left, and how likely that truly was."""
    frame, probabilities = generate_sample_data(n, seed, return_probability=True)
    return parse_features(frame, CONTRACT), labels(frame, CONTRACT), probabilities


def shifted(probabilities, logits):
    return 1 / (1 + np.exp(-np.log(probabilities / (1 - probabilities)) - logits))


@pytest.fixture(scope="module")
def sample():
    return customers(6000, seed=1)


@pytest.fixture(scope="module")
def table(sample):
    return segments(CONTRACT, *sample)


def one(table, feature, level):
    (row,) = table[(table["feature"] == feature) & (table["level"] == level)].to_dict("records")
    return row


@pytest.mark.slow
def test_true_probabilities_are_seldom_blamed_for_anything():
    # Without a margin the test has nothing to spare.
    blamed = [
        segments(CONTRACT, *customers(1400, seed), crossed=CROSSED, margin=0)["worse"].any()
        for seed in range(40)
    ]
    assert sum(blamed) <= 5  # 5 % of 40 is 2; more than 5 has a chance below 2 in a hundred


@pytest.mark.parametrize("seed", range(5))
def test_a_level_whose_probabilities_are_shifted_is_found(seed):
    frame, target, chance = customers(3000, seed)
    mailed = (frame["payment_method"] == "Mailed check").to_numpy()
    worst = segments(CONTRACT, frame, target, shifted(chance, mailed)).iloc[0]
    assert (worst["feature"], worst["level"]) == ("payment_method", "Mailed check")
    assert worst["worse"]
    assert worst["why"] == "gap"
    assert worst["gap_high"] < 0 < worst["predicted"] - worst["observed"]


def test_a_level_in_which_the_ranking_is_lost_is_found(sample):
    frame, target, chance = sample
    mailed = np.flatnonzero(frame["payment_method"] == "Mailed check")
    lost = chance.copy()
    lost[mailed] = np.random.default_rng(0).permutation(lost[mailed])
    worst = segments(CONTRACT, frame, target, lost).iloc[0]
    assert (worst["feature"], worst["level"]) == ("payment_method", "Mailed check")
    assert worst["why"] == "ranking"
    assert worst["roc_auc"] == pytest.approx(0.5, abs=0.05)


def test_a_fault_of_two_levels_together_is_found_when_they_are_crossed(sample):
    frame, target, chance = sample
    both = (frame["payment_method"] == "Mailed check") & (frame["internet_service"] == "DSL")
    table = segments(CONTRACT, frame, target, shifted(chance, 1.2 * both.to_numpy()), CROSSED)
    assert table["feature"].iloc[0] == "internet_service × payment_method"
    assert table["level"].iloc[0] == "DSL × Mailed check"
    assert table["worse"].iloc[0]


def test_what_is_wrong_everywhere_is_not_blamed_on_a_segment(sample):
    frame, target, chance = sample
    table = segments(CONTRACT, frame, target, np.minimum(chance + 0.1, 0.999))
    assert (table["gap_high"] < 0).all()
    assert not table["worse"].any()


def test_customers_who_are_alike_are_not_blamed_for_being_hard_to_rank(table):
    """Their ROC-AUC is far below that of the others, as it must be."""
    row = one(table, "tenure", "0 to 14 months")
    assert row["roc_auc_high"] < row["rest_roc_auc"] - 0.05
    assert row["expected_roc_auc"] < row["rest_expected_roc_auc"] - 0.05
    assert row["roc_auc_p"] == 1


def test_figures_are_those_of_the_segment(sample, table):
    frame, target, chance = sample
    fiber = (frame["internet_service"] == "Fiber optic").to_numpy()
    row = one(table, "internet_service", "Fiber optic")
    assert row["customers"] == fiber.sum()
    assert row["left"] == target[fiber].sum()
    assert row["observed"] == pytest.approx(target[fiber].mean())
    assert row["predicted"] == pytest.approx(chance[fiber].mean())
    assert row["gap"] == pytest.approx(row["observed"] - row["predicted"])
    assert row["gap_low"] < row["gap"] < row["gap_high"]
    assert row["roc_auc"] == pytest.approx(roc_auc_score(target[fiber], chance[fiber]))
    assert row["rest_roc_auc"] == pytest.approx(roc_auc_score(target[~fiber], chance[~fiber]))
    assert row["log_loss"] == pytest.approx(row["expected_log_loss"], abs=0.03)


def test_the_same_customers_are_one_segment_and_quarters_are_quarters(sample, table):
    offline = sample[0]["internet_service"] == "No"
    same = table[table["customers"] == offline.sum()]
    assert same[["feature", "level"]].to_numpy().tolist() == [["internet_service", "No"]]
    quarters = table[table["feature"] == "monthly_charges"]["customers"]
    assert len(quarters) == 4
    assert quarters.tolist() == pytest.approx([1500] * 4, abs=30)


def test_the_order_of_customers_does_not_matter(sample, table):
    frame, target, chance = sample
    shuffled = np.random.default_rng(0).permutation(len(frame))
    again = segments(CONTRACT, frame.iloc[shuffled], target[shuffled], chance[shuffled])
    pd.testing.assert_frame_equal(again, table)


def test_too_few_customers_are_not_judged():
    frame, target, chance = customers(700, seed=3)
    table = segments(CONTRACT, frame, target, chance)
    left, stayed = table["left"], table["customers"] - table["left"]
    few = (left < 50) | (stayed < 50)
    assert few.any()
    assert table["roc_auc_p"][few].isna().all()
    assert (table["customers"] >= 50).all()
    judged = table["gap_p"].notna() | table["roc_auc_p"].notna()
    assert judged.is_monotonic_decreasing  # those come last


def test_leavers_who_were_predicted_and_never_came_are_enough_to_judge():
    frame, target, chance = customers(3000, seed=3)
    two_year = (frame["contract"] == "Two year").to_numpy()
    assert target[two_year].sum() < 50
    table = segments(CONTRACT, frame, target, np.where(two_year, 0.5, chance))
    row = one(table, "contract", "Two year")
    assert row["worse"]
    assert np.isnan(row["roc_auc_p"])


def test_missing_is_a_segment_and_so_is_nobody_else(sample):
    frame, target, chance = sample
    some = frame.assign(total_charges=frame["total_charges"].where(frame["tenure"] > 9))
    row = one(segments(CONTRACT, some, target, chance), "total_charges", "missing")
    assert row["customers"] == (frame["tenure"] <= 9).sum()
    none = segments(CONTRACT, frame.assign(total_charges=np.nan), target, chance)
    assert "total_charges" not in set(none["feature"])


def test_a_table_without_segments_is_empty(sample):
    alike = CONTRACT.without([name for name in CONTRACT.features if name != "female"])
    frame, target, chance = sample
    table = segments(alike, frame.assign(female=1), target, chance)
    assert len(table) == 0
    assert {"feature", "gap_p", "worse", "why"} <= set(table)


def test_a_perfect_model_and_one_that_says_one_number_are_judged_without_trouble(sample):
    frame, target, _ = sample
    assert not segments(CONTRACT, frame, target, target.astype(float))["worse"].any()
    flat = segments(CONTRACT, frame, target, np.full(len(frame), target.mean()))
    assert flat["worse"].any()
    assert (flat["roc_auc"] == 0.5).all()
    assert "ranking" not in set(flat["why"])


def test_the_chart_shows_those_that_could_be_judged(sample, table):
    data = charts.segments(table, top=100)["data"]["values"]
    assert len(data) == table["gap_p"].notna().sum()
    assert {row["worse"] for row in data} == {"no worse than elsewhere"}
    json.dumps(charts.segments(table), allow_nan=False)
    json.dumps(charts.segments(table.iloc[:0]), allow_nan=False)
