"""MonitorFlow as a user runs it: on a real log, to a verdict that is sent."""

import http.server
import json
import re
import threading
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from card_pages import check_cards
from churn.campaign.stored import CallListStore, ListedCustomer, StoredList
from churn.data.parsing import labels, parse_features
from churn.data.readers import load_table
from churn.feedback.outcomes import Outcome, OutcomeStore
from churn.feedback.prediction_log import Prediction, PredictionLog
from churn.feedback.reports import SAVINGS, VERDICT, ReportStore
from churn.monitoring.inputs import read_reference
from churn.registry.runs import fetch_run
from churn.scoring.export.models import records
from running import FlowRun, run_flow

LOOKED = "2026-04-05"


@dataclass(frozen=True)
class Season:
    """A log of two months, and where what then happened is written down."""

    url: str
    outcomes: Path


@pytest.fixture(scope="module")
def season(quick_run, tmp_path_factory) -> Season:
    """January's customers are as always; in March nobody's tenure arrives.

    Of one half of January's the outcomes are in a table, of the others in the database.
    """
    folder = tmp_path_factory.mktemp("season")
    data = quick_run.data
    deployment = fetch_run(quick_run.pathspec)
    rng = np.random.default_rng(0)
    url = f"sqlite:///{folder / 'log.db'}"
    asked, left = {}, {}
    for month in (1, 3):
        rows = data.frame.iloc[rng.choice(len(data.frame), 1_000, replace=False)]
        typed = parse_features(rows, deployment.contract)
        if month == 3:
            typed = typed.assign(tenure=np.nan)
        asked |= {f"{month}-{i}": record for i, record in enumerate(records(typed))}
        left |= {f"{month}-{i}": out for i, out in enumerate(labels(rows, deployment.contract))}
    start = datetime(2026, 1, 8, tzinfo=UTC)
    with PredictionLog(url) as log:
        log.add(
            [
                Prediction(
                    key, start.replace(month=int(key[0])) + timedelta(seconds=i),
                    deployment.run, key, deployment.scorer(record), False, 0.5, record,
                )
                for i, (key, record) in enumerate(asked.items())
            ]
        )  # fmt: skip
    happened = [
        Outcome(key, date(2026, 1, 20) if out else date(2026, 2, 20), bool(out), start)
        for key, out in left.items()
        if key.startswith("1-")
    ]
    with OutcomeStore(url) as store:
        store.add(happened[:500])
    with CallListStore(url) as store:
        store.add(*stored_list(data))
    table = folder / "outcomes.csv"
    rest = pd.DataFrame(happened[500:])[["customer", "date", "left"]]
    rest.rename(columns={"customer": deployment.contract.id}).to_csv(table, index=False)
    return Season(url, table)


def stored_list(data) -> tuple[StoredList, list[ListedCustomer]]:
    """The list of `call_list`, as ScoreFlow stores it in the log, by a model of an older table."""
    header = StoredList(
        list_id="list", created_at=datetime.now(UTC), as_of=date(2026, 3, 1), campaign="spring",
        run="ChurnFlow/1", policy="risk", policy_version="", currency="", key=data.contract.id,
        counts={}, expected={}, notes=[],
    )  # fmt: skip
    rows = [
        ListedCustomer(
            list_id="list",
            customer=name,
            rank=place,
            control=place > 40,
            stratum="list",
            eligible=None,
            action=None,
            propensity=0.2 if place > 40 else 0.8,
            weight=1.0,
            features={},
            probability=0.5,
            value_at_risk=100.0,
            net_benefit=1.0,
            net_benefit_low=0.0,
            net_benefit_high=2.0,
            reasons=[],
            best_action=None,
            segment=None,
            contact={},
            agent=None,
        )
        for place, name in enumerate(data.frame[data.contract.id].head(50), start=1)
    ]
    return header, rows


def monitor(*arguments: str, **environment: str) -> FlowRun:
    """Run MonitorFlow to its end."""
    return run_flow(*arguments, flow="monitor_flow.py", **environment)


def artifacts(run: FlowRun):
    from metaflow import Run, namespace

    namespace(None)
    return Run("MonitorFlow/" + re.search(r"Flow/(\d+)", run.output)[1]).data


