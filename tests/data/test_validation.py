"""A table validated against its contract: all problems at once, broken rows rejected."""

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn.data.contract import Contract
from churn.data.copies import content_hash
from churn.data.holdout import holdout_mask
from churn.data.inference import infer_contract
from churn.data.parsing import labels
from churn.data.readers import load_table
from churn.data.validation import validate_data
from churn.errors import ChurnError

CONTRACT = Contract.parse(
    {
        "target": "left",
        "positive": "yes",
        "negative": ["no"],
        "id": "id",
        "ignore": ["note"],
        "features": {
            "age": {"kind": "number", "integer": True, "min": 0, "max": 120},
            "spend": {"kind": "number", "min": -50, "max": 1000, "nullable": True},
            "plan": {"kind": "category", "categories": ["basic", "gold"]},
            "city": {"kind": "category", "categories": ["Łódź", "Bonn"], "nullable": True},
            "member": {"kind": "flag"},
        },
    }
)


def table(rows=200, seed=0):
    """Customers that keep CONTRACT, as a CSV gives them."""
    rng = np.random.default_rng(seed)
    columns = {
        "id": [f"C{n:04d}" for n in range(1, rows + 1)],
        "age": rng.integers(18, 90, rows).astype(str),
        "spend": [repr(cents / 100) for cents in rng.integers(-5000, 99999, rows).tolist()],
        "plan": rng.choice(["basic", "gold"], rows),
        "city": rng.choice(["Łódź", "Bonn", None], rows),
        "member": rng.choice(["yes", "no"], rows),
        "left": np.where(np.arange(rows) % 3 == 0, "yes", "no"),
    }
    return pd.DataFrame(columns).astype("str")


def broken(*cells, rows=200):
    """The table with (row from 1, column, cell) put into it."""
    frame = table(rows)
    for row, column, cell in cells:
        frame.loc[row - 1, column] = cell
    return frame


def lines(problems):
    return problems[["column", "check", "effect", "count", "examples"]].values.tolist()


def test_a_table_that_keeps_its_contract_is_kept_whole():
    result = validate_data(table(), CONTRACT)
    assert len(result.frame) == 200
    assert len(result.rejected) == len(result.problems) == 0
    assert list(result.frame.columns) == CONTRACT.columns
    assert result.frame.index.tolist() == list(range(1, 201))


def test_the_columns_come_out_typed_and_categories_in_the_order_of_the_contract():
    clean = validate_data(table(), CONTRACT).frame
    assert [clean[name].dtype for name in ("age", "spend", "member")] == [np.float64] * 3
    assert clean["plan"].cat.categories.tolist() == ["basic", "gold"]
    assert clean["city"].cat.categories.tolist() == ["Łódź", "Bonn"]
    assert pd.api.types.is_string_dtype(clean["id"].dtype)
    assert set(clean["member"]) == {0.0, 1.0}


@pytest.mark.parametrize(
    ("column", "cell", "check", "shown"),
    [
        ("age", "old", "not a number", "'old'"),
        ("age", "41.5", "not a whole number", "'41.5'"),
        ("age", "-1", "below 0", "'-1'"),
        ("age", "121", "above 120", "'121'"),
        ("age", " ", "missing", "' '"),
        ("age", None, "missing", "empty"),
        ("spend", "much", "not a number", "'much'"),
        ("spend", "-50.01", "below -50", "'-50.01'"),
        ("spend", "1000.01", "above 1000", "'1000.01'"),
        ("plan", "silver", "a category never seen", "'silver'"),
        ("plan", "Basic", "a category never seen", "'Basic'"),
        ("plan", None, "missing", "empty"),
        ("city", "Paris", "a category never seen", "'Paris'"),
        ("member", "maybe", "not a flag", "'maybe'"),
        ("member", None, "missing", "empty"),
        ("id", "C0001", "an id seen before", "'C0001'"),
        ("id", None, "missing", "empty"),
        ("left", "perhaps", "neither yes nor no", "'perhaps'"),
        ("left", None, "missing", "empty"),
    ],
)
def test_a_broken_cell_sets_its_row_aside_with_the_reason(column, cell, check, shown):
    result = validate_data(broken((5, column, cell)), CONTRACT)
    assert lines(result.problems) == [[column, check, "rejected", 1, f"row 5: {shown}"]]
    assert result.rejected.index.tolist() == [5]
    assert result.rejected["reason"].tolist() == [f"{column}: {check}"]
    assert 5 not in result.frame.index
    assert len(result.frame) == 199


