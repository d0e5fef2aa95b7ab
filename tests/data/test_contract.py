"""The contract: a file that a person can read and edit, and every mistake in it at once."""

import pickle
import re
import tempfile
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn.data.contract import Category, Contract, Date, Flag, Number, label_key, parse_toml
from churn.data.readers import TELCO
from churn.data.values import MISSING
from churn.errors import ChurnError

PLAIN = {
    "target": "left",
    "positive": "yes",
    "negative": ["no"],
    "id": "customer",
    "ignore": ["note"],
    "features": {
        "spend": {"kind": "number", "min": 0, "max": 1000},
        "visits": {"kind": "number", "integer": True},
        "plan": {"kind": "category", "categories": ["basic", "gold"]},
        "member": {"kind": "flag"},
    },
    "derived": {
        "per_visit": "spend / visits",
        "golden": '(plan == "gold") + member',
        "twice": "2 * spend",
    },
}


def changed(**values):
    return PLAIN | values


@pytest.fixture
def contract():
    return Contract.parse(PLAIN)


@pytest.fixture
def telco():
    return Contract.read(TELCO / "contract.toml")


# Files

names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
bounds = st.none() | st.floats(allow_nan=False, allow_infinity=False)
numbers = st.builds(
    lambda low, high, **rest: Number(
        min=min(low, high) if None not in (low, high) else low,
        max=max(low, high) if None not in (low, high) else high,
        **rest,
    ),
    bounds,
    bounds,
    integer=st.booleans(),
    nullable=st.booleans(),
    unit=names,
    description=st.text(st.characters(codec="utf-8"), max_size=20),
)
categories = st.builds(
    Category,
    categories=st.lists(
        names.filter(lambda text: text == text.strip() and text not in MISSING),
        min_size=1,
        max_size=5,
        unique=True,
    ).map(tuple),
    unseen=st.sampled_from(["refuse", "flag"]),
    nullable=st.booleans(),
    actionable=st.booleans(),
)
flags = st.builds(Flag, nullable=st.booleans(), actionable=st.booleans())


@st.composite
def contracts(draw):
    columns = draw(st.lists(names, min_size=5, max_size=9, unique=True))
    columns = [name for name in columns if name not in ("spend", "twice")]
    target, id, time, *rest = columns
    values = draw(st.lists(names, min_size=2, max_size=4, unique=True))
    kinds = st.one_of(numbers, categories, flags)
    features = {name: draw(kinds) for name in rest} | {"spend": draw(numbers)}
    return Contract(
        target=target,
        positive=values[0],
        negative=tuple(values[1:]),
        id=draw(st.sampled_from([None, id])),
        time=draw(st.sampled_from([None, time])),
        features=features,
        derived=draw(st.sampled_from([{}, {"twice": "2 * spend\n + 1"}])),
    )


@given(contracts())
@settings(max_examples=80, deadline=None)
def test_a_contract_written_to_a_file_reads_back_the_same(contract):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "contract.toml"
        path.write_text(contract.to_toml(), "utf-8")
        read = Contract.read(path)
    assert read == contract
    assert list(read.features) == list(contract.features)
    assert read.digest == contract.digest


@given(contracts())
@settings(max_examples=40, deadline=None)
def test_the_plain_dict_that_a_run_stores_is_the_same_contract(contract):
    assert Contract.parse(parse_toml(contract.to_toml())) == contract


def test_the_file_names_each_feature_in_a_table_of_its_own(contract):
    text = contract.to_toml()
    assert text.startswith('target = "left"')
    assert "[features.plan]" in text
    assert re.search(r'categories = \[\s*"basic",\s*"gold",?\s*\]', text)


def test_the_shipped_contract_says_what_every_column_means(telco):
    assert len(telco.features) == 19
    assert all(feature.description for feature in telco.features.values())
    units = {name: f.unit for name, f in telco.features.items() if f.kind == "number"}
    assert units == {
        "tenure": "months",
        "monthly_charges": "dollars per month",
        "total_charges": "dollars",
    }
    assert telco.features["contract"].actionable
    assert not telco.features["tenure"].actionable


