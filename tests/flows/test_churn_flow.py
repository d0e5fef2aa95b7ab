"""ChurnFlow as a user runs it: real processes, the real table, a real kill."""

import hashlib
import os
import re
import signal
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from churn.data.parsing import labels
from churn.data.readers import TELCO
from churn.data.synthetic import generate_sample_data
from churn.errors import ChurnError
from churn.evaluation.metrics import evaluate
from churn.evaluation.profit import expected_profit
from churn.modeling.search_space import BASELINE, DEFAULT_CANDIDATES
from churn.registry.runs import fetch_run
from processes import of_session, wait_for
from running import QUICK, FlowRun, model_of, run_flow, start_flow

BROKEN = """
[[candidates]]
name = "broken"
family = "neural_net"
params = { hidden = [0] }
"""


@pytest.fixture(scope="module")
def held_out(telco_run):
    data = telco_run.data
    return data.frame[data.split == "holdout"]


class TestTelcoRun:
    def test_tries_at_least_twelve_candidates_in_five_folds_and_stacks_them(self, telco_run):
        rows = [row for row in telco_run.data.leaderboard if row["family"] != "stack"]
        assert len(rows) == len(DEFAULT_CANDIDATES) >= 12
        assert {len(row["fold_losses"]) for row in rows if not row["stopped"]} == {5}
        tried = {row["family"] for row in rows}
        families = {"logistic", "splines", "pairs", "boosting", "oblivious_trees", "extra_trees"}
        assert families <= tried
        assert len(telco_run.data.leaderboard) >= len(rows) + 7

    def test_chooses_the_cheapest_of_those_as_good_as_the_best_out_of_fold(self, telco_run):
        data = telco_run.data
        ended = [row for row in data.leaderboard if not row["stopped"]]
        losses = [row["log_loss"] for row in ended]
        assert losses == sorted(losses)
        (chosen,) = [row for row in ended if row["chosen"]]
        assert data.trial.candidate.name == chosen["candidate"]
        oof = data.trial.probabilities
        chance = np.where(data.sample.labels == 1, oof, 1 - oof)
        assert -np.log(chance).mean() == pytest.approx(chosen["log_loss"])
        as_good = [row for row in ended if row["behind"] <= row["behind_se"]]
        assert chosen in as_good
        assert chosen["microseconds"] <= 2 * min(row["microseconds"] for row in as_good)

    def test_finds_that_telco_is_a_sum_of_its_columns(self, telco_run):
        """As good as any stack of trees, and a fraction of the cost."""
        chosen = telco_run.data.trial.candidate
        for member in chosen.params.get("members", (chosen,)):
            stumps = member.params.get("max_leaf_nodes") == 2
            assert stumps or member.family in ("splines", "pairs", "logistic")

    def test_decides_where_a_call_begins_to_pay(self, telco_run):
        data = telco_run.data
        assert model_of(data).threshold == pytest.approx(11 / 67)
        profit = data.report.profit
        assert profit.threshold == model_of(data).threshold
        assert profit.profit["low"] < profit.expected < profit.profit["high"]
        assert profit.advantage["low"] > 0

    def test_finds_no_segment_that_is_worse(self, telco_run):
        table = telco_run.data.report.segments
        assert len(table) > 20
        assert not table["worse"].any()

    def test_beats_the_base_rate_and_a_plain_logistic_regression(self, telco_run):
        report = telco_run.data.report
        ours = report.metrics["log_loss"]["value"]
        assert all(ours < other["log_loss"]["value"] for other in report.baselines.values())

    def test_keeps_its_promise_within_the_interval(self, telco_run):
        report = telco_run.data.report
        loss = report.metrics["log_loss"]
        assert loss["low"] < report.cv_log_loss < loss["high"]

    def test_what_was_graded_is_what_is_stored(self, telco_run, held_out):
        data = telco_run.data
        chance = model_of(data).predict_proba(held_out)[:, 1]
        metrics = evaluate(labels(held_out, data.contract), chance)
        assert metrics.keys() == data.metrics.keys()
        for name, metric in metrics.items():
            # Sums of the bootstrap may differ in the last bit with the threads that BLAS has.
            assert metric == pytest.approx(data.metrics[name], rel=1e-12, abs=1e-12)
        chance = model_of(data).predict_proba(held_out)[:, 1]
        assert hashlib.sha256(chance.tobytes()).hexdigest() == data.fingerprint

    def test_nobody_is_both_trained_on_and_held_out(self, telco_run, held_out):
        data = telco_run.data
        train = data.frame[data.split == "train"]
        features = list(data.contract.features)
        shared = train[features].merge(held_out[features], how="inner")
        assert len(train) + len(held_out) + (data.split == "copy").sum() == 7043
        assert shared.empty

    def test_says_where_the_model_comes_from(self, telco_run):
        lineage = telco_run.data.lineage
        assert lineage["packages"].keys() >= {"python", "scikit-learn", "pandas"}
        assert len(lineage["data"]) == len(lineage["contract"]) == 64
        assert lineage["seed"] == 0
        assert lineage["code"]

    def test_tells_of_the_eleven_blanks(self, telco_run):
        (problem,) = telco_run.data.problems.to_dict("records")
        assert problem["column"] == "total_charges"
        assert problem["count"] == 11
        assert problem["effect"] == "note"

    def test_shows_progress_while_folds_run(self, telco_run):
        for row in telco_run.data.leaderboard:
            if row["family"] != "stack":
                for fold in range(1, len(row["fold_losses"]) + 1):
                    assert f"{row['candidate']}: fold {fold} of 5, log loss" in telco_run.log

    def test_never_runs_more_tasks_than_there_are_cores(self, telco_run):
        running = most = 0
        for line in telco_run.log.splitlines():
            running += ("Task is starting" in line) - ("Task finished" in line)
            most = max(most, running)
        assert most <= len(os.sched_getaffinity(0))

    @pytest.mark.parametrize(
        ("step", "name", "shows"),
        [
            ("validate", "data", ["The data: telco", "blank, taken as missing"]),
            ("pick_best", "leaderboard", ["Quality and cost of each", "boosting, 4 leaves"]),
            ("evaluate", "model", ["Calibration", "What it is worth", "worse than elsewhere"]),
        ],
    )
    def test_has_a_card(self, telco_run, step, name, shows):
        from metaflow import Step, namespace
        from metaflow.cards import get_cards

        namespace(None)
        (card,) = get_cards(Step(f"{telco_run.pathspec}/{step}").task, id=name)
        data = str(card.get_data())
        assert all(text in data for text in shows)
        assert "vegaChart" in data