@pytest.mark.parametrize(("column", "cell"), [("age", "0"), ("age", "120"), ("spend", "1000")])
def test_a_bound_itself_is_allowed(column, cell):
    assert len(validate_data(broken((5, column, cell)), CONTRACT).frame) == 200


def test_a_blank_where_the_contract_allows_it_is_noted_and_taken_as_missing():
    result = validate_data(broken((5, "spend", " "), (9, "spend", None)), CONTRACT)
    assert lines(result.problems) == [
        ["spend", "blank, taken as missing", "note", 2, "row 5: ' ', row 9: empty"]
    ]
    assert result.frame.loc[[5, 9], "spend"].isna().all()
    assert len(result.rejected) == 0


def test_the_second_customer_of_an_id_is_set_aside_and_the_first_is_kept():
    result = validate_data(broken((7, "id", "C0002"), (9, "id", "C0002")), CONTRACT)
    assert result.rejected.index.tolist() == [7, 9]
    assert 2 in result.frame.index


def test_an_id_that_is_a_number_is_the_same_id_as_its_text():
    frame = table()
    frame["id"] = pd.Series([1, "1", *range(3, 201)], dtype=object)
    assert validate_data(frame, CONTRACT).rejected.index.tolist() == [2]


def test_a_row_with_several_broken_cells_is_set_aside_once_and_for_every_reason():
    result = validate_data(broken((5, "age", "-1"), (5, "plan", "x"), (5, "left", "?")), CONTRACT)
    assert result.rejected["reason"].tolist() == [
        "age: below 0; left: neither yes nor no; plan: a category never seen"
    ]
    assert result.problems["count"].tolist() == [1, 1, 1]


def test_a_cell_that_cannot_be_read_is_told_once_and_not_as_missing_too():
    assert len(validate_data(broken((5, "age", "old")), CONTRACT).problems) == 1


def test_at_most_five_examples_are_shown_and_all_are_counted():
    result = validate_data(broken(*((row, "age", "x") for row in range(1, 8))), CONTRACT)
    (problem,) = lines(result.problems)
    assert problem[3] == 7
    assert problem[4].count("row") == 5


def test_rows_set_aside_are_as_they_were_in_the_source():
    source = broken((5, "age", " old "), (5, "spend", "1e2"))
    rejected = validate_data(source, CONTRACT).rejected
    assert rejected.drop(columns="reason").loc[5].tolist() == source.loc[4].tolist()


def test_a_reason_that_stands_in_the_table_itself_is_not_lost():
    source = broken((5, "age", "old")).assign(reason="too expensive")
    rejected = validate_data(source, CONTRACT).rejected
    assert "too expensive" in rejected.astype(str).to_numpy()
    assert "age: not a number" in rejected.astype(str).to_numpy()


def test_columns_that_the_contract_does_not_know_are_noted_and_left_out():
    result = validate_data(table().assign(colour="red", note="hm"), CONTRACT)
    assert lines(result.problems) == [["colour", "not in the contract, ignored", "note", 0, ""]]
    assert "colour" not in result.frame
    assert "note" not in result.frame


def test_every_problem_of_a_table_is_named_at_once():
    frame = broken((3, "age", "old"), (4, "spend", "5000"), (5, "id", "C0001"), (6, "left", "?"))
    frame = frame.drop(columns=["plan", "member"]).assign(colour="red")
    with pytest.raises(ChurnError, match="breaks its contract") as error:
        validate_data(frame, CONTRACT)
    assert error.value.problems == [
        "plan: the column is missing",
        "member: the column is missing",
        "age: not a number (1 row; row 3: 'old')",
        "id: an id seen before (1 row; row 5: 'C0001')",
        "left: neither yes nor no (1 row; row 6: '?')",
        "spend: above 1000 (1 row; row 4: '5000')",
        "colour: not in the contract, ignored",
    ]


