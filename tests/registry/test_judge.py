"""Each check of the gate at its boundary, by results that are written down."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from churn.data.contract import Contract
from churn.data.parsing import labels
from churn.data.readers import TELCO
from churn.data.synthetic import generate_sample_data
from churn.evaluation.report import BASE_RATE
from churn.modeling.model import ChurnModel
from churn.modeling.search_space import BASELINE
from churn.registry.champion_comparison import ChampionComparison
from churn.registry.gate import ROWS, decide, judge
from churn.registry.past_champions import PastChampions
from churn.scoring.deployment import Deployment
from churn.scoring.explanations import Explainer
from churn.scoring.export.models import compile_model
from churn.scoring.scorer import TOLERANCE, Agreement
from running import reading_from

CONTRACT = Contract.parse(
    {
        "target": "left", "positive": "1", "negative": ["0"],
        "features": {name: {"kind": "number"} for name in ("tenure", "price")},
    }
)  # fmt: skip
NO_LEAKS = pd.DataFrame({"column": [], "suspected": []})
GOOD = Agreement(100, TOLERANCE / 2, 0, 1.0)


def ends(value: float, low: float, high: float) -> dict[str, float]:
    return {"value": value, "low": low, "high": high}


def segment(**values):
    """A segment that is as good as the rest."""
    return {
        "feature": "tenure", "level": "1 to 5", "worse": True, "gap": 0.0, "rest_gap": 0.0,
        "roc_auc": 0.8, "expected_roc_auc": 0.8, "rest_roc_auc": 0.8, "rest_expected_roc_auc": 0.8,
    } | values  # fmt: skip


def evaluation(**changed):
    """What the gate reads of an evaluation; every check passes."""
    values = {
        "base_rate": ends(-0.2, -0.3, -0.1), "baseline": ends(-0.02, -0.03, -0.01),
        "slope": ends(1.0, 0.9, 1.1), "segments": [segment()],
    } | changed  # fmt: skip
    return SimpleNamespace(
        differences={
            BASE_RATE: {"log_loss": values["base_rate"]},
            BASELINE.name: {"log_loss": values["baseline"]},
        },
        metrics={"calibration_slope": values["slope"]},
        segments=pd.DataFrame(values["segments"]),
        fingerprint="ours",
    )


def checks(report=None, agreement=GOOD, leaks=NO_LEAKS, rival=None, **more):
    decision = judge(report or evaluation(), CONTRACT, agreement, leaks, rival, 0.005, **more)
    return {check.name: check for check in decision.checks}, decision


def test_every_check_has_what_was_required_and_what_was_found():
    found, decision = checks()
    assert {name: (check.threshold, check.actual) for name, check in found.items()} == {
        "better than the base rate": (0.0, -0.1),
        f"not worse than {BASELINE.name}": (0.0, -0.03),
        "calibrated": (1.25, 1.0),
        "scorer agrees": (TOLERANCE, TOLERANCE / 2),
        "no leakage left in": (0, 0),
        "no segment badly worse": (0, 0),
    }
    assert found["better than the base rate"].difference == ends(-0.2, -0.3, -0.1)
    assert found[f"not worse than {BASELINE.name}"].difference == ends(-0.02, -0.03, -0.01)
    assert found["calibrated"].difference is None
    assert decision.passed
    assert decision.champion is None
    assert decision.why == "passed 6 checks; there was no champion"
    assert "columns that leak the target and are still in: none" in decision.table()["why"].tolist()


@pytest.mark.parametrize(
    ("change", "name", "passes"),
    [
        ({"base_rate": ends(-0.1, -0.2, -1e-9)}, "better than the base rate", True),
        ({"base_rate": ends(-0.1, -0.2, 0.0)}, "better than the base rate", False),
        ({"baseline": ends(0.01, 0.0, 0.02)}, f"not worse than {BASELINE.name}", True),
        ({"baseline": ends(0.01, 1e-9, 0.02)}, f"not worse than {BASELINE.name}", False),
        ({"slope": ends(1.4, 1.25, 1.6)}, "calibrated", True),
        ({"slope": ends(1.4, 1.26, 1.6)}, "calibrated", False),
        ({"slope": ends(0.7, 0.6, 0.8)}, "calibrated", True),
        ({"slope": ends(0.7, 0.6, 0.79)}, "calibrated", False),
        ({"segments": [segment(gap=0.16, rest_gap=0.05)]}, "no segment badly worse", False),
        ({"segments": [segment(gap=-0.14, rest_gap=0.05)]}, "no segment badly worse", False),
        ({"segments": [segment(gap=0.14, rest_gap=0.05)]}, "no segment badly worse", True),
        ({"segments": [segment(roc_auc=0.69)]}, "no segment badly worse", False),
        ({"segments": [segment(roc_auc=0.71)]}, "no segment badly worse", True),
        (
            {"segments": [segment(roc_auc=0.69, rest_roc_auc=0.75)]},
            "no segment badly worse", True,
        ),
        ({"segments": [segment(gap=0.5, worse=False)]}, "no segment badly worse", True),
        ({"segments": [segment(gap=0.5, roc_auc=np.nan)]}, "no segment badly worse", False),
    ],
)  # fmt: skip
def test_a_check_fails_beyond_its_boundary(change, name, passes):
    found, decision = checks(evaluation(**change))
    assert found[name].passed == passes
    assert decision.passed == passes
    assert passes or decision.why == f"not promoted; checks failed: {name}"


def test_segments_and_columns_are_named():
    worse = [segment(gap=0.3), segment(level="6 to 9", gap=0.4)]
    found, _ = checks(evaluation(segments=worse))
    assert found["no segment badly worse"].actual == 2
    assert "tenure 1 to 5, tenure 6 to 9" in found["no segment badly worse"].why
    leaks = pd.DataFrame({"column": ["price", "gone", "tenure"], "suspected": [False, False, True]})
    found, _ = checks(leaks=leaks)
    assert found["no leakage left in"].actual == 1
    assert found["no leakage left in"].why.endswith(": price")
    assert not found["no leakage left in"].passed


def test_a_search_is_complete_but_for_the_budget():
    search = SimpleNamespace(over_budget=["large boosting"], lost=[])
    found, decision = checks(search=search)
    assert found["search complete"].passed
    assert "left out for the budget: large boosting" in found["search complete"].why
    assert len(decision.checks) == 7
    found, decision = checks(search=SimpleNamespace(over_budget=[], lost=["net", "forest"]))
    assert (found["search complete"].threshold, found["search complete"].actual) == (0, 2)
    assert found["search complete"].why.endswith("died twice: net, forest")
    assert not decision.passed


def test_the_champion_must_not_be_better_for_certain():
    rival = ChampionComparison("ChurnFlow/1", ends(0.001, 0.0, 0.002), held_out=100, out_of_fold=9)
    found, decision = checks(rival=rival)
    check = found["not worse than the champion"]
    assert (check.threshold, check.actual, check.passed) == (0.0, 0.0, True)
    assert check.difference == rival.difference
    assert "(+0.0010, +0.0000 to +0.0020), of 100 held-out customers and 9 out of fold" in check.why
    assert decision.champion == "ChurnFlow/1"
    assert decision.why == "passed 7 checks; not worse than ChurnFlow/1"
    worse = ChampionComparison("ChurnFlow/1", ends(0.001, 1e-9, 0.002), held_out=100)
    assert not checks(rival=worse)[1].passed
    silent = ChampionComparison("ChurnFlow/1", None, "it is gone")
    found, decision = checks(rival=silent)
    assert np.isnan(found["not worse than the champion"].actual)
    assert (
        "ChurnFlow/1 cannot be asked about these customers: it is gone"
        in decision.table()["why"].tolist()
    )
    assert not decision.passed


@pytest.mark.parametrize(
    ("value", "half", "bound", "passes"),
    [
        # 1.645 standard errors, of which the half width is 1.96, or the margin of .005.
        (0.0016, 0.00196, 0.001645, True),
        (0.0017, 0.00196, 0.001645, False),
        (0.0050, 0.1, 0.005, True),
        (0.0051, 0.1, 0.005, False),
    ],
)
def test_the_best_champion_may_be_better_by_what_chance_explains(value, half, bound, passes):
    best = ChampionComparison(
        "ChurnFlow/2", ends(value, value - half, value + half), held_out=1_000
    )
    found, decision = checks(best=best)
    check = found["near the best champion"]
    assert check.threshold == pytest.approx(bound)
    assert check.actual == value
    assert check.passed == decision.passed == passes
    silent = checks(best=ChampionComparison("ChurnFlow/2", None, "it is gone"))[0]
    assert silent["near the best champion"].threshold == 0.005
    assert not silent["near the best champion"].passed


def test_what_is_withheld_is_left_to_a_person():
    _, decision = checks(withheld="only six left")
    assert not decision.passed
    assert decision.why == "passed 6 checks; not promoted by itself: only six left"


@pytest.fixture(scope="module")
def model():
    contract = Contract.read(TELCO / "contract.toml")
    return ChurnModel(contract, BASELINE).fit(generate_sample_data(800))


class TestDecide:
    """Without a champion, in a store of its own."""

    @pytest.fixture
    def holdout(self):
        return generate_sample_data(400, seed=1)

    @pytest.fixture
    def ask(self, model, tmp_path):
        def ask(holdout, **more):
            leaks = more.pop("leaks", NO_LEAKS)
            (tmp_path / ".metaflow").mkdir(exist_ok=True)
            with reading_from(tmp_path):
                return decide(model, evaluation(), holdout, GOOD, leaks, 0.005, **more)

        return ask

    def test_the_first_model_is_promoted(self, ask, holdout):
        assert ask(holdout).why == "passed 6 checks; there was no champion"
        assert ask(holdout[:0]).passed

    def test_few_leavers_are_left_to_a_person(self, ask, holdout):
        left = labels(holdout, Contract.read(TELCO / "contract.toml")).astype(bool)
        some = pd.concat([holdout[left][:29], holdout[~left]])
        assert "customers 29 left, and at least 30" in ask(some).why
        assert ask(pd.concat([holdout[left][:30], holdout[~left]])).passed
        stayed = pd.concat([holdout[left][:40], holdout[~left][:29]])
        assert "of 69 held-out customers 40 left" in ask(stayed).why

    def test_a_suspected_column_is_left_to_a_person(self, ask, holdout):
        leaks = pd.DataFrame({"column": ["tenure", "gone"], "suspected": [True, True]})
        decision = ask(holdout, leaks=leaks)
        assert "not promoted by itself: tenure may leak the target" in decision.why
        assert ask(holdout, leaks=leaks, trust_suspected=True).passed

    def test_too_few_who_stand_for_the_called_are_left_to_a_person(self, ask, holdout):
        assert ask(holdout, represented="12 of the control group").why.endswith(
            "not promoted by itself: 12 of the control group"
        )


@pytest.fixture(scope="module")
def champion(model):
    """The model itself."""
    return Deployment(
        run="ChurnFlow/9", candidate="plain", family="logistic", costs={},
        contract=model.contract, scorer=compile_model(model), agreement=GOOD,
        explainer=Explainer.of_model(model), metrics={}, evaluated_on="hold-out",
        reliability=[], importances=[], lineage={}, fingerprint="theirs", customers=800,
        created_at=None,
    )  # fmt: skip


class TestDecideBesideChampions:
    @pytest.fixture
    def ask(self, model, champion):
        def ask(holdout, runs=("ChurnFlow/9",), foreign=(), fingerprint="theirs", **more):
            past = PastChampions(
                runs, foreign, lambda run: replace(champion, fingerprint=fingerprint), {}.get
            )
            return decide(model, evaluation(), holdout, GOOD, NO_LEAKS, 0.005, past=past, **more)

        return ask

    def test_an_equal_model_passes_and_names_the_champion(self, ask):
        decision = ask(generate_sample_data(400, seed=1))
        assert decision.why == "passed 7 checks; not worse than ChurnFlow/9"
        assert decision.checks[-1].difference["value"] == pytest.approx(0, abs=1e-9)
        assert "of 400 held-out customers" in decision.checks[-1].why

    def test_the_same_model_again_is_left_to_a_person(self, ask):
        decision = ask(generate_sample_data(400, seed=1), fingerprint="ours")
        assert decision.why.endswith("the same probabilities as the champion, ChurnFlow/9")
        assert not decision.passed
        # An earlier reason is not the one that matters then.
        few = ask(generate_sample_data(60, seed=1), fingerprint="ours", represented="twelve")
        assert "the same probabilities" in few.why

    def test_a_second_business_is_left_to_a_person(self, ask):
        decision = ask(generate_sample_data(400, seed=1), runs=(), foreign=("bank", "gym"))
        assert "the champions here are of 'bank', 'gym'; `churn promote --force`" in decision.why

    def test_a_champion_without_held_out_customers_holds_back(self, ask):
        decision = ask(generate_sample_data(400, seed=1)[:0])
        assert decision.why == "not promoted; checks failed: not worse than the champion"
        assert decision.checks[-1].why.endswith("nobody was held out")

    @pytest.mark.heavy
    def test_of_many_held_out_customers_every_second_or_third_is_compared(self, ask):
        many = generate_sample_data(ROWS + 1, seed=1)
        held = np.zeros(len(many), dtype=bool)
        held[::4] = True
        decision = ask(many, held_after=lambda renewals: held, weights=np.ones(len(many)))
        assert f"of {ROWS // 4 + 1:,} held-out customers" in decision.checks[-1].why
        decision = ask(many[:ROWS])
        assert f"of {ROWS:,} held-out customers" in decision.checks[-1].why
