"""Fixtures of the tests of several flows."""

import boto3
import pytest
from moto.server import ThreadedMotoServer


@pytest.fixture(scope="module")
def s3():
    """A client of a real S3 server, and the environment that sends Metaflow and tables there."""
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    url = f"http://127.0.0.1:{port}"
    client = boto3.client(
        "s3", endpoint_url=url, region_name="us-east-1",
        aws_access_key_id="key", aws_secret_access_key="secret",
    )  # fmt: skip
    client.create_bucket(Bucket="store")
    yield (
        client,
        {
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": url,
            "METAFLOW_S3_ENDPOINT_URL": url,
            "METAFLOW_S3_WORKER_COUNT": "2",  # processes for each list of artifacts, not 64
            "METAFLOW_DATASTORE_SYSROOT_S3": "s3://store/metaflow",
            "METAFLOW_KUBERNETES_NAMESPACE": "default",
        },
    )
    server.stop()
