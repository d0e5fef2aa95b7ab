"""The app around a real run, in this process and in a process of its own."""

import json

import pandas as pd
import pytest

from churn.registry.runs import fetch_run
from serve import create_app
from server_process import Server


@pytest.fixture(scope="session")
def served(telco_run):
    return fetch_run(telco_run.pathspec)


@pytest.fixture(scope="session")
def app(served, tmp_path_factory):
    state = tmp_path_factory.mktemp("state")
    return create_app({"SERVED": served, "TESTING": True, "MAX_BATCH": 100, "STATE": state})


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture(scope="session")
def customers(telco_run):
    """Real rows: some whose total charges are missing, some of each outcome."""
    frame = telco_run.data.frame
    empty = frame[frame["total_charges"].isna()].head(5)
    others = frame[~frame.index.isin(empty.index)].iloc[::150].head(45)
    return pd.concat([others, empty])


@pytest.fixture(scope="session")
def records(customers, served):
    """The rows as a program would send them: JSON, missing values as null."""
    contract = served.contract
    frame = customers[[contract.id, *contract.features]]
    return json.loads(frame.to_json(orient="records", double_precision=15))


@pytest.fixture(scope="session")
def server(telco_run, tmp_path_factory):
    log = tmp_path_factory.mktemp("serve") / "log"
    server = Server(log, CHURN_RUN=telco_run.pathspec)
    yield server.wait(path="/ready")
    server.stop()


@pytest.fixture
def start(tmp_path):
    """Start a server with other settings; it is stopped when the test ends."""
    started = []

    def begin(**environment):
        started.append(Server(tmp_path / f"log{len(started)}", **environment))
        return started[-1]

    yield begin
    for one in started:
        one.stop()
