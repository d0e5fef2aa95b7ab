"""The same flow on S3 storage, and compiled for the schedulers of clusters."""

import json
import os

import boto3
import pytest
from moto.server import ThreadedMotoServer

from running import run_flow


@pytest.fixture(scope="module")
def s3():
    """A real S3 server, and the environment that sends Metaflow there."""
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    url = f"http://127.0.0.1:{port}"
    secrets = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
    client = boto3.client(
        "s3", endpoint_url=url, region_name="us-east-1",
        aws_access_key_id="key", aws_secret_access_key="secret",
    )  # fmt: skip
    client.create_bucket(Bucket="store")
    yield secrets | {
        "AWS_DEFAULT_REGION": "us-east-1",
        "METAFLOW_S3_ENDPOINT_URL": url,
        "METAFLOW_DATASTORE_SYSROOT_S3": "s3://store/metaflow",
        "METAFLOW_KUBERNETES_NAMESPACE": "default",
    }
    server.stop()


def test_runs_on_an_s3_datastore(s3, tmp_path):
    space = tmp_path / "space.toml"
    space.write_text('[[candidates]]\nfamily = "logistic"\n[[candidates]]\nfamily = "splines"\n')
    run = run_flow("--datastore", "s3", "--config", "candidates", str(space), "run", **s3)
    assert run.code == 0, run.output
    assert "judged on 1,419 customers by hold-out" in run.output


def test_compiles_to_argo_workflows(s3):
    run = run_flow("--datastore", "s3", "argo-workflows", "create", "--only-json", **s3)
    assert run.code == 0, run.output
    workflow = json.loads(run.output[run.output.index("{") :])
    names = {template["name"] for template in workflow["spec"]["templates"]}
    assert {"load", "validate", "featurize", "train", "pick-best", "evaluate"} <= names


def test_compiles_to_airflow(s3, tmp_path):
    dag = tmp_path / "dag.py"
    run = run_flow("--datastore", "s3", "airflow", "create", str(dag), **s3)
    assert run.code == 0, run.output
    compile(dag.read_text(), dag, "exec")
    assert all(step in dag.read_text() for step in ("featurize", "pick_best", "evaluate"))


def test_ships_the_library_and_the_table_with_the_code(s3):
    run = run_flow("--datastore", "s3", "package", "list", **s3)
    assert run.code == 0, run.output
    for name in ("churn/model.py", "churn/data/telco/telco.csv", "churn/data/telco/contract.toml"):
        assert name in run.output.replace(os.sep, "/")
    assert "launch.py" in run.output