def test_a_file_that_is_no_toml_is_refused_with_the_line(tmp_path):
    (tmp_path / "contract.toml").write_text('target = "left"\npositive = yes\n')
    with pytest.raises(ChurnError, match="not a TOML file") as error:
        Contract.read(tmp_path / "contract.toml")
    assert "line 2" in str(error.value)


def test_text_that_breaks_the_rules_is_refused_before_a_run_starts():
    with pytest.raises(ChurnError, match="cannot be used"):
        parse_toml('target = "left"\n')


# Mistakes


def problems(values):
    with pytest.raises(ChurnError, match="The contract cannot be used") as error:
        Contract.parse(values)
    return error.value.problems


def test_every_mistake_is_named_at_once():
    found = problems(
        {
            "target": "left",
            "negative": ["no"],
            "colour": "red",
            "features": {
                "spend": {"kind": "number", "min": "much"},
                "plan": {"kind": "category", "categories": []},
                "age": {"kind": "integer"},
                "member": {"kind": "flag", "max": 3},
            },
        }
    )
    for name in ("positive", "colour", "spend", "plan", "age", "member"):
        assert any(name in problem for problem in found), name


@pytest.mark.parametrize("name", ["target", "positive", "negative", "features"])
def test_what_every_contract_needs_is_named_when_it_lacks(name):
    values = {key: value for key, value in PLAIN.items() if key != name}
    assert any(problem.startswith(f"{name}: ") for problem in problems(values))


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"features": {}}, "features"),
        ({"negative": []}, "negative"),
        ({"id": "left"}, "two roles: left"),
        ({"id": "spend"}, "two roles: spend"),
        ({"time": "customer"}, "two roles: customer"),
        ({"ignore": ["plan", "left"]}, "two roles: left, plan"),
        ({"derived": {"spend": "visits + 1"}}, "two roles: spend"),
        ({"derived": {"x": "spend / nights"}}, "derived.x: no feature is called 'nights'"),
        ({"derived": {"x": "per_visit + 1", "per_visit": "spend"}}, "'per_visit'"),
        ({"derived": {"x": "left + 1"}}, "no feature is called 'left'"),
        ({"derived": {"x": "plan + 1"}}, "no arithmetic with texts"),
        ({"derived": {"x": "spend +"}}, "derived.x: not an expression"),
        ({"features": {"a": {"kind": "number", "min": 2, "max": 1}}}, "min 2 is above max 1"),
        ({"features": {"a": {"kind": "category", "categories": ["x", "x"]}}}, "listed twice"),
    ],
)
def test_a_contradiction_is_named(values, says):
    changes = changed(**values)
    if "features" in values:
        changes["derived"] = {}
    assert any(says in problem for problem in problems(changes))


def test_a_value_cannot_mean_both_left_and_stayed():
    assert "yes" in str(problems(changed(negative=["no", "yes"])))


@pytest.mark.parametrize("formula", ["spend + None", 'spend + b"x"', "spend + 1j", "spend + ..."])
def test_a_formula_of_something_that_is_no_number_is_named(formula):
    assert "derived.x" in str(problems(changed(derived={"x": formula})))


def test_a_contract_cannot_be_changed_once_made(contract):
    with pytest.raises(ValueError, match="frozen"):
        contract.target = "stayed"


# What it says


def test_the_columns_are_keys_features_and_target(contract):
    assert contract.columns == ["customer", "spend", "visits", "plan", "member", "left"]
    timed = Contract.parse(changed(time="day"))
    assert timed.columns[:2] == ["customer", "day"]


def test_the_digest_tells_contracts_apart(contract):
    assert contract.digest == Contract.parse(PLAIN).digest
    assert re.fullmatch("[0-9a-f]{64}", contract.digest)
    others = [
        changed(positive="no", negative=["yes"]),
        changed(ignore=[]),
        changed(derived={}),
        changed(features=PLAIN["features"] | {"spend": {"kind": "number", "max": 1000.5}}),
    ]
    assert len({contract.digest, *(Contract.parse(values).digest for values in others)}) == 5