def _until(process: subprocess.Popen, *texts: str) -> str:
    """The next line with these texts that a process prints."""
    return next(line for line in process.stdout if all(text in line for text in texts))


@pytest.fixture(scope="module")
def three(small, tmp_path_factory) -> tuple[str, ...]:
    """Three candidates, and a budget that leaves no room for the last one."""
    path = tmp_path_factory.mktemp("three") / "three.toml"
    others = '[[candidates]]\nfamily = "splines"\n[[candidates]]\nfamily = "extra_trees"\n'
    path.write_text(QUICK + others)
    return "--config", "candidates", str(path), "run", "--budget-seconds", "0.3", *small


@pytest.fixture(scope="module")
def undisturbed(three) -> FlowRun:
    """A run of three candidates, from its start to its end."""
    run = run_flow(*three)
    assert run.code == 0, run.output
    return run


@pytest.fixture(scope="module")
def resumed(three) -> tuple[FlowRun, int]:
    """The same run killed in the middle of `train`, resumed; and how many candidates it had."""
    alone = "--max-workers", "1"  # so that the others are not finished when the first one is
    process = start_flow("--verbose", *three, *alone)
    run = re.search(r"run-id (\d+)", _until(process, "run-id"))[1]
    _until(process, "/train/", "Task finished")
    os.killpg(process.pid, signal.SIGKILL)
    rest = process.stdout.read()
    process.wait()
    process.stdout.close()
    wait_for(lambda: not of_session(process.pid))
    run = run_flow("resume", "--origin-run-id", run)
    assert run.code == 0, run.output
    return run, 1 + len(re.findall(r"/train/\d+ .*Task finished", rest))


