"""FeatureEngineer: the same matrix for one record and for the whole table."""

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn.data.contract import Contract
from churn.data.parsing import parse_features
from churn.data.readers import TELCO, load_table
from churn.data.validation import validate_data
from churn.errors import ChurnError
from churn.modeling.encoder import FeatureEngineer, create_derived_features

NAN = np.nan
CONTRACT = Contract.parse(
    {
        "target": "left",
        "positive": "yes",
        "negative": ["no"],
        "id": "id",
        "features": {
            "spend": {"kind": "number", "nullable": True},
            "visits": {"kind": "number", "integer": True, "nullable": True},
            "plan": {"kind": "category", "categories": ["gold", "basic"], "nullable": True},
            "member": {"kind": "flag", "nullable": True},
        },
        "derived": {"per_visit": "spend / visits", "golden": '(plan == "gold") + member'},
    }
)


@pytest.fixture
def engineer():
    return FeatureEngineer(CONTRACT)


@pytest.fixture(scope="module")
def telco():
    return load_table("telco")


@pytest.fixture(scope="module")
def telco_engineer():
    return FeatureEngineer(Contract.read(TELCO / "contract.toml"))


def record(**changes):
    return {"spend": 10.0, "visits": 4, "plan": "basic", "member": "yes"} | changes


def encode(engineer, frame):
    """The matrix of raw customers."""
    return engineer.transform(parse_features(frame, engineer.contract))


def fitted(engineer, frame):
    """The engineer, fitted to raw customers."""
    return engineer.fit(parse_features(frame, engineer.contract))


def row(engineer, **changes):
    """The one row of the matrix of one customer."""
    (values,) = encode(engineer, pd.DataFrame([record(**changes)]))
    return dict(zip(engineer.names, values.tolist(), strict=True))


def test_the_columns_are_the_features_and_then_the_derived_ones(engineer):
    assert engineer.names == ["spend", "visits", "plan", "member", "per_visit", "golden"]
    known = len(CONTRACT.features["plan"].categories)
    assert engineer.levels.tolist() == [0, 0, known, 0, 0, 0]


def test_a_customer_becomes_numbers_and_positions(engineer):
    assert row(engineer) == {
        "spend": 10, "visits": 4, "plan": 1, "member": 1, "per_visit": 2.5, "golden": 1,
    }  # fmt: skip


@pytest.mark.parametrize(("name", "cell"), [("plan", "platinum"), ("plan", "Gold"), ("plan", None)])
def test_a_category_unknown_or_missing_is_not_a_number(engineer, name, cell):
    assert np.isnan(row(engineer, **{name: cell})["plan"])
    assert row(engineer, **{name: cell})["golden"] == 1


def test_missing_numbers_and_flags_are_not_a_number_nor_is_what_needs_them(engineer):
    values = row(engineer, spend=None, member="")
    assert np.isnan(
        [values["spend"], values["member"], values["per_visit"], values["golden"]]
    ).all()
    assert values["visits"] == 4


def test_a_division_by_zero_is_missing(engineer):
    assert np.isnan(row(engineer, visits=0)["per_visit"])


@pytest.mark.parametrize("spend", [10, 10.0, "10", "10.0", np.int8(10), np.float32(10), " 1e1 "])
@pytest.mark.parametrize("member", [1, 1.0, True, "1", "Yes", np.True_, "t"])
def test_whatever_type_a_cell_has_the_number_is_the_same(engineer, spend, member):
    assert row(engineer, spend=spend, member=member) == row(engineer)


def test_the_matrix_is_of_floats_whatever_comes_in(engineer):
    frame = pd.DataFrame(
        {"spend": [1, 2], "visits": [1, 2], "plan": ["gold"] * 2, "member": [1, 0]}
    )
    matrix = encode(engineer, frame)
    assert matrix.dtype == np.float64
    assert matrix.shape == (2, 6)


def test_the_order_of_columns_and_columns_of_others_do_not_matter(engineer):
    frame = pd.DataFrame([record(), record(plan="gold", spend=3)])
    other = frame[["member", "plan", "visits", "spend"]].assign(colour="red", left=None, id=7)
    np.testing.assert_array_equal(encode(engineer, other), encode(engineer, frame))


def test_the_index_does_not_matter(engineer):
    frame = pd.DataFrame([record(), record(plan="gold", spend=3)], index=[9, 9])
    expected = encode(engineer, frame.reset_index(drop=True))
    np.testing.assert_array_equal(encode(engineer, frame), expected)


def test_no_customers_make_an_empty_matrix(engineer):
    assert encode(engineer, pd.DataFrame([record()]).head(0)).shape == (0, 6)


def test_missing_columns_and_unreadable_cells_are_all_named_in_one_error(engineer):
    frame = pd.DataFrame({"spend": ["1", "a lot"], "member": ["maybe", "perhaps"]})
    with pytest.raises(ChurnError, match="cannot be scored") as error:
        encode(engineer, frame)
    assert error.value.problems == [
        "visits: the column is missing",
        "plan: the column is missing",
        "spend: 1 cell is no number, the first in row 2: 'a lot'",
        "member: 2 cells are no flag, the first in row 1: 'maybe'",
    ]


def test_the_frame_given_is_not_changed(engineer):
    frame = pd.DataFrame([record(), record(plan="platinum")])
    before = frame.copy()
    encode(fitted(engineer, frame), frame)
    pd.testing.assert_frame_equal(frame, before)


