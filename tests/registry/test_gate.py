"""The gate passes a good model, and names the failed checks of any other."""

import importlib.util
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from churn.data.parsing import labels
from churn.registry.champion_comparison import ChampionComparison, best_ever, hold_against
from churn.registry.checks import SLOPE
from churn.registry.gate import _small, judge
from churn.registry.out_of_fold import keep_out_of_fold, pair_out_of_fold
from churn.registry.runs import fetch_run
from churn.scoring.program import Program
from churn.scoring.scorer import Scorer
from churn.statistics.log_odds import logit, sigmoid
from running import ROOT, model_of, run_flow

MARGIN = 0.005


@pytest.fixture(scope="module")
def evaluated(telco_run):
    data = telco_run.data
    rows = data.frame[data.split == "holdout"]
    return data, rows, model_of(data).predict_proba(rows)[:, 1]


@pytest.fixture(scope="module")
def champion(telco_run):
    return fetch_run(telco_run.pathspec)


def decide(data, rival=None, **changed):
    given = {
        "report": data.report, "contract": data.contract, "agreement": data.agreement,
        "leaks": data.leaks,
    }  # fmt: skip
    return judge(**given | changed, rival=rival, margin=MARGIN)


def failed(decision):
    return [check.name for check in decision.checks if not check.passed]


def test_first_good_model_passes(evaluated):
    data, *_ = evaluated
    decision = decide(data)
    assert failed(decision) == []
    assert decision.passed
    assert "there was no champion" in decision.why
    assert list(decision.table()["name"]) == [check.name for check in decision.checks]


def test_model_is_not_worse_than_itself(evaluated, champion):
    data, rows, chance = evaluated
    rival = hold_against(champion, data.contract, rows, chance)
    decision = decide(data, rival)
    assert decision.passed
    assert decision.checks[-1].difference["value"] == pytest.approx(0, abs=1e-6)
    assert champion.run in decision.why


def test_model_that_is_worse_than_the_champion_is_held_back(evaluated, champion):
    data, rows, chance = evaluated
    blurred = 1 / (1 + np.exp(-np.log(chance / (1 - chance)) * 0.5))
    decision = decide(data, hold_against(champion, data.contract, rows, blurred))
    assert failed(decision) == ["not worse than the champion"]
    assert decision.why == "not promoted; checks failed: not worse than the champion"
    assert decision.checks[-1].actual > 0


def test_better_model_passes_its_champion(evaluated, champion):
    data, rows, chance = evaluated
    target = labels(rows, data.contract)
    knowing = np.clip(chance + 0.1 * (2 * target - 1), 0.001, 0.999)
    assert decide(data, hold_against(champion, data.contract, rows, knowing)).passed


def test_champion_that_was_trained_on_them_cannot_be_asked(evaluated, champion):
    data, rows, chance = evaluated
    everybody = replace(champion, evaluated_on="cross-validation")
    decision = decide(data, hold_against(everybody, data.contract, rows, chance))
    assert failed(decision) == ["not worse than the champion"]
    assert "trained on them" in decision.checks[-1].why


def test_champion_that_cannot_be_asked_holds_a_model_back_and_says_why(evaluated, champion):
    data, rows, chance = evaluated
    rival = hold_against(champion, data.contract, rows.drop(columns="tenure"), chance)
    decision = decide(data, rival)
    assert failed(decision) == ["not worse than the champion"]
    assert "tenure" in decision.checks[-1].why


def beside_the_best(data, champion, value, low, high):
    best = ChampionComparison("ChurnFlow/best", {"value": value, "low": low, "high": high})
    same = ChampionComparison(champion.run, {"value": 0.0, "low": -0.001, "high": 0.001})
    return decide(data, same, best=best)


def test_small_losses_do_not_add_up_beyond_the_margin(evaluated, champion):
    data, *_ = evaluated
    assert beside_the_best(data, champion, 0.0005, -0.0005, 0.0015).passed
    # Within the margin of 0.005, but chance does not explain it.
    decision = beside_the_best(data, champion, 0.004, 0.003, 0.005)
    assert failed(decision) == ["near the best champion"]
    assert "ChurnFlow/best" in decision.checks[-1].why


