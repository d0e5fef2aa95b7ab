"""Requests per second of the app, of Flask alone, and of other ways to serve a model.

    python benchmarks/serving.py [--mlflow VENV/bin/python] [--output serving.json]
    python benchmarks/serving.py --seconds 1 --repeats 1 --only constant,ours-default   # a look

Three models are trained on Telco: the flow's choice by default, boosting of about 200 trees by a
search space of its own, and a stack of four (serving/stack_flow.py; on Telco the flow would choose
splines alone). They are served by `python -m serve`, with the prediction log off and on; validation
and metrics are always on, and an ordinary request takes the fast path (`serve.fast_path`). They are
compared, under the same server with the same settings, with `constant`, a Flask app that parses the
body with `get_json` and returns a constant of the same shape, and `naive`, a Flask app that scores
a data frame of one row with the default model itself, on one OpenMP thread. `mlflow models serve`
of the same model is measured if the Python of a virtual environment with
benchmarks/serving-peers.txt is given.

The load is wrk's (of the Debian package of that name): 500 real customers in turn, over 1 and over
16 connections, on the same machine. All are measured in turn, each in a fresh process, then all
again. A share is relative to the requests per second of the constant app in the same repeat; the
output is the median of the repeats and their range. A response that is not 200 is an error, and
before the load the first responses of each are compared with the model's own probabilities.
"""

import argparse
import http.client
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
HERE = ROOT / "benchmarks" / "serving"
sys.path.insert(0, str(ROOT))

from churn.errors import ChurnError  # noqa: E402
from churn.modeling.search_space import Candidate  # noqa: E402
from churn.registry.commit import git_commit  # noqa: E402
from churn.registry.model_file import load_model  # noqa: E402
from churn.registry.runs import fetch_run  # noqa: E402
from churn.scoring.scorer import TOLERANCE  # noqa: E402

RECORDS, BATCH = 500, 1_000
CONNECTIONS = (1, 16)
BATCH_CONNECTIONS = 16
WARM_UP_SECONDS = 1
READY_SECONDS, STOP_SECONDS = 60, 5
# The number of responses before the load that are compared with the model's probabilities.
COMPARED = 20
MB = 1e6


class Broken(RuntimeError):
    """A contender that could not be measured, with its output."""


# -- The models -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Search:
    """The search for a model that is measured.

    Attributes
    ----------
    candidates : str
        The search space in TOML; empty for the flow's own.
    arguments : tuple of str
        Arguments of the flow's `run`.
    wanted : str
        The model that must have been chosen, in words.
    is_it : callable
        Whether a candidate is that model.
    flow : Path
        The file of the flow.
    """

    candidates: str
    arguments: tuple[str, ...]
    wanted: str
    is_it: Callable[[Candidate], bool]
    flow: Path = ROOT / "flows" / "churn_flow.py"


# The learning rate is so low that early stopping would need more than the maximum number of
# iterations; that number is for a fold, and grows slightly for all customers.
BOOSTING = """
[[candidates]]
family = "boosting"
params = { max_leaf_nodes = 31, learning_rate = 0.015, max_features = 0.5, max_iter = 190 }
"""

SEARCHES = {
    "default": Search("", (), "anything", lambda candidate: True),
    "boosting": Search(
        BOOSTING, (), "boosting of 190 to 210 trees",
        lambda candidate: 190 <= candidate.params.get("max_iter", 0) <= 210,
    ),
    "stack": Search(
        "", (), "a stack of four", lambda candidate: candidate.name == "stack of 4",
        HERE / "stack_flow.py",
    ),
}  # fmt: skip


def use_store(folder: Path) -> None:
    """Make a folder the Metaflow datastore of this process and of its children."""
    os.environ |= {
        "METAFLOW_USER": "benchmark",
        "METAFLOW_DEFAULT_DATASTORE": "local",
        "METAFLOW_DEFAULT_METADATA": "local",
        "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(folder),
        "METAFLOW_CLIENT_CACHE_PATH": str(folder / "cache"),
    }


