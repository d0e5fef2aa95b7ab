"""Raw cells to typed columns: the same customer from every source."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn.data.contract import Contract
from churn.data.parsing import (
    labels,
    parse_features,
    parse_flags,
    parse_numbers,
    parse_texts,
    parse_times,
)
from churn.errors import ChurnError

CONTRACT = Contract.parse(
    {
        "target": "left",
        "positive": "1",
        "negative": ["0"],
        "features": {
            "visits": {"kind": "number", "integer": True, "nullable": True},
            "spend": {"kind": "number", "nullable": True},
            "plan": {"kind": "category", "categories": ["basic", "gold"], "nullable": True},
            "member": {"kind": "flag", "nullable": True},
        },
    }
)
PLANS = ["basic", "gold", "platinum", "ünïcode", "None", "1"]

customers = st.lists(
    st.fixed_dictionaries(
        {
            "visits": st.none() | st.integers(-(2**31), 2**31),
            "spend": st.none() | st.integers(-(10**7), 10**7).map(lambda cents: cents / 100),
            "plan": st.none() | st.sampled_from(PLANS),
            "member": st.none() | st.booleans(),
        }
    ),
    min_size=1,
    max_size=8,
)


def texts(values):
    return pd.Series(values, dtype="str")


def missing_or(function, values):
    return [None if value is None else function(value) for value in values]


def as_csv(columns, yes="yes", no="no"):
    return pd.DataFrame(
        {
            "visits": texts(missing_or(str, columns["visits"])),
            "spend": texts(missing_or(repr, columns["spend"])),
            "plan": texts(missing_or(lambda plan: f" {plan} ", columns["plan"])),
            "member": texts(missing_or(lambda value: yes if value else no, columns["member"])),
        }
    )


def as_parquet(columns):
    return pd.DataFrame(
        {
            "visits": pd.array(columns["visits"], dtype="Int64"),
            "spend": pd.array(columns["spend"], dtype="Float64"),
            "plan": pd.Categorical(columns["plan"]),
            "member": pd.array(columns["member"], dtype="boolean"),
        }
    )


def as_floats(columns):
    """As pandas holds them once a cell of the column was empty."""
    numbers = {name: np.array(columns[name], dtype=float) for name in ("visits", "spend", "member")}
    return pd.DataFrame({**numbers, "plan": texts(columns["plan"])})


def as_records(columns):
    """As a JSON body holds them."""
    return pd.DataFrame(
        [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    )


def as_categoricals(columns):
    return pd.DataFrame({name: pd.Categorical(values) for name, values in columns.items()})


@pytest.mark.slow
@given(customers)
@settings(max_examples=60, deadline=None)
def test_a_customer_parses_the_same_from_every_source(rows):
    columns = {name: [row[name] for row in rows] for name in CONTRACT.features}
    expected = parse_features(as_csv(columns), CONTRACT)
    for source in (as_parquet, as_floats, as_records, as_categoricals):
        pd.testing.assert_frame_equal(
            parse_features(source(columns), CONTRACT), expected, obj=source.__name__
        )
    words = [("Y", "N"), ("TRUE", "FALSE"), ("t", "f"), ("1", "0")]
    for yes, no in words:
        parsed = parse_features(as_csv(columns, yes, no), CONTRACT)
        pd.testing.assert_frame_equal(parsed, expected, obj=yes)


@given(customers)
@settings(max_examples=30, deadline=None)
def test_what_is_parsed_is_what_was_there(rows):
    columns = {name: [row[name] for row in rows] for name in CONTRACT.features}
    parsed = parse_features(as_csv(columns), CONTRACT)
    for name in ("visits", "spend", "member"):
        assert parsed[name].dtype == np.float64
        np.testing.assert_array_equal(parsed[name], np.array(columns[name], dtype=float))
    assert (
        parsed["plan"].astype(object).where(parsed["plan"].notna(), None).tolist()
        == columns["plan"]
    )
    assert list(parsed["plan"].cat.categories[:2]) == ["basic", "gold"]


@pytest.mark.slow
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
@settings(max_examples=200, deadline=None)
def test_a_number_written_as_text_is_the_same_number(values):
    parsed, bad = parse_numbers(texts([repr(value) for value in values]))
    assert not bad.any()
    assert parsed.tolist() == values


def test_a_price_of_many_digits_is_the_same_from_text_and_from_type():
    # What a computed column looks like; a hash of the row tells the last bit.
    values = [7.3 * n / 3 for n in range(1, 2000)]
    assert parse_numbers(texts([repr(value) for value in values]))[0].tolist() == values


@pytest.mark.parametrize(
    "cell", ["twelve", "0x10", "1_000", "--5", "-$-5", "(5", "12 apples", "1,2,3", "1.2.3", "$"]
)
def test_a_text_that_is_no_finite_number_is_reported(cell):
    numbers, bad = parse_numbers(texts(["3", cell, None, " 4.5 "]))
    np.testing.assert_array_equal(numbers, [3, np.nan, np.nan, 4.5])
    assert bad.tolist() == [False, True, False, False]


@pytest.mark.parametrize(
    "cell", ["inf", "-inf", "Infinity", "?", "-", "None", "\\N", "#DIV/0!", "N.A."]
)
def test_an_infinite_number_and_a_word_for_a_missing_one_are_missing(cell):
    numbers, bad = parse_numbers(texts(["3", cell]))
    np.testing.assert_array_equal(numbers, [3, np.nan])
    numbers, bad = parse_numbers(pd.Series([1.0, np.inf, np.nan, -np.inf]))
    np.testing.assert_array_equal(numbers, [1, np.nan, np.nan, np.nan])
    assert not bad.any()


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("$1,234.50", 1234.5), ("-$5", -5), ("$-5", -5), ("(12.50)", -12.5), ("12 €", 12),
        ("EUR 1 234", 1234), ("12.5%", 12.5), ("1,000", 1000), ("1’000.5", 1000.5), ("US$3", 3),
        ("1\u00a0000", 1000),
    ],
)  # fmt: skip
def test_an_amount_is_read_as_the_number_it_is(cell, number):
    assert parse_numbers(texts([cell]))[0].tolist() == [number]


@pytest.mark.parametrize(
    ("cell", "number"),
    [("58,12", 58.12), ("1.234,50 €", 1234.5), ("1.234", 1234), ("12,5 %", 12.5), ("-3", -3)],
)
def test_a_decimal_comma_is_read_where_the_contract_has_one(cell, number):
    assert parse_numbers(texts([cell]), ",")[0].tolist() == [number]


def test_numbers_beyond_64_bits_are_read():
    numbers, bad = parse_numbers(texts(["18446744073709551616", "-1", "99999999999999999999"]))
    assert not bad.any()
    assert numbers.tolist() == [2.0**64, -1.0, 1e20]


@pytest.mark.parametrize("cell", ["2", "maybe", "-1", "yess", "o"])
def test_a_text_that_is_no_flag_is_reported(cell):
    flags, bad = parse_flags(texts(["Yes", cell, None, "n"]))
    np.testing.assert_array_equal(flags, [1, np.nan, np.nan, 0])
    assert bad.tolist() == [False, True, False, False]


def test_a_flag_column_that_pandas_wrote_with_empty_cells_is_read():
    # 1 and 0 with a missing cell between them become 1.0 and 0.0 in the CSV.
    written = pd.DataFrame({"member": [1, None, 0]}).to_csv(index=False).splitlines()[1:]
    flags, bad = parse_flags(texts([cell.strip('"') or None for cell in written]))
    assert not bad.any()
    np.testing.assert_array_equal(flags, [1, np.nan, 0])


@pytest.mark.parametrize("cell", ["", "  ", "NA", " nan ", "NULL", None, np.nan, pd.NA, pd.NaT])
def test_blank_cells_are_missing_and_not_reported(cell):
    column = pd.Series(["1", cell], dtype=object)
    assert parse_texts(column).codes.tolist() == [0, -1]
    for parse in (parse_numbers, parse_flags):
        values, bad = parse(column)
        np.testing.assert_array_equal(values, [1, np.nan])
        assert not bad.any()


def test_an_id_keeps_its_leading_zeros():
    assert list(parse_texts(texts([" 007", "7 ", "007"]))) == ["007", "7", "007"]


def test_an_id_is_the_same_as_a_text_and_as_a_number():
    expected = ["15634602", "7"]
    for column in (
        texts(["15634602", "7"]),
        pd.Series([15634602, 7]),
        pd.Series([15634602.0, 7.0]),
        pd.Series([15634602, 7], dtype="Int64"),
        pd.Series([15634602, "7"], dtype=object),
    ):
        assert list(parse_texts(column)) == expected


def test_an_id_of_many_digits_is_the_same_as_a_text_and_as_a_float():
    column = pd.Series([float(2**60), np.nan])  # as pandas holds ids once one of them is missing
    assert parse_texts(column)[0] == parse_texts(texts([str(2**60)]))[0]


def test_a_column_of_nothing_is_all_missing():
    for column in (texts([None, None]), pd.Series([None, None]), pd.Series([np.nan, np.nan])):
        assert parse_texts(column).codes.tolist() == [-1, -1]
        for parse in (parse_numbers, parse_flags):
            values, bad = parse(column)
            assert np.isnan(values).all()
            assert not bad.any()


@pytest.mark.parametrize(
    "column",
    [
        texts(["2026-01-31", None, "2026-02-01 12:30"]),
        texts(["20260131", None, "2026-02-01T13:30:00+01:00"]),
        pd.Series(pd.to_datetime(["2026-01-31T00:00", None, "2026-02-01T12:30"])),
        pd.Series(pd.to_datetime(["2026-01-31T00:00", None, "2026-02-01T12:30"], utc=True)),
    ],
    ids=["text", "text with a zone", "typed", "typed with a zone"],
)
def test_a_time_is_the_same_from_text_and_from_type(column):
    times, bad = parse_times(column)
    expected = pd.Series(pd.to_datetime(["2026-01-31T00:00", None, "2026-02-01T12:30"]))
    pd.testing.assert_series_equal(pd.Series(times), expected, check_dtype=False)
    assert not bad.any()


@pytest.mark.parametrize("cell", ["31.01.2026", "01/31/2026", "yesterday", "2026-13-01"])
def test_a_text_that_is_no_iso_date_is_reported(cell):
    times, bad = parse_times(texts(["2026-01-31", cell, None]))
    assert bad.tolist() == [False, True, False]
    assert pd.isna(times[1])


def test_every_missing_column_and_every_kind_of_unreadable_cell_is_named_at_once():
    frame = pd.DataFrame({"visits": ["1", "many", "lots"], "member": ["yes", "no", "perhaps"]})
    with pytest.raises(ChurnError) as error:
        parse_features(frame, CONTRACT)
    assert error.value.problems == [
        "spend: the column is missing",
        "plan: the column is missing",
        "visits: 2 cells are no number, the first in row 2: 'many'",
        "member: 1 cell is no flag, the first in row 3: 'perhaps'",
    ]


def test_features_keep_the_index_and_the_order_of_the_contract():
    frame = pd.DataFrame(
        {"member": [1], "extra": [None], "plan": ["gold"], "spend": [2], "visits": [3]}, index=[77]
    )
    parsed = parse_features(frame, CONTRACT)
    assert list(parsed.columns) == list(CONTRACT.features)
    assert parsed.index.tolist() == [77]


@pytest.mark.parametrize(
    ("column", "positive"),
    [
        (texts(["yes ", "No", None, "ye s"]), "Yes"),
        (pd.Series([1, 0, 2, 0]), "1"),
        (pd.Series([1.0, 0.0, np.nan, 0.0]), "1"),
        (pd.Series([True, False, False, False]), "True"),
        (pd.Series(pd.Categorical(["gone", "here", None, "here"])), "gone"),
    ],
)
def test_only_the_positive_value_of_the_target_means_that_a_customer_left(column, positive):
    contract = CONTRACT.model_copy(update={"positive": positive})
    left = labels(pd.DataFrame({"left": column}), contract)
    assert left.tolist() == [1, 0, 0, 0]
    assert left.dtype == np.int8


def test_a_number_of_a_workbook_or_a_request_has_no_decimal_comma():
    cells = [1.234, 12, np.float64(3.5), Decimal("7.25"), "1.234,5", None, np.nan, 1e-7, np.inf]
    numbers, bad = parse_numbers(pd.Series(cells, dtype=object), ",")
    expected = [1.234, 12, 3.5, 7.25, 1234.5, np.nan, np.nan, 1e-7, np.nan]
    np.testing.assert_array_equal(numbers, expected)
    assert not bad.any()
    # A flag is no number, and neither is a text with a point that is no thousands' one.
    assert parse_numbers(pd.Series([True, "12.5"], dtype=object), ",")[1].all()
