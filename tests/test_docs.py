"""Every command of README and docs runs as it is written, in order, in a copy of the project.

The info string of a fence has the requirements of a block: `server` stays up until the next one,
`tables` needs the public tables, `exits: 3 4` may also end with these codes, and `not-run: why` is
not run. `make test` runs README's and CONTRIBUTING's, `make test-scheduled` all of them.
"""

import argparse
import csv
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from churn.__main__ import make_parser
from processes import free_port, of_session, wait_for
from serve.settings import Settings

ROOT = Path(__file__).parents[1]
FENCE = re.compile(r"^```(\S*)[ ]?(.*?)\n(.*?)^```$", re.S | re.M)
LINK = re.compile(r"\]\(([^)#:]+)\)|<img src=\"([^\"]+)\"")
SECTION = re.compile(r"\]\(([^)#:]*)#([^)]+)\)")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/**/*.md"))]
# What the processes of one server or run tell each other; nobody else sets them.
INTERNAL = {"CHURN_INSTANCE", "CHURN_WARM_ADDRESS"}


@dataclass(frozen=True)
class Block:
    """A block of shell commands on a page."""

    page: str
    line: int
    needs: str
    text: str

    @property
    def name(self) -> str:
        return f"{self.page}:{self.line}"


def blocks_of(page: Path) -> list[Block]:
    text = page.read_text("utf-8")
    return [
        Block(str(page.relative_to(ROOT)), text[: m.start()].count("\n") + 1, m[2], m[3])
        for m in FENCE.finditer(text)
        if m[1] == "sh"
    ]


BLOCKS = [block for page in PAGES for block in blocks_of(page)]


def why_not(block: Block) -> str:
    """Why a block is not run; empty where it is."""
    if block.needs.startswith("not-run:"):
        return block.needs
    if "tables" in block.needs and not os.environ.get("CHURN_TEST_DATA"):
        return "CHURN_TEST_DATA does not say where the public tables are"
    return ""


# The commands of docs/ take minutes together.
MARKS = {"docs": [pytest.mark.scheduled]}


@dataclass
class Workplace:
    """A copy of the project in which the commands run."""

    folder: Path
    environment: dict[str, str]
    port: int
    server: subprocess.Popen | None = None
    done: set[str] = field(default_factory=set)

    def do(self, block: Block) -> None:
        """Run a block, or start its server; README's blocks come before those of other pages."""
        if not block.page.startswith("README"):
            for one in BLOCKS:
                if one.page.startswith("README") and one.name not in self.done and not why_not(one):
                    self.do(one)
        self.done.add(block.name)
        if block.needs == "server":
            self.serve(block)
            return
        run = self.run(block)
        allowed = {0, *map(int, re.findall(r"\d+", block.needs.partition("exits:")[2]))}
        assert run.returncode in allowed, f"{block.text}\n{run.stdout[-3000:]}"
        assert "Traceback" not in run.stdout, run.stdout[-3000:]

    def run(self, block: Block) -> subprocess.CompletedProcess:
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", self.text_of(block)], cwd=self.folder,
            env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=400,
        )  # fmt: skip

    def serve(self, block: Block) -> None:
        self.stop()
        self.server = subprocess.Popen(
            ["bash", "-c", f"exec {self.text_of(block)}"], cwd=self.folder, env=self.environment,
            start_new_session=True,
        )  # fmt: skip
        wait_for(self._is_ready, 60, lambda: f"{block.name}: the server is not ready")

    def _is_ready(self) -> bool:
        assert self.server.poll() is None, "the server has ended"
        try:
            with urllib.request.urlopen(f"http://localhost:{self.port}/ready", timeout=5):
                return True
        except OSError:
            return False

    def stop(self) -> None:
        """End the server with all its processes, whose port the next one wants."""
        if self.server is not None:
            os.killpg(self.server.pid, signal.SIGTERM)
            self.server.wait(30)
            wait_for(lambda: not of_session(self.server.pid))
            self.server = None

    def text_of(self, block: Block) -> str:
        return block.text.replace("8000", str(self.port)).strip()


def add_outcomes(folder: Path) -> None:
    """The tables that a reader has of their own: who of the customers left until yesterday."""
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    with (ROOT / "churn" / "data" / "telco" / "telco.csv").open() as telco:
        rows = [
            f"{row['customer_id']},{yesterday},{row['churn'].lower()}"
            for row in csv.DictReader(telco)
        ]
    for name in ("left.csv", "outcomes.csv"):
        (folder / name).write_text("\n".join(["customer_id,date,churned", *rows]) + "\n")