def get_run(name: str, folder: Path):
    """The run of a search, made if the folder does not have it yet."""
    from metaflow import Run, namespace  # reads the environment that use_store sets

    namespace(None)
    search, note = SEARCHES[name], folder / f"{name}.run-id"
    if not note.exists() or not Run(f"ChurnFlow/{note.read_text()}").successful:
        say(f"training the model {name!r} …")
        config = []
        if search.candidates:
            (folder / f"{name}.toml").write_text(search.candidates, "utf-8")
            config = ["--config", "candidates", folder / f"{name}.toml"]
        command = [
            sys.executable, search.flow, *config, "run", *search.arguments,
            "--run-id-file", note,
        ]  # fmt: skip
        with started(command, {}, folder) as (process, log):
            if process.wait():
                raise Broken(f"the run for {name!r} failed\n{log.read_text()}")
    run = Run(f"ChurnFlow/{note.read_text()}")
    candidate = load_model(run.data.model_file).candidate
    if not search.is_it(candidate):
        raise Broken(f"{run.pathspec} should have picked {search.wanted}, not {candidate.name}")
    say(f"{name}: {run.pathspec}, {candidate.name}; {run.data.agreement}")
    return run


# -- The servers ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Contender:
    """A server that scores customers.

    Attributes
    ----------
    command : list
        The command that starts it; `{port}` in it stands for the port.
    environment : dict
        Additions to the environment of this process.
    model : str or None
        The search whose model it serves.
    path : str
        The path of requests for one customer.
    bodies : str
        The file with the bodies of these requests.
    takes_batches : bool
    """

    name: str
    command: list
    environment: dict = field(default_factory=dict)
    model: str | None = None
    path: str = "/predict"
    bodies: str = "one"
    takes_batches: bool = False


def all_contenders() -> list[str]:
    ours = [f"ours-{name}{log}" for name in SEARCHES for log in ("", "-log")]
    return ["constant", *ours, "naive", "mlflow"]


