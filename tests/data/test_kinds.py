"""The kind of a column: numbers, flags, dates and categories as people write them."""

import tomllib
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from churn.data.contract import Contract
from churn.data.dates import day_of, order_of
from churn.data.inference import ignored_reasons, infer_contract, settle_contract
from churn.data.parsing import parse_features, parse_numbers
from churn.data.source import SourceOptions, notes
from churn.data.validation import validate_data
from churn.errors import ChurnError
from churn.scoring.request_schema import RequestSchema

N = 1000


def table(**columns):
    """A table of 1,000 customers, whose columns repeat the given cells."""
    cells = {name: np.resize(np.array(some, dtype=object), N) for name, some in columns.items()}
    left = np.resize(["yes", "no", "no", "no", "no"], N)
    frame = pd.DataFrame({"id": [f"C{i}" for i in range(N)], **cells, "left": left})
    return frame.astype({name: "str" for name in frame if frame[name].map(type).eq(str).all()})


def inferred(frame, **options):
    return settle_contract(frame, "a file", {}, SourceOptions(**options), target="left", id="id")


@pytest.mark.parametrize(
    ("cells", "unit", "decimal", "first"),
    [
        (["$1,234.50", "$3.00"], "$", ".", 1234.5),
        (["12.5%", "-3%"], "%", ".", 12.5),
        (["1.234,50", "3,5"], "", ",", 1234.5),
        (["58,12", "7"], "", ",", 58.12),
        (["1 234", "17"], "", ".", 1234),
        (["1,234,567", "1"], "", ".", 1234567),
    ],
)
def test_amounts_are_numbers_with_their_unit(cells, unit, decimal, first):
    frame = table(x=cells)
    feature = inferred(frame).features["x"]
    assert (feature.kind, feature.unit, feature.decimal) == ("number", unit, decimal)
    assert parse_numbers(frame["x"], feature.decimal)[0][0] == first
    checked = validate_data(frame, inferred(frame))
    assert not len(checked.rejected)
    assert checked.frame["x"].iloc[0] == first


def test_a_number_that_may_be_two_is_asked_for():
    frame = table(x=["1,234", "5,678"])
    with pytest.raises(ChurnError, match="--decimal") as error:
        inferred(frame)
    assert "1,234" in str(error.value)
    with_comma = inferred(frame, decimal=",").features["x"]
    assert parse_numbers(frame["x"], with_comma.decimal)[0][0] == 1.234
    assert (
        parse_numbers(frame["x"], inferred(frame, decimal=".").features["x"].decimal)[0][0] == 1234
    )


@pytest.mark.parametrize("word", ["?", "-", "None", "\\N", "#DIV/0!", "unknown", "N.A.", "inf"])
def test_words_for_missing_numbers_are_counted_and_told(word):
    frame = table(x=[str(i) for i in range(49)] + [word])
    contract = inferred(frame)
    assert contract.features["x"].kind == "number"
    assert contract.features["x"].nullable
    problems = validate_data(frame, contract).problems
    assert problems["count"].tolist() == [20]
    assert word in problems["examples"][0]


def test_a_table_s_own_word_for_a_missing_number_stands_in_the_contract():
    frame = table(x=[str(i) for i in range(49)] + ["Error"])
    feature = inferred(frame).features["x"]
    assert (feature.kind, feature.missing, feature.nullable) == ("number", ("Error",), True)
    assert not len(validate_data(frame, inferred(frame)).rejected)
    # A few grades beside a word are categories.
    assert inferred(table(x=["1", "2", "3", "3", "3", "3", "3", "x"])).features["x"].kind == (
        "category"
    )


def test_a_count_that_is_mostly_0_and_1_is_no_flag_and_a_slip_makes_none():
    frame = table(x=["0", "1"])
    frame.loc[:1, "x"] = "2"
    assert inferred(frame).features["x"].kind == "number"
    frame.loc[:1, "x"] = ["0", "23"]
    assert inferred(frame).features["x"].kind == "flag"


def test_a_total_below_the_table_moves_no_bound():
    frame = table(x=[str(i) for i in range(50)])
    total = pd.DataFrame({"id": ["Total"], "x": ["24500"], "left": [None]})
    feature = inferred(pd.concat([frame, total], ignore_index=True)).features["x"]
    assert feature.max == 74