def test_columns_to_keep_are_of_the_table_and_no_features():
    contract = CONTRACT.model_copy(update={"keep": ("phone", "fone", "colour")})
    with pytest.raises(ChurnError) as error:
        validate_data(table().assign(colour="red"), contract)
    assert error.value.problems == [
        "phone: the column that the contract keeps is missing",
        "fone: the column that the contract keeps is missing",
    ]
    result = validate_data(table().assign(phone=1, fone=2, colour="red"), contract)
    assert result.problems.empty
    assert not {"phone", "fone", "colour"} & {*result.frame}


@pytest.mark.parametrize("column", ["id", "age", "spend", "plan", "member", "left"])
def test_a_missing_column_stops(column):
    with pytest.raises(ChurnError) as error:
        validate_data(table().drop(columns=column), CONTRACT)
    assert error.value.problems == [f"{column}: the column is missing"]


def test_a_table_of_other_columns_altogether_is_refused_by_name():
    with pytest.raises(ChurnError) as error:
        validate_data(pd.DataFrame({"x": range(300)}), CONTRACT)
    missing = [f"{name}: the column is missing" for name in CONTRACT.columns]
    assert error.value.problems == [*missing, "x: not in the contract, ignored"]


@pytest.mark.parametrize(("rows", "enough"), [(100, True), (99, False), (0, False)])
def test_a_hundred_rows_must_be_left(rows, enough):
    if enough:
        assert len(validate_data(table(rows), CONTRACT).frame) == rows
    else:
        with pytest.raises(ChurnError, match=f"{rows} rows are left, at least 100"):
            validate_data(table(rows), CONTRACT)


@pytest.mark.parametrize(("who", "answer"), [("left", "no"), ("stayed", "yes")])
@pytest.mark.parametrize("others", [0, 19, 20])
def test_twenty_customers_must_have_left_and_twenty_stayed(who, answer, others):
    frame = table()
    frame["left"] = [{"no": "yes", "yes": "no"}[answer]] * others + [answer] * (200 - others)
    if others == 20:
        assert len(validate_data(frame, CONTRACT).frame) == 200
    else:
        with pytest.raises(ChurnError, match=f"left: {others} customers {who}, at least 20"):
            validate_data(frame, CONTRACT)


def test_customers_set_aside_do_not_count_as_having_left():
    frame = table()
    frame["left"] = ["yes"] * 20 + ["no"] * 180
    frame.loc[0, "age"] = "old"
    with pytest.raises(ChurnError, match="19 customers left"):
        validate_data(frame, CONTRACT)


@pytest.mark.parametrize(("bad", "limit", "kept"), [(10, 0.05, True), (11, 0.05, False)])
def test_only_so_many_rows_may_be_set_aside(bad, limit, kept):
    frame = broken(*((row, "age", "x") for row in range(1, bad + 1)))
    if kept:
        assert len(validate_data(frame, CONTRACT, limit).rejected) == bad
    else:
        with pytest.raises(ChurnError, match=r"5\.5% of the rows break .* at most 5\.0%") as error:
            validate_data(frame, CONTRACT, limit)
        assert any("age: not a number (11 rows; row 1: 'x'" in p for p in error.value.problems)


def test_no_row_may_be_set_aside_if_so_wished():
    with pytest.raises(ChurnError, match="break the contract"):
        validate_data(broken((5, "age", "x")), CONTRACT, max_rejected=0)


def test_times_are_typed_and_what_is_no_date_is_set_aside():
    contract = CONTRACT.model_copy(update={"time": "day"})
    days = pd.Series(["2026-01-31"] * 198 + ["soon", None], dtype="str")
    result = validate_data(table().assign(day=days), contract)
    assert result.frame["day"].dtype.kind == "M"
    assert lines(result.problems) == [
        ["day", "not a date (ISO 8601)", "rejected", 1, "row 199: 'soon'"],
        ["day", "missing", "rejected", 1, "row 200: empty"],
    ]


@pytest.mark.parametrize("twice", ["age", "left", "id"])
def test_two_columns_of_one_name_are_named(twice):
    frame = pd.concat([table(), table()[[twice]]], axis=1)
    with pytest.raises(ChurnError, match=twice):
        validate_data(frame, CONTRACT)


