"""Contracts inferred from tables."""

import tomllib

import numpy as np
import pandas as pd
import pytest

from churn.data.contract import Contract
from churn.data.inference import infer_contract, settle_contract
from churn.data.kinds import kind_of
from churn.data.leakage import find_leaks
from churn.data.parsing import labels
from churn.data.readers import TELCO, load_table
from churn.data.source import SourceOptions
from churn.data.validation import validate_data
from churn.errors import ChurnError

ROWS = 4000


def table(**columns):
    """Rows with an id, a target and `columns`, whose cells repeat, as a CSV gives them."""
    rows = np.arange(ROWS)
    frame = {"id": rows.astype(str), "left": np.where(rows % 4, "no", "yes")}
    for name, cells in columns.items():
        frame[name] = pd.Series([cells[n % len(cells)] for n in rows], dtype="str")
    return pd.DataFrame(frame).astype("str")


def feature(*cells, odd=()):
    """What is inferred of a column of these cells, the first few of which are odd ones."""
    frame = table(column=[None if cell is None else str(cell) for cell in cells], other=["a", "b"])
    for row, cell in enumerate(odd):
        frame.loc[row, "column"] = cell
    return infer_contract(frame, "left", "id").features.get("column")


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "0"], "flag"),
        (["yes", "No"], "flag"),
        (["true", "FALSE"], "flag"),
        (["1", "2", "3"], "number"),
        (["1.5", "-2e3"], "number"),
        (["red", "green", "blue"], "category"),
        (["1", "2", "many"], "category"),
        ([f"city {n}" for n in range(200)], "category"),
    ],
)
def test_a_kind_is_inferred_from_the_cells(cells, kind):
    assert feature(*cells).kind == kind


