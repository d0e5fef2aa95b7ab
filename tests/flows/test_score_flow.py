"""ScoreFlow as a user runs it: the day's list, a kill, a champion, S3, and the schedulers."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from card_pages import check_cards
from churn.campaign.control_group import in_control
from churn.campaign.stored import CallListStore, Query
from churn.data.synthetic import generate_sample_data
from processes import of_session, wait_for
from running import ROOT, SESSION, STORE, FlowRun, flow_environment, link_runs, run_flow, start_flow

DAY = ("--as-of", "2026-03-02")
SHARDS = 8


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> Path:
    """4,000 customers in row groups of 500, three of them broken, without the target."""
    path = tmp_path_factory.mktemp("table") / "customers.parquet"
    customers = generate_sample_data(4_000, seed=5).drop(columns="churn")
    customers["tenure"] = customers["tenure"].astype(float)
    customers.loc[[10, 20, 3_000], "tenure"] = [np.nan, -1, 0.5]
    customers.to_parquet(path, row_group_size=500)
    return path


def in_shards(table: Path, output: Path) -> tuple[str, ...]:
    return ("--data", str(table), "--output", str(output), "--shard-rows", "500", *DAY)


def score(*arguments: str, **places) -> FlowRun:
    """Run ScoreFlow to its end."""
    return run_flow(*arguments, flow="score_flow.py", **places)


@pytest.fixture(scope="module")
def daily(quick_run, table, tmp_path_factory) -> tuple[FlowRun, Path]:
    """One day's list, and the run that made it."""
    folder = tmp_path_factory.mktemp("daily")
    (folder / "do_not_contact.txt").write_text("1\n2\n3\n")
    output = folder / "calls.parquet"
    run = score(
        "run", "--run", quick_run.pathspec, "--budget", "200", "--control", "0.2",
        "--do-not-contact", str(folder / "do_not_contact.txt"), *in_shards(table, output),
    )  # fmt: skip
    assert run.code == 0, run.output
    return run, output


class TestDailyList:
    def test_is_ranked_by_the_costs_of_the_run(self, daily, quick_run):
        run, output = daily
        costs = "contact cost 1.0, offer cost 10.0, acceptance 0.3, customer value 300.0"
        assert f"Ranked by a {costs}: those of {quick_run.pathspec}." in run.output
        calls = pd.read_parquet(output)
        assert np.allclose(calls["value_at_risk"], 300 * calls["probability"])

    def test_has_the_budget_s_calls_by_this_model_and_a_control_group(
        self, daily, quick_run, table
    ):
        run, output = daily
        calls = pd.read_parquet(output)
        assert (calls["arm"] == "contact").sum() == 200
        control = in_control(calls["customer_id"], "retention", 0.2)
        assert ((calls["arm"] == "control") == control).all()
        assert control.any()
        customers = pd.read_parquet(table)
        customers = customers.set_index(customers["customer_id"].astype(str))
        chance = quick_run.model.predict_proba(customers.loc[calls["customer_id"]])[:, 1]
        np.testing.assert_allclose(calls["probability"], chance, rtol=0, atol=1e-9)
        assert set(calls["run"]) == {quick_run.pathspec}
        assert calls["reason_1"].notna().all()
        assert "200 to call" in run.output

    def test_tells_of_the_rows_that_were_set_aside(self, daily):
        found = artifacts(daily[0]).call_list
        assert found.counts["customers"] == 4_000
        assert found.counts["rejected"] == 3
        assert found.counts["do_not_contact"] == 3
        assert found.rejected.index.tolist() == [11, 21, 3_001]
        assert found.problems["column"].tolist() == ["tenure"] * 3

    def test_its_predictions_are_in_the_log_and_monitor_flow_examines_them(self, daily, quick_run):
        assert "3,997 predictions are in the prediction log sqlite:///" in daily[0].output
        looked = run_flow(
            "run", "--run", quick_run.pathspec, "--as-of", "2026-03-05", flow="monitor_flow.py"
        )
        assert looked.code in (0, 3), looked.output
        found = re.search(r"MonitorFlow/(\d+)", looked.output)[1]
        from metaflow import Run, namespace

        namespace(None)
        assert Run(f"MonitorFlow/{found}").data.drift.customers == 3_997

    def test_is_made_in_shards(self, daily):
        run, _ = daily
        assert len(re.findall(r"/score/\d+ .*Task is starting", run.log)) == SHARDS

    def test_has_a_card(self, daily):
        from metaflow import Step, namespace
        from metaflow.cards import get_cards

        namespace(None)
        (card,) = get_cards(Step(f"{pathspec(daily[0])}/rank").task, id="calls")
        shown = str(card.get_data())
        for text in (
            "Whom to call: retention",
            "The list of 2026-03-02",
            "the riskiest",
            "at random",
            "vegaChart",
        ):
            assert text in shown

    @pytest.mark.scheduled
    def test_its_card_can_be_read_on_any_screen(self, daily, chromium, tmp_path):
        check_cards(pathspec(daily[0]), chromium, tmp_path / "cards", {"calls"})


