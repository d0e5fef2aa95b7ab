"""The leakage checks: they find planted leaks, and keep columns without leakage."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from churn.data.contract import Category, Contract, Date, Flag, Number
from churn.data.inference import infer_contract
from churn.data.leakage import Finding, act_on, find_leaks, findings_table
from churn.data.parsing import labels
from churn.data.readers import TELCO, load_table
from churn.data.synthetic import generate_sample_data
from churn.data.validation import validate_data
from churn.errors import ChurnError

pytestmark = pytest.mark.heavy

NUMBER, WHOLE, FLAG = Number(nullable=True), Number(integer=True), Flag(nullable=True)


@pytest.fixture(scope="module")
def contract():
    return Contract.read(TELCO / "contract.toml")


@pytest.fixture(scope="module")
def telco(contract):
    return validate_data(load_table("telco"), contract).frame


@pytest.fixture(scope="module")
def left(telco, contract):
    return labels(telco, contract)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def find(telco, left, contract):
    """What is found once columns are planted: `find(name=(values, feature), ...)`."""

    def find(**planted):
        frame = telco.assign(**{name: values for name, (values, _) in planted.items()})
        features = {name: feature for name, (_, feature) in planted.items()}
        more = contract.model_copy(update={"features": contract.features | features})
        return find_leaks(frame, left, more)

    return find


def test_the_honest_columns_of_telco_are_left_alone(find):
    assert find() == []


@pytest.mark.slow
def test_the_generated_customers_are_left_alone(contract):
    frame = validate_data(generate_sample_data(20_000), contract).frame
    assert find_leaks(frame, labels(frame, contract), contract) == []


def test_a_column_that_nearly_is_the_answer_is_found(find, left, rng):
    (found,) = find(refund=(left + rng.normal(0, 0.3, len(left)), NUMBER))
    assert (found.column, found.check) == ("refund", "target leakage")
    assert 0.95 < found.score <= 1
    assert "alone ranks 9" in found.why


def test_a_flag_and_a_category_that_are_nearly_the_answer_are_found(find, left, rng):
    wrong = rng.random(len(left)) < 0.03
    flag = np.where(wrong, 1 - left, left).astype(float)
    words = pd.Categorical(np.where(rng.random(len(left)) < 0.03, "open", np.where(left, "b", "a")))
    found = find(
        cancelled=(flag, FLAG), status=(words, Category(categories=tuple(words.categories)))
    )
    assert [(f.column, f.check) for f in found] == [
        ("cancelled", "target leakage"),
        ("status", "target leakage"),
    ]


def test_a_column_that_knows_the_answer_without_an_order_is_found(find, left, rng):
    # Who left is in the middle: no threshold tells them apart, bins do.
    middle = np.where(left == 1, rng.normal(0, 0.3, len(left)), rng.choice([-3, 3], len(left)))
    (found,) = find(distance=(middle + rng.normal(0, 0.3, len(left)), NUMBER))
    assert found.check == "target leakage"


def test_missing_cells_count_as_a_value_of_their_own(find, left, rng):
    # Too few are missing to be found by that alone, and the rest tells too little without them.
    values = np.where((left == 1) & (rng.random(len(left)) < 0.3), np.nan, left)
    (found,) = find(cancelled=(values, FLAG))
    assert found.check == "target leakage"


def test_a_column_of_noise_in_a_small_table_is_left_alone(rng):
    contract = Contract(target="left", positive="1", negative=("0",), features={"x": NUMBER})
    left = (np.arange(130) % 3 == 0).astype(np.int8)
    for _ in range(20):
        assert find_leaks(pd.DataFrame({"x": rng.normal(size=130)}), left, contract) == []


def test_a_strong_but_honest_column_is_left_alone(find, left, rng):
    assert find(mood=(left + rng.normal(0, 1, len(left)), NUMBER)) == []


@pytest.mark.parametrize("when_left", [True, False], ids=["empty if left", "filled if left"])
def test_a_column_whose_being_empty_knows_the_answer_is_found(find, left, rng, when_left):
    empty = (left == 1) == when_left
    empty ^= rng.random(len(left)) < 0.15
    (found,) = find(contract_end=(np.where(empty, np.nan, rng.random(len(left))), NUMBER))
    assert (found.column, found.check) == ("contract_end", "target leakage by missing values")
    assert "of those without it left" in found.why


def test_a_column_that_is_empty_at_random_is_left_alone(find, left, rng):
    values = np.where(rng.random(len(left)) < 0.5, np.nan, rng.random(len(left)))
    assert find(survey=(values, NUMBER)) == []


def test_an_id_in_disguise_is_found_as_number_and_as_text(find, left, rng):
    shuffled = rng.permutation(len(left))
    texts = pd.Categorical([f"name {n}" for n in shuffled])
    found = find(
        row_number=(np.arange(1.0, len(left) + 1), WHOLE),
        account=(texts, Category(categories=tuple(texts.categories))),
    )
    assert [(f.column, f.check) for f in found] == [
        ("row_number", "id in disguise"),
        ("account", "id in disguise"),
    ]


def test_an_amount_of_its_own_for_every_customer_is_no_id(find, left, rng):
    assert find(balance=(rng.normal(1000, 100, len(left)), NUMBER)) == []


def test_whole_amounts_that_repeat_are_no_id(find, left, rng):
    assert find(salary=(rng.integers(11, 200_000, len(left)).astype(float), WHOLE)) == []


@pytest.mark.parametrize(
    "values",
    [
        lambda n: np.ones(n),
        lambda n: np.full(n, np.nan),
        lambda n: np.where(np.arange(n) < 0, 1.0, 0.0),
    ],
    ids=["ones", "all missing", "zeros"],
)
def test_a_constant_is_found(find, left, values):
    (found,) = find(country=(values(len(left)), NUMBER))
    assert (found.column, found.check) == ("country", "constant")


def test_a_constant_with_gaps_is_no_constant(find, left, rng):
    values = np.where(rng.random(len(left)) < 0.5, np.nan, 1.0)
    assert find(opted_in=(values, NUMBER)) == []


def test_a_copy_and_a_recoding_are_found_and_the_first_of_them_is_kept(find, telco):
    plan = telco["contract"].map({"Month-to-month": "M", "One year": "1Y", "Two year": "2Y"})
    found = find(
        months=(telco["tenure"].to_numpy(), WHOLE),
        years=(telco["tenure"].to_numpy() / 12, NUMBER),
        plan=(plan.astype("category"), Category(categories=("M", "1Y", "2Y"))),
        male=(1 - telco["female"].to_numpy(), FLAG),
    )
    assert [(f.column, f.check) for f in found] == [
        ("months", "copy"),
        ("years", "copy"),
        ("plan", "copy"),
        ("male", "copy"),
    ]
    assert "'tenure'" in found[0].why
    assert "'contract'" in found[2].why


def test_a_coarser_recoding_is_no_copy(find, telco):
    bound = (telco["contract"] != "Month-to-month").astype(float)
    assert find(bound=(bound.to_numpy(), FLAG)) == []


def test_two_columns_that_both_never_repeat_are_no_copies(find, left, rng):
    a, b = rng.normal(size=(2, len(left)))
    assert find(latitude=(a, NUMBER), longitude=(b, NUMBER)) == []


def test_a_product_is_found(find, telco):
    product = (telco["tenure"] * telco["monthly_charges"]).to_numpy()
    (found,) = find(paid=(product, NUMBER))
    assert (found.column, found.check) == ("paid", "formula")
    assert "tenure" in found.why
    assert "monthly_charges" in found.why


def test_a_ratio_is_found(find, telco, rng):
    visits = rng.integers(1, 90, len(telco)).astype(float)
    ratio = telco["monthly_charges"].to_numpy() / visits
    found = find(visits=(visits, WHOLE), per_visit=(ratio, NUMBER))
    assert [(f.column, f.check) for f in found] == [("per_visit", "formula")]
    assert found[0].why == "is monthly_charges / visits, in every row that has them all"


def test_a_sum_of_multiples_is_found_with_the_columns_it_uses(find, telco, rng):
    calls = rng.integers(0, 90, len(telco)).astype(float)
    bill = 3 + 0.07 * calls + 1.19 * telco["monthly_charges"].to_numpy()
    found = find(calls=(calls, WHOLE), bill=(bill, NUMBER))
    assert [(f.column, f.check) for f in found] == [("bill", "formula")]
    assert "is a sum of multiples of monthly_charges, calls, in" in found[0].why


def test_of_columns_that_follow_from_each_other_only_one_is_found(find, rng, telco):
    a, b = rng.normal(size=(2, len(telco)))
    found = find(day=(a, NUMBER), night=(b, NUMBER), both=(a + b, NUMBER))
    assert [f.column for f in found] == ["both"]


def test_nearly_a_product_is_left_alone(find, telco, rng):
    product = telco["tenure"] * telco["monthly_charges"] * rng.normal(1, 0.001, len(telco))
    assert find(paid=(product.to_numpy(), NUMBER)) == []


def test_a_column_is_found_once_and_all_in_the_order_of_the_contract(find, left):
    answer = left.astype(float)
    found = find(one=(np.ones(len(left)), NUMBER), answer=(answer, FLAG), again=(answer, FLAG))
    assert [(f.column, f.check) for f in found] == [
        ("one", "constant"),
        ("answer", "target leakage"),
        ("again", "copy"),
    ]


def test_of_very_many_rows_an_even_selection_is_looked_at(rng):
    contract = Contract(target="left", positive="1", negative=("0",), features={"x": NUMBER})
    left = (rng.random(450_000) < 0.3).astype(np.int8)
    frame = pd.DataFrame({"x": left + rng.normal(0, 0.1, len(left))})
    assert [f.check for f in find_leaks(frame, left, contract)] == ["target leakage"]


# Columns that are taken after customers have left


def test_a_reason_that_only_leavers_have_is_found_with_its_evidence(find, left, rng):
    given = (left == 1) & (rng.random(len(left)) < 0.35)
    words = pd.Categorical(np.where(given, rng.choice(["price", "moved"], len(left)), None))
    (found,) = find(reason=(words, Category(categories=("moved", "price"), nullable=True)))
    assert (found.check, found.suspected) == ("cells of leavers", False)
    customers = given.sum()
    assert found.why.startswith(f"is filled for {customers:,} customers, of which {customers:,}")
    assert 0.99 < found.score < 1


def test_a_code_of_a_quarter_of_the_leavers_is_found(find, left, rng):
    codes = np.where((left == 1) & (rng.random(len(left)) < 0.25), "K", "A").astype(object)
    codes[(codes == "A") & (rng.random(len(left)) < 0.5)] = "B"
    (found,) = find(status=(pd.Categorical(codes), Category(categories=("A", "B", "K"))))
    assert (found.check, found.suspected) == ("cells of leavers", False)
    assert found.why.startswith("is K for")


def test_a_code_that_some_who_stayed_have_too_is_only_suspected(find, left, rng):
    code = (left == 1) & (rng.random(len(left)) < 0.25) | (rng.random(len(left)) < 0.002)
    (found,) = find(closed=(code.astype(float), FLAG))
    assert (found.check, found.suspected) == ("cells of leavers", True)


def test_days_since_the_last_invoice_that_go_on_after_leaving_are_found(find, left, rng):
    days = np.floor(rng.uniform(0, 30, len(left)) + left * rng.uniform(0, 30, len(left)))
    (found,) = find(days_since_invoice=(days, NUMBER))
    assert (found.check, found.suspected) == ("cells of leavers", False)


@pytest.mark.parametrize("smoothing", [0, 2])
@pytest.mark.parametrize("size", [3, 8])
def test_a_mean_of_the_target_by_small_groups_is_found(find, left, rng, smoothing, size):
    group = rng.integers(0, len(left) // size, len(left))
    gone, count = np.bincount(group, left), np.bincount(group)
    mean = (gone + smoothing * left.mean()) / np.maximum(count + smoothing, 1)
    branch = pd.Categorical(group.astype(str))
    features = Category(categories=tuple(branch.categories))
    found, *_ = find(branch_churn=(mean[group], NUMBER), branch=(branch, features))
    assert (found.column, found.check, found.suspected) == (
        "branch_churn",
        "mean of the target",
        False,
    )
    assert "the same branch" in found.why


def test_a_mean_of_the_target_is_found_without_the_groups_it_is_made_of(find, left, rng):
    group = rng.integers(0, len(left) // 3, len(left))
    mean = np.bincount(group, left) / np.maximum(np.bincount(group), 1)
    (found,) = find(branch_churn=(mean[group], NUMBER))
    assert found.check == "mean of the target"
    assert "better than chance" in found.why


def test_a_churn_rate_of_the_other_customers_or_of_last_year_is_left_alone(rng):
    group = rng.integers(0, 1_000, 5_000)
    rate = rng.beta(1, 3, 1_000)[group]
    left = (rng.random(5_000) < rate).astype(np.int8)
    count = np.bincount(group)[group]
    columns = {
        "branch": group.astype(float),
        "of_others": (np.bincount(group, left)[group] - left + 1) / (count + 3),
        "last_year": np.bincount(group, rng.random(5_000) < rate)[group] / count,
    }
    features = dict.fromkeys(columns, NUMBER)
    contract = Contract(target="left", positive="1", negative=("0",), features=features)
    assert find_leaks(pd.DataFrame(columns), left, contract) == []


def test_a_last_log_in_after_the_observation_is_found_by_its_date(find, left, rng):
    after = (left == 0) | (rng.random(len(left)) < 0.3)
    days = np.where(after, -rng.uniform(0, 60, len(left)), rng.exponential(20, len(left)))
    (found,) = find(last_log_in=(np.floor(days), Date()))
    assert found.check == "date after the observation"
    assert "for 3" in found.why
    assert "100% of those who stayed" in found.why


def test_the_end_of_a_contract_is_after_the_observation_and_left_alone(find, left, rng):
    days = -np.floor(rng.uniform(1, 700, len(left)) * np.where(left, 0.8, 1))
    assert find(contract_end=(days, Date())) == []


def test_two_columns_that_leak_only_together_are_suspected_and_one_of_them(find, left, rng):
    before = rng.normal(1000, 100, len(left))
    now = before - left * 100 + rng.normal(0, 10, len(left))
    (found,) = find(balance=(before, NUMBER), balance_now=(now, NUMBER))
    assert (found.check, found.suspected) == ("adds too much", True)
    assert "nats with it" in found.why


@pytest.mark.parametrize("rows", [500, 2_000])
def test_nothing_is_found_among_many_columns_of_noise(rows):
    rng = np.random.default_rng(rows)
    left = (rng.random(rows) < 0.26).astype(np.int8)
    columns: dict = {f"n{i}": rng.normal(size=rows) for i in range(50)}
    columns |= {f"i{i}": rng.integers(0, 30, rows).astype(float) for i in range(50)}
    columns |= {f"m{i}": np.where(rng.random(rows) < 0.7, np.nan, 1.0 + i) for i in range(50)}
    columns |= {f"l{i}": rng.integers(0, rows // 3, rows) / 7 for i in range(50)}
    contract = Contract(
        target="left", positive="1", negative=("0",), features=dict.fromkeys(columns, NUMBER)
    )
    assert find_leaks(pd.DataFrame(columns), left, contract) == []


# Real tables


def found_in(frame, target, id):
    contract = infer_contract(frame, target, id)
    clean = validate_data(frame, contract).frame
    return [(f.column, f.check) for f in find_leaks(clean, labels(clean, contract), contract)]


@pytest.mark.slow
def test_the_remaining_contract_of_the_internet_provider_knows_who_left(shared_data):
    frame = load_table(shared_data / "internet_service_churn.csv")
    assert found_in(frame, "churn", "id") == [
        ("reamining_contract", "target leakage by missing values"),
        # No traffic: 99 % of these customers left. They are told and kept.
        ("download_avg", "cells of leavers"),
        ("upload_avg", "cells of leavers"),
    ]


@pytest.mark.slow
def test_the_row_number_of_the_bank_is_an_id(shared_data):
    frame = load_table(shared_data / "Churn_Modelling.csv")
    assert found_in(frame, "Exited", "CustomerId") == [("RowNumber", "id in disguise")]


def test_the_public_telco_table_is_clean(shared_data):
    frame = load_table(shared_data / "Telco-Customer-Churn.csv")
    assert found_in(frame, "Churn", "customerID") == []


# What is done about it

FINDINGS = [Finding("tenure", "target leakage", 0.97, "because")]


def test_drop_leaves_the_column_and_what_is_derived_from_it_out(contract):
    less = act_on(FINDINGS, contract, "drop")
    assert "tenure" not in less.features
    assert "tenure" in less.ignore
    assert list(less.derived) == ["packages"]


def test_stop_names_every_column_and_why(contract):
    findings = [*FINDINGS, Finding("partner", "constant", 1.0, "has one value")]
    with pytest.raises(ChurnError, match="must not be trained on") as error:
        act_on(findings, contract, "stop")
    assert error.value.problems == ["tenure: because", "partner: has one value"]


SUSPECTED = Finding("tenure", "adds too much", 0.3, "because", suspected=True)


@pytest.mark.parametrize(
    ("action", "kept"),
    [("drop", True), ("keep-suspected", True), ("warn", True), ("drop-suspected", False)],
)
def test_what_is_only_suspected_is_dropped_where_that_is_asked_for(contract, action, kept):
    assert ("tenure" in act_on([SUSPECTED], contract, action).features) == kept


def test_tell_changes_nothing(contract):
    assert act_on(FINDINGS, contract, "warn") is contract


@pytest.mark.parametrize("action", ["drop", "stop", "warn"])
def test_where_nothing_is_found_nothing_is_done(contract, action):
    assert act_on([], contract, action) is contract


def test_drop_does_not_drop_the_last_feature(contract):
    findings = [Finding(name, "constant", 1.0, "has one value") for name in contract.features]
    with pytest.raises(ChurnError, match="No feature is left") as error:
        act_on(findings, contract, "drop")
    assert len(error.value.problems) == len(contract.features)


def test_findings_make_a_table_even_when_there_are_none():
    assert findings_table(FINDINGS).values.tolist() == [
        ["tenure", "target leakage", 0.97, "because", False]
    ]
    columns = ["column", "check", "score", "why", "suspected"]
    assert list(findings_table([]).columns) == columns
    assert len(findings_table([])) == 0


@pytest.mark.parametrize(("spread", "found"), [(0.8, []), (0.0, ["city"])])
def test_many_levels_are_kept_where_they_predict_who_leaves(rng, spread, found):
    n, cities = 6000, 300
    city, tenure = rng.integers(0, cities, n), rng.integers(0, 72, n)
    chance = 1 / (1 + np.exp(1.2 + 0.03 * tenure - spread * rng.normal(size=cities)[city]))
    frame = pd.DataFrame(
        {
            "city": [f"Town {i}" for i in city],
            "tenure": tenure.astype(str),
            "left": np.where(rng.random(n) < chance, "yes", "no"),
        }
    )
    contract = infer_contract(frame, "left")
    clean = validate_data(frame, contract).frame
    findings = find_leaks(clean, labels(clean, contract), contract)
    assert [one.column for one in findings] == found
    assert all("levels that do not predict" in one.why for one in findings)
    for action in ("drop", "stop"):  # it is no leak
        kept = act_on(findings, contract, action).features
        assert ("city" in kept) == (not found)


def test_a_date_that_differs_between_all_customers_is_no_key(rng):
    n = 400
    days = rng.permutation(n)
    frame = pd.DataFrame(
        {
            "joined": np.datetime_as_string(np.datetime64("2024-01-01") + days),
            "left": np.where(rng.random(n) < 0.3, "yes", "no"),
        }
    )
    contract = infer_contract(frame, "left").model_copy(update={"as_of": date(2025, 2, 4)})
    clean = validate_data(frame, contract).frame
    assert clean["joined"].nunique() == n
    assert find_leaks(clean, labels(clean, contract), contract) == []