def test_a_column_that_is_ignored_has_a_reason():
    frame = table(name=[f"n{i}" for i in range(N)], empty=[None], mixed=[*range(300), "a", "b c"])
    frame["mixed"] = frame["mixed"].where(np.arange(N) % 3 > 0, frame["name"])
    contract = inferred(frame.assign(plan=np.resize(["a", "b"], N)))
    reasons = ignored_reasons(frame, contract)
    assert set(reasons) == {"name", "empty", "mixed"}
    assert reasons["empty"] == "it is empty"
    assert "1,000 different texts" in reasons["name"]
    assert "'n0'" in reasons["name"]


# Dates


@pytest.mark.parametrize(
    ("text", "order", "day"),
    [
        ("2024-03-25", "", date(2024, 3, 25)),
        ("2024-03-25T11:07:14+02:00", "", date(2024, 3, 25)),
        ("2024/3/5", "", date(2024, 3, 5)),
        ("2024-03", "", date(2024, 3, 1)),
        ("20240325", "", date(2024, 3, 25)),
        ("05.03.2024", "", date(2024, 3, 5)),
        ("05/03/2024", "day-first", date(2024, 3, 5)),
        ("05/03/2024", "month-first", date(2024, 5, 3)),
        ("11/24/2024 12:00 AM", "month-first", date(2024, 11, 24)),
        ("25 March 2024", "", date(2024, 3, 25)),
        ("Mar 25, 2024", "", date(2024, 3, 25)),
        ("05/03/2024", "", None),
        ("31/02/2024", "day-first", None),
        ("2024-13-01", "", None),
        ("12345678", "", None),
        ("soon", "", None),
    ],
)
def test_days(text, order, day):
    assert day_of(text, order) == day


def test_the_order_of_day_and_month_is_certain_or_not():
    assert order_of(["13/01/2024", "01/02/2024"]) == "day-first"
    assert order_of(["01/13/2024", "01/02/2024"]) == "month-first"
    assert order_of(["01/02/2024"]) is None
    assert order_of(["13/01/2024", "01/13/2024"]) is None
    assert order_of(["2024-01-02"]) == ""


def dated(form):
    first = date(2024, 1, 1)
    return table(since=[(first + timedelta(days=i)).strftime(form) for i in range(200)])


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%Y%m%d", "%d %B %Y"])
def test_a_date_counts_days_to_the_latest_day_of_the_table(form):
    frame = dated(form)
    contract = inferred(frame)
    assert contract.features["since"].kind == "date"
    assert contract.as_of == date(2024, 7, 18)
    days = validate_data(frame, contract).frame["since"]
    assert days.tolist()[:200] == list(range(199, -1, -1))
    assert Contract.parse(contract.model_dump(mode="json")) == contract
    typed = parse_features(validate_data(frame, contract).frame, contract)
    assert typed["since"].tolist() == days.tolist()


def test_the_day_of_a_table_is_not_written_into_a_contract_for_the_next_table():
    contract = infer_contract(dated("%Y-%m-%d"), "left", id="id")
    assert "as_of" not in contract.to_toml()
    later = dated("%Y-%m-%d").assign(since=np.resize(["2025-01-01", "2025-06-30"], N))
    given = tomllib.loads(contract.to_toml())
    assert settle_contract(later, "a file", given).as_of == date(2025, 6, 30)
    said = given | {"as_of": date(2025, 7, 1)}
    assert settle_contract(later, "a file", said).as_of == date(2025, 7, 1)


def test_a_date_whose_day_and_month_are_not_certain_is_asked_for():
    frame = table(since=["05/03/2024", "07/08/2024"], plan=["a", "b", "c"])
    contract = inferred(frame)
    assert "since" in contract.ignore
    assert "--dates" in ignored_reasons(frame, contract)["since"]
    feature = inferred(frame, dates="month-first").features["since"]
    assert (feature.kind, feature.order) == ("date", "month-first")


def test_a_date_counts_days_to_the_observation_where_the_table_has_it():
    frame = dated("%Y-%m-%d").assign(seen=np.resize(["2024-12-01", "2024-12-31"], N))
    contract = infer_contract(frame, "left", id="id", time="seen")
    days = validate_data(frame, contract).frame["since"]
    assert days.tolist()[:2] == [335, 364]
    assert contract.as_of is None


def test_a_customer_has_the_same_days_in_a_table_and_in_a_request():
    frame = dated("%d/%m/%Y")
    contract = inferred(frame).model_copy(update={"as_of": datetime.now(UTC).date()})
    asked = b'{"since": "05/03/2024"}'
    record = RequestSchema(contract, 10).read_record(asked)
    typed = parse_features(pd.DataFrame({"since": ["05/03/2024"]}), contract)
    assert record["since"] == typed["since"][0]
    with pytest.raises(ChurnError, match="since"):
        RequestSchema(contract, 10).read_record(b'{"since": "soon"}')