@pytest.fixture(scope="module")
def resumed(daily, quick_run, table, tmp_path_factory) -> tuple[FlowRun, Path, int]:
    """The same list by a run that was killed among its shards, and how many had been scored."""
    folder = tmp_path_factory.mktemp("resumed")
    (folder / "do_not_contact.txt").write_text("1\n2\n3\n")
    output = folder / "calls.parquet"
    process = start_flow(
        "--verbose", "run", "--max-workers", "1", "--run", quick_run.pathspec, "--budget", "200",
        "--control", "0.2", "--do-not-contact", str(folder / "do_not_contact.txt"),
        *in_shards(table, output), flow="score_flow.py",
    )  # fmt: skip
    finished = 0
    for line in process.stdout:
        finished += bool(re.search(r"/score/\d+ .*Task finished", line))
        if finished == 3:
            break
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    wait_for(lambda: not of_session(process.pid))
    assert not output.exists()
    run = score("resume")
    assert run.code == 0, run.output
    return run, output, finished


@pytest.mark.scheduled  # `make test` kills and resumes ChurnFlow
class TestKilledAndResumed:
    def test_repeats_only_what_is_missing(self, resumed):
        run, _, finished = resumed
        again = re.findall(r"/(start|score)/\d+ .*Task is starting", run.log)
        assert set(again) == {"score"}
        assert len(again) <= SHARDS - finished

    def test_gives_the_same_bytes(self, daily, resumed):
        assert resumed[1].read_bytes() == daily[1].read_bytes()


@pytest.fixture
def store(quick_run, tmp_path) -> Path:
    """A store with the run and no champion; artifacts are found where they were."""
    return link_runs(STORE, tmp_path, [quick_run.pathspec])


def test_the_champion_scores_and_everyone_may_be_written(store, quick_run, daily, table):
    arguments = ("run", "--data", str(table), "--output", "all.csv", "--everyone", *DAY)
    before = score(*arguments, store=store)
    assert before.code != 0
    assert "There is no champion yet" in before.output
    assert "Traceback" not in before.output
    subprocess.run(
        [sys.executable, "-m", "churn", "promote", quick_run.pathspec, "--why", "the first"],
        cwd=store, check=True, capture_output=True,
        env=flow_environment(PYTHONPATH=str(ROOT), METAFLOW_DATASTORE_SYSROOT_LOCAL=str(store)),
    )  # fmt: skip
    after = score(*arguments, "--budget", "50", "--control", "0.2", store=store)
    assert after.code == 0, after.output
    everyone = pd.read_csv(store / "all.csv")
    assert len(everyone) == 3_997
    assert everyone["arm"].value_counts()["contact"] == 50
    assert set(everyone["run"]) == {quick_run.pathspec}
    # The control group is the one of every other run.
    control = set(everyone["customer_id"][everyone["arm"] == "control"].astype(str))
    other = pd.read_parquet(daily[1])
    assert control <= set(other["customer_id"][other["arm"] == "control"])


class TestFailures:
    def test_settings_out_of_range_are_all_named(self):
        run = score("run", "--budget", "0", "--control", "2", "--output", "x.xls", "--as-of", "now")
        assert run.code != 0
        for name in ("--budget", "--control", "--output", "--as-of"):
            assert f"{name} " in run.output
        assert "Traceback" not in run.output

    def test_a_table_that_breaks_its_contract_stops_the_run_without_a_list(
        self, quick_run, tmp_path
    ):
        table = generate_sample_data(1_000).drop(columns="churn").assign(tenure=999)
        table.to_csv(tmp_path / "broken.csv", index=False)
        output = tmp_path / "calls.csv"
        run = score(
            "run", "--run", quick_run.pathspec, "--data", str(tmp_path / "broken.csv"),
            "--output", str(output),
        )  # fmt: skip
        assert run.code != 0
        assert "100.0% of the rows break the contract" in run.output
        assert "tenure: above 120 (1,000 rows; row 1: '999'" in run.output
        assert "Traceback" not in run.output
        assert not output.exists()


