"""The same flow on S3 storage, and compiled for the schedulers of clusters."""

import json
import os

from running import run_flow


def test_runs_on_an_s3_datastore(s3, tmp_path):
    space = tmp_path / "space.toml"
    space.write_text('[[candidates]]\nfamily = "logistic"\n[[candidates]]\nfamily = "splines"\n')
    run = run_flow("--datastore", "s3", "--config", "candidates", str(space), "run", **s3[1])
    assert run.code == 0, run.output
    assert "evaluated on 1,419 customers by hold-out" in run.output


def test_compiles_to_argo_workflows(s3):
    run = run_flow("--datastore", "s3", "argo-workflows", "create", "--only-json", **s3[1])
    assert run.code == 0, run.output
    workflow = json.loads(run.output[run.output.index("{") :])
    names = {template["name"] for template in workflow["spec"]["templates"]}
    assert {"load", "validate", "featurize", "train", "pick-best", "evaluate"} <= names


def test_compiles_to_airflow(s3, tmp_path):
    dag = tmp_path / "dag.py"
    run = run_flow("--datastore", "s3", "airflow", "create", str(dag), **s3[1])
    assert run.code == 0, run.output
    compile(dag.read_text(), dag, "exec")
    assert all(step in dag.read_text() for step in ("featurize", "pick_best", "evaluate"))


def test_ships_the_library_and_the_table_with_the_code(s3):
    run = run_flow("--datastore", "s3", "package", "list", **s3[1])
    assert run.code == 0, run.output
    for name in (
        "churn/modeling/model.py",
        "churn/data/telco/telco.csv",
        "churn/data/telco/contract.toml",
    ):
        assert name in run.output.replace(os.sep, "/")
    assert "launch.py" in run.output