def test_a_label_is_made_from_a_date_by_a_rule():
    frame = dated("%Y-%m-%d").drop(columns="left").rename(columns={"since": "last_trip"})
    frame["plan"] = np.resize(["a", "b", "c"], N)
    contract = infer_contract(frame, "last_trip < 2024-03-01", id="id")
    assert (contract.target, contract.positive, contract.ignore) == ("left", "yes", ("last_trip",))
    checked = validate_data(frame, contract)
    assert (checked.frame["left"] == "yes").sum() == 5 * 60
    written = Contract.parse(tomllib.loads(contract.to_toml()))
    assert written == contract
    assert "[target]" in contract.to_toml()
    broken = frame.assign(last_trip=["soon"] + ["2024-01-01"] * (N - 1))
    with pytest.raises(ChurnError, match="row 1 is no date"):
        validate_data(broken, contract)


# Words for missing values that may be categories


def test_a_word_for_missing_beside_empty_cells_is_a_category_and_is_told():
    frame = table(region=["EU", "NA", None, "AS"], plan=["a", "null", "b", "c"])
    contract = inferred(frame)
    region, plan = contract.features["region"], contract.features["plan"]
    assert (region.categories, region.nullable) == (("AS", "EU", "NA"), True)
    assert (plan.categories, plan.nullable) == (("a", "b", "c"), True)
    checked = validate_data(frame, contract)
    assert checked.frame["region"].value_counts(dropna=False).to_dict() == {
        "EU": 250, "NA": 250, "AS": 250, np.nan: 250,
    }  # fmt: skip
    told = checked.problems.set_index("column")
    assert told["count"].to_dict() == {"region": 250, "plan": 250}
    assert "a category here" in told.loc["region", "check"]
    assert "taken as missing; `categories`" in told.loc["plan", "check"]
    # The contract decides.
    values = contract.model_dump()
    values["features"]["region"] |= {"categories": ["EU", "AS"], "missing": ["?"]}
    values["features"]["plan"] |= {"categories": ["a", "b", "c", "null"], "nullable": False}
    other = validate_data(frame, Contract.parse(values)).frame
    assert other["region"].isna().sum() == 500
    assert (other["plan"] == "null").sum() == 250


def test_a_word_of_the_contract_s_own_is_missing_in_a_category_and_asked_for_as_null():
    frame = table(plan=["a", "?", "b", "c"])
    values = inferred(frame).model_dump()
    assert "?" in values["features"]["plan"]["categories"]
    values["features"]["plan"] |= {
        "categories": ["a", "b", "c"], "missing": ["?"], "nullable": True, "unseen": "flag",
    }  # fmt: skip
    contract = Contract.parse(values)
    checked = validate_data(frame, contract)
    assert checked.frame["plan"].isna().sum() == 250
    assert checked.problems["count"].tolist() == [250]
    reader = RequestSchema(contract, 10)
    for word in ("?", "NA"):
        with pytest.raises(ChurnError, match="plan"):
            reader.read_record(f'{{"plan": "{word}"}}'.encode())
    assert reader.read_record(b'{"plan": null}') == {"plan": None}


def test_a_category_called_NA_is_the_same_in_a_table_and_in_a_request():
    contract = inferred(table(region=["EU", "NA", None, "AS"]))
    record = RequestSchema(contract, 10).read_record(b'{"region": "NA"}')
    typed = parse_features(pd.DataFrame({"region": ["NA", " NA ", "null"]}), contract)
    assert record == {"region": "NA"}
    assert typed["region"].tolist() == ["NA", "NA", np.nan]
    again = parse_features(typed, contract)
    assert again["region"].equals(typed["region"])


# Many levels


def test_a_text_of_many_levels_is_a_category_that_accepts_others():
    frame = table(city=[f"Town {i}" for i in range(200)], name=[f"n{i}" for i in range(300)])
    contract = inferred(frame)
    assert (len(contract.features["city"].categories), contract.ignore) == (200, ("name",))
    assert contract.features["city"].unseen == "flag"
    later = frame.assign(city=frame["city"].where(np.arange(N) > 4, "Newtown"))
    checked = validate_data(later, contract)
    assert checked.frame["city"].isna().sum() == 5
    assert checked.problems.loc[0, "check"] == "a category never seen, taken as unknown"


