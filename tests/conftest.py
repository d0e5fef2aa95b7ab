"""Fixtures of several tests: the real tables, a real PostgreSQL, and one run of ChurnFlow."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from churn.data.synthetic import generate_sample_data
from databases import Postgres, running_postgres
from dated import run_dated
from running import OURS, QUICK, SESSION, FlowRun, once, run_flow

# How long an example takes says more about the machine than about the code.
hypothesis.settings.register_profile("churn", deadline=None)
hypothesis.settings.load_profile("churn")
# What takes a flow, a server, a database, an object store or a browser is slow, and so is what lies
# beside it; other slow tests are marked where they are.
SLOW_FIXTURES = {
    "telco_run", "quick_run", "dated_run", "runs", "server", "start", "postgres",
    "postgres_server", "s3", "chromium",
}  # fmt: skip
SLOW_FOLDERS = {"flows", "serve"}
LONGEST_FILES = {"test_docs.py", "test_churn_flow.py", "test_monitor_flow.py", "test_score_flow.py"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what `make test-fast` leaves out, and put the longest files first.

    So no process of pytest-xdist is at a long file when the others have nothing left to do.
    """
    items.sort(key=lambda item: item.path.name not in LONGEST_FILES)
    for item in items:
        used = set(getattr(item, "fixturenames", ()))
        if SLOW_FIXTURES & used or item.path.parent.name in SLOW_FOLDERS:
            item.add_marker(pytest.mark.slow)


def pytest_unconfigure() -> None:
    """Remove the runs, in the background: some disks take milliseconds to remove a file."""
    if OURS:
        os.posix_spawnp("rm", ["rm", "-rf", str(SESSION)], os.environ)


def finished(*arguments: str) -> FlowRun:
    run = run_flow(*arguments)
    assert run.code == 0, run.output
    return run


@pytest.fixture(scope="session")
def telco_run() -> FlowRun:
    """`python flows/churn_flow.py run`, nothing said, nothing disturbed."""
    return once("telco", lambda: finished("run"))


@pytest.fixture(scope="session")
def quick() -> str:
    """A search that takes no time."""
    path = SESSION / "quick.toml"
    once("search", lambda: path.write_text(QUICK))
    return str(path)


@pytest.fixture(scope="session")
def small() -> tuple[str, ...]:
    """Options of a run on 1,500 generated customers, which takes half as long as one on Telco."""
    path = SESSION / "small.csv"
    table = generate_sample_data(1_500, seed=7)
    # Ids of no other test: whoever is on a call list of the session is not trained on.
    table["customer_id"] = "S" + table["customer_id"].astype(str)
    once("small", lambda: table.to_csv(path, index=False))
    return "--data", str(path), "--id", "customer_id", "--target", "churn"


@pytest.fixture(scope="session")
def quick_run(quick) -> FlowRun:
    """A finished run of that search, of customers who are worth 300 each."""
    command = "--config", "candidates", quick, "run", "--customer-value", "300"
    return once("quick", lambda: finished(*command))


@pytest.fixture(scope="session")
def dated_run() -> FlowRun:
    """A run on a generated table with dates, many towns and a project of its own."""
    return once("dated", lambda: run_dated(SESSION / "dated"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real tables that do not ship with the project."""
    folder = os.environ.get("CHURN_TEST_DATA")
    if not folder:
        pytest.skip("CHURN_TEST_DATA does not say where the other real tables are")
    return Path(folder)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a real browser."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if not path:
        pytest.skip("no chromium on PATH")
    return path


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """A running PostgreSQL; who stops it starts it again."""
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def postgres(postgres_server) -> str:
    """The URL of a running PostgreSQL that asks for its password."""
    return postgres_server.url
