"""The same flow on S3 storage, and compiled for the schedulers of clusters."""

import json
import os
import shutil
import subprocess
import sys
import tarfile

import pytest

from churn.registry.lineage import git_commit
from running import ROOT, run_flow


@pytest.mark.scheduled  # `make test` runs ScoreFlow on S3
def test_runs_on_an_s3_datastore(s3, quick):
    """And tasks may be started one by one, as a cluster does."""
    command = "--datastore", "s3", "--config", "candidates", quick, "run"
    run = run_flow(*command, CHURN_WARM="0", **s3[1])
    assert run.code == 0, run.output
    assert "evaluated on 1,419 customers by hold-out" in run.output


def test_a_promotion_that_nobody_else_would_see_is_refused_before_anything_is_read(s3):
    run = run_flow("--datastore", "s3", "run", METAFLOW_RUN_PROMOTE="auto", **s3[1])
    assert run.code == 1
    assert "its artifacts are on the datastore 's3', and Metaflow's metadata is local" in run.output
    assert "METAFLOW_SERVICE_URL" in run.output
    assert "load" not in run.output


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


def test_ships_the_library_and_the_table_with_the_code(s3, tmp_path):
    """Though the library was installed when it had other modules."""
    for folder in ("churn", "flows"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("*.pyc"))
    installed = tmp_path / "churn.egg-info"
    installed.mkdir()
    (installed / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: churn\nVersion: 0.1\n")
    (installed / "SOURCES.txt").write_text("churn/__init__.py\nchurn/deleted.py\n")
    (installed / "top_level.txt").write_text("churn\n")
    flow = str(tmp_path / "flows" / "churn_flow.py")
    run = run_flow("--datastore", "s3", "package", "list", flow=flow, **s3[1])
    assert run.code == 0, run.output
    for name in (
        "churn/modeling/model.py",
        "churn/data/telco/telco.csv",
        "churn/data/telco/contract.toml",
    ):
        assert name in run.output.replace(os.sep, "/")
    assert "launch.py" in run.output


@pytest.fixture(scope="module")
def pod(s3, tmp_path_factory):
    """A code package, extracted into the folder of an image that has an older library."""
    image = tmp_path_factory.mktemp("image")
    saved = image / "job.tar"
    run = run_flow("--datastore", "s3", "package", "save", str(saved), **s3[1])
    assert run.code == 0, run.output
    (image / "churn").mkdir()
    (image / "churn" / "__init__.py").write_text("raise ImportError('the library of the image')")
    code = image / "metaflow"
    with tarfile.open(saved) as package:
        package.extractall(code, filter="data")
    return code


def in_pod(pod, script: str) -> str:
    """What a script prints that is started as Metaflow starts a task on Kubernetes."""
    environment = {
        "PATH": os.environ["PATH"], "PYTHONPATH": "./.mf_code", "METAFLOW_USER": "churn",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, '')\n{script}"], cwd=pod,
        env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_task_on_a_cluster_runs_the_packaged_library(pod):
    found = in_pod(pod, "from runtime import launch\nimport churn\nprint(churn.__file__)")
    assert found == str(pod / ".mf_code" / "churn" / "__init__.py")


def test_a_task_on_a_cluster_knows_its_commit(pod):
    script = "from churn.registry.lineage import git_commit\nprint(git_commit())"
    assert in_pod(pod, script) == git_commit()
