"""A console with one line per step, and a log file with every line.

Metaflow prints a line whenever a task starts, ends or prints. Of these the console shows the lines
that a step prints by `show`, the output of the last step, the progress and the remaining time of a
foreach, and, at the very end, why a run failed. `--verbose`, or CHURN_VERBOSE=1, shows all.
"""

import os
import re
import sys
import time
from datetime import datetime
from pathlib import Path

SHOWN, FAILED = "> ", "! "
HEAD = re.compile(r"\[(?P<run>[^/\]]+)/(?P<step>[^/\]]+)/(?P<task>\S+) ")
RUN_ID = re.compile(r"\(run-id (?P<run>[^)]+)\)")
FOREACH = re.compile(r"Foreach yields (?P<tasks>\d+) child steps")
LAST_STEP = "end"
VERBOSE = "--verbose"


def show(text: object) -> None:
    """Print a line that the console shows while the flow runs."""
    for line in str(text).splitlines():
        print(f"{SHOWN}{line}", flush=True)


def fail(error: Exception) -> None:
    """Print, in a task, why it fails; the console of the run shows it last."""
    for line in str(error).splitlines():
        print(f"{FAILED}{line}", file=sys.stderr, flush=True)


def take_verbose(arguments: list[str]) -> bool:
    """Whether to show all of Metaflow's lines; the option is removed from the arguments."""
    asked = VERBOSE in arguments
    while VERBOSE in arguments:
        arguments.remove(VERBOSE)
    return asked or os.environ.get("CHURN_VERBOSE") == "1"


class Console:
    """Replaces Metaflow's logger and echo in one run.

    Parameters
    ----------
    flow : str
        Its name.
    folder : Path
        Where the log file is made.
    """

    def __init__(self, flow: str, folder: Path):
        self.flow, self.folder = flow, folder
        self.path: Path | None = None
        self._log = None
        self._waiting: list[str] = []
        self._tasks = {}  # step: (number of tasks, when they began, how many ended)
        self._results: dict[str, str] = {}  # task: its last line by `show`
        self._last_line: dict[str, str] = {}
        self._traceback = False
        self.error: list[str] = []

    def echo(self, line: str = "", **_) -> None:
        """Take a line that Metaflow prints before the run has an id."""
        self._keep(line)

    def logger(self, body="", system_msg=False, head="", bad=False, timestamp=True, nl=True):
        """Take a line of Metaflow's; the parameters are those of `metaflow.cli.logger`."""
        self._keep(f"{head}{body}")
        at = HEAD.match(head)
        step, task = (at["step"], f"{at['step']}/{at['task']}") if at else ("", "")
        if system_msg:
            self._system(body, step, task)
        elif body.startswith(FAILED):
            self.error.append(body.removeprefix(FAILED))
        elif body.startswith(SHOWN) or (step == LAST_STEP and not self._broken(body)):
            self._show_result(body.removeprefix(SHOWN), step, task)
        elif body:
            self._last_line[task] = body

    def close(self, failed: bool) -> None:
        """Close the log; if the run failed, print why, once and last."""
        if failed:
            for line in dict.fromkeys(self.error):
                print(line, file=sys.stderr)
            if self.path:
                print(f"All of it is in {self.path}.", file=sys.stderr)
        if self._log:
            self._log.close()

    def _broken(self, body: str) -> bool:
        """Whether a traceback has begun, which goes to the log only."""
        self._traceback = self._traceback or body.startswith(("<flow ", "Traceback "))
        return self._traceback

    def _system(self, body: str, step: str, task: str) -> None:
        if self.path is None and (found := RUN_ID.search(body)):
            self._open(found["run"])
        elif found := FOREACH.search(body):
            self._foreach = int(found["tasks"])
        elif body.startswith("Task is starting") and step not in self._tasks:
            self._tasks[step] = [getattr(self, "_foreach", 1), time.monotonic(), 0]
            self._foreach = 1
        elif body.startswith("Task finished"):
            self._finished(step, task)
        elif body.startswith("Task failed"):
            why = self._last_line.get(task, "it was killed")
            if not self.error:
                self.error.append(f"{step} failed: {why}")

    def _finished(self, step: str, task: str) -> None:
        tasks = self._tasks[step]
        tasks[2] += 1
        total, start, ended = tasks
        if total > 1:
            left = (time.monotonic() - start) / ended * (total - ended)
            result = self._results.get(task, "no result, see the log")
            after = f"; about {left:.0f} s left" if ended < total else ""
            self._print(f"{step} {ended} of {total}: {result}{after}")

    def _show_result(self, line: str, step: str, task: str) -> None:
        if self._tasks.get(step, [1])[0] > 1:
            self._results[task] = line
        else:
            self._print(line if step == LAST_STEP else f"{step}: {line}")

    def _open(self, run: str) -> None:
        self.folder.mkdir(0o700, parents=True, exist_ok=True)
        self.path = self.folder / f"{self.flow}-{run}.log"
        self._log = self.path.open("w", encoding="utf-8", buffering=1)
        self._log.writelines(self._waiting)
        self._print(f"{self.flow}/{run}; all that its tasks print is in {self.path}")

    def _keep(self, line: str) -> None:
        text = f"{datetime.now():%Y-%m-%d %H:%M:%S.%f} {line}\n"
        self._log.write(text) if self._log else self._waiting.append(text)

    def _print(self, line: str) -> None:
        print(line, flush=True)