def test_the_table_given_is_not_changed():
    frame = broken((5, "age", "old"))
    before = frame.copy()
    validate_data(frame, CONTRACT)
    pd.testing.assert_frame_equal(frame, before)


bad_cells = st.lists(
    st.tuples(
        st.integers(1, 200),
        st.sampled_from(["id", "age", "spend", "plan", "city", "member", "left"]),
        st.sampled_from([None, " ", "x", "-1", "7", "7.5", "9999", "yes", "gold", "C0001"]),
    ),
    max_size=25,
)


@pytest.mark.slow
@given(bad_cells)
@settings(max_examples=30, deadline=None)
def test_every_row_is_either_kept_or_set_aside_and_none_changes_its_place(cells):
    source = broken(*cells)
    result = validate_data(source, CONTRACT, max_rejected=1)
    kept, aside = result.frame.index, result.rejected.index
    assert kept.is_monotonic_increasing
    assert aside.is_monotonic_increasing
    assert sorted([*kept, *aside]) == list(range(1, 201))
    touched = {row for row, _, _ in cells}
    assert set(aside) <= touched
    assert (result.frame["id"] == source["id"].str.strip().iloc[kept - 1].to_numpy()).all()
    assert (result.rejected["reason"] != "").all()
    before = source.set_axis(range(1, 201)).loc[aside]
    pd.testing.assert_frame_equal(
        result.rejected.drop(columns="reason"), before, check_index_type=False
    )


@pytest.mark.slow
@given(bad_cells)
@settings(max_examples=20, deadline=None)
def test_what_is_kept_keeps_the_contract_by_itself(cells):
    kept = validate_data(broken(*cells), CONTRACT, max_rejected=1).frame
    again = validate_data(kept, CONTRACT, max_rejected=0)
    again = again.frame.set_axis(kept.index)
    pd.testing.assert_frame_equal(again, kept, check_categorical=False)


@pytest.mark.slow
@given(st.integers(0, 2**32 - 1), bad_cells)
@settings(max_examples=15, deadline=None)
def test_a_csv_and_a_parquet_of_one_table_validate_to_the_same(seed, cells):
    source = table(seed=seed)
    for row, column, cell in cells:
        if column in ("city", "left", "plan", "id"):
            source.loc[row - 1, column] = cell
    typed = source.assign(
        age=source["age"].astype(int),
        spend=source["spend"].astype(float),
        plan=source["plan"].astype("category"),
        member=source["member"] == "yes",
    )
    with tempfile.TemporaryDirectory() as folder:
        source.to_csv(Path(folder) / "a.csv", index=False)
        typed.to_parquet(Path(folder) / "a.parquet")
        frames = [
            validate_data(load_table(Path(folder) / name), CONTRACT, max_rejected=1).frame
            for name in ("a.csv", "a.parquet")
        ]
    pd.testing.assert_frame_equal(*frames)
    hashes = [content_hash(frame, CONTRACT).tolist() for frame in frames]
    assert hashes[0] == hashes[1]
    for contract in (CONTRACT, CONTRACT.model_copy(update={"id": None})):
        held = [holdout_mask(frame, contract, 0.2).tolist() for frame in frames]
        assert held[0] == held[1]


# Real tables


def test_the_eleven_blank_charges_of_the_real_telco_table_become_missing(shared_data):
    frame = load_table(shared_data / "Telco-Customer-Churn.csv")
    result = validate_data(frame, infer_contract(frame, "Churn", "customerID"))
    (problem,) = lines(result.problems)
    assert problem[:4] == ["TotalCharges", "blank, taken as missing", "note", 11]
    assert problem[4].startswith("row 489: ' ', row 754: ' '")
    assert len(result.frame) == 7043
    blank = result.frame[result.frame["TotalCharges"].isna()]
    assert len(blank) == 11
    assert (blank["tenure"] == 0).all()


