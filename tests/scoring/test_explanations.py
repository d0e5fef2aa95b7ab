"""Reasons are the model's predictions for changed records, and the best change is the best."""

import numpy as np
import pytest

from churn.data.contract import Contract
from churn.data.parsing import parse_features
from churn.data.readers import TELCO
from churn.data.synthetic import generate_sample_data
from churn.data.validation import validate_data
from churn.modeling.model import ChurnModel
from churn.modeling.search_space import Candidate
from churn.scoring.explanations import Explainer
from churn.scoring.export.models import compile_model, records
from churn.scoring.program import Program
from churn.scoring.scorer import Scorer

CONTRACT = Contract.read(TELCO / "contract.toml")


@pytest.fixture(scope="module")
def frame():
    return validate_data(generate_sample_data(1500, seed=8), CONTRACT).frame


@pytest.fixture(scope="module", params=["splines", "boosting"])
def model(request, frame):
    params = {"max_iter": 60} if request.param == "boosting" else {}
    return ChurnModel(CONTRACT, Candidate("any", request.param, params)).fit(frame)


def test_contributions_are_those_of_the_model(model, frame):
    scorer, few = compile_model(model), frame.head(5)
    table = model.explain(few)
    for row, record in enumerate(records(parse_features(few, CONTRACT))):
        found = {
            r.feature: r.contribution for r in Explainer.of_model(model).explain(scorer, record)
        }
        expected = table[table["row"] == row].set_index("feature")["contribution"]
        assert found.keys() == set(CONTRACT.features)
        assert np.allclose([found[name] for name in expected.index], expected, atol=1e-9)


def test_the_strongest_come_first_and_those_that_add_nothing_not_at_all(model, frame):
    scorer = compile_model(model)
    (record,) = records(parse_features(frame.head(1), CONTRACT))
    reasons = Explainer.of_model(model).explain(scorer, record, most=4)
    sizes = [abs(reason.contribution) for reason in reasons]
    assert len(reasons) <= 4
    assert sizes == sorted(sizes, reverse=True)
    assert min(sizes) > 0
    assert all(r.actionable == CONTRACT.features[r.feature].actionable for r in reasons)


def test_a_typical_customer_has_no_reasons(model):
    reasons = Explainer.of_model(model)
    assert reasons.explain(compile_model(model), reasons.typical, most=5) == []


def test_the_best_change_is_what_the_business_can_make_of_it(model, frame):
    scorer, reasons = compile_model(model), Explainer.of_model(model)
    for record in records(parse_features(frame.head(20), CONTRACT)):
        change = reasons.best_change(scorer, record)
        others = [
            scorer(record | {name: value})
            for name, feature in CONTRACT.features.items()
            if feature.actionable
            for value in model.engineer_.grid_[name]
        ]
        if change is None:
            assert min(others) >= scorer(record) - 0.0005
        else:
            assert CONTRACT.features[change.feature].actionable
            assert change.probability == min(others) < scorer(record)
            assert scorer(record | {change.feature: change.value}) == change.probability


def test_what_is_usual_occurs(model, frame):
    for name, values in model.engineer_.grid_.items():
        assert set(values) <= set(frame[name].dropna().astype(type(values[0])))
    assert len(model.engineer_.grid_["tenure"]) == 5
    assert model.engineer_.grid_["contract"] == ["Month-to-month", "One year", "Two year"]


def test_a_change_that_makes_a_customer_that_cannot_be_is_none():
    contract = Contract.parse(
        {
            "target": "left", "positive": "yes", "negative": ["no"],
            "features": {
                "phone": {"kind": "flag"},
                "lines": {
                    "kind": "category", "categories": ["none", "one", "two"], "actionable": True,
                },
            },
            "contradictions": ['(phone == 0) * (lines != "none")'],
        }
    )  # fmt: skip
    steps = [
        {"op": "category", "name": "lines", "categories": ["none", "one", "two"]},
        {"op": "lookup", "column": 0, "values": [0.9, 0.5, 0.1], "otherwise": 0.9},
    ]
    scorer = Scorer(Program.parse({"steps": steps}), 0.5)
    grid = {"phone": [0.0, 1.0], "lines": ["none", "one", "two"]}
    reasons = Explainer(contract, {"phone": 1.0, "lines": "one"}, grid)
    assert reasons.best_change(scorer, {"phone": 1.0, "lines": "one"}).value == "two"
    assert reasons.best_change(scorer, {"phone": False, "lines": "none"}) is None