def test_what_chance_explains_is_no_loss_up_to_the_margin(evaluated, champion):
    data, *_ = evaluated
    assert beside_the_best(data, champion, 0.0045, -0.004, 0.013).passed
    assert not beside_the_best(data, champion, 0.006, -0.04, 0.052).passed


def test_rows_that_both_predicted_out_of_fold_are_compared_where_few_are_held_out(
    evaluated, champion
):
    data, rows, chance = evaluated
    train = data.frame[data.split == "train"].iloc[data.sample.rows]
    mine = keep_out_of_fold(train, data.contract, data.trial.probabilities)
    worse = sigmoid(0.9 * logit(data.trial.probabilities))
    theirs = keep_out_of_fold(train.iloc[100:], data.contract, worse[100:])
    pairs = pair_out_of_fold(mine, theirs)
    assert len(pairs.target) > 5_000
    rival = hold_against(champion, data.contract, rows, chance, pairs)
    alone = hold_against(champion, data.contract, rows, chance)
    assert rival.difference["value"] < alone.difference["value"]
    assert f"{len(pairs.target):,} out of fold" in decide(data, rival).checks[-1].why


def test_only_rows_that_are_the_same_in_both_tables_are_paired(evaluated):
    data, rows, _ = evaluated
    half = np.full(len(rows), 0.5)
    relabelled = rows.assign(churn=rows["churn"].iloc[::-1].to_numpy())
    same = (rows["churn"].to_numpy() == relabelled["churn"].to_numpy()).sum()
    one, other = (keep_out_of_fold(table, data.contract, half) for table in (rows, relabelled))
    assert len(pair_out_of_fold(one, other).target) == same < len(rows)


def test_a_mean_of_cross_validations_is_paired_with_such_means_alone(evaluated):
    data, rows, _ = evaluated
    half = np.full(len(rows), 0.5)
    once, thrice = (
        keep_out_of_fold(rows, data.contract, half, repeats=repeats) for repeats in (1, 3)
    )
    assert pair_out_of_fold(once, thrice) is None
    assert pair_out_of_fold(thrice, once) is None
    assert len(pair_out_of_fold(thrice, thrice).target) == len(pair_out_of_fold(once, once).target)


def test_the_best_ever_is_the_first_until_another_is_surely_better(evaluated, champion):
    data, rows, _ = evaluated

    def again(run, weight):
        steps = [*champion.scorer.program.steps]
        program = Program.parse(
            {"steps": [*(step.model_dump() for step in steps),
                       {"op": "sum", "intercept": (1 - weight) / 2, "weights": [weight],
                        "terms": [len(steps) - 1]}]}
        )  # fmt: skip
        return replace(champion, run=run, scorer=Scorer(program, 0.5))

    blurred, same, good = again("blurred", 0.3), again("same", 0.9999), again("good", 1.0)
    cannot = replace(champion, run="cannot", evaluated_on="cross-validation")
    assert best_ever([cannot], data.contract, rows) is None
    assert best_ever([cannot, good, same, blurred], data.contract, rows).run == "good"
    assert best_ever([blurred, same, good], data.contract, rows).run == "same"


def test_a_year_of_creeping_and_equal_models():
    """The simulation of `benchmarks/gate.py`, in small."""
    spec = importlib.util.spec_from_file_location("gate", ROOT / "benchmarks" / "gate.py")
    gate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(gate)
    rng = np.random.default_rng(0)
    before, now = (
        np.mean([gate.creep(rng, rows, rule)[0] for _ in range(8)])
        for rows, rule in zip((1_400, 7_000), gate.RULES, strict=True)
    )
    assert before > 0.02
    assert now < 0.003
    assert np.mean([gate.creep(rng, 2_500, gate.now)[0] for _ in range(8)]) < 0.006
    rejected = [
        np.mean([not gate.equals(rng, rows, rule) for _ in range(100)])
        for rows, rule in zip((700, 3_500), gate.RULES, strict=True)
    ]
    assert rejected[0] > 0.4
    assert rejected[1] < 0.12