class TestKilledAndResumed:
    def test_repeats_only_what_was_not_finished(self, resumed):
        run, finished = resumed
        again = set(re.findall(r"\] (\w[^:\n]*): fold 1 of 5", run.log))
        assert 0 < len(again) <= 3 - finished
        assert "/load/" not in "".join(
            line for line in run.log.splitlines() if "Task is starting" in line
        )

    def test_ends_with_the_model_of_an_undisturbed_run(self, undisturbed, resumed):
        run, _ = resumed
        assert run.data.fingerprint == undisturbed.data.fingerprint
        assert run.data.leaderboard[0]["candidate"] == undisturbed.data.leaderboard[0]["candidate"]
        assert run.data.metrics == undisturbed.data.metrics
        assert run.data.lineage == undisturbed.data.lineage


class TestWarmStart:
    """Tasks that are forked from a warm interpreter behave as those Metaflow starts itself."""

    def test_leaves_no_process_behind(self, telco_run):
        assert telco_run.left == []

    def test_ctrl_c_ends_the_run_and_fails_no_candidate(self, three):
        longer = "--data", "telco", "--max-workers", "1"  # so that it has not ended by then
        process = start_flow("--verbose", *three, *longer)
        _until(process, "fold 1 of 5")
        os.killpg(process.pid, signal.SIGINT)
        output = process.stdout.read()
        assert process.wait(timeout=60) != 0
        process.stdout.close()
        assert "KeyboardInterrupt" not in output
        assert "FailureHandledByCatch" not in output
        wait_for(lambda: not of_session(process.pid))


@pytest.fixture(scope="module")
def killed(tmp_path_factory) -> FlowRun:
    """A run of which one candidate fails, one's task is killed once, and another's twice."""
    space = tmp_path_factory.mktemp("space") / "space.toml"
    names = {"once": 1, "twice": 2}
    lines = (f'[[candidates]]\nname = "{name}"\nfamily = "extra_trees"\n' for name in names)
    space.write_text("".join([QUICK, BROKEN, *lines]))
    process, output = start_flow("--verbose", "--config", "candidates", str(space), "run"), []
    for line in process.stdout:
        output.append(line)
        started = re.search(r"/train/\d+ \(pid (\d+)\)\] (\w+): fold 1 of 5", line)
        if started and names.get(started[2], 0):
            names[started[2]] -= 1
            os.kill(int(started[1]), signal.SIGKILL)
    code = process.wait(timeout=60)
    process.stdout.close()
    with suppress(AssertionError):
        wait_for(lambda: not of_session(process.pid), 10)
    return FlowRun(code, "".join(output), of_session(process.pid))


@pytest.mark.scheduled
class TestLostCandidates:
    def test_a_task_that_is_killed_once_is_tried_again(self, killed):
        assert killed.code == 0, killed.output
        tried = {row["candidate"] for row in killed.data.leaderboard}
        assert {"quick", "once"} <= tried
        assert "twice" not in tried

    def test_a_task_that_dies_again_is_told_and_the_gate_does_not_promote(self, killed):
        assert killed.data.search.lost == ("twice",)
        assert "the task of 1 candidate died twice" in killed.output
        assert not killed.data.decision.passed
        assert "checks failed: search complete" in killed.data.decision.why

    def test_a_task_whose_starter_is_killed_ends_too(self, killed):
        assert killed.left == []

    def test_a_candidate_that_fails_is_reported_and_skipped(self, killed):
        assert list(killed.data.search.failures) == ["broken"]
        assert "hidden_layer_sizes must be > 0" in killed.data.search.failures["broken"]
        assert "1 candidate failed: broken" in killed.output
        assert "broken" not in {row["candidate"] for row in killed.data.leaderboard}


