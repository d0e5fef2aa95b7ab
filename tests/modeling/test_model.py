"""ChurnModel: raw columns in, probabilities out."""

import pickle

import numpy as np
import pytest

from churn.data.contract import Contract
from churn.data.parsing import labels
from churn.data.readers import TELCO
from churn.data.synthetic import generate_sample_data
from churn.data.validation import validate_data
from churn.errors import ChurnError
from churn.modeling.families import build
from churn.modeling.model import ChurnModel
from churn.modeling.search_file import parse_candidates, parse_toml, settle_candidates
from churn.modeling.search_space import DEFAULT_CANDIDATES, Candidate
from churn.statistics.roc_auc import roc_auc

CONTRACT = Contract.read(TELCO / "contract.toml")


@pytest.fixture(scope="module")
def frame():
    return validate_data(generate_sample_data(2000, seed=5), CONTRACT).frame


@pytest.fixture(
    scope="module",
    params=["splines, 5 knots", pytest.param("oblivious trees", marks=pytest.mark.slow)],
)
def model(request, frame):
    (candidate,) = [c for c in DEFAULT_CANDIDATES if c.name == request.param]
    return ChurnModel(CONTRACT, candidate, seed=1).fit(frame)


@pytest.mark.slow
@pytest.mark.parametrize("candidate", DEFAULT_CANDIDATES, ids=lambda c: c.name)
def test_every_candidate_takes_missing_and_nearly_empty_columns(candidate):
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(200, 4))
    matrix[:, 1] = rng.integers(0, 3, 200)
    matrix[rng.random(200) < 0.2, 1] = np.nan
    matrix[rng.random(200) < 0.2, 2] = np.nan
    matrix[1:, 3] = np.nan
    target = (matrix[:, 0] + rng.normal(size=200) > 0).astype(int)
    model = build(candidate, np.array([False, True, False, False]), seed=0)
    unseen = np.array([[0.0, 2.0, np.nan, 5.0], [3.0, np.nan, 9.0, np.nan]])
    chance = model.fit(matrix, target).predict_proba(unseen)
    assert chance.shape == (2, 2)
    assert np.isfinite(chance).all()


@pytest.mark.slow
def test_probabilities_are_a_pair_per_customer(model, frame):
    chance = model.predict_proba(frame)
    assert chance.shape == (len(frame), 2)
    assert np.allclose(chance.sum(axis=1), 1)
    assert roc_auc(labels(frame, CONTRACT), chance[:, 1]) > 0.8


def test_raw_texts_and_typed_columns_get_the_same_answer(model, frame):
    raw = frame.head(50)[list(CONTRACT.features)].astype(object)
    texts = raw.where(raw.notna(), "").astype(str)
    assert np.array_equal(model.predict_proba(texts), model.predict_proba(frame.head(50)))


@pytest.mark.slow
def test_an_answer_does_not_depend_on_the_other_customers(model, frame):
    together = model.predict_proba(frame.head(40))
    alone = np.vstack([model.predict_proba(frame.iloc[[i]]) for i in range(40)])
    assert np.abs(together - alone).max() < 1e-12


def test_the_id_and_the_order_of_columns_do_not_matter(model, frame):
    shuffled = frame.head(30).assign(customer_id="somebody else")[sorted(frame.columns)]
    assert np.array_equal(model.predict_proba(shuffled), model.predict_proba(frame.head(30)))


def test_the_decision_is_at_the_threshold(model, frame):
    chance = model.predict_proba(frame)[:, 1]
    assert np.array_equal(model.predict(frame), (chance >= model.threshold).astype(int))


@pytest.mark.slow
def test_the_same_seed_gives_the_same_model_on_any_number_of_threads(model, frame):
    again = ChurnModel(CONTRACT, model.candidate, seed=1).fit(frame, threads=2)
    assert again.fingerprint(frame) == model.fingerprint(frame)


def test_saved_and_loaded_it_is_the_same(model, frame, tmp_path):
    model.save(tmp_path / "model.joblib")
    assert ChurnModel.load(tmp_path / "model.joblib").fingerprint(frame) == model.fingerprint(frame)
    assert [path.name for path in tmp_path.iterdir()] == ["model.joblib"]


def test_a_save_that_fails_leaves_the_old_file(model, tmp_path):
    path = tmp_path / "model.joblib"
    path.write_bytes(b"old")
    broken = ChurnModel(CONTRACT, model.candidate)
    broken.engineer_ = lambda: None  # cannot be pickled
    with pytest.raises((pickle.PicklingError, AttributeError)):
        broken.save(path)
    assert [p.name for p in tmp_path.iterdir()] == ["model.joblib"]
    assert path.read_bytes() == b"old"


def test_a_contribution_is_what_changing_that_one_feature_does(model, frame):
    row = frame.iloc[[3]]
    table = model.explain(row)
    assert set(table["feature"]) == set(CONTRACT.features)
    strongest = table.iloc[0]
    changed = row.assign(**{strongest["feature"]: strongest["typical"]})
    gap = model.predict_proba(row)[0, 1] - model.predict_proba(changed)[0, 1]
    assert strongest["contribution"] == pytest.approx(gap, abs=1e-12)
    assert table["contribution"].abs().is_monotonic_decreasing