def test_the_typical_customer_has_the_median_and_the_most_frequent(engineer):
    frame = pd.DataFrame(
        [
            record(spend=1, plan="gold"),
            record(spend=2, plan="gold", member="no"),
            record(spend=None, plan=None),
            record(spend=9, visits=5),
        ]
    )
    typical = fitted(engineer, frame).typical_
    assert typical == {"spend": 2.0, "visits": 4.0, "plan": "gold", "member": 1.0}


@pytest.mark.parametrize("name", ["plan", "member"])
def test_a_column_that_is_empty_in_this_table_does_not_stop_the_fit(engineer, name):
    typical = fitted(engineer, pd.DataFrame([record(**{name: None})] * 3)).typical_
    assert pd.isna(typical[name])
    assert typical["spend"] == 10


def test_nothing_of_the_matrix_is_learned(engineer):
    frame = pd.DataFrame([record(), record(plan="gold", spend=3)])
    before = encode(engineer, frame)
    fitted(engineer, pd.DataFrame([record(spend=1e6, plan="gold")]))
    np.testing.assert_array_equal(encode(engineer, frame), before)


def test_it_survives_being_stored(engineer):
    frame = pd.DataFrame([record(), record(plan="gold", spend=3)])
    again = pickle.loads(pickle.dumps(fitted(engineer, frame)))
    np.testing.assert_array_equal(encode(again, frame), encode(engineer, frame))
    assert again.typical_ == engineer.typical_


cells = st.fixed_dictionaries(
    {
        "spend": st.none()
        | st.integers(-(10**6), 10**6).map(lambda n: n / 100)
        | st.integers(-5, 5)
        | st.just(" 7.25"),
        "visits": st.none() | st.integers(0, 5) | st.sampled_from(["3", "", "NA"]),
        "plan": st.none() | st.sampled_from(["gold", "basic", "platinum", " gold", "1", "None"]),
        "member": st.none() | st.sampled_from([True, False, 0, 1, "yes", "N", "0"]),
    }
)


@pytest.mark.slow
@given(st.lists(cells, min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_customers_one_by_one_make_the_matrix_of_all_together(rows):
    engineer = FeatureEngineer(CONTRACT)
    bulk = encode(engineer, pd.DataFrame(rows, columns=list(CONTRACT.features)))
    single = [encode(engineer, pd.DataFrame([row]))[0] for row in rows]
    np.testing.assert_array_equal(bulk, single)


@pytest.mark.parametrize("others", [[], [1], [1, 1.0], [0]])
def test_a_truth_is_no_number_alone_or_among_others(engineer, others):
    rows = pd.DataFrame([record(visits=value) for value in [*others, True]])
    with pytest.raises(ChurnError, match=f"visits: 1 cell .* row {len(others) + 1}: 'True'"):
        encode(engineer, rows.astype({"visits": object}) if others else rows)


# Derived features


def test_derived_features_alone_are_columns_of_floats():
    frame = pd.DataFrame([record(), record(visits=None)], index=["a", "b"])
    derived = create_derived_features(parse_features(frame, CONTRACT), CONTRACT)
    assert derived.index.tolist() == ["a", "b"]
    assert derived["golden"].tolist() == [1.0, 1.0]
    np.testing.assert_array_equal(derived["per_visit"], [2.5, NAN])


def test_a_derived_constant_fills_its_column():
    contract = CONTRACT.model_copy(update={"derived": {"one": "1"}})
    matrix = encode(FeatureEngineer(contract), pd.DataFrame([record()] * 3))
    assert matrix[:, -1].tolist() == [1, 1, 1]


def test_a_contract_without_derived_features_has_none():
    contract = CONTRACT.model_copy(update={"derived": {}})
    assert encode(FeatureEngineer(contract), pd.DataFrame([record()])).shape == (1, 4)


# The shipped table


def test_the_telco_table_becomes_a_matrix(telco, telco_engineer):
    matrix = encode(telco_engineer, telco)
    assert matrix.shape == (7043, 21)
    first = dict(zip(telco_engineer.names, matrix[0].tolist(), strict=True))
    assert first["female"] == 1
    assert first["tenure"] == 1
    assert first["internet_service"] == 1  # No, DSL, Fiber optic
    assert first["monthly_charges"] == first["total_charges"] == 29.85
    assert first["price_change"] == 1
    assert first["packages"] == 1
    empty = np.isnan(matrix).sum(axis=0)
    assert {n: c for n, c in zip(telco_engineer.names, empty.tolist(), strict=True) if c} == {
        "total_charges": 11,
        "price_change": 11,
    }


def test_raw_and_validated_customers_make_the_same_matrix(telco, telco_engineer):
    clean = validate_data(telco, telco_engineer.contract).frame
    np.testing.assert_array_equal(encode(telco_engineer, telco), encode(telco_engineer, clean))


def test_real_customers_one_by_one_make_the_matrix_of_all_together(telco, telco_engineer):
    some = telco.iloc[[0, 1, 488, 753, 7042]]  # two of them without total_charges
    records = [row.where(row.notna(), None).to_dict() for _, row in some.iterrows()]
    single = [encode(telco_engineer, pd.DataFrame([record]))[0] for record in records]
    np.testing.assert_array_equal(encode(telco_engineer, some), single)