@pytest.mark.scheduled
class TestBudget:
    def test_what_is_left_out_does_not_depend_on_the_load(self, three, undisturbed):
        """The budget leaves no room for the last candidate, however fast or slow the machine."""
        runs = [undisturbed, run_with_interruptions(*three)]
        for run in runs:
            assert run.code == 0, run.output
            assert run.data.search.over_budget == ("extra_trees",)
            assert (
                "budget is too small for 1 candidate, not in the choice: extra_trees" in run.output
            )
        one, other = (run.data for run in runs)
        assert one.fingerprint == other.fingerprint
        assert [row["microseconds"] for row in one.leaderboard] == pytest.approx(
            [row["microseconds"] for row in other.leaderboard], nan_ok=True
        )


def run_with_interruptions(*arguments: str) -> FlowRun:
    """Run a flow as on a slower machine: a third of the time it is stopped."""
    process, output = start_flow(*arguments), []
    reader = threading.Thread(target=lambda: output.append(process.stdout.read()))
    reader.start()
    while process.poll() is None:
        for word, seconds in ((signal.SIGSTOP, 0.1), (signal.SIGCONT, 0.2)):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, word)
            time.sleep(seconds)
    reader.join()
    process.stdout.close()
    return FlowRun(process.returncode, output[0])


@pytest.fixture(scope="module")
def on_parquet(quick, tmp_path_factory) -> tuple[FlowRun, Path]:
    """A run on a Parquet file, which is read where it lies."""
    path = tmp_path_factory.mktemp("parquet") / "customers.parquet"
    generate_sample_data(600, seed=5).to_parquet(path, row_group_size=200)
    table = "--data", str(path), "--id", "customer_id", "--target", "churn"
    run = run_flow("--config", "candidates", quick, "run", *table)
    assert run.code == 0, run.output
    return run, path


@pytest.mark.scheduled
class TestTableByReference:
    def test_the_artifact_says_where_the_table_lies(self, on_parquet):
        run, path = on_parquet
        stored = run.data.table
        assert (stored.location, len(stored)) == (str(path), 600)
        assert stored.digest == run.data.lineage["data"]

    def test_a_resumed_run_refuses_another_table_and_names_both(self, on_parquet):
        run, path = on_parquet
        number, before = run.pathspec.split("/")[1], path.read_bytes()
        generate_sample_data(600, seed=6).to_parquet(path, row_group_size=200)
        again = run_flow("resume", "evaluate", "--origin-run-id", number)
        assert again.code != 0
        assert f"has read the table {path} with the digest {run.data.table.digest}" in again.output
        assert re.search("its digest is [0-9a-f]{64} now", again.output)
        path.unlink()
        again = run_flow("resume", "evaluate", "--origin-run-id", number)
        assert again.code != 0
        assert f"{path} with the digest {run.data.table.digest}" in again.output
        assert "there is no such file" in again.output
        path.write_bytes(before)
        again = run_flow("resume", "evaluate", "--origin-run-id", number)
        assert again.code == 0, again.output
        assert again.data.fingerprint == run.data.fingerprint

    def test_fewer_refit_rows_are_told(self, on_parquet, quick):
        _, path = on_parquet
        table = "--data", str(path), "--id", "customer_id", "--target", "churn"
        run = run_flow("--config", "candidates", quick, "run", *table, "--refit-rows", "300")
        assert run.code == 0, run.output
        trained = int((run.data.split == "train").sum())
        told = f"The model is fitted to 300 of {trained} customers"
        assert told in run.output
        assert run.data.report.train_customers == run.data.deployment["customers"] == 300