@pytest.fixture(scope="module")
def workplace(tmp_path_factory) -> Iterator[Workplace]:
    folder = tmp_path_factory.mktemp("docs") / "churn"
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, target)
    (folder / ".venv").symlink_to(sys.prefix)
    for name in ("requirements.lock", "tests/requirements.lock", "pyproject.toml"):
        os.utime(folder / name, (0, 0))  # what is installed is newer, so make installs nothing
    tables = os.environ.get("CHURN_TEST_DATA")
    for table in Path(tables).glob("*.csv") if tables else ():
        shutil.copyfile(table, folder / table.name)
    add_outcomes(folder)
    environment = {
        "PATH": f"{sys.prefix}/bin:{os.environ['PATH']}",
        "HOME": str(tmp_path_factory.mktemp("home")),
        "PYTHONPATH": str(folder),
        # The search of the usual length is in tests/flows.
        "METAFLOW_RUN_BUDGET_SECONDS": "0.3",
    }
    place = Workplace(folder, environment, free_port())
    yield place
    place.stop()


@pytest.mark.slow
@pytest.mark.parametrize(
    "block",
    [
        pytest.param(block, id=block.name, marks=MARKS.get(block.page.split("/")[0], []))
        for block in BLOCKS
    ],
)
def test_commands_work_as_they_are_written(workplace, block):
    if why := why_not(block):
        pytest.skip(why)
    workplace.do(block)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    found = [Path(a or b) for a, b in LINK.findall(page.read_text("utf-8"))]
    missing = [str(link) for link in found if not (page.parent / link).exists()]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_into_a_page_name_one_of_its_headings(page):
    wrong = [
        f"{name}#{heading}"
        for name, heading in SECTION.findall(page.read_text("utf-8"))
        if heading not in headings(page.parent / name if name else page)
    ]
    assert not wrong


def headings(page: Path) -> set[str]:
    """The headings of a page as GitHub names them in addresses."""
    text = FENCE.sub("", page.read_text("utf-8"))
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", text, re.M)
    }


def test_readme_fits_on_a_few_screens():
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 150


# Pages and code


def commands_of(parser: argparse.ArgumentParser, name: str = "churn") -> Iterator[str]:
    """The commands of a parser that have no commands of their own."""
    below = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not below:
        yield name
    for action in below:
        for part, sub in action.choices.items():
            yield from commands_of(sub, f"{name} {part}")


def test_every_command_is_on_the_page_of_commands():
    page = (ROOT / "docs" / "commands.md").read_text("utf-8")
    missing = [one for one in commands_of(make_parser()) if f"`{one}" not in page]
    assert not missing


@pytest.mark.parametrize("flow", sorted(ROOT.glob("flows/*_flow.py")), ids=lambda path: path.stem)
def test_every_parameter_of_a_flow_is_on_a_page(flow):
    named = set(re.findall(r"--([a-z-]+)", "".join(page.read_text("utf-8") for page in PAGES)))
    parameters = re.findall(r'Parameter\(\s*"([a-z-]+)"', flow.read_text("utf-8"))
    assert parameters
    assert not set(parameters) - named


def variables() -> set[str]:
    """The environment variables that the app, the flows and the commands read."""
    of_app = {
        str(field.validation_alias or f"CHURN_{name.upper()}")
        for name, field in Settings.model_fields.items()
    }
    read = {
        name
        for folder in ("churn", "serve", "flows")
        for path in (ROOT / folder).rglob("*.py")
        for name in re.findall(r'"(CHURN_[A-Z_]+)"', path.read_text("utf-8"))
    }
    return (of_app | read) - INTERNAL


def test_every_environment_variable_is_on_the_page_of_settings():
    page = (ROOT / "docs" / "settings.md").read_text("utf-8")
    missing = [name for name in sorted(variables()) if f"`{name}`" not in page]
    assert not missing


def test_every_target_of_make_that_a_page_names_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))
    named = {
        name
        for page in PAGES
        for name in re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text("utf-8"), re.M)
    }
    assert named <= targets


def test_every_page_is_linked_from_another():
    linked = {
        (page.parent / name).resolve()
        for page in PAGES
        for name, _ in LINK.findall(page.read_text("utf-8").replace("/)", "/README.md)"))
    }
    alone = [page for page in PAGES if page not in linked and page != ROOT / "README.md"]
    assert not alone
