"""A family of one's own: a scikit-learn classifier that a search file names as module:Class."""

import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from churn.data.contract import Contract
from churn.data.readers import TELCO
from churn.data.synthetic import generate_sample_data
from churn.data.validation import validate_data
from churn.errors import ChurnError
from churn.modeling.families import build
from churn.modeling.model import ChurnModel
from churn.modeling.own_families import own_parts
from churn.modeling.sample import draw_search_sample
from churn.modeling.scoring_cost import NOT_COMPILED_MICROSECONDS
from churn.modeling.search import try_candidate
from churn.modeling.search_file import parse_toml, settle_candidates
from churn.modeling.search_space import STACK, Candidate
from churn.registry.model_file import describe_model, dump_model, load_model
from churn.scoring.export.models import compare, compile_model, records
from own_classifier import write_module

CONTRACT = Contract.read(TELCO / "contract.toml")


@pytest.fixture
def family(tmp_path, monkeypatch):
    """A family whose module lies in the working directory, and nowhere else."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "own_shares", raising=False)
    yield write_module(tmp_path, "own_shares")
    sys.modules.pop("own_shares", None)


@pytest.fixture(scope="module")
def frame():
    return validate_data(generate_sample_data(600, seed=5), CONTRACT).frame


@pytest.fixture(scope="module")
def sample(frame):
    return draw_search_sample(frame, CONTRACT, 4, 10_000, 0)


def tried(sample, family, **params):
    candidate = Candidate("own", family, params)
    return try_candidate(candidate, sample, 0, 1, lambda line: None, None, {"own": np.inf})


def test_it_gets_the_columns_of_logistic_and_the_seed(family):
    rng = np.random.default_rng(0)
    matrix = np.column_stack([rng.normal(size=200), rng.integers(0, 3, 200).astype(float)])
    matrix[::7] = np.nan
    model = build(Candidate("own", family, {"slope": 0.5}), np.array([0, 3]), seed=7)
    own = model.fit(matrix, np.arange(200) % 2)[-1]
    # The number, whether it is missing, three levels, and the missing one.
    assert (own.columns_, own.slope, own.random_state) == (6, 0.5, 7)


def test_it_is_cross_validated_and_costs_what_is_not_compiled(family, sample):
    trial, error = tried(sample, family)
    assert not error
    assert ((trial.probabilities > 0) & (trial.probabilities < 1)).all()
    assert trial.microseconds == NOT_COMPILED_MICROSECONDS


@pytest.mark.parametrize(
    ("slope", "says"), [(13, "slope 13 brings bad luck"), (99, "is no probability in")]
)
def test_one_that_fails_or_predicts_no_probabilities_is_told(family, sample, slope, says):
    trial, error = tried(sample, family, slope=slope)
    assert trial is None
    assert says in error


def test_all_that_is_wrong_is_named_before_anything_is_trained(family, tmp_path):
    (tmp_path / "own_broken.py").write_text("1 / 0\n")
    entries = [
        {"family": family, "name": "a", "params": {"slop": 1, "intercept": 2, "slope": 1}},
        {"family": "own_shares:Missing", "name": "b"},
        {"family": "own_shares:NoClassifier", "name": "c"},
        {"family": "own_nowhere:Shares", "name": "d"},
        {"family": "own_broken:Shares", "name": "e"},
        {"family": "sklearn.svm:SVC", "name": "f", "params": {"C": -1, "probability": "maybe"}},
        {"family": "extra_trees", "name": "g", "params": {"min_samples_leaf": 0, "leaves": 3}},
        {"family": "boosting", "name": "h", "params": {"max_bins": 0, "max_leaf_nodes": 1}},
    ]
    with pytest.raises(ChurnError) as error:
        settle_candidates(entries)
    problems = error.value.problems
    starts = [
        "a: slop is no parameter of own_shares:Shares",
        "a: intercept is no parameter of own_shares:Shares",
        "b: own_shares has no Missing",
        "c: own_shares:NoClassifier is no scikit-learn classifier: it has no fit, predict_proba",
        "d: own_nowhere cannot be imported: ModuleNotFoundError",
        "e: own_broken cannot be imported: ZeroDivisionError",
        "f: The 'C' parameter of SVC must be",
        "f: The 'probability' parameter of SVC must be",
        "g: leaves is no parameter of extra_trees",
        "g: The 'min_samples_leaf' parameter",
        "h: The 'max_bins' parameter",
        "h: The 'max_leaf_nodes' parameter",
    ]
    assert len(problems) == len(starts), problems
    for start in starts:
        assert any(problem.startswith(start) for problem in problems), start


def test_it_is_no_member_of_a_stack_which_could_not_be_compiled(family):
    own, known = settle_candidates([{"family": family}, {"family": "logistic"}])
    assert (own.name, own.member, known.member) == ("Shares", False, True)


@pytest.mark.slow
def test_single_customers_are_scored_by_the_fitted_model(family, frame):
    model = ChurnModel(CONTRACT, Candidate("own", family)).fit(frame)
    scorer = compile_model(model)
    agreement = compare(scorer, model, frame)
    assert agreement.holds
    assert agreement.microseconds > 100
    customers = [None, *records(frame.head(3)), {}]
    missing, *found, empty = scorer.many(customers)
    assert missing is None
    assert found == model.predict_proba(frame.head(3))[:, 1].tolist()
    assert 0 < empty < 1


def test_the_fitted_model_says_which_module_it_needs(family, frame, tmp_path, monkeypatch):
    content = dump_model(ChurnModel(CONTRACT, Candidate("own", family)).fit(frame))
    assert load_model(content, describe_model(content)).predict_proba(frame).shape == (600, 2)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path != str(tmp_path)])
    del sys.modules["own_shares"]
    with pytest.raises(ChurnError, match="No module named 'own_shares': install its module"):
        load_model(content, describe_model(content))


def test_a_stack_has_it_only_where_the_file_says_so_and_is_then_not_compiled(family, frame):
    entries = [{"family": family, "member": True}, {"family": "logistic"}]
    own, line = settle_candidates(entries)
    assert own.member
    assert not settle_candidates([{"family": family}])[0].member
    params = {"members": (own, line), "weights": (0.3, 0.7), "intercept": 0.1}
    stack = Candidate("stack of 2", STACK, params)
    assert own_parts(stack) == [family]
    assert own_parts(replace(stack, params={**params, "members": (line,)})) == []
    model = ChurnModel(CONTRACT, stack).fit(frame)
    scorer = compile_model(model)
    assert scorer.program is None
    assert compare(scorer, model, frame.head(20)).holds


def test_whether_it_is_a_member_is_true_or_false(family):
    with pytest.raises(ChurnError) as caught:
        settle_candidates([{"family": family, "member": "yes"}])
    assert "member must be true or false" in caught.value.problems[0]


def test_the_model_that_the_docs_name_is_tried_where_its_package_is(tmp_path, monkeypatch, sample):
    page = (Path(__file__).parents[2] / "docs" / "search.md").read_text("utf-8")
    (named,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "tabicl.py").write_text(STAND_IN)
    (candidate,) = settle_candidates(parse_toml(named))
    trial, error = try_candidate(
        candidate, sample, 0, 1, lambda line: None, None, {candidate.name: np.inf}
    )
    sys.modules.pop("tabicl")
    assert not error
    assert trial.microseconds == NOT_COMPILED_MICROSECONDS


# It keeps the rows that it is given, as a pretrained model does, and answers by the nearest ones.
STAND_IN = """
from sklearn.neighbors import KNeighborsClassifier


class TabICLClassifier(KNeighborsClassifier):
    def __init__(self, n_estimators=8, device=None, random_state=42, n_jobs=None):
        super().__init__(n_neighbors=50, n_jobs=n_jobs)
        self.n_estimators = n_estimators
        self.device = device
        self.random_state = random_state
"""