class TestFailures:
    def test_where_the_only_candidate_fails_the_baseline_is_the_model(self, small, tmp_path):
        space = tmp_path / "space.toml"
        space.write_text('[[candidates]]\nfamily = "neural_net"\nparams = { hidden = [0] }\n')
        run = run_flow("--config", "candidates", str(space), "run", *small)
        assert run.code == 0, run.output
        assert run.data.trial.candidate == BASELINE
        assert [row["candidate"] for row in run.data.leaderboard] == [BASELINE.name]
        assert "the model is plain logistic regression, the baseline" in run.output
        assert re.search(r"1 candidate failed: neural_net .*hidden_layer_sizes", run.output)

    def test_wrong_parameters_of_candidates_are_all_named_before_the_table_is_read(self, tmp_path):
        space = tmp_path / "space.toml"
        space.write_text(
            '[[candidates]]\nname = "a"\nfamily = "logistic"\nparams = { C = -1 }\n'
            '[[candidates]]\nname = "b"\nfamily = "boosting"\nparams = { leaves = 8 }\n'
        )
        run = run_flow("--config", "candidates", str(space), "run", "--data", "nowhere.csv")
        assert run.code != 0
        assert re.search(r"- a: The 'C' parameter of LogisticRegression must be", run.output)
        assert "- b: leaves is no parameter of boosting" in run.output
        assert "nowhere.csv" not in run.output
        # Nor is anybody told to resume it, which would fail in the same way.
        with pytest.raises(ChurnError, match="failed in start: start another one"):
            fetch_run(run.pathspec)

    def test_settings_out_of_range_are_all_named(self):
        run = run_flow(
            "run", "--holdout", "1.5", "--folds", "1", "--leakage", "maybe", "--margin", "-1",
            "--acceptance", "7",
        )  # fmt: skip
        assert run.code != 0
        for name in ("--holdout", "--folds", "--leakage", "--margin", "--acceptance"):
            assert f"{name} " in run.output
        assert "Traceback" not in run.output

    def test_a_value_column_that_is_not_there_stops_the_run(self, small):
        run = run_flow("run", "--customer-value", "lifetime", *small)
        assert run.code != 0
        assert "--customer-value lifetime: neither a number of 0 or more nor a column" in run.output
        assert "Traceback" not in run.output

    def test_a_search_without_any_budget_ends_with_the_baseline_and_says_so(self, small):
        run = run_flow("run", "--budget-seconds", "0.001", *small)
        assert run.code == 0, run.output
        assert run.data.trial.candidate == BASELINE
        assert len(run.data.search.over_budget) == len(DEFAULT_CANDIDATES)
        assert "the model is plain logistic regression, the baseline" in run.output
        assert "boosting, 4 leaves: stopped, nothing of the budget is left for it" in run.log

    def test_a_contract_file_with_mistakes_is_told_without_a_traceback(self, tmp_path):
        contract = tmp_path / "contract.toml"
        contract.write_text('target = "churn"\n[features.tenure]\nkind = "numbr"\n')
        run = run_flow("--config", "contract", str(contract), "run")
        assert run.code != 0
        assert "positive: Field required" in run.output
        assert "features.tenure" in run.output
        assert "Traceback" not in run.output

    def test_an_unknown_option_is_still_told_by_metaflow(self):
        run = run_flow("run", "--no-such-option")
        assert run.code != 0
        assert "no such option: --no-such-option" in run.output

    def test_a_table_that_breaks_its_contract_stops_the_run(self, tmp_path):
        table = generate_sample_data(1000).astype(object)
        table.loc[:199, "tenure"] = "long"
        table.loc[100:299, "contract"] = "forever"
        table.drop(columns="partner").to_csv(tmp_path / "broken.csv", index=False)
        run = run_flow(
            "--config", "contract", str(TELCO / "contract.toml"),
            "run", "--data", str(tmp_path / "broken.csv"),
        )  # fmt: skip
        assert run.code != 0
        assert "partner: the column is missing" in run.output
        assert "tenure: not a number (200 rows; row 1: 'long'" in run.output
        assert "contract: a category never seen (200 rows; row 101: 'forever'" in run.output
        assert "30.0% of the rows break the contract" in run.output
        assert "Traceback" not in run.output

    def test_a_table_without_a_named_target_stops_the_run(self, tmp_path):
        generate_sample_data(500).to_csv(tmp_path / "mine.csv", index=False)
        run = run_flow("run", "--data", str(tmp_path / "mine.csv"))
        assert run.code != 0
        assert "--target" in run.output


