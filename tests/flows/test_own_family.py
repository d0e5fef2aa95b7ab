"""A family of one's own from the search file to the call list, by real flows."""

import json
import subprocess
import sys

import pandas as pd
import pytest

from churn.data.synthetic import generate_sample_data
from churn.registry.runs import fetch_run, with_scorer
from own_classifier import write_module
from running import STORE, flow_command, flow_environment, run_flow
from serve import create_app


@pytest.fixture(scope="module")
def own_run(small, tmp_path_factory):
    """A run whose only candidate is a class in the working directory."""
    write_module(STORE, "own_flow")
    space = tmp_path_factory.mktemp("space") / "own.toml"
    space.write_text('[[candidates]]\nfamily = "own_flow:Steady"\nparams = { C = 0.5 }\n')
    command = "--config", "candidates", str(space), "run", *small
    run = run_flow(*command, METAFLOW_RUN_PROMOTE="auto")
    assert run.code == 0, run.output
    return run


def test_the_run_says_what_it_costs_and_is_not_promoted_by_itself(own_run):
    assert "Not compiled, for own_flow:Steady is no family of this library" in own_run.output
    assert "scores a single customer in" in own_run.output
    assert "is the champion now" not in own_run.output
    assert own_run.data.trial.candidate.name == "Steady C=0.5"


def test_its_document_is_of_plain_values_and_its_model_scores_where_the_module_is(
    own_run, monkeypatch
):
    document = own_run.data.deployment
    assert json.loads(json.dumps(document))["scorer"]["program"] is None
    deployment = fetch_run(own_run.pathspec)
    customer = own_run.data.frame.iloc[0][list(deployment.contract.features)].to_dict()
    monkeypatch.chdir(STORE)
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert 0 < with_scorer(deployment).scorer(customer) < 1


def test_the_app_says_why_it_does_not_serve_it(own_run, tmp_path):
    app = create_app({"RUN": own_run.pathspec, "LOG": "off", "STATE": str(tmp_path)})
    answer = app.test_client().get("/ready")
    assert answer.status_code == 503
    assert "a family of one's own is not compiled; ScoreFlow" in answer.text


@pytest.mark.scheduled
def test_score_flow_ranks_and_explains_by_it(own_run, tmp_path):
    table, output = tmp_path / "customers.csv", tmp_path / "calls.csv"
    generate_sample_data(500, seed=5).drop(columns="churn").to_csv(table, index=False)
    command = flow_command(
        "run", "--run", own_run.pathspec, "--data", str(table), "--output", str(output),
        "--budget", "5", "--as-of", "2026-03-02", flow="score_flow.py",
    )  # fmt: skip
    done = subprocess.run(
        command, cwd=STORE, env=flow_environment(), capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    calls = pd.read_csv(output)
    assert (calls["arm"] == "contact").sum() == 5
    assert calls["reason_1"].notna().any()
