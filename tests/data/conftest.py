"""Fixtures of the tests of churn.data: a real S3, and Telco."""

import pytest

from churn.data.contract import Contract
from churn.data.readers import TELCO, load_table
from churn.data.validation import validate_data


@pytest.fixture(scope="session")
def telco_table():
    return load_table("telco")


@pytest.fixture(scope="session")
def telco_contract():
    return Contract.read(TELCO / "contract.toml")


@pytest.fixture(scope="session")
def telco_clean(telco_table, telco_contract):
    return validate_data(telco_table, telco_contract).frame


@pytest.fixture(scope="module")  # no longer: it changes the environment
def bucket():
    """A bucket of a running S3 server that the environment points to; `put(key, path)` fills it."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        with pytest.MonkeyPatch.context() as patch:
            for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
                patch.delenv(name, raising=False)
            for name, value in {
                "AWS_ENDPOINT_URL": f"http://{host}:{port}",
                "AWS_ACCESS_KEY_ID": "testing",
                "AWS_SECRET_ACCESS_KEY": "testing",
                "AWS_DEFAULT_REGION": "us-east-1",
                "AWS_EC2_METADATA_DISABLED": "true",
                "NO_PROXY": host,
            }.items():
                patch.setenv(name, value)
            s3 = boto3.client("s3")
            s3.create_bucket(Bucket="customers")
            yield lambda key, path: s3.upload_file(str(path), "customers", key)
    finally:
        server.stop()
