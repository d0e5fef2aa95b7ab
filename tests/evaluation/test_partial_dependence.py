"""Partial dependence against the model's predictions for changed rows."""

import json

import numpy as np
import pandas as pd
import pytest

from churn.data.contract import Contract, label
from churn.data.parsing import parse_features
from churn.data.readers import TELCO
from churn.data.synthetic import generate_sample_data
from churn.data.validation import validate_data
from churn.evaluation import charts
from churn.evaluation.partial_dependence import partial_dependence
from churn.modeling.model import ChurnModel
from churn.modeling.search_space import DEFAULT_CANDIDATES

CONTRACT = Contract.read(TELCO / "contract.toml")


@pytest.fixture(scope="module")
def frame():
    clean = validate_data(generate_sample_data(2000, seed=5), CONTRACT).frame
    return clean.assign(total_charges=clean["total_charges"].where(clean["tenure"] > 3))


@pytest.fixture(scope="module")
def model(frame):
    (candidate,) = [c for c in DEFAULT_CANDIDATES if c.name == "splines, 5 knots"]
    return ChurnModel(CONTRACT, candidate, seed=1).fit(frame)


@pytest.fixture(scope="module")
def curves(model, frame):
    names = ["tenure", "total_charges", "contract", "senior_citizen", "monthly_charges"]
    return partial_dependence(model, frame, names, rows=10**6)


def of(curves, name):
    return curves[curves["feature"] == name].reset_index(drop=True)


@pytest.mark.parametrize(
    ("name", "at"), [("tenure", 4), ("contract", 1), ("senior_citizen", 1), ("total_charges", -1)]
)
def test_a_point_is_what_the_model_says_of_everybody_with_that_value(
    model, frame, curves, name, at
):
    point = of(curves, name).iloc[at]
    chance = model.predict_proba(frame.assign(**{name: point["value"]}))[:, 1]
    assert point["risk"] == pytest.approx(chance.mean(), abs=1e-12)
    assert [point["low"], point["high"]] == pytest.approx(np.quantile(chance, [0.1, 0.9]))


def test_derived_features_follow(model, frame, curves):
    """Else a customer's price change would stay what it was at another price."""
    value = of(curves, "monthly_charges")["value"][0]
    changed = frame.assign(monthly_charges=value)
    followed = model.engineer_.transform(parse_features(changed, model.contract))[
        :, model.engineer_.names.index("price_change")
    ]
    expected = changed["total_charges"] / (changed["tenure"] * value)
    assert np.allclose(followed, expected.where(changed["tenure"] > 0), equal_nan=True)
    risk = of(curves, "monthly_charges")["risk"][0]
    assert risk == pytest.approx(model.predict_proba(changed)[:, 1].mean(), abs=1e-12)


def test_whole_numbers_stay_whole_and_values_are_said_in_words(curves):
    tenure, charges = of(curves, "tenure"), of(curves, "total_charges")
    assert all(type(value) is int for value in tenure["value"])
    assert tenure["label"].iloc[-1] == f"{tenure['value'].iloc[-1]} months"
    assert charges["label"].iloc[-1] == "missing"
    assert of(curves, "senior_citizen")["label"].tolist() == ["no", "yes"]


def test_shares_are_those_of_the_customers(frame, curves):
    shares = curves.groupby("feature")["share"].sum()
    assert shares.tolist() == pytest.approx([1] * 5)
    contract = of(curves, "contract")
    assert (
        dict(contract[["value", "share"]].to_numpy())
        == frame["contract"].value_counts(normalize=True).to_dict()
    )
    missing = of(curves, "total_charges")["share"].iloc[-1]
    assert missing == frame["total_charges"].isna().mean()
    assert of(curves, "tenure")["value"].is_monotonic_increasing


def test_effects_that_the_generator_states_are_seen(curves):
    assert of(curves, "contract")["risk"].is_monotonic_decreasing
    tenure = of(curves, "tenure")["risk"]
    assert tenure.iloc[0] > 1.5 * tenure.iloc[-1]


def test_drawn_customers_are_drawn_again(model, frame):
    def few(seed):
        return partial_dependence(model, frame, ["contract"], rows=40, seed=seed)

    pd.testing.assert_frame_equal(few(3), few(3))
    assert (few(3)["risk"] != few(4)["risk"]).all()
    assert few(3)["share"].tolist() == few(4)["share"].tolist()


def test_of_many_levels_the_most_frequent_are_shown(model, frame):
    curve = partial_dependence(model, frame, ["payment_method"], points=2)
    shares = frame["payment_method"].value_counts(normalize=True)
    assert set(curve["value"]) == set(shares.index[:2])
    assert curve["share"].sum() == pytest.approx(shares.iloc[:2].sum())


@pytest.mark.parametrize("value", [None, 7])
def test_a_number_that_never_varies_has_one_point(model, frame, value):
    alike = frame.head(100).assign(total_charges=value)
    typed = parse_features(alike, CONTRACT)
    curve = partial_dependence(model, typed, ["total_charges"])
    assert curve["value"].tolist() == [value]
    assert curve["share"].tolist() == [1]


def test_every_curve_makes_a_chart(curves):
    for name, curve in curves.groupby("feature", sort=False):
        spec = charts.dependence(curve)
        assert spec["description"] == label(name)
        layers = {"tenure": 3, "monthly_charges": 3, "total_charges": 5}.get(name, 2)
        assert len(spec["layer"]) == layers
        json.dumps(spec, allow_nan=False)