def test_a_text_of_many_levels_is_ignored_as_a_name():
    frame = table(name=[f"name {n}" for n in range(ROWS // 3)], plan=["a", "b"])
    contract = infer_contract(frame, "left", "id")
    assert contract.ignore == ("name",)
    assert list(contract.features) == ["plan"]


@pytest.mark.heavy
def test_twenty_thousand_postcodes_are_a_category():
    cells = pd.Series([f"ZC {number % 20_000:05d}" for number in range(80_000)])
    found = kind_of(cells, SourceOptions()).feature
    assert found.kind == "category"
    assert len(found.categories) == 20_000
    assert found.unseen == "flag"


def test_a_column_without_a_single_cell_is_ignored():
    assert infer_contract(table(empty=[None], plan=["a", "b"]), "left", "id").ignore == ("empty",)


def test_a_column_of_blanks_is_ignored_too():
    assert infer_contract(table(empty=[" "], plan=["a", "b"]), "left", "id").ignore == ("empty",)


@pytest.mark.parametrize(
    ("cells", "low", "high"),
    [
        ((10, 20), 5, 25),
        ((0, 100), 0, 150),
        ((2, 100), 0, 150),
        ((-100, 0), -150, 0),
        ((-10, 10), -20, 20),
        ((-20, -10), -25, -5),
        ((0.001, 0.003), 0, 0.004),
        ((0, 8684), 0, 14000),
    ],
)
def test_bounds_leave_half_the_range_free_and_do_not_cross_zero(cells, low, high):
    number = feature(*cells)
    assert (number.min, number.max) == (low, high)


def test_bounds_never_cut_what_was_seen():
    rng = np.random.default_rng(0)
    for _ in range(40):
        low, high = np.sort(rng.normal(0, 10.0 ** rng.integers(-6, 9), 2).round(8))
        number = feature(low, high)
        assert number.min <= low
        assert number.max >= high


def test_whole_numbers_are_inferred_as_such():
    assert feature("1", "2", "30").integer
    assert feature("1.0", "2.0", "30").integer
    assert not feature("1", "2.5").integer


CELLS_AND_BLANK = [
    (("1", "2", "3"), None),
    (("1", "2", "3"), " "),
    (("1", "0"), None),
    (("1", "0"), " "),
    (("a", "b", "c"), None),
    (("a", "b", "c"), " "),
]


@pytest.mark.parametrize(("cells", "blank"), CELLS_AND_BLANK)
def test_a_column_with_missing_cells_may_have_them(cells, blank):
    assert not feature(*cells).nullable
    assert feature(*cells, blank).nullable


@pytest.mark.parametrize(("cells", "blank"), CELLS_AND_BLANK)
def test_a_table_keeps_the_contract_inferred_from_it(cells, blank):
    frame = table(column=[*cells, blank], other=["5", "6"])
    contract = infer_contract(frame, "left", "id")
    assert len(validate_data(frame, contract, max_rejected=0).frame) == ROWS


def test_one_cell_in_a_thousand_may_be_a_mistake_and_does_not_change_the_kind():
    assert feature("1", "0", odd=["maybe"] * 4).kind == "flag"
    assert feature("1", "0", odd=["maybe"] * 5).kind == "category"
    assert feature("1", "2", "3", odd=["much"] * 4).kind == "number"
    assert feature("1", "2", "3", odd=["much"] * 5).kind == "category"


def test_bounds_and_categories_are_not_learned_from_a_row_with_a_mistake():
    frame = table(age=["20", "60"], member=["yes", "no"], plan=["a", "b"])
    frame.loc[7, ["age", "member", "plan"]] = ["999", "garbage", "c"]
    contract = infer_contract(frame, "left", "id")
    assert contract.features["age"].max == 80
    assert contract.features["plan"].categories == ("a", "b")
    assert validate_data(frame, contract).rejected.index.tolist() == [8]


@pytest.mark.parametrize(
    ("yes", "no"), [("Yes", "No"), ("TRUE", "FALSE"), ("1", "0"), ("t", "f"), ("Y", "N")]
)
def test_the_value_that_means_left_is_inferred(yes, no):
    frame = table(plan=["a", "b"])
    frame["left"] = frame["left"].map({"yes": yes, "no": no})
    contract = infer_contract(frame, "left", "id")
    assert (contract.positive, contract.negative) == (yes, (no,))


@pytest.mark.parametrize("dtype", [int, float, bool, "Int64", "boolean", "category"])
def test_the_value_that_means_left_is_inferred_from_a_typed_column(dtype):
    frame = table(plan=["a", "b"])
    frame["left"] = (frame["left"] == "yes").astype(int).astype(dtype)
    contract = infer_contract(frame, "left", "id")
    assert contract.positive in ("1", "True")
    assert len(validate_data(frame, contract, max_rejected=0).frame) == ROWS


def test_a_target_in_other_words_needs_to_be_told():
    frame = table(plan=["a", "b"])
    frame["left"] = frame["left"].map({"yes": "gone", "no": "here"})
    with pytest.raises(ChurnError, match="say which value means") as error:
        infer_contract(frame, "left", "id")
    assert "gone" in str(error.value)
    assert "here" in str(error.value)
    contract = infer_contract(frame, "left", "id", positive="gone")
    assert (contract.positive, contract.negative) == ("gone", ("here",))


def test_a_target_may_have_several_ways_to_stay():
    frame = table(plan=["a", "b"])
    frame.loc[::5, "left"] = "paused"
    contract = infer_contract(frame, "left", "id", positive="yes")
    assert contract.negative == ("no", "paused")


def test_a_rare_mistake_in_the_target_is_no_way_to_stay():
    frame = table(plan=["a", "b"])
    frame.loc[:3, "left"] = "?"
    contract = infer_contract(frame, "left", "id")
    assert contract.negative == ("no",)
    assert len(validate_data(frame, contract).rejected) == 4


def test_a_positive_value_that_never_occurs_is_refused():
    with pytest.raises(
        ChurnError, match="'gone' and another value are expected; there are 'no', 'yes'"
    ):
        infer_contract(table(plan=["a", "b"]), "left", "id", positive="gone")


@pytest.mark.parametrize("answers", [["yes"], ["no"], [None], [" "]], ids=str)
def test_a_target_of_one_class_is_refused(answers):
    frame = table(plan=["a", "b"]).drop(columns="left")
    frame["left"] = pd.Series(answers * ROWS, dtype="str")
    for positive in (None, "yes"):
        with pytest.raises(ChurnError, match="'left' cannot be read"):
            infer_contract(frame, "left", "id", positive=positive)


def test_a_target_of_nearly_one_class_is_refused():
    frame = table(plan=["a", "b"])
    frame["left"] = ["yes"] * (ROWS - 2) + ["odd"] * 2
    with pytest.raises(ChurnError):
        infer_contract(frame, "left", "id", positive="yes")


def test_roles_that_no_column_has_are_named_with_the_columns_there_are():
    with pytest.raises(ChurnError) as error:
        infer_contract(
            table(plan=["a", "b"]), "churned", "customer", time="day", keep=["plan", "phone"]
        )
    assert error.value.problems == [
        "target: no column 'churned'",
        "id: no column 'customer'",
        "time: no column 'day'",
        "keep: no column 'phone'",
        "the columns are 'id', 'left', 'plan'",
    ]


def test_columns_to_keep_are_no_features():
    contract = infer_contract(table(plan=["a", "b"], name=["Zoë", "Ada"]), "left", keep=["name"])
    assert contract.keep == ("name",)
    assert {*contract.features} == {"id", "plan"} - {*contract.ignore}
    assert "name" not in contract.ignore


def test_a_table_with_nothing_to_learn_from_is_refused():
    with pytest.raises(ChurnError, match="no column can be a feature"):
        infer_contract(table(), "left", "id")


def test_the_time_is_no_feature():
    frame = table(day=["2026-01-01", "2026-02-01"], plan=["a", "b"])
    contract = infer_contract(frame, "left", "id", time="day")
    assert contract.time == "day"
    assert list(contract.features) == ["plan"]


# Real tables


@pytest.mark.slow
def test_the_bank(shared_data):
    frame = load_table(shared_data / "Churn_Modelling.csv")
    contract = infer_contract(frame, "Exited", "CustomerId")
    assert (contract.positive, contract.negative) == ("1", ("0",))
    assert contract.ignore == ("Surname",)
    kinds = {name: feature.kind for name, feature in contract.features.items()}
    assert kinds == {
        "RowNumber": "number",
        "CreditScore": "number",
        "Geography": "category",
        "Gender": "category",
        "Age": "number",
        "Tenure": "number",
        "Balance": "number",
        "NumOfProducts": "number",
        "HasCrCard": "flag",
        "IsActiveMember": "flag",
        "EstimatedSalary": "number",
    }
    age = contract.features["Age"]
    assert (age.integer, age.min, age.max) == (True, 0, 130)
    assert contract.features["Geography"].categories == ("France", "Germany", "Spain")
    assert not any(feature.nullable for feature in contract.features.values())


def test_the_internet_provider(shared_data):
    frame = load_table(shared_data / "internet_service_churn.csv")
    contract = infer_contract(frame, "churn", "id")
    nullable = [name for name, feature in contract.features.items() if feature.nullable]
    assert nullable == ["reamining_contract", "download_avg", "upload_avg"]
    flags = [name for name, feature in contract.features.items() if feature.kind == "flag"]
    assert flags == ["is_tv_subscriber", "is_movie_package_subscriber"]
    assert contract.features["subscription_age"].min < 0


def test_the_public_telco_table(shared_data):
    frame = load_table(shared_data / "Telco-Customer-Churn.csv")
    contract = infer_contract(frame, "Churn", "customerID")
    assert (contract.positive, contract.negative) == ("Yes", ("No",))
    assert [n for n, feature in contract.features.items() if feature.nullable] == ["TotalCharges"]
    assert contract.features["InternetService"].categories == ("DSL", "Fiber optic", "No")


@pytest.mark.parametrize(
    ("name", "target", "id", "column"),
    [
        ("Churn_Modelling.csv", "Exited", "CustomerId", "Age"),
        ("Telco-Customer-Churn.csv", "Churn", "customerID", "TotalCharges"),
        ("internet_service_churn.csv", "churn", "id", "bill_avg"),
    ],
)
def test_bounds_of_real_columns_leave_room(shared_data, name, target, id, column):
    frame = load_table(shared_data / name)
    number = infer_contract(frame, target, id).features[column]
    seen = pd.to_numeric(frame[column], errors="coerce")
    assert number.max > 1.2 * seen.iloc[:10000].max()
    assert number.min <= seen.min()


def test_the_shipped_contract_has_the_kinds_that_are_inferred(telco_table, telco_contract):
    inferred = infer_contract(telco_table, "churn", "customer_id")
    assert list(inferred.features) == list(telco_contract.features)
    for name, feature in telco_contract.features.items():
        other = inferred.features[name]
        assert (feature.kind, feature.nullable) == (other.kind, other.nullable), name
        if feature.kind == "category":
            assert set(feature.categories) == set(other.categories), name
        if feature.kind == "number":
            assert feature.integer == other.integer, name


# Which contract a run keeps


def test_telco_brings_its_own_contract(telco_table, telco_contract):
    assert settle_contract(telco_table, "telco", None) == telco_contract
    assert (TELCO / "contract.toml").exists()


@pytest.mark.heavy
def test_telco_is_inferred_anew_when_roles_are_named(telco_table):
    settled = settle_contract(telco_table, "telco", None, target="churn", id="customer_id")
    assert settled == infer_contract(telco_table, "churn", "customer_id")


def test_a_contract_that_is_given_is_kept():
    given = infer_contract(table(plan=["a", "b"]), "left", "id")
    assert settle_contract(table(), "a.csv", given.model_dump(mode="json"), target="left") == given


def test_roles_that_the_contract_settles_otherwise_are_named():
    given = infer_contract(table(plan=["a", "b"]), "left", "id").model_dump(mode="json")
    with pytest.raises(ChurnError, match="settled this already") as error:
        settle_contract(table(), "a.csv", given, target="churned", id="id", time="day")
    assert error.value.problems == [
        "--target churned: the contract says left",
        "--time day: the contract says None",
    ]


def test_a_table_of_ones_own_needs_a_target():
    with pytest.raises(ChurnError, match="--target"):
        settle_contract(table(plan=["a", "b"]), "a.csv", None, target=None, id="id")


@pytest.mark.parametrize(
    ("columns", "hint"),
    [
        ({"id~left": ["1~no"]}, "another character (--separator)"),
        ({"Customer": ["id", "1"], "column_2": ["left", "no"]}, "names stand in a row below"),
    ],
)
def test_columns_that_are_missing_have_a_likely_cause(columns, hint):
    with pytest.raises(ChurnError) as error:
        infer_contract(pd.DataFrame(columns), "left", "id")
    assert hint in str(error.value)


@pytest.mark.slow
def test_a_telecom_with_three_states_runs_by_parameters_alone(shared_data):
    table = load_table(shared_data / "maven.csv")
    roles = {"id": "Customerid", "target": "Customerstatus"}
    with pytest.raises(ChurnError, match=r"--positive.*'Stayed'.*'Churned'.*'Joined'"):
        settle_contract(table, "maven.csv", {}, **roles)
    contract = settle_contract(table, "maven.csv", {}, positive="churned", **roles)
    assert contract.negative == ("Joined", "Stayed")
    clean = validate_data(table, contract).frame
    left = labels(clean, contract)
    assert (len(clean), left.sum()) == (7043, 1869)
    found = {one.column for one in find_leaks(clean, left, contract)}
    assert {"Churncategory", "Churnreason"} <= found
    assert "City" not in found  # its 1,106 levels predict who leaves
    assert len(contract.features["City"].categories) == 1106


def test_riders_without_a_label_run_by_a_rule_alone(shared_data):
    table = load_table(shared_data / "rides.csv")
    contract = settle_contract(table, "rides.csv", {}, target="last_trip_date < 2014-06-01")
    assert contract.ignore == ("last_trip_date",)
    assert contract.features["signup_date"].kind == "date"
    clean = validate_data(table, contract).frame
    assert (len(clean), round(labels(clean, contract).mean(), 3)) == (50_000, 0.624)
    again = Contract.parse(tomllib.loads(contract.to_toml()))  # as [target] of a contract file
    assert validate_data(table, again).frame["left"].equals(clean["left"])