@pytest.fixture(scope="module")
def hook():
    """A server that is told verdicts: its URL, and what it got."""
    got = []

    class Hook(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/hook", got
        server.shutdown()


def left_out_by_the_log(pathspec: str) -> None:
    """No call list was named: the log knows who was called, and the card says it."""
    from metaflow import Run, Step, namespace
    from metaflow.cards import get_cards

    namespace(None)
    new = Run(pathspec).data
    assert new.called.called == (new.split == "called").sum() == 40
    assert new.called.control == (new.weights == 5).sum() == 10
    # Drift compares with all customers, called ones too: they are scored later as well.
    reference, _ = read_reference(fetch_run(pathspec))
    others = np.isin(new.split, ["holdout", "called"]).sum()
    assert len(reference.probabilities) == len(new.sample.rows) + others
    (card,) = get_cards(Step(f"{pathspec}/validate").task, id="data")
    shown = str(card.get_data())
    assert "40 customers are left out because they were called" in shown
    assert "50 rows of call lists are known from the log" in shown


def call_list(quick_run: FlowRun, path: Path) -> Path:
    """A list of fifty customers of the table, ten of them of the control group."""
    ids = quick_run.data.frame[quick_run.data.contract.id].head(50)
    arms = ["contact"] * 40 + ["control"] * 10
    calls = pd.DataFrame({"id": ids, "arm": arms, "probability": 0.5, "value_at_risk": 100.0})
    calls.assign(campaign="spring", as_of="2026-03-01").to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def newest(quick_run, tmp_path_factory) -> str:
    """A table to train anew on: of the same customers the first 2,000, which takes half as long."""
    path = tmp_path_factory.mktemp("newest") / "newest.csv"
    load_table("telco").head(2_000).to_csv(path, index=False)
    return str(path)


@pytest.fixture(scope="module")
def march(quick_run, season, hook, newest, tmp_path_factory) -> tuple[FlowRun, Path]:
    """A look at the broken month, with everything one may ask for, and its metrics file."""
    metrics = tmp_path_factory.mktemp("metrics") / "churn.prom"
    run = monitor(
        "run", "--calls", str(call_list(quick_run, metrics.with_name("calls.csv"))),
        "--run", quick_run.pathspec, "--log", season.url, "--as-of", LOOKED,
        "--outcomes", str(season.outcomes), "--metrics-file", str(metrics), "--webhook", hook[0],
        "--retrain", "--data", newest,
    )  # fmt: skip
    return run, metrics


class TestBrokenMonth:
    def test_ends_with_the_code_for_retrain_and_says_why(self, march):
        run, _ = march
        assert run.code == 4, run.output
        assert "tenure: missing in 100.0%, was 0.0%; the column is broken" in run.output

    def test_grades_january_by_the_table_and_the_database_together(self, march):
        quality = artifacts(march[0]).quality
        january, march_ = quality.cohorts.to_dict("records")
        assert (january["cohort"], january["state"], january["known"]) == (
            "2026-01", "evaluated", 1_000,
        )  # fmt: skip
        assert january["roc_auc"] > 0.8
        assert march_["state"] == "waiting"
        assert np.isnan(march_["roc_auc"])

    def test_keeps_the_verdict_and_the_results_where_the_app_shows_them(self, march, season):
        run, _ = march
        with ReportStore(season.url) as store:
            (verdict,), (savings,) = store.latest(VERDICT), store.latest(SAVINGS)
        assert (verdict.body["verdict"], str(verdict.as_of)) == ("retrain", LOOKED)
        assert any("tenure" in reason["text"] for reason in verdict.body["reasons"])
        (january,) = verdict.body["cohorts"]
        quality = artifacts(run).quality.cohorts.iloc[0]
        assert january["metrics"]["roc_auc"]["value"] == quality["roc_auc"]
        (campaign,) = savings.body["campaigns"]
        called = artifacts(run).calls["arm"] == "contact"
        assert campaign["total"]["contact"]["drawn"] == called.sum()

    def test_has_a_card_with_the_verdict_and_evidently_s_report(self, march):
        from metaflow import Step, namespace
        from metaflow.cards import get_cards

        namespace(None)
        name = re.search(r"Flow/(\d+)", march[0].output)[1]
        (card,) = get_cards(Step(f"MonitorFlow/{name}/judge").task, id="monitor")
        shown = str(card.get_data())
        for text in (
            "retrain: ChurnFlow/",
            "The model should be replaced",
            "Did what was predicted happen?",
        ):
            assert text in shown
        assert "srcdoc=" not in shown
        (card,) = get_cards(Step(f"MonitorFlow/{name}/end").task, id="evidently")
        assert "srcdoc=" in str(card.get_data())
        page = artifacts(march[0]).evidently
        assert "tenure: missing" in page

    @pytest.mark.scheduled
    def test_its_cards_can_be_read_on_any_screen(self, march, chromium, tmp_path):
        run = re.search(r"MonitorFlow/\d+", march[0].output)[0]
        check_cards(run, chromium, tmp_path / "cards", {"monitor", "evidently"})

    def test_trains_anew_with_the_same_settings_and_leaves_the_rest_to_the_gate(self, march):
        run = artifacts(march[0])
        assert re.fullmatch(r"ChurnFlow/\d+", run.retrained)
        from metaflow import Run

        new = Run(run.retrained)
        assert new.successful
        assert [candidate.family for candidate in new.data.candidates] == ["logistic"]
        assert new.data.decision.checks
        # Whom it was told were called are not trained on.
        assert new.data.called.called == 40
        assert (new.data.split == "called").sum() == 40

    def test_tells_the_webhook_and_prometheus(self, march, hook):
        run, metrics = march
        (message,) = hook[1]
        assert message["verdict"] == "retrain"
        assert message["retrained"] == artifacts(run).retrained
        assert message["reasons"][0]["text"].startswith("tenure: missing")
        assert re.search(r'churn_monitor_verdict\{run="ChurnFlow/\d+"\} 2\.0', metrics.read_text())


@pytest.mark.scheduled
def test_the_log_s_own_lists_are_left_out_where_none_is_named(quick_run, season, newest):
    run = monitor(
        "run", "--run", quick_run.pathspec, "--log", season.url, "--as-of", LOOKED,
        "--months", "1", "--data", newest, "--retrain",
    )  # fmt: skip
    assert run.code == 4, run.output
    left_out_by_the_log(artifacts(run).retrained)


def test_an_ordinary_month_ends_with_zero(quick_run, season):
    run = monitor(
        "run", "--run", quick_run.pathspec, "--since", "2026-01-01", "--until", "2026-02-01",
        "--as-of", LOOKED, CHURN_LOG=season.url,
    )  # fmt: skip
    assert run.code == 0, run.output
    found = artifacts(run)
    assert found.verdict.verdict == "ok"
    assert found.drift.customers == 1_000
    assert found.quality.cohorts["state"].tolist() == ["evaluated", "waiting"]
    assert found.retrained is None


def test_a_webhook_that_fails_fails_the_run_after_everything_is_stored(quick_run, season, tmp_path):
    metrics = tmp_path / "churn.prom"
    run = monitor(
        "run", "--run", quick_run.pathspec, "--log", season.url, "--as-of", LOOKED,
        "--webhook", "http://127.0.0.1:9/secret", "--metrics-file", str(metrics),
    )  # fmt: skip
    assert run.code == 1
    assert "The webhook 127.0.0.1:9 was not notified" in run.output
    assert "Traceback" not in run.output
    assert metrics.exists()
    from metaflow import Step, namespace

    namespace(None)
    name = re.search(r"Flow/(\d+)", run.output)[1]
    assert Step(f"MonitorFlow/{name}/judge").task.data.verdict.verdict == "retrain"


def test_a_model_without_predictions_is_not_ok(quick_run, season):
    """A verdict with nothing to examine is one of its own."""
    run = monitor(
        "run", "--run", quick_run.pathspec, "--log", season.url, "--as-of", "2025-06-01",
        "--until", "2025-06-01",
    )  # fmt: skip
    assert run.code == 5, run.output
    assert f"{quick_run.pathspec}: insufficient data" in run.output
    assert "Too few to compare: 0 customers" in run.output


def test_settings_and_logs_that_cannot_be_used_are_told(quick_run, tmp_path):
    run = monitor("run", "--as-of", "now", "--horizon", "0", "--retrain")
    assert run.code == 1
    for name in ("--as-of now", "--horizon 0", "--retrain needs --data"):
        assert name in run.output
    empty = f"sqlite:///{tmp_path / 'empty.db'}"
    run = monitor("run", "--run", quick_run.pathspec, "--log", empty)
    assert run.code == 1
    assert "There are no predictions in" in run.output
    assert "Traceback" not in run.output


class TestElsewhere:
    def test_compiles_to_argo_workflows(self, s3):
        run = monitor("--datastore", "s3", "argo-workflows", "create", "--only-json", **s3[1])
        assert run.code == 0, run.output
        workflow = json.loads(run.output[run.output.index("{") :])
        names = {template["name"] for template in workflow["spec"]["templates"]}
        assert {"start", "read", "compare", "evaluate", "judge", "retrain", "end"} <= names

    def test_compiles_to_airflow(self, s3, tmp_path):
        dag = tmp_path / "dag.py"
        run = monitor("--datastore", "s3", "airflow", "create", str(dag), **s3[1])
        assert run.code == 0, run.output
        compile(dag.read_text(), dag, "exec")