def test_codes_with_zeros_in_front_are_categories_and_told():
    frame = table(postcode=["01067", "80331", "20095", "01099"], visits=["01", "2", "3"])
    contract = inferred(frame)
    assert contract.features["postcode"].categories == ("01067", "01099", "20095", "80331")
    assert contract.features["visits"].kind == "number"
    (told,) = notes(frame)
    assert told.startswith("postcode is read as codes, like '01067'")


# Numbers and dates in other notations


@pytest.mark.parametrize(
    ("cells", "first"),
    [
        (["\u221212.5", "3"], -12.5),
        (["12.5-", "3"], -12.5),
        (["12,34,567.50", "3"], 1234567.5),
        (["Rs. 1,200.00", "Rs. 300"], 1200),
    ],
)
def test_amounts_of_other_countries(cells, first):
    frame = table(x=cells)
    assert inferred(frame).features["x"].kind == "number"
    assert parse_numbers(frame["x"])[0][0] == first


def test_numbers_of_several_units_are_no_number():
    for cells, named in ((["$12", "€13"], "'$', '€'"), (["12%", "0.12"], "none, '%'")):
        frame = table(x=cells, plan=["a", "b", "c"])
        contract = inferred(frame)
        assert ignored_reasons(frame, contract)["x"] == f"its numbers have several units: {named}"


def test_points_for_thousands_are_read_as_the_table_s_other_numbers():
    frame = table(rest=["1.234", "12.300", "700"], fee=["1,5", "2,75", "3"])
    contract = inferred(frame)
    assert contract.features["rest"].decimal == ","
    assert validate_data(frame, contract).frame["rest"].iloc[:3].tolist() == [1234, 12300, 700]
    assert "rest has points for thousands, like 1.234" in notes(frame)
    frame = table(rest=["1.234", "12.300", "700"])
    assert validate_data(frame, inferred(frame)).frame["rest"].iloc[0] == 1.234
    frame.attrs["separator"] = ";"  # as where the decimal mark is a comma
    with pytest.raises(ChurnError, match=r"rest: '1\.234' may be two numbers; say --decimal"):
        inferred(frame)
    assert inferred(frame, decimal=",").features["rest"].max > 12_300


@pytest.mark.parametrize("word", ["0000-00-00", "9999-12-31", "never"])
def test_a_word_in_a_column_of_dates_is_missing_and_told(word):
    days = [str(date(2024, 1, 1) + timedelta(days=i)) for i in range(39)]
    frame = table(since=[*days, word])
    contract = inferred(frame)
    assert contract.features["since"].missing == (word,)
    checked = validate_data(frame, contract)
    assert checked.frame["since"].isna().sum() == 25
    assert checked.problems["count"].tolist() == [25]


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (["13/02/24", "14/03/24"], "its dates, like '13/02/24', have years of two digits"),
        (["01-Jan-24", "02-Feb-24"], "have years of two digits"),
        (["2024-01-01", "2024-01-02", "x"], "most of its cells are dates, but 'x'"),
        ([str(1_700_000_000 + 86_400 * i) for i in range(30)], "may be seconds since 1970"),
        (list(range(1_700_000_000, 1_700_000_300, 7)), "may be seconds since 1970"),
    ],
)
def test_absolute_dates_become_no_categories_and_no_numbers(cells, reason):
    frame = table(since=cells, plan=["a", "b", "c"])
    contract = inferred(frame)
    assert contract.ignore == ("since",)
    assert reason in ignored_reasons(frame, contract)["since"]


@pytest.mark.parametrize(
    ("text", "day"), [("2024-W13", date(2024, 3, 25)), ("2024-Q2", date(2024, 4, 1))]
)
def test_weeks_and_quarters_are_their_first_days(text, day):
    assert day_of(text) == day
    assert day_of("2024-W60") is None


def test_numbers_with_words_are_categories_and_told():
    frame = table(size=["12 GB", "3 GB", "4 GB"])
    assert inferred(frame).features["size"].kind == "category"
    assert notes(frame) == [
        "size is read as categories, like '12 GB'; as a number it would have no word in its cells"
    ]


def test_categories_that_differ_only_in_case_are_told():
    frame = table(sex=["Male", "female", "male ", "f"])
    assert inferred(frame).features["sex"].categories == ("Male", "f", "female", "male")
    (told,) = notes(frame)
    assert told.endswith("count as several: 'Male', 'male'")