def test_the_check_of_the_search_tells_what_was_left_out_for_the_budget(evaluated):
    data, *_ = evaluated
    late = replace(data.trial, stopped="it needs more", stopped_for_budget=True)
    search = replace(data.search, stopped=(late,))
    (check,) = (one for one in decide(data, search=search).checks if one.name == "search complete")
    assert check.passed
    assert check.why.endswith(f"left out for the budget: {late.candidate.name}")


@pytest.mark.parametrize(
    ("held_out", "leavers", "decides"),
    [(30, 6, True), (200, 29, True), (200, 30, False), (200, 171, True), (0, 0, False)],
)
def test_fewer_than_thirty_held_out_leavers_or_stayers_leave_the_decision_to_a_person(
    held_out, leavers, decides
):
    why = _small(held_out, leavers)
    assert (f"of {held_out} held-out customers {leavers} left" in why) == decides
    assert bool(why) == decides


def test_a_small_or_a_second_business_is_left_to_a_person(evaluated):
    data, *_ = evaluated
    decision = decide(data, withheld="only six customers left")
    assert failed(decision) == []
    assert not decision.passed
    assert decision.why.endswith("not promoted by itself: only six customers left")


@pytest.mark.slow
def test_run_that_passes_makes_itself_the_champion_and_the_same_again_does_not(
    quick, small, tmp_path
):
    settings = {"store": tmp_path, "METAFLOW_RUN_PROMOTE": "auto"}
    outputs = []
    for _ in range(2):
        run = run_flow("--config", "candidates", quick, "run", *small, **settings)
        assert run.code == 0, run.output
        outputs.append(run.output)
    assert "there was no champion" in outputs[0]
    assert " is the champion now (promotion 1)." in outputs[0]
    assert "not promoted by itself: it gives the same probabilities as the champion" in outputs[1]
    assert "It is the champion" not in outputs[1]


def changed_metric(report, name, **values):
    return replace(report, metrics=report.metrics | {name: report.metrics[name] | values})


def test_each_fault_is_named(evaluated):
    data, *_ = evaluated
    report, baseline = (
        data.report,
        next(name for name in data.report.differences if "plain" in name),
    )
    behind = {**report.differences[baseline]["log_loss"], "value": 0.01, "low": 0.002}
    differences = report.differences | {baseline: {"log_loss": behind}}
    guess = {**report.differences["base rate"]["log_loss"], "high": 0.001}
    cases = {
        f"not worse than {baseline}": {"report": replace(report, differences=differences)},
        "better than the base rate": {
            "report": replace(
                report, differences=report.differences | {"base rate": {"log_loss": guess}}
            )
        },
        "calibrated": {
            "report": changed_metric(report, "calibration_slope", value=0.5, low=0.4, high=0.6)
        },
        "scorer agrees": {"agreement": replace(data.agreement, decisions=1)},
        "no leakage left in": {
            "leaks": pd.DataFrame({"column": ["tenure", "gone"], "suspected": False})
        },
    }
    for name, change in cases.items():
        assert failed(decide(data, **change)) == [name]


def test_slope_that_may_be_right_is_not_held_against_a_small_hold_out(evaluated):
    data, *_ = evaluated
    wide = changed_metric(data.report, "calibration_slope", value=SLOPE + 0.2, low=0.9, high=2.0)
    assert decide(data, report=wide).passed


def test_segment_that_is_badly_worse_is_named(evaluated):
    data, *_ = evaluated
    table = data.report.segments.copy()
    table.loc[0, ["worse", "gap", "rest_gap"]] = [True, 0.3, 0.0]
    decision = decide(data, report=replace(data.report, segments=table))
    assert failed(decision) == ["no segment badly worse"]
    check = next(one for one in decision.checks if not one.passed)
    assert f"{table.loc[0, 'feature']} {table.loc[0, 'level']}" in check.why