@pytest.mark.slow
def test_the_garbage_row_of_the_bank_is_set_aside_and_only_it(shared_data):
    frame = load_table(shared_data / "Churn_Modelling.csv")
    result = validate_data(frame, infer_contract(frame, "Exited", "CustomerId"))
    assert result.rejected.index.tolist() == [10001]
    assert result.rejected["Surname"].tolist() == ["doe"]
    assert "IsActiveMember: not a flag" in result.rejected["reason"].iloc[0]
    assert len(result.frame) == 10000
    assert result.frame["Geography"].cat.categories.tolist() == ["France", "Germany", "Spain"]


def test_the_internet_provider_keeps_the_contract_inferred_from_it(shared_data):
    frame = load_table(shared_data / "internet_service_churn.csv")
    contract = infer_contract(frame, "churn", "id")
    result = validate_data(frame, contract, max_rejected=0)
    assert len(result.frame) == 72274
    assert set(result.problems["effect"]) == {"note"}
    assert labels(result.frame, contract).mean() == pytest.approx(0.554, abs=0.001)


# The table that ships with the project


def test_the_shipped_table_keeps_the_shipped_contract_with_nothing_set_aside(
    telco_table, telco_contract
):
    result = validate_data(telco_table, telco_contract, max_rejected=0)
    assert len(result.frame) == len(telco_table)
    assert [line[:4] for line in lines(result.problems)] == [
        ["total_charges", "blank, taken as missing", "note", 11]
    ]


def test_the_contract_ignores_no_column_of_the_shipped_table(telco_table, telco_contract):
    assert set(telco_contract.columns) == set(telco_table.columns)


def test_the_readme_beside_the_shipped_table_says_true_numbers(telco_clean, telco_contract):
    from churn.data.readers import TELCO

    text = " ".join((TELCO / "README.md").read_text("utf-8").split())
    assert f"{len(telco_clean):,} customers" in text
    blank = telco_clean[telco_clean["total_charges"].isna()]
    assert f"{len(blank)} customers have no `total_charges`" in text
    assert (blank["tenure"] == 0).all()
    assert (telco_clean["tenure"] == 0).sum() == len(blank)
    product = telco_clean["tenure"] * telco_clean["monthly_charges"]
    off = (telco_clean["total_charges"] / product - 1).abs()
    assert off.median() < 0.05
    assert telco_clean.duplicated(list(telco_contract.features)).any()
    for name in ("telco.csv", "contract.toml", "make.py"):
        assert name in text
        assert (TELCO / name).exists()
    numbers = telco_clean["customer_id"].str.removeprefix("C").astype(int)
    assert (numbers == telco_clean.index).all()


def test_the_shipped_table_is_the_public_one_under_other_names(telco_clean, shared_data):
    public = load_table(shared_data / "Telco-Customer-Churn.csv")
    public = validate_data(public, infer_contract(public, "Churn", "customerID")).frame
    for ours, theirs in {
        "tenure": "tenure",
        "monthly_charges": "MonthlyCharges",
        "total_charges": "TotalCharges",
        "senior_citizen": "SeniorCitizen",
        "contract": "Contract",
        "payment_method": "PaymentMethod",
        "churn": "Churn",
    }.items():
        a, b = telco_clean[ours].astype(object), public[theirs].astype(object)
        assert ((a == b) | (a.isna() & b.isna())).all(), ours


def test_a_row_that_contradicts_itself_is_rejected():
    frame = pd.DataFrame(
        {
            "phone": np.resize(["yes", "no"], 400),
            "lines": np.resize(["one", "two", "one", "one"], 400),
            "left": np.resize(["yes", "no", "no"], 400),
        }
    )
    frame.loc[10, "lines"] = "none"
    frame.loc[7, "lines"] = "two"
    values = {
        "target": "left", "positive": "yes", "negative": ["no"],
        "features": {
            "phone": {"kind": "flag"},
            "lines": {"kind": "category", "categories": ["none", "one", "two"]},
        },
        "contradictions": ['(phone == 1) * (lines == "none")'],
    }  # fmt: skip
    contract = Contract.parse(values)
    rejected = validate_data(frame, contract).rejected
    assert rejected["reason"].to_dict() == {
        11: 'row: contradiction: (phone == 1) * (lines == "none")'
    }
    assert not contract.without(["lines"]).contradictions
    with pytest.raises(ChurnError, match="no feature is called"):
        Contract.parse(values | {"contradictions": ["fax == 1"]})
