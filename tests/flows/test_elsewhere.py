"""The same flow on S3 storage, and compiled for the schedulers of clusters."""

import http.server
import json
import os
import shutil
import subprocess
import sys
import tarfile
import threading

import pytest

from churn.metaflow_compat import start_workflow
from churn.registry.commit import git_commit
from running import ROOT, run_flow


@pytest.mark.scheduled  # `make test` runs ScoreFlow on S3
def test_runs_on_an_s3_datastore(s3, quick):
    """And tasks may be started one by one, as a cluster does."""
    command = "--datastore", "s3", "--config", "candidates", quick, "run"
    run = run_flow(*command, CHURN_WARM="0", **s3[1])
    assert run.code == 0, run.output
    assert "evaluated on 1,419 customers by hold-out" in run.output
    # A task on another machine finds the table in the datastore.
    stored = s3[0].list_objects_v2(Bucket="store", Prefix="metaflow/churn-tables/")["Contents"]
    assert [one["Key"].endswith(".parquet") for one in stored] == [True]


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


def compiled(s3, *options: str, flow: str = "churn_flow.py") -> dict:
    command = "--datastore", "s3", *options, "argo-workflows", "create", "--only-json"
    run = run_flow(*command, flow=flow, **s3[1])
    assert run.code == 0, run.output
    return json.loads(run.output[run.output.index("{") :])


def test_a_deployment_file_has_the_schedule_and_the_parameters(s3, tmp_path):
    file = tmp_path / "score.toml"
    file.write_text(
        '[schedule]\ncron = "0 6 * * *"\ntimezone = "Europe/Berlin"\n'
        '[parameters]\ndata = "s3://store/customers.parquet"\nbudget = 100\nmax-rejected = 0.1\n'
    )
    workflow = compiled(s3, "--config", "deployment", str(file), flow="score_flow.py")
    cron = json.loads(workflow["metadata"]["annotations"]["metaflow/cron"])
    assert cron == {"schedule": "0 6 * * *", "tz": "Europe/Berlin"}
    parameters = {one["name"]: one for one in workflow["spec"]["arguments"]["parameters"]}
    assert parameters["data"]["value"] == '"s3://store/customers.parquet"'
    assert parameters["budget"]["value"] == '"100"'
    assert parameters["budget"]["description"].startswith("the most customers to call")
    assert parameters["max-rejected"]["value"] == "0.1"
    assert parameters["log"]["value"] == '""'


def test_a_deployment_file_that_names_no_parameter_is_refused(s3, tmp_path):
    file = tmp_path / "score.toml"
    file.write_text("[parameters]\nbudgets = 100\n")
    run = run_flow(
        "--config", "deployment", str(file), "argo-workflows", "create", "--only-json",
        flow="score_flow.py", **s3[1],
    )  # fmt: skip
    assert run.code == 1
    assert "the flow has no --budgets" in run.output
    assert "Traceback" not in run.output


def test_every_step_on_a_cluster_is_retried_unless_the_user_is_to_act(s3):
    templates = compiled(s3, flow="monitor_flow.py")["spec"]["templates"]
    steps = [one for one in templates if "metaflow/step_name" in str(one.get("metadata"))]
    assert len(steps) == 7
    for step in steps:
        assert step["retryStrategy"]["limit"] == 2
        assert step["retryStrategy"]["expression"] == "asInt(lastRetry.exitCode) != 202"
        assert step["activeDeadlineSeconds"] <= 24 * 3600


def test_in_a_pod_an_error_of_the_user_has_the_code_that_is_not_retried(tmp_path):
    run = run_flow("run", "--output", "calls.csv", flow="score_flow.py", store=tmp_path,
                   METAFLOW_KUBERNETES_WORKLOAD="1", CHURN_WARM="0")  # fmt: skip
    assert run.code != 0
    assert "--output calls.csv: it is on the disk of this pod" in run.output
    assert "--log sqlite" in run.output
    assert "will not be retried" in run.log


def test_on_argo_a_model_is_retrained_by_its_own_workflow(tmp_path, monkeypatch):
    """The API of Kubernetes is asked for the template, and then for a workflow of it."""
    asked = []

    class Kubernetes(http.server.BaseHTTPRequestHandler):
        def answer(self, values):
            body = json.dumps(values).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self):
            asked.append(self.path)
            self.answer({"metadata": {"annotations": {"metaflow/owner": "churn"}}})

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append(body)
            self.answer({"metadata": {"name": "churnflow-x7k2p"}})

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Kubernetes) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        config = tmp_path / "kubeconfig"
        url = f"http://127.0.0.1:{server.server_port}"
        config.write_text(json.dumps(KUBECONFIG | {
            "clusters": [{"name": "here", "cluster": {"server": url}}]
        }))  # fmt: skip
        monkeypatch.setenv("KUBECONFIG", str(config))
        started = start_workflow("churnflow", {"data": "s3://store/new.parquet", "seed": 1})
        server.shutdown()
    assert started == "churnflow-x7k2p"
    assert asked[0].endswith("/workflowtemplates/churnflow")
    assert asked[1]["spec"]["workflowTemplateRef"] == {"name": "churnflow"}
    assert asked[1]["spec"]["arguments"]["parameters"] == [
        {"name": "data", "value": '"s3://store/new.parquet"'}, {"name": "seed", "value": "1"}
    ]  # fmt: skip


KUBECONFIG = {
    "apiVersion": "v1",
    "kind": "Config",
    "users": [{"name": "us", "user": {}}],
    "contexts": [{"name": "here", "context": {"cluster": "here", "user": "us"}}],
    "current-context": "here",
}


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
    script = "from churn.registry.commit import git_commit\nprint(git_commit())"
    assert in_pod(pod, script) == git_commit()