@pytest.fixture(scope="module")
def dated(tmp_path_factory, quick) -> FlowRun:
    """A run on customers of different days, who differ in value."""
    path = tmp_path_factory.mktemp("dated") / "dated.parquet"
    table = generate_sample_data(3000, seed=3)
    table["customer_id"] = "D" + table["customer_id"].astype(str)  # on no call list of the session
    days = np.random.default_rng(0).integers(0, 300, len(table))
    table["as_of"] = (np.datetime64("2026-01-01") + days).astype(str)
    table.to_parquet(path)
    run = run_flow(
        "--config", "candidates", quick, "run", "--data", str(path), "--id", "customer_id",
        "--target", "churn", "--time", "as_of", "--customer-value", "monthly_charges",
        "--offer-cost", "2",
    )  # fmt: skip
    assert run.code == 0, run.output
    return run


@pytest.fixture(scope="module")
def cross_validated(small, tmp_path_factory) -> FlowRun:
    """A run without a hold-out, at a high effort."""
    path = tmp_path_factory.mktemp("random") / "search.toml"
    params = (
        "params = { max_leaf_nodes = 3, learning_rate = 0.3, max_iter = 40, max_features = 0.5 }"
    )
    path.write_text(f'[[candidates]]\nfamily = "boosting"\n{params}\n')
    options = "--holdout", "0", "--effort", "high"
    run = run_flow("--config", "candidates", str(path), "run", *options, *small)
    assert run.code == 0, run.output
    return run


class TestOtherTables:
    def test_internet_service_by_parameters_alone(self, shared_data, quick, tmp_path):
        """On a sixth of its 72,274 customers, who have the same columns to find fault with."""
        table = pd.read_csv(shared_data / "internet_service_churn.csv", dtype=str)
        table.sample(12_000, random_state=0).to_csv(tmp_path / "customers.csv", index=False)
        run = run_flow(
            "--config", "candidates", quick, "run", "--id", "id", "--target", "churn",
            "--data", str(tmp_path / "customers.csv"),
        )  # fmt: skip
        assert run.code == 0, run.output
        leaks = run.data.leaks.set_index("column")["suspected"]
        assert leaks.to_dict() == {
            "reamining_contract": False, "download_avg": True, "upload_avg": True
        }  # fmt: skip
        assert "nats with it" in run.output
        assert not run.data.decision.passed
        assert "download_avg, upload_avg may leak the target" in run.data.decision.withheld
        assert "reamining_contract" not in run.model.contract.features

    def test_bank_by_parameters_alone(self, shared_data, quick):
        run = run_flow(
            "--config", "candidates", quick, "run", "--id", "CustomerId", "--target", "Exited",
            "--positive", "1", "--data", str(shared_data / "Churn_Modelling.csv"),
        )  # fmt: skip
        assert run.code == 0, run.output
        assert run.data.rejected.index.tolist() == [10001]
        assert {"RowNumber", "Surname"} <= set(run.model.contract.ignore)

    def test_with_a_time_column_the_latest_customers_are_held_out(self, dated):
        frame, split = dated.data.frame, dated.data.split
        assert frame["as_of"][split == "train"].max() < frame["as_of"][split == "holdout"].min()
        assert 0.15 < (split == "holdout").mean() < 0.25

    def test_customers_may_differ_in_value(self, dated):
        data = dated.data
        assert data.costs.customer_value == "monthly_charges"
        drawn = data.frame[data.split == "train"].iloc[data.sample.rows]
        profits = expected_profit(data.trial.probabilities, drawn, data.costs)
        called = data.trial.probabilities >= model_of(data).threshold
        for threshold in np.linspace(0.02, 0.9, 45):
            other = profits[data.trial.probabilities >= threshold].sum()
            assert other <= profits[called].sum()
        assert data.report.profit.advantage["high"] > 0

    def test_a_high_effort_averages_three_fits_and_says_what_it_took(self, cross_validated):
        assert cross_validated.data.trial.candidate.seeds == 3
        assert len(cross_validated.model.estimator_.models) == 3
        assert "High effort: 1 candidate, cross-validated 3 times" in cross_validated.output
        assert cross_validated.data.agreement.holds

    def test_without_a_hold_out_cross_validation_judges(self, cross_validated):
        data = cross_validated.data
        assert data.report.evaluated_on == "cross-validation"
        assert set(data.split) == {"train"}
        assert data.metrics["log_loss"]["value"] == pytest.approx(data.report.cv_log_loss)
        assert data.report.customers == len(data.sample.labels)