def make_contender(name: str, runs: dict, folder: Path, options) -> Contender:
    """The contender of a name; the files that it needs are written to a folder."""
    own = {
        "HOST": "127.0.0.1", "PORT": "{port}", "CHURN_WORKERS": str(options.workers),
        "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    like_ours = [sys.executable, HERE / "granian_like_ours.py", name]
    if name == "constant":
        return Contender(name, like_ours, own | {"BENCHMARK_ANSWER": str(folder / "answer.json")})
    model = folder / "model.joblib"
    if name == "naive":
        load_model(runs["default"].data.model_file).save(model)
        return Contender(name, like_ours, own | {"BENCHMARK_MODEL": str(model)}, "default")
    if name == "mlflow":
        load_model(runs["default"].data.model_file).save(model)
        peer = {
            "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "MLFLOW_DISABLE_TELEMETRY": "true",
            # MLflow starts uvicorn from there.
            "PATH": f"{Path(options.mlflow).parent}{os.pathsep}{os.environ['PATH']}",
        }  # fmt: skip
        write = [options.mlflow, HERE / "mlflow_model.py", model, folder / "mlflow"]
        with started(write, peer, folder) as (process, log):
            if process.wait():
                raise Broken(f"MLflow cannot write the model\n{log.read_text()}")
        serve = [
            options.mlflow, "-m", "mlflow", "models", "serve", "--model-uri", folder / "mlflow",
            "--host", "127.0.0.1", "--port", "{port}", "--workers", options.workers,
            "--env-manager", "local",
        ]  # fmt: skip
        return Contender(name, serve, peer, "default", "/invocations", "wrapped")
    search = name.removeprefix("ours-").removesuffix("-log")
    own |= {"CHURN_RUN": runs[search].pathspec}
    if not name.endswith("-log"):
        own |= {"CHURN_LOG": "off"}
    serve = [sys.executable, ROOT / "serve"]
    return Contender(name, serve, own, search, takes_batches=True)


@contextmanager
def started(command: list, environment: dict, folder: Path) -> Iterator:
    """A process in a session of its own, and its output file; the session is ended at exit."""
    keep = {name: text for name, text in os.environ.items() if not name.startswith("CHURN_")}
    log = folder / "log.txt"
    with log.open("w") as output:
        process = subprocess.Popen(
            list(map(str, command)), cwd=folder, env=keep | environment, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        yield process, log
    finally:
        end(process)


def end(process: subprocess.Popen) -> None:
    """End a process and all of its session."""
    try:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
            patience = time.monotonic() + STOP_SECONDS
            while time.monotonic() < patience:
                process.poll()  # reaps a process that has ended
                os.killpg(process.pid, 0)
                time.sleep(0.05)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextmanager
def serving(contender: Contender, body: bytes) -> Iterator:
    """A ready server: its process, its port, and the seconds from its start until it was ready."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    with tempfile.TemporaryDirectory(prefix="churn-serving-") as name:
        command = [str(part).replace("{port}", port) for part in contender.command]
        environment = {"CHURN_STATE": f"{name}/state", "TMPDIR": name} | {
            key: text.replace("{port}", port) for key, text in contender.environment.items()
        }
        begin = time.perf_counter()
        with started(command, environment, Path(name)) as (process, log):
            seconds, in_a_row = None, 0
            while in_a_row < COMPARED:  # one worker may be ready before another
                if answers(port, contender.path, body):
                    seconds = seconds or time.perf_counter() - begin
                    in_a_row += 1
                    continue
                if process.poll() is not None or time.perf_counter() - begin > READY_SECONDS:
                    raise Broken(f"{contender.name} does not answer\n{log.read_text()}")
                in_a_row = 0
                time.sleep(0.01)
            try:
                yield process, port, seconds
            except Broken as error:
                raise Broken(f"{contender.name}: {error}\n{log.read_text()[-5000:]}") from error


def answers(port: str, path: str, body: bytes) -> bool:
    try:
        return ask(port, path, body)[0] == 200
    except (OSError, http.client.HTTPException):  # the server is not ready yet
        return False


def ask(port: str, path: str, body: bytes) -> tuple[int, bytes]:
    """POST a body; the status and the body of the response."""
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=READY_SECONDS)
    try:
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


# -- The load -------------------------------------------------------------------------------------


def write_bodies(run, folder: Path):
    """Write the bodies of requests, one per line; the customers in them, in their order."""
    contract, frame = fetch_run(run.pathspec).contract, run.data.frame
    frame = frame.sample(frac=1, random_state=0, ignore_index=True)
    columns = frame[[contract.id, *contract.features]]
    records = json.loads(columns.to_json(orient="records", double_precision=15))
    batches = [records[i : i + BATCH] for i in range(0, len(records) - BATCH + 1, BATCH)]
    bodies = {
        "one": records[:RECORDS],
        "wrapped": [{"dataframe_records": [record]} for record in records[:RECORDS]],
        "batch": [{"customers": batch} for batch in batches],
    }
    for name, values in bodies.items():
        lines = [json.dumps(value, separators=(",", ":")) + "\n" for value in values]
        (folder / name).write_text("".join(lines), "utf-8")
    return frame.head(BATCH)


def load(port: str, path: str, bodies: Path, connections: int, seconds: int) -> dict:
    """Send requests without a pause: requests per second, and p99 of the latency in ms."""
    command = [
        "wrk", "--threads", min(2, connections), "--connections", connections,
        "--duration", f"{seconds}s", "--timeout", "10s", "--script", HERE / "load.lua",
        f"http://127.0.0.1:{port}{path}", "--", bodies,
    ]  # fmt: skip
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if done.returncode:
        raise Broken(f"wrk failed\n{done.stdout}{done.stderr}")
    found = json.loads(done.stdout.splitlines()[-1])
    if any(found["errors"].values()) or not found["requests"]:
        raise Broken(f"over {connections} connections to {path}, not all were answered: {found}")
    return {"rate": found["requests"] / found["seconds"], "p99": found["p99"]}


def measure(contender: Contender, expected: np.ndarray | None, folder: Path, seconds: int) -> dict:
    """Start a server, load it, and end it.

    Returns
    -------
    dict
        ready (seconds), rate_1, rate_16 (requests per second), p99_1, p99_16 (ms), batch
        (customers per second), rss, pss (of the largest worker, in MB), keeper_rss.
    """
    bodies = folder / contender.bodies
    with bodies.open("rb") as lines:
        first = [next(lines) for _ in range(COMPARED)]
    with serving(contender, first[0]) as (process, port, ready):
        if expected is not None:
            for body, chance in zip(first, expected[:COMPARED, None], strict=True):
                compare(ask(port, contender.path, body), chance)
        load(port, contender.path, bodies, max(CONNECTIONS), WARM_UP_SECONDS)
        found = {"ready": ready}
        for connections in CONNECTIONS:
            result = load(port, contender.path, bodies, connections, seconds)
            found |= {f"{what}_{connections}": value for what, value in result.items()}
        if contender.takes_batches:
            with (folder / "batch").open("rb") as lines:
                compare(ask(port, "/predict/batch", next(lines)), expected)
            result = load(port, "/predict/batch", folder / "batch", BATCH_CONNECTIONS, seconds)
            found["batch"] = result["rate"] * BATCH
        return found | memory(process.pid)


def compare(answer: tuple[int, bytes], expected: np.ndarray) -> None:
    """Check that the probabilities of a response are the model's."""
    status, body = answer
    if status != 200:
        raise Broken(f"{status} {body[:1000]}")
    found = json.loads(body)
    if "predictions" in found:  # a dict per customer from ours, both probabilities from MLflow
        result = [one["probability"] if isinstance(one, dict) else one[1]
                for one in found["predictions"]]  # fmt: skip
    else:
        result = [found["probability"]]
    if len(result) != len(expected):
        raise Broken(f"{len(result)} answers for {len(expected)} customers")
    gap = np.abs(np.array(result) - expected).max()
    if not gap <= TOLERANCE:
        raise Broken(f"it is {gap:.1g} away from the model's probabilities")


def memory(session: int) -> dict:
    """The resident and the proportional set size of the largest process of a session, in MB.

    The keeper of `python -m serve` is no worker, and is measured separately.
    """
    found = {"rss": 0.0, "pss": 0.0, "keeper_rss": 0.0}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if os.getsid(int(entry.name)) != session:
                continue
            command = (entry / "cmdline").read_bytes()
            lines = (entry / "smaps_rollup").read_text().splitlines()[1:]
        except OSError:  # it has ended since it was listed
            continue
        sizes = {line.split()[0]: int(line.split()[1]) * 1024 / MB for line in lines}
        if b"serve.server.keeper" in command:
            found["keeper_rss"] = sizes["Rss:"]
        else:
            found["rss"] = max(found["rss"], sizes["Rss:"])
            found["pss"] = max(found["pss"], sizes["Pss:"])
    return found


# -- What came out --------------------------------------------------------------------------------

SHARES = {
    "ours-default": 0.90,
    "ours-default-log": 0.75,
    "ours-boosting": 0.70,
    "ours-boosting-log": 0.60,
    "ours-stack": None,
    "ours-stack-log": 0.50,
}
TIMES = {"naive": 40, "mlflow": 100}
P99_TIMES = 2.0
BATCH_RATE = 150_000
WORKER_MB = 200
READY = 3.0


@dataclass(frozen=True)
class Line:
    """A quantity that is measured in every repeat, and the limit of its median, if any."""

    what: str
    values: list[float]
    bar: float | None
    at_most: bool = False
    form: str = ".2f"

    @property
    def met(self) -> bool | None:
        if self.bar is None:
            return None
        median = statistics.median(self.values)
        return median <= self.bar if self.at_most else median >= self.bar

    @property
    def cells(self) -> list[str]:
        bar = ""
        if self.bar is not None:
            bar = f"{'at most' if self.at_most else 'at least'} {self.bar:{self.form}}"
        met = {None: "", True: "yes", False: "**no**"}[self.met]
        return [self.what, spread(self.values, self.form), bar, met]


def judge(repeats: list[dict]) -> list[Line]:
    """All measured quantities that have a limit."""
    lines = []
    ours = [name for name in SHARES if name in repeats[0]]

    def ratio(what: str, of: str, by: str) -> list[float]:
        return [found[of][what] / found[by][what] for found in repeats]

    def each(what: str, name: str) -> list[float]:
        return [found[name][what] for found in repeats]

    for name in ours:
        for n in CONNECTIONS:
            values = ratio(f"rate_{n}", name, "constant")
            about = f"{name}, {n} connection{'s' * (n > 1)}: share of the constant app's rate"
            lines.append(Line(about, values, SHARES[name]))
    most = max(CONNECTIONS)
    for peer, bar in TIMES.items():
        for name in ("ours-default", "ours-default-log"):
            if name in ours and peer in repeats[0]:
                about = f"{name}, {most} connections: times the rate of {peer}"
                lines.append(Line(about, ratio(f"rate_{most}", name, peer), bar, form=".0f"))
    for name in ours:
        about = f"{name}, {most} connections: p99, times the constant app's"
        values = ratio(f"p99_{most}", name, "constant")
        lines.append(Line(about, values, P99_TIMES, at_most=True))
    for name in ours:
        bar = BATCH_RATE if name == "ours-default" else None
        about = f"{name}, batches of {BATCH:,}: customers per second"
        lines.append(Line(about, each("batch", name), bar, form=",.0f"))
    for name in ours:
        about = f"{name}: resident memory of the largest worker, MB"
        lines.append(Line(about, each("rss", name), WORKER_MB, at_most=True, form=".0f"))
    for name in ours:
        about = f"{name}: seconds from start to the first answer"
        lines.append(Line(about, each("ready", name), READY, at_most=True))
    return lines


def figures(repeats: list[dict]) -> str:
    """All measurements in a Markdown table."""
    columns = {
        "rate_1": ("requests/s at 1", ",.0f"),
        "rate_16": ("at 16", ",.0f"),
        "p99_16": ("p99 at 16, ms", ".1f"),
        "batch": (f"customers/s, batches of {BATCH:,}", ",.0f"),
        "rss": ("worker RSS, MB", ".0f"),
        "pss": ("worker PSS, MB", ".0f"),
        "keeper_rss": ("keeper RSS, MB", ".0f"),
        "ready": ("ready, s", ".2f"),
    }
    lines = [["", *(title for title, _ in columns.values())], ["---", *["---:"] * len(columns)]]
    for name in repeats[0]:
        cells = [
            spread([found[name][what] for found in repeats], form)
            if repeats[0][name].get(what) else ""
            for what, (_, form) in columns.items()
        ]  # fmt: skip
        lines.append([name, *cells])
    return markdown(lines)


def spread(values: list[float], form: str) -> str:
    """The median, followed by the range if there are several values."""
    text = f"{statistics.median(values):{form}}"
    if len(values) > 1:
        text += f" ({min(values):{form}} to {max(values):{form}})"
    return text


def markdown(lines: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


# -- All together ---------------------------------------------------------------------------------


def main() -> int:
    options = parse()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit("told to stop"))  # and so everything is ended
    try:
        with tempfile.TemporaryDirectory(prefix="churn-serving-") as folder:
            repeats, models = measure_all(options, Path(folder))
    except (Broken, ChurnError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("told to stop")
    lines = judge(repeats)
    if lines:
        head = [["", "seen", "bar", "met"], ["---", "---:", "---:", "---"]]
        print(markdown([*head, *(line.cells for line in lines)]), end="\n\n")
    print(figures(repeats))
    print()
    print(
        f"Medians of {options.repeats} (and range); {options.workers} workers on "
        f"{len(os.sched_getaffinity(0))} cores, wrk among them; {options.seconds} s of load each; "
        f"churn at {git_commit()}."
    )
    if "mlflow" not in repeats[0]:
        print("MLflow was left out: --mlflow names the Python that has it.")
    if options.output:
        result = {
            "code": git_commit(),
            "cores": len(os.sched_getaffinity(0)),
            "options": {key: str(value) for key, value in vars(options).items()},
            "models": models,
            "repeats": repeats,
            "lines": [asdict(line) | {"met": line.met} for line in lines],
        }
        options.output.write_text(json.dumps(result, indent=1), "utf-8")
    return int(options.strict and any(line.met is False for line in lines))


def measure_all(options, folder: Path) -> tuple[list[dict], dict[str, str]]:
    """Measure every contender in each repeat: figures by name, and the candidates served."""
    store = options.runs_from or folder / "runs"
    store.mkdir(parents=True, exist_ok=True)
    use_store(store.resolve())
    needed = ["default", *(name for name in options.only if name.startswith("ours-"))]
    runs = {
        search: get_run(search, store.resolve())
        for search in SEARCHES
        if any(search in name for name in needed)
    }
    frame = write_bodies(runs["default"], folder)
    models = {name: load_model(run.data.model_file) for name, run in runs.items()}
    expected = {name: model.predict_proba(frame)[:, 1] for name, model in models.items()}
    contenders = [make_contender(name, runs, folder, options) for name in options.only]
    with (folder / "one").open("rb") as lines:
        body = next(lines)
    with serving(make_contender("ours-default", runs, folder, options), body) as (_, port, _):
        (folder / "answer.json").write_bytes(ask(port, "/predict", body)[1])
    repeats = []
    for number in range(1, options.repeats + 1):
        repeats.append({})
        for contender in contenders:
            chance = None if contender.model is None else expected[contender.model]
            found = measure(contender, chance, folder, options.seconds)
            repeats[-1][contender.name] = found
            rates = ", ".join(f"{found[f'rate_{n}']:,.0f}/s at {n}" for n in CONNECTIONS)
            say(f"repeat {number} of {options.repeats}, {contender.name}: {rates}")
    # Names, since the runs are deleted with their folder.
    return repeats, {name: model.candidate.name for name, model in models.items()}


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mlflow", help="Python of a virtual environment with serving-peers.txt")
    parser.add_argument("--runs-from", type=Path, metavar="FOLDER",
                        help="reuse the runs in it, and keep new ones there")  # fmt: skip
    parser.add_argument("--only", type=lambda text: text.split(","), metavar="A,B,…",
                        help=f"of: {', '.join(all_contenders())}; the first always")  # fmt: skip
    parser.add_argument("--seconds", type=int, default=5, help="of each load, %(default)s")
    parser.add_argument("--repeats", type=int, default=3, help="%(default)s")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)),
                        help="of each server, one per core: %(default)s")  # fmt: skip
    parser.add_argument("--output", type=Path, metavar="FILE", help="for all that was seen, JSON")
    parser.add_argument("--strict", action="store_true", help="exit 1 if a bar is missed")
    options = parser.parse_args()
    known = all_contenders()
    unknown = sorted(set(options.only or []) - set(known))
    if unknown:
        parser.error(f"not known: {', '.join(unknown)}; --only takes {', '.join(known)}")
    if min(options.seconds, options.repeats, options.workers) < 1:
        parser.error("--seconds, --repeats and --workers must be at least 1")
    if "mlflow" in (options.only or []) and not options.mlflow:
        parser.error("say where MLflow's Python is: --mlflow VENV/bin/python")
    if options.mlflow:
        python = shutil.which(options.mlflow)
        if python is None:
            parser.error(f"--mlflow {options.mlflow} cannot be run")
        # Absolute, since it is started elsewhere; not resolved, since the link selects the venv.
        options.mlflow = os.path.abspath(python)
    else:
        say("MLflow is left out: --mlflow names the Python that has it")
        known.remove("mlflow")
    if shutil.which("wrk") is None:
        parser.error("wrk is missing; on Debian: apt install wrk")
    wanted = {*(options.only or known), "constant"}
    options.only = [name for name in known if name in wanted]
    return options


if __name__ == "__main__":
    sys.exit(main())
