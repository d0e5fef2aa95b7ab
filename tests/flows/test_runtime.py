"""The start of flows: a warm server that may be killed, and a console with one line per step."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path

import pytest

from churn.feedback.prediction_log import PredictionLog, Spool, entry, new_id, ship_all
from churn.monitoring.predictions import Window, same_model
from churn.registry.runs import fetch_run
from processes import children_of, command_of, wait_for
from running import ROOT, FlowRun, run_flow, start_flow


@pytest.fixture
def runtime(monkeypatch):
    """Import a module of flows/runtime."""
    monkeypatch.syspath_prepend(str(ROOT / "flows"))
    return lambda name: import_module(f"runtime.{name}")


def start(quick: str) -> subprocess.Popen:
    """Start the run that `quick_run` is."""
    command = "--verbose", "--config", "candidates", quick, "run", "--customer-value", "300"
    return start_flow(*command)


def words_of(run: int) -> dict[int, list[bytes]]:
    """The children of a run that are of the warm start, and the words after its name."""
    words = {child: command_of(child).split(b"\0") for child in children_of(run)}
    return {
        child: all_[i + 1 : -1]
        for child, all_ in words.items()
        for i, word in enumerate(all_)
        if word.endswith(b"warm.py")
    }


def server_of(run: int) -> int | None:
    """The server of a run; it has one word, and a client more."""
    return next((child for child, words in words_of(run).items() if len(words) == 1), None)


def folder_of(run: int) -> Path | None:
    """The folder of the socket of a run's server, which its clients are given."""
    addresses = [words[0] for words in words_of(run).values() if len(words) > 1]
    return Path(addresses[0].decode()).parent if addresses else None


@pytest.fixture(scope="module")
def serverless(quick) -> tuple[FlowRun, float]:
    """That run, its server killed in the middle, and the seconds until its next task was started.

    What comes after is started cold: the evaluation, whose result is compared, and the end.
    """
    process, output = start(quick), []
    for line in process.stdout:
        output.append(line)
        if "/pick_best/" in line and "Task is starting" in line:
            os.kill(wait_for(lambda: server_of(process.pid)), signal.SIGKILL)
            break
    begin = time.monotonic()
    for line in process.stdout:
        output.append(line)
        if "/evaluate/" in line and "Task is starting" in line:
            break
    seconds = time.monotonic() - begin
    output.append(process.stdout.read())
    process.stdout.close()
    return FlowRun(process.wait(timeout=200), "".join(output)), seconds


class TestWarmStart:
    @pytest.mark.scheduled
    def test_a_run_goes_on_at_once_when_its_server_is_killed(self, serverless):
        run, seconds = serverless
        assert run.code == 0, run.output
        # A task used to wait 60 seconds for the server, and then to fail.
        assert seconds < 45

    @pytest.mark.scheduled
    def test_gives_the_same_model_as_a_cold_start(self, quick_run, serverless):
        assert quick_run.data.fingerprint == serverless[0].data.fingerprint

    @pytest.mark.scheduled
    def test_predictions_of_a_repeated_run_are_of_the_same_model(
        self, quick_run, serverless, telco_run, tmp_path
    ):
        runs = [run.pathspec for run in (quick_run, serverless[0], telco_run)]
        spool, log = Spool(tmp_path / "spool"), PredictionLog(f"sqlite:///{tmp_path / 'log.db'}")
        now = datetime.now(UTC)
        for run in runs:
            spool.write(entry(new_id(), now.timestamp(), run, 0.5, [0.1], b"{}"))
        ship_all(spool.folder, log)
        window = Window(now - timedelta(days=1), now + timedelta(days=1))
        assert same_model(log, fetch_run(runs[0]), window) == set(runs[:2])

    def test_a_run_that_is_killed_leaves_no_folder(self, quick):
        process = start(quick)
        for line in process.stdout:
            if "Task is starting" in line:
                break
        made = wait_for(lambda: folder_of(process.pid))
        assert made.exists()
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        wait_for(lambda: not made.exists())

    def test_the_next_run_removes_what_was_killed_together_with_its_server(self, runtime):
        old, fresh, alive = (Path(f"/tmp/churn-warm-test-{os.getpid()}-{n}") for n in range(3))
        with socket.socket(socket.AF_UNIX) as listener:
            for folder in (old, fresh, alive):
                folder.mkdir(0o700)
            listener.bind(str(alive / "server"))
            listener.listen()
            with socket.socket(socket.AF_UNIX) as dead:
                dead.bind(str(old / "server"))
            for folder in (old, alive):
                os.utime(folder, (time.time() - 100, time.time() - 100))
            runtime("warm").remove_left_over()
            assert [folder.exists() for folder in (old, fresh, alive)] == [False, True, True]
        for folder in (fresh, alive):
            subprocess.run(["rm", "-r", str(folder)], check=True)

    def test_a_task_without_a_server_is_started_cold(self, tmp_path):
        script = tmp_path / "task.py"
        script.write_text("import sys\nprint('cold', *sys.argv[1:])\nsys.exit(7)\n")
        warm = str(ROOT / "flows" / "runtime" / "warm.py")
        begin = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-I", "-S", warm, str(tmp_path / "server"), str(script), "step", "a"],
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert (done.returncode, done.stdout) == (7, "cold step a\n"), done.stderr
        assert time.monotonic() - begin < 10