def test_an_explanation_speaks_of_each_row(model, frame):
    table = model.explain(frame.iloc[[5, 9, 2]])
    assert table["row"].value_counts().tolist() == [len(CONTRACT.features)] * 3
    value = table[(table["row"] == 1) & (table["feature"] == "tenure")]["value"].item()
    assert value == frame["tenure"].iloc[9]


def test_what_cannot_be_scored_is_named_at_once(model, frame):
    broken = frame.head(3).drop(columns="contract").astype({"tenure": object})
    broken.loc[broken.index[1], "tenure"] = "long"
    with pytest.raises(ChurnError) as error:
        model.predict_proba(broken)
    assert "contract: the column is missing" in str(error.value)
    assert "tenure" in str(error.value)
    assert "'long'" in str(error.value)


def test_a_search_space_names_every_mistake():
    entries = [{"family": "magic"}, {"family": "logistic", "speed": 3}]
    with pytest.raises(ChurnError) as error:
        parse_candidates(entries)
    assert "candidate 1: family must be one of" in str(error.value)
    assert "candidate 2: speed" in str(error.value)
    with pytest.raises(ChurnError, match="two candidates"):
        parse_candidates([{"family": "logistic"}, {"family": "logistic"}])
    assert parse_candidates([{"family": "logistic", "name": "a"}]) == (Candidate("a", "logistic"),)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[candidates]\nfamily = 'boosting'", r"write \[\[candidates\]\]"),
        ("[[candidate]]\nfamily = 'boosting'", "candidate is no entry"),
        ("candidates = ['boosting']", "candidate 1: 'boosting' is no table"),
        ("[[candidates]]\nfamily = 'boosting'\nparams = 3", "params must be a table"),
        ("[[candidates]]\nfamily = ['boosting']", "family must be one of"),
        ("[[candidates]]\nfamily = 'boosting'\nname = 3", "name must be a text"),
        ("[[candidates]]\nfamily = 'symmetric'", "'symmetric' is called 'oblivious_trees' now"),
        ("[[candidates", "not a TOML file"),
        ("", "there are none"),
    ],
)
def test_a_search_space_that_cannot_be_used_is_told_why(text, says):
    with pytest.raises(ChurnError, match=says):
        parse_toml(text)


@pytest.mark.parametrize(
    ("family", "params", "says"),
    [
        ("logistic", {"C": -1}, "The 'C' parameter of LogisticRegression"),
        ("splines", {"C": 0.0}, "The 'C' parameter"),
        ("pairs", {"knots": 3}, "knots is no parameter of pairs"),
        ("neural_net", {"alpha": -1}, "The 'alpha' parameter of MLPClassifier"),
        ("boosting", {"max_leaf_nodes": 1}, "The 'max_leaf_nodes' parameter"),
        ("boosting", {"max_leafs": 3}, "max_leafs is no parameter of boosting"),
        ("boosting", {"early_stopping": True}, "early_stopping is set by the family boosting"),
        ("oblivious_trees", {"seed": 3}, "seed is set by the family oblivious_trees"),
        ("oblivious_trees", {"depth": 12}, "depth must be a whole number from 1 to 8, not 12"),
        ("oblivious_trees", {"depth": "4"}, "depth must be a whole number from 1 to 8, not '4'"),
        ("oblivious_trees", {"learning_rate": 0}, "learning_rate must be a number above 0, not 0"),
        ("tabular_net", {"hidden": 64}, "hidden must be a list of whole numbers above 0, not 64"),
        ("tabular_net", {"nets": 2.5}, "nets must be a whole number of at least 1, not 2.5"),
        ("tabular_net", {"dropout": 0.999}, "dropout must be a number from 0 to 0.99, not 0.999"),
        ("tabular_net", {"weight_decay": -5}, "weight_decay must be a number of at least 0"),
        ("extra_trees", {"min_samples_leaf": 0}, "The 'min_samples_leaf' parameter"),
        ("random_forest", {"n_estimators": -3}, "The 'n_estimators' parameter"),
    ],
)
def test_a_wrong_parameter_is_found_before_anything_is_fitted(family, params, says):
    good = {"family": "logistic", "name": "good"}
    with pytest.raises(ChurnError) as error:
        settle_candidates([good, {"family": family, "name": "bad", "params": params}])
    (problem,) = error.value.problems
    assert problem.startswith(f"bad: {says}")


def test_the_built_in_candidates_have_no_wrong_parameter():
    entries = [{"family": c.family, "name": c.name, "params": c.params} for c in DEFAULT_CANDIDATES]
    assert [c.name for c in settle_candidates(entries)] == [c.name for c in DEFAULT_CANDIDATES]
    assert settle_candidates([]) == DEFAULT_CANDIDATES
