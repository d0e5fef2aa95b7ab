"""The scorer's predictions are the model's, for any valid record."""

import json
import math
import pickle
from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from churn.data.contract import Contract
from churn.data.readers import TELCO
from churn.data.synthetic import generate_sample_data
from churn.data.validation import validate_data
from churn.modeling.model import ChurnModel
from churn.modeling.search_space import DEFAULT_CANDIDATES, STACK, Candidate
from churn.scoring.export.models import compare, compile_model
from churn.scoring.scorer import TOLERANCE, Agreement

CONTRACT = Contract.read(TELCO / "contract.toml")
# Gaps in every column, a category of many levels, derived features of each kind of formula.
GAPS = Contract.parse(
    {
        "target": "left",
        "positive": "1",
        "negative": ["0"],
        "features": {
            "spend": {"kind": "number", "nullable": True},
            "visits": {"kind": "number", "integer": True, "nullable": True},
            "plan": {"kind": "category", "categories": ["a", "b", "1"], "nullable": True,
                     "unseen": "flag"},
            "town": {"kind": "category", "categories": [f"t{i}" for i in range(40)],
                     "nullable": True, "unseen": "flag"},
            "member": {"kind": "flag", "nullable": True},
        },
        "derived": {
            "per_visit": "spend / visits",
            "golden": '(plan == "a") + (town != "t3") * 2',
            "turned": '("a" != plan) - ("t3" == town)',
            "odd": "-visits * 3 - (member != 1) + (spend >= 10) * (visits < 4)",
        },
    }
)  # fmt: skip


def gaps_table(n=1500, seed=0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "spend": np.round(rng.lognormal(2, 1, n), 2),
            "visits": rng.integers(0, 9, n).astype(float),
            "plan": rng.choice(["a", "b", "1"], n).astype(object),
            "town": np.array([f"t{i}" for i in rng.integers(0, 38, n)], dtype=object),
            "member": rng.integers(0, 2, n).astype(float),
        }
    )
    score = (frame["spend"] > 8) * 1.0 + (frame["plan"] == "a") - (frame["visits"] > 4) * 1.0 - 0.5
    score += frame["town"].str[1:].astype(int) / 20 - 1
    frame["left"] = (rng.random(n) < 1 / (1 + np.exp(-score))).astype(int)
    for name in frame.columns[:-1]:
        frame.loc[rng.random(n) < 0.1, name] = None
    return frame


def quick(candidate: Candidate) -> Candidate:
    few = {"max_iter": 60}
    shorter = {"boosting": few, "oblivious_trees": few}
    return replace(candidate, params={**candidate.params, **shorter.get(candidate.family, {})})


TABULAR_NET = Candidate("tabular net", "tabular_net", {"max_iter": 3, "hidden": [16, 8], "nets": 3})
MEMBERS = (*map(quick, DEFAULT_CANDIDATES), TABULAR_NET)
EVERYTHING = Candidate(
    "everything", STACK,
    {"members": MEMBERS, "weights": np.linspace(-0.1, 0.3, len(MEMBERS)), "intercept": 0.2},
)  # fmt: skip
TWO_SEEDS = Candidate(
    "two seeds", "boosting", {"max_leaf_nodes": 6, "max_iter": 20, "max_features": 0.5}, seeds=2
)
FORESTS = [Candidate(kind, kind, {"n_estimators": 20}) for kind in ("random_forest", "extra_trees")]
CANDIDATES = [
    pytest.param(one, id=one.name, marks=[pytest.mark.slow] if one is EVERYTHING else [])
    for one in (*MEMBERS, TWO_SEEDS, *FORESTS, EVERYTHING)
]


@pytest.fixture(scope="module")
def generated():
    return validate_data(generate_sample_data(2000, seed=4), CONTRACT).frame


@pytest.fixture(scope="module", params=CANDIDATES)
def compiled(request):
    model = ChurnModel(GAPS, request.param, threshold=0.4).fit(gaps_table())
    return model, compile_model(model)


@pytest.mark.heavy
@pytest.mark.parametrize("candidate", CANDIDATES)
def test_agrees_on_every_customer_of_the_telco_contract(candidate, generated):
    model = ChurnModel(CONTRACT, candidate, threshold=0.3).fit(generated.head(1200))
    agreement = compare(compile_model(model), model, generated)
    assert agreement.customers == 2000
    assert agreement.gap < TOLERANCE
    assert agreement.decisions == 0
    assert agreement.holds