class TestConsole:
    @pytest.fixture
    def console(self, runtime, tmp_path):
        console = runtime("console").Console("AnyFlow", tmp_path)
        console.logger("Workflow starting (run-id 12):", system_msg=True)
        yield console
        console.close(failed=False)

    def task(self, console, step, number, *lines, ends="Task finished successfully."):
        head = f"[12/{step}/{number} (pid 1)] "
        console.logger("Task is starting.", system_msg=True, head=head)
        for line in lines:
            console.logger(line, head=head)
        console.logger(ends, system_msg=True, head=head)

    def test_shows_what_a_step_says_and_nothing_else(self, console, capsys, tmp_path):
        self.task(console, "load", 1, "> read 7 rows", "a warning of some library")
        console.close(failed=False)
        assert capsys.readouterr().out == "load: read 7 rows\n"
        log = (tmp_path / "AnyFlow-12.log").read_text()
        assert "a warning of some library" in log
        assert "Task is starting" in log

    def test_counts_the_tasks_of_a_foreach_and_says_how_long_it_takes(self, console, capsys):
        console.logger("Foreach yields 3 child steps.", system_msg=True)
        for number in (1, 2, 3):
            self.task(console, "train", number, "fold 1 of 5", f"> candidate {number}: good")
        lines = capsys.readouterr().out.splitlines()
        assert re.fullmatch(r"train 1 of 3: candidate 1: good; about \d+ s left", lines[0])
        assert lines[2] == "train 3 of 3: candidate 3: good"

    def test_a_task_without_a_result_is_counted_too(self, console, capsys):
        console.logger("Foreach yields 2 child steps.", system_msg=True)
        self.task(console, "train", 1, "Traceback (most recent call last):")
        assert "train 1 of 2: no result, see the log" in capsys.readouterr().out

    def test_an_error_of_the_user_is_the_last_thing_once(self, console, capsys, tmp_path):
        self.task(
            console, "start", 1, "! The run cannot start:", "!   - --folds 1", ends="Task failed."
        )
        console.close(failed=True)
        shown = capsys.readouterr()
        assert shown.err.splitlines() == [
            "The run cannot start:",
            "  - --folds 1",
            f"All of it is in {tmp_path / 'AnyFlow-12.log'}.",
        ]
        assert "folds" not in shown.out

    def test_any_other_error_is_named_with_its_step(self, console, capsys):
        self.task(console, "load", 1, "Traceback …", "KeyError: 'x'", ends="Task failed.")
        console.close(failed=True)
        assert capsys.readouterr().err.startswith("load failed: KeyError: 'x'\n")


def test_a_traceback_of_the_last_step_is_for_the_log(runtime, tmp_path, capsys):
    console = runtime("console").Console("AnyFlow", tmp_path)
    console.logger("Workflow starting (run-id 12):", system_msg=True)
    TestConsole().task(
        console, "end", 9, "the result", "<flow AnyFlow step end> failed:", "KeyError: 'x'",
        ends="Task failed.",
    )  # fmt: skip
    console.close(failed=True)
    shown = capsys.readouterr()
    assert shown.out.splitlines()[1:] == ["the result"]
    assert shown.err.startswith("end failed: ")


def test_a_users_error_ends_the_console_of_a_real_run():
    run = run_flow("run", "--holdout", "1.5", "--folds", "1")
    assert run.code != 0
    lines = run.output.splitlines()
    assert lines[-1].startswith("All of it is in ")
    assert len([line for line in lines if "--folds 1" in line]) == 1
    assert "Task failed" not in run.output
    assert "Task failed" in Path(lines[-1].removeprefix("All of it is in ")[:-1]).read_text()


@pytest.mark.parametrize(
    ("flow", "says"),
    [
        ("churn_flow.py", ""), ("score_flow.py", ""),
        ("monitor_flow.py", "call lists, commas between, or"),
    ],
)  # fmt: skip
def test_help_is_help(flow, says):
    run = run_flow("run", "--help", flow=flow)
    assert run.code == 0, run.output
    assert "Traceback" not in run.output
    assert "Usage" in run.output
    assert says in run.output
