"""Run a flow as a user does: as a process, in a store of its own."""

import fcntl
import os
import pickle
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from processes import of_session

ROOT = Path(__file__).parents[1]

# The folder of what tests share, also those in the processes of pytest-xdist, which the process
# that makes the folder starts. The blank in the name is part of the test. Who names a folder in the
# environment keeps its runs, and has them at once the next time.
# A shell starts commands in the background with SIGINT ignored, and their children inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
SHARED = "CHURN_TEST_SESSION"
OURS = SHARED not in os.environ
SESSION = Path(tempfile.mkdtemp(prefix="churn tests ") if OURS else os.environ[SHARED])
os.environ[SHARED] = str(SESSION)
# Flows that run to their end fork their tasks from one server, which ends with this pipe's writer.
ALIVE = SESSION / "alive"
if OURS:
    os.mkfifo(ALIVE)
    _writer = os.open(ALIVE, os.O_RDWR)
    os.environ.setdefault("CHURN_TEST_WARM", str(SESSION / "warm" / "server"))
# OpenMP reads it when scikit-learn is imported: threads that wait leave the cores to the others.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# Metaflow reads these when it is imported.
STORE = SESSION / "store"
(STORE / ".metaflow").mkdir(parents=True, exist_ok=True)
os.environ["METAFLOW_DATASTORE_SYSROOT_LOCAL"] = str(STORE)
os.environ["METAFLOW_USER"] = "churn"

# A search that takes no time.
QUICK = """
[[candidates]]
name = "quick"
family = "logistic"
params = { C = 0.5 }
"""


@dataclass(frozen=True)
class FlowRun:
    """A finished `python flows/….py`: its exit code, what it printed, and its artifacts.

    Attributes
    ----------
    left : list of int
        Processes of the run that still ran after its end.
    """

    code: int
    output: str
    left: list[int] = field(default_factory=list)

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
        return Artifacts(Run(self.pathspec).data)

    @cached_property
    def model(self):
        return model_of(self.data)


class Artifacts:
    """The artifacts of a run, and of ChurnFlow the tables that it refers to."""

    def __init__(self, data):
        self._data = data

    def __getattr__(self, name: str):
        return getattr(self._data, name)

    @cached_property
    def frame(self):
        """The clean rows, typed."""
        return self._data.customers.read()


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


def start_flow(*arguments: str, flow: str = "churn_flow.py", store: Path = STORE, **environment):
    """Start a flow in a session of its own; its output is a stream of lines."""
    places = {"METAFLOW_DATASTORE_SYSROOT_LOCAL": str(store)} | environment
    return subprocess.Popen(
        flow_command(*arguments, flow=flow), cwd=store, env=flow_environment(**places),
        start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def run_flow(*arguments: str, **settings) -> FlowRun:
    """Run a flow as a user does, to its end.

    Its tasks are forked from a server that all flows with the environment of tests share.
    """
    own = re.compile("store|METAFLOW_(?!RUN_)|AWS|PYTHON")  # what the server was started with
    if not any(map(own.match, settings)):
        settings = {"CHURN_WARM": warm_server()} | settings
    with start_flow(*arguments, **settings) as process:
        try:
            output, _ = process.communicate(timeout=600)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return FlowRun(process.returncode, output, of_session(process.pid))


def warm_server() -> str:
    """What has a flow use the server of the session: its address, or a server of the run's own."""
    address = os.environ.get("CHURN_TEST_WARM", "1")
    if len(address) in range(2, 100):
        once("warm", lambda: _start_warm_server(Path(address)))
        return address
    return "1"


def _start_warm_server(address: Path) -> None:
    address.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as listener, ALIVE.open("rb") as alive:
        listener.bind(str(address))
        listener.listen(1024)
        server = [sys.executable, "-u", str(ROOT / "flows/runtime/warm.py")]
        subprocess.run(
            ["setsid", "--fork", *server, str(listener.fileno())], stdin=alive, cwd=STORE,
            pass_fds=[listener.fileno()], env=flow_environment(), check=True,
        )  # fmt: skip


def once(name: str, make: Callable):
    """What `make` returns: made by the first test that asks, and read by the others.

    It is pickled, as the others may be in another process.
    """
    path = SESSION / f"{name}.pickle"
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            made = pickle.dumps(make())
            path.write_bytes(made)
        return pickle.loads(path.read_bytes())


def link_runs(store: Path, to: Path, pathspecs: Iterable[str]) -> Path:
    """A store with these runs of another one, none of which is promoted.

    Their tags can be changed; tasks and artifacts are links to where they were.
    """
    for pathspec in pathspecs:
        old, new = store / ".metaflow" / pathspec, to / ".metaflow" / pathspec
        shutil.copytree(old / "_meta", new / "_meta")
        for step in old.iterdir():
            if step.name != "_meta":
                (new / step.name).symlink_to(step)
        if not (new.parent / "data").exists():
            shutil.copytree(old.parent / "_meta", new.parent / "_meta")
            (new.parent / "data").symlink_to(old.parent / "data")
    return to


@contextmanager
def reading_from(store: Path) -> Iterator[Path]:
    """Have the runs of this process looked up in another store for a while."""
    import metaflow

    metaflow.metadata(f"local@{store}")
    try:
        yield store
    finally:
        metaflow.metadata(f"local@{STORE}")