def test_agrees_where_much_is_missing(compiled):
    model, scorer = compiled
    assert compare(scorer, model, gaps_table(seed=1)).holds


@pytest.mark.heavy
def test_six_times_the_stumps_do_not_make_twice_the_function():
    def size(max_iter):
        stumps = Candidate("stumps", "boosting", {"max_leaf_nodes": 2, "max_iter": max_iter})
        scorer = compile_model(ChurnModel(GAPS, stumps).fit(gaps_table()))
        return len(json.dumps(scorer.program.to_plain()))

    assert size(600) < 2 * size(100)


def test_a_mean_over_seeds_has_the_terms_of_its_nets_once():
    def ops(seeds):
        model = ChurnModel(GAPS, replace(TABULAR_NET, seeds=seeds)).fit(gaps_table())
        program = compile_model(model).program.to_plain()
        return Counter(step["op"] for step in program["steps"])

    one, three = ops(1), ops(3)
    assert three["networks"] == 3 * one["networks"]
    assert [three[op] for op in ("curve", "lookup")] == [one[op] for op in ("curve", "lookup")]


values = {
    "spend": st.none() | st.floats(-1e4, 1e4) | st.integers(-50, 50)
    | st.floats(0, 50).map(np.float32) | st.just(math.nan),
    "visits": st.none() | st.integers(-3, 40) | st.integers(0, 9).map(float)
    | st.integers(0, 9).map(np.int64),
    "plan": st.none() | st.sampled_from(["a", "b", "1", " b ", "zzz", 1, np.str_("a"), math.nan]),
    "town": st.none() | st.sampled_from([f"t{i}" for i in range(41)]),
    "member": st.none() | st.booleans() | st.sampled_from([0, 1, 1.0, np.True_, "yes", "No"]),
}  # fmt: skip


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(records=st.lists(st.fixed_dictionaries(values), min_size=20, max_size=60))
def test_agrees_on_whatever_a_record_may_hold(compiled, records):
    model, scorer = compiled
    expected = model.predict_proba(pd.DataFrame(records, dtype=object))[:, 1]
    assert np.abs([scorer(record) for record in records] - expected).max() < TOLERANCE


def test_what_is_not_in_the_record_is_missing_and_what_is_no_feature_is_left_alone(compiled):
    _, scorer = compiled
    assert scorer({}) == scorer(dict.fromkeys(values)) == scorer({"left": 1, "name": "x"})


def test_a_text_is_no_number(compiled):
    _, scorer = compiled
    with pytest.raises(TypeError, match="'12' is a text, not a number"):
        scorer({"spend": "12"})


def test_pickled_it_is_the_same(compiled):
    _, scorer = compiled
    again = pickle.loads(pickle.dumps(scorer))
    record = {"spend": 12.5, "visits": 3, "plan": "a", "town": "t7", "member": True}
    assert again(record) == scorer(record)
    assert again.threshold == scorer.threshold


def test_a_scorer_of_another_model_is_found_out(generated):
    line, other = (ChurnModel(CONTRACT, MEMBERS[i]).fit(generated.head(800)) for i in (0, 2))
    agreement = compare(compile_model(other), line, generated)
    assert agreement.gap > 0.01
    assert agreement.decisions > 0
    assert not agreement.holds
    assert not Agreement(10, 0.0, 1, 1.0).holds
    assert "with 1 other decision, and" in str(Agreement(10, 0.0, 1, 1.0))


@pytest.mark.parametrize(
    "candidate", [*MEMBERS[:6], TABULAR_NET], ids=lambda candidate: candidate.name
)
@pytest.mark.parametrize("offset", [1e9, 0.0, -3e-6])
def test_agrees_far_from_zero_and_near_it(candidate, offset):
    rng = np.random.default_rng(0)
    scale = 1e-9 if offset < 0 else 1.0
    number = offset + scale * rng.normal(size=800)
    left = (number - offset) / scale + rng.normal(size=800) > 0
    frame = pd.DataFrame({"number": number, "left": left.astype(int)})
    contract = Contract.parse(
        {"target": "left", "positive": "1", "negative": ["0"],
         "features": {"number": {"kind": "number"}}}
    )  # fmt: skip
    model = ChurnModel(contract, candidate).fit(frame.head(500))
    assert compare(compile_model(model), model, frame).holds
