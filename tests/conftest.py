"""Fixtures of several tests: the real tables, a real PostgreSQL, and one run of ChurnFlow."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from databases import Postgres, running_postgres
from dated import run_dated
from running import FlowRun, run_flow

# What takes a flow, a server, a database, an object store or a browser is slow, and so is what lies
# beside it; other slow tests are marked where they are.
SLOW_FIXTURES = {
    "telco_run",
    "dated_run",
    "server",
    "start",
    "postgres",
    "postgres_server",
    "s3",
    "chromium",
}
SLOW_FOLDERS = {"flows", "serve"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what `make test-fast` leaves out."""
    for item in items:
        used = set(getattr(item, "fixturenames", ()))
        if SLOW_FIXTURES & used or item.path.parent.name in SLOW_FOLDERS:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def telco_run() -> FlowRun:
    """`python flows/churn_flow.py run`, nothing said, nothing disturbed."""
    run = run_flow("run")
    assert run.code == 0, run.output
    return run


@pytest.fixture(scope="session")
def dated_run(tmp_path_factory) -> FlowRun:
    """A run on a generated table with dates, many towns and a project of its own."""
    return run_dated(tmp_path_factory.mktemp("dated"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real tables that do not ship with the project."""
    folder = os.environ.get("CHURN_TEST_DATA")
    if not folder:
        pytest.skip("CHURN_TEST_DATA does not say where the other real tables are")
    return Path(folder)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """A running PostgreSQL; who stops it starts it again."""
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def postgres(postgres_server) -> str:
    """The URL of a running PostgreSQL that asks for its password."""
    return postgres_server.url
