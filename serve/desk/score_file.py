"""Score a file: given in parts, scored in a process of its own, and deleted after some time."""

import os
import re
import secrets
import shutil
import subprocess
import sys
import threading
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from flask import Response, current_app, redirect, render_template, request, url_for

from churn.campaign.score_file import (
    FAILED,
    FINISHED,
    JOB,
    READY,
    REJECTED,
    RUNNING,
    SCORE_FILES,
    SCORED,
    UPLOADING,
    Job,
    delete_old,
    given_at,
    running,
)
from churn.scoring.json_body import Problem
from serve.desk.access import Answer, page, person
from serve.desk.calls import today
from serve.desk.stores import stores
from serve.problem_details import Refused
from serve.served_model import served

ENDINGS = (".csv", ".csv.gz", ".tsv", ".txt", ".xlsx", ".xls", ".parquet")
MOST_BYTES = 2 * 2**30
MOST_FILES = 20
PART = 4 * 2**20


@page("/score-file")
def score_file() -> Answer:
    """A place to drop a file, and the files that are there."""
    delete_old(_folder(), current_app.config["FILE_HOURS"])
    jobs = [(path.name, _look(path)) for path in _jobs()]
    mine = [pair for pair in jobs if pair[1].by == person().name]
    return render_template(
        "desk/score_file.html", jobs=mine,
        part=min(PART, current_app.config["MAX_CONTENT_LENGTH"]),
        possible=find_spec("pandas") is not None,
        hours=current_app.config["FILE_HOURS"], contract=served().run.contract, endings=ENDINGS,
    )  # fmt: skip


@page("/score-file", methods=["POST"], endpoint="new_file")
def new_file() -> Answer:
    """Begin a file; its parts follow."""
    name, size = request.form.get("name", "")[:200], request.form.get("size", "")
    problems = []
    if not name.lower().endswith(ENDINGS):
        problems.append(Problem("the file", f"one of: {', '.join(ENDINGS)}", name[:80]))
    if not (size.isdigit() and 0 < int(size) <= MOST_BYTES):
        problems.append(Problem("its size", f"1 to {MOST_BYTES:,} bytes", size[:20]))
    if len(_jobs()) >= MOST_FILES:
        problems.append(Problem("the files", f"at most {MOST_FILES} at a time", "one more"))
    if problems:
        raise Refused(422, "This file cannot be scored.", problems)
    folder = _folder() / secrets.token_hex(16)
    folder.mkdir(0o700, parents=True)
    lists = stores().calls.lists(1)
    job = Job(
        name, int(size), person().name, served().run.run, str(today()),
        campaign=lists[0].campaign if lists else "",
    )  # fmt: skip
    job.write(folder).file(folder).touch(0o600)
    return {"job": folder.name}, 201, {}


@page("/score-file/<job>/part", query=("offset",), methods=["POST"])
def part(job: str) -> Answer:
    """Append a part; the answer says how much is there, so that a lost part is sent again."""
    folder, found = _mine(job)
    path = found.file(folder)
    if found.state == UPLOADING:
        have, body = path.stat().st_size, request.get_data(cache=False)
        if request.args.get("offset") == str(have) and have + len(body) <= found.size:
            with path.open("ab") as file:
                file.write(body)
        if path.stat().st_size == found.size:
            found = replace(found, state=READY).write(folder)
            _start(folder)
    return {"bytes": path.stat().st_size, "state": found.state}, 200, {}


@page("/score-file/<job>/status")
def status(job: str) -> Answer:
    """The part of the page about a file."""
    folder, found = _mine(job)
    return render_template("desk/score_job.html", id=folder.name, job=found)


@page("/score-file/<job>/again", methods=["POST"])
def again(job: str) -> Answer:
    """Go on with a file whose process has ended before its end."""
    folder, found = _mine(job)
    if found.state in (READY, RUNNING, FAILED) and not running(folder):
        replace(found, state=READY, problems=[]).write(folder)
        _start(folder)
    return redirect(url_for("desk.score_file"), 303)


@page("/score-file/<job>/delete", methods=["POST"])
def delete(job: str) -> Answer:
    """Delete a file and what came of it."""
    folder, _ = _mine(job)
    shutil.rmtree(folder)
    return redirect(url_for("desk.score_file"), 303)


@page("/score-file/<job>/<name>")
def result(job: str, name: str) -> Answer:
    """The scored customers, or the rejected rows, as CSV."""
    folder, found = _mine(job)
    if found.state != FINISHED or name not in (SCORED, REJECTED):
        raise Refused(404, "There is no such file.")
    stem = re.sub(r"[^\w-]", "_", found.name.split(".")[0], flags=re.ASCII)
    disposition = {"Content-Disposition": f'attachment; filename="{stem}-{name}"'}
    return Response((folder / name).read_bytes(), mimetype="text/csv", headers=disposition)


def _folder() -> Path:
    return Path(current_app.config["STATE"]) / SCORE_FILES


def _jobs() -> list[Path]:
    """The folders of the files, the newest first."""
    found = [path for path in _folder().glob("*") if JOB.fullmatch(path.name)]
    return sorted(found, key=given_at, reverse=True)


def _look(folder: Path) -> Job:
    found = Job.read(folder)
    if found.state == RUNNING and not running(folder):
        words = "The process ended before its end. Go on, and it begins where it was."
        return replace(found, state=FAILED, problems=[words])
    return found


def _mine(job: str) -> tuple[Path, Job]:
    folder = _folder() / job
    if JOB.fullmatch(job) and folder.is_dir():
        found = _look(folder)
        if found.by == person().name:
            return folder, found
    raise Refused(404, "There is no such file, or it was deleted.")


def _start(folder: Path) -> None:
    """Start the process that scores, in a session of its own, with a low priority."""
    command = [sys.executable, "-m", "churn.campaign.score_file", str(folder)]
    with (folder / "log").open("ab") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, start_new_session=True,
            cwd=Path(__file__).parents[2], preexec_fn=lambda: os.nice(10),
        )  # fmt: skip
    threading.Thread(target=process.wait, daemon=True).start()  # so that none is left as a zombie
