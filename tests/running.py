"""Run a flow as a user does: as a process, in a store of its own."""

import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[1]

# Metaflow reads these when it is imported. The blank in the name is part of the test.
STORE = Path(tempfile.mkdtemp(prefix="churn tests "))
os.environ["METAFLOW_DATASTORE_SYSROOT_LOCAL"] = str(STORE)
os.environ["METAFLOW_USER"] = "churn"


@dataclass(frozen=True)
class FlowRun:
    """A finished `python flows/….py`: its exit code, what it printed, and its artifacts."""

    code: int
    output: str
    cwd: Path = STORE

    @property
    def pathspec(self) -> str:
        return re.search(r"ChurnFlow/\d+", self.output)[0]

    @cached_property
    def log(self) -> str:
        """All that Metaflow and the tasks printed, from the file that the console names."""
        return Path(re.search(r"print is in (.+\.log)", self.output)[1]).read_text()

    @cached_property
    def data(self):
        from metaflow import Run, namespace

        namespace(None)
        return Run(self.pathspec).data

    @cached_property
    def model(self):
        return model_of(self.data)


def model_of(artifacts):
    """The fitted model of a run of ChurnFlow, by its artifacts."""
    from churn.registry.model_file import load_model

    return load_model(artifacts.model_file)


def flow_command(*arguments: str, flow: str = "churn_flow.py") -> list[str]:
    return [sys.executable, str(ROOT / "flows" / flow), *arguments]


def flow_environment(**extra: str) -> dict[str, str]:
    """As bare as `env -i` leaves it: no user, no home, no PYTHONPATH."""
    return {
        "PATH": os.environ["PATH"],
        "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(STORE),
        # Runs of all kinds of tables share the store, some on a storage that is gone by now.
        "METAFLOW_RUN_PROMOTE": "never",
        **extra,
    }


def start_flow(*arguments: str) -> subprocess.Popen:
    """Start a flow in a session of its own, to be killed; its output is a stream of lines."""
    command = flow_command("--verbose", *arguments)
    return subprocess.Popen(
        command, cwd=STORE, env=flow_environment(), start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def run_flow(*arguments: str, flow: str = "churn_flow.py", **environment: str) -> FlowRun:
    """Run a flow as a user does, to its end."""
    done = subprocess.run(
        flow_command(*arguments, flow=flow), cwd=STORE, env=flow_environment(**environment),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600,
    )  # fmt: skip
    return FlowRun(done.returncode, done.stdout)