class TestContactDetails:
    """The contract of the run keeps name and phone."""

    def run(self, dated_run, folder, *arguments: str) -> FlowRun:
        return score(
            "run", "--run", dated_run.pathspec, "--budget", "20", "--log",
            f"sqlite:///{folder}/log.db", "--output", str(folder / "calls.csv"), *arguments,
        )  # fmt: skip

    def test_of_the_contract_are_on_the_list(self, dated_run, tmp_path):
        customers = SESSION / "dated" / "customers.csv"
        run = self.run(dated_run, tmp_path, "--data", str(customers))
        assert run.code == 0, run.output
        assert re.search(
            r"customers are on the list \S+ with name, phone, in sqlite:///", run.output
        )
        table = pd.read_csv(customers, dtype=str).set_index("customer")
        with CallListStore(f"sqlite:///{tmp_path}/log.db") as store:
            rows = list(store.every(store.lists()[0].list_id, Query()))
        assert rows
        for row in rows:
            assert row.contact == table.loc[row.customer, ["name", "phone"]].to_dict()
            assert not {"name", "phone"} & {*row.features}

    def test_that_the_table_lacks_are_named_at_once(self, dated_run, tmp_path):
        customers = tmp_path / "customers.csv"
        table = pd.read_csv(SESSION / "dated" / "customers.csv", dtype=str)
        table.drop(columns=["name", "phone", "fee"]).to_csv(customers, index=False)
        run = self.run(dated_run, tmp_path, "--data", str(customers))
        assert run.code != 0
        for name in ("name", "phone", "fee"):
            assert f"{name}: the column is missing" in run.output
        assert "Traceback" not in run.output
        assert not (tmp_path / "calls.csv").exists()


class TestElsewhere:
    @pytest.mark.scheduled
    def test_tables_lists_and_artifacts_may_be_on_s3(self, s3, quick_run, daily, table):
        client, environment = s3
        client.upload_file(str(table), "store", "in/customers.parquet")
        client.put_object(Bucket="store", Key="in/do_not_contact.txt", Body=b"1\n2\n3\n")
        run = score(
            "--datastore", "s3", "run", "--run", quick_run.pathspec, "--budget", "200",
            "--control", "0.2", "--do-not-contact", "s3://store/in/do_not_contact.txt",
            "--data", "s3://store/in/customers.parquet", "--shard-rows", "2000", *DAY,
            "--output", "s3://store/out/calls.parquet", **environment,
        )  # fmt: skip
        assert run.code == 0, run.output
        written = client.list_objects_v2(Bucket="store", Prefix="out/")["Contents"]
        assert [entry["Key"] for entry in written if entry["Size"]] == ["out/calls.parquet"]
        body = client.get_object(Bucket="store", Key="out/calls.parquet")["Body"].read()
        assert body == daily[1].read_bytes()

    def test_compiles_to_argo_workflows(self, s3):
        run = score("--datastore", "s3", "argo-workflows", "create", "--only-json", **s3[1])
        assert run.code == 0, run.output
        workflow = json.loads(run.output[run.output.index("{") :])
        names = {template["name"] for template in workflow["spec"]["templates"]}
        assert {"start", "score", "rank", "end"} <= names

    def test_compiles_to_airflow(self, s3, tmp_path):
        dag = tmp_path / "dag.py"
        run = score("--datastore", "s3", "airflow", "create", str(dag), **s3[1])
        assert run.code == 0, run.output
        compile(dag.read_text(), dag, "exec")
        assert "rank" in dag.read_text()


def pathspec(run: FlowRun) -> str:
    return "ScoreFlow/" + re.search(r"Flow/(\d+)", run.output)[1]


def artifacts(run: FlowRun):
    from metaflow import Run, namespace

    namespace(None)
    return Run(pathspec(run)).data