def test_without_a_column_it_is_ignored_and_what_is_derived_of_it_goes_too(contract):
    less = contract.without(["visits"])
    assert list(less.features) == ["spend", "plan", "member"]
    assert less.ignore == ("note", "visits")
    assert list(less.derived) == ["golden", "twice"]
    assert (less.target, less.positive, less.id) == ("left", "yes", "customer")


def test_without_a_category_formulas_of_it_go_too(contract):
    assert list(contract.without(["plan", "spend"]).derived) == []


def test_without_nothing_it_is_the_same(contract):
    assert contract.without([]) == contract


def test_a_derived_feature_can_be_left_out_by_its_own_name(contract):
    assert list(contract.without(["twice"]).derived) == ["per_visit", "golden"]


def test_without_any_feature_there_is_no_contract(contract):
    with pytest.raises(ChurnError, match="features"):
        contract.without(["spend", "visits", "plan", "member"])


@pytest.mark.parametrize(
    ("feature", "value", "said"),
    [
        (Number(unit="dollars"), 1234.5, "1,234.5 dollars"),
        (Number(), 3.0, "3"),
        (Number(unit="months"), float("nan"), "missing"),
        (Category(categories=("gold",)), "gold", "gold"),
        (Category(categories=("gold",)), None, "missing"),
        (Flag(), 1.0, "yes"),
        (Flag(), 0.0, "no"),
        (Flag(), float("nan"), "missing"),
    ],
)
def test_a_value_is_said_as_a_person_says_it(feature, value, said):
    assert feature.say(value) == said


def test_a_contract_names_its_business_and_its_horizon():
    contract = Contract.parse(PLAIN | {"project": "telecom", "horizon_days": 30})
    assert (contract.project, contract.horizon_days) == ("telecom", 30)
    assert Contract.parse(tomllib.loads(contract.to_toml())) == contract
    with pytest.raises(ChurnError, match="horizon_days"):
        Contract.parse(PLAIN | {"horizon_days": 0})


def test_columns_are_kept_for_the_list_and_change_no_model(contract):
    kept = Contract.parse(changed(keep=["phone", "note"]))  # `note` is ignored, so no feature
    assert kept.keep == ("phone", "note")
    assert kept.digest == contract.digest
    assert kept.columns == contract.columns
    assert kept.without(["spend"]).keep == kept.keep
    assert 'keep = [\n    "phone",\n    "note",\n]' in kept.to_toml()
    assert "keep" not in contract.to_toml()


def test_columns_that_cannot_be_kept_are_named_at_once():
    with pytest.raises(ChurnError) as refused:
        Contract.parse(changed(keep=["spend", "customer", "left", "twice", "note", "note"]))
    (problem,) = refused.value.problems
    assert "keep: customer, left, spend, twice: a kept column has no other role" in problem
    assert "keep: named twice: note" in problem


def test_a_contract_that_was_pickled_without_a_later_field_has_its_default():
    contract = Contract.read(TELCO / "contract.toml")
    function, (values,) = contract.__reduce__()
    assert pickle.loads(pickle.dumps(contract)) == contract
    del values["time_order"]
    assert function(values) == contract


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("True.", "true"),
        ("FALSE.", "false"),
        ("no.", "no."),
        (" Has  Left ", "has left"),
        (1.0, "1"),
    ],
)
def test_values_of_the_target_are_compared_without_case_and_extra_blanks(text, key):
    assert label_key(text) == key


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (1200.0, "1,200 days ago"),
        (0.0, "0 days ago"),
        (-30.4, "in 30 days"),
        (float("nan"), "missing"),
        (None, "missing"),
    ],
)
def test_a_date_is_said_as_days_from_the_observation(days, said):
    assert Date(kind="date").say(days) == said
