"""Score a file that was given to the app: in a process of its own, with progress, and resumable.

`python -m churn.campaign.score_file FOLDER`. A folder has the file, its `status.json`, and what
comes of it: `scored.csv` and `rejected.csv`. Both grow chunk by chunk, and the status says how far
they are whole: a process that was killed is started again, and goes on from there.
"""

import fcntl
import json
import os
import re
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO

from churn.errors import ChurnError
from churn.files import write_file

# The name of the policy by risk; `churn.registry.policies` is not for every import of this module.
RISK = "risk"
UPLOADING, READY, RUNNING, FINISHED, FAILED = "uploading", "ready", "running", "finished", "failed"
STATUS, LOCK, SCORED, REJECTED = "status.json", "lock", "scored.csv", "rejected.csv"
SHARD_ROWS = 500_000
# The folder of all files in a server's state, and the name of one's folder.
SCORE_FILES, JOB = "score-files", re.compile(r"[0-9a-f]{32}")
# So many rejected rows are shown; all of them are in the file.
SHOWN = 20


@dataclass(frozen=True)
class Job:
    """A file to score, and how far it is.

    Attributes
    ----------
    name : str
        The file's, as it was given.
    size : int
        Its bytes.
    by, run : str
        Who gave it, and the run whose model scores it.
    as_of : str
        The day to which dates count, YYYY-MM-DD.
    state : str
        `uploading`, `ready`, `running`, `finished` or `failed`.
    rows, done, rejected : int
        Rows of the table, those that are done, and of these the rejected ones.
    bytes : dict of str to int
        How much of each file that comes of it is whole.
    campaign : str
        Whose policy says what a call brings; empty for none.
    policy : str
        That policy, `risk` or `EffectFlow/<id>`; empty before the first row is read.
    key : str
        The column with the customer's key.
    notes, problems : list of str
        What was recognised in the file, and what is wrong, in words.
    shown : list of dict
        The first rejected rows: row, id and reason.
    """

    name: str
    size: int
    by: str
    run: str
    as_of: str
    state: str = UPLOADING
    rows: int = 0
    done: int = 0
    rejected: int = 0
    bytes: dict[str, int] = field(default_factory=dict)
    campaign: str = ""
    policy: str = ""
    key: str = ""
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    shown: list[dict[str, str]] = field(default_factory=list)

    @classmethod
    def read(cls, folder: Path) -> "Job":
        """Read the status in a folder."""
        return cls(**json.loads((folder / STATUS).read_text("utf-8")))

    def write(self, folder: Path) -> "Job":
        """Write the status, atomically."""
        write_file(folder / STATUS, json.dumps(asdict(self)))
        return self

    def file(self, folder: Path) -> Path:
        """The file itself, with the ending that says what it is."""
        ending = "".join(Path(self.name).suffixes[-2:]).lower()
        known = (".csv", ".csv.gz", ".tsv", ".txt", ".xlsx", ".xls", ".parquet")
        return folder / f"table{next((e for e in known if ending.endswith(e)), '.csv')}"


def given_at(folder: Path) -> float:
    """When a file was given, in seconds since 1970; only its parts are written after that."""
    table = min((one.stat().st_mtime for one in folder.glob("table*")), default=None)
    return folder.stat().st_mtime if table is None else table


def delete_old(folder: Path, hours: float) -> int:
    """Delete the files that were given longer ago than so many hours, and return their number."""
    before, deleted = time.time() - 3600 * hours, 0
    for path in folder.glob("*"):
        with suppress(FileNotFoundError):  # another process was faster
            if JOB.fullmatch(path.name) and given_at(path) < before:
                shutil.rmtree(path)
                deleted += 1
    return deleted


@contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    """Whether no other process is at the folder; the system frees the lock of a killed one."""
    with (folder / LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def running(folder: Path) -> bool:
    """Whether a process is scoring the file of a folder."""
    with _alone(folder) as alone:
        return not alone


def main(folder: Path) -> int:
    """Score the file of a folder, from where it is; the exit status."""
    with _alone(folder) as alone:
        if not alone:
            return 0
        job = Job.read(folder)
        try:
            _score(folder, replace(job, state=RUNNING).write(folder))
        except ChurnError as error:
            job = Job.read(folder)
            replace(job, state=FAILED, problems=[error.summary, *error.problems]).write(folder)
            return 1
    return 0


def _score(folder: Path, job: Job) -> None:
    from churn.campaign.actions import Actions
    from churn.campaign.call_list import listing_contract
    from churn.campaign.chunks import clean_chunks, columns_needed, merge_problems, repeated_ids
    from churn.campaign.settings import list_costs
    from churn.campaign.shards import Source
    from churn.data.validation import in_words
    from churn.modeling.threads import bounded_threads
    from churn.registry.runs import fetch_model

    deployment, model = fetch_model(job.run)
    day = date.fromisoformat(job.as_of)
    contract = listing_contract(deployment.contract.model_copy(update={"as_of": day}))
    offer = Actions.one(list_costs(deployment.costs, {}))
    policy, note = _policy(job, deployment, contract, offer)
    source = Source.open(str(job.file(folder)), columns=columns_needed(contract, offer))
    shards = source.shards(SHARD_ROWS)
    key = str(contract.id)
    job = replace(
        job, rows=sum(shard.rows for shard in shards), key=key,
        notes=job.notes if job.policy else [note, *source.notes],
        policy=policy.learned.run if policy.learned else RISK,
    ).write(folder)  # fmt: skip
    repeated = repeated_ids(source, shards, key)
    seen, problems = 0, []
    with _grown(folder / SCORED, job.bytes) as scored, _grown(folder / REJECTED, job.bytes) as bad:
        for shard in shards:
            for chunk in clean_chunks(source, shard, contract, offer, repeated):
                problems.append(chunk.problems)
                seen += len(chunk.ids) + len(chunk.rejected)
                if seen <= job.done:
                    continue  # before the process was killed
                if len(chunk.ids):  # scikit-learn requires at least one row
                    with bounded_threads(1):
                        chance = model.predict_proba(chunk.customers)[:, 1]
                        benefit = policy.benefits(chance, chunk.customers)[:, 0]
                    _write(scored, _scored(chunk, key, chance, benefit))
                _write(bad, _rejected(chunk, key))
                job = replace(
                    job, done=seen, rejected=job.rejected + len(chunk.rejected),
                    bytes={SCORED: scored.tell(), REJECTED: bad.tell()},
                    shown=[*job.shown, *_shown(chunk, key)][:SHOWN],
                ).write(folder)  # fmt: skip
    words = [f"{text[:200]}." for text in in_words(merge_problems(problems))]
    replace(job, state=FINISHED, problems=words).write(folder)


def _policy(job: Job, deployment: Any, contract: Any, actions: Any) -> tuple[Any, str]:
    """What says what a call brings, as for ScoreFlow's list, and that in a sentence.

    A file that was begun goes on by the same policy. Where the campaign's policy cannot rank these
    customers, what a call brings goes by risk, and the sentence says why.
    """
    from churn.campaign.list_policy import ListPolicy
    from churn.registry.policies import CHAMPION, fetch_policy

    by_risk = ListPolicy(actions, deployment.reliability, contract, deployment.run)
    name = job.policy or (CHAMPION if job.campaign else RISK)
    try:
        learned = fetch_policy(name, job.campaign)
        policy = replace(by_risk, learned=learned)
    except ChurnError as error:
        if job.policy:
            raise
        why = " ".join([error.summary, "; ".join(error.problems)])
        return by_risk, f"What a call brings goes by risk and the assumed acceptance. {why}"
    if learned is None:
        return policy, "What a call brings goes by risk and the assumed acceptance."
    words = f"{learned.run} has learned from the campaign {learned.campaign!r}, not by risk."
    return policy, f"What a call brings goes by the effect of a call that {words}"


@contextmanager
def _grown(path: Path, whole: Mapping[str, int]) -> Iterator[BinaryIO]:
    """A file at the end of its whole part; what a killed process wrote after that is cut off."""
    with path.open("r+b" if path.exists() else "w+b") as file:
        file.truncate(whole.get(path.name, 0))
        file.seek(0, os.SEEK_END)
        yield file


def _write(file: BinaryIO, table: Any) -> None:
    """Append rows as CSV, after a heading if they are the first."""
    import pyarrow.csv as csv

    from churn.campaign.spreadsheet import neutralise

    options = csv.WriteOptions(include_header=file.tell() == 0)
    csv.write_csv(neutralise(table), file, options)
    file.flush()
    os.fsync(file.fileno())


def _scored(chunk: Any, key: str, chance: Any, benefit: Any) -> Any:
    import pyarrow as pa

    return pa.table(
        {
            "row": chunk.customers.index.to_numpy(), key: chunk.ids,
            "risk_percent": (100 * chance).round(1), "benefit_of_a_call": benefit.round(2),
            "worth_a_call": pa.array(["yes" if one > 0 else "no" for one in benefit], pa.string()),
        }
    )  # fmt: skip


def _rejected(chunk: Any, key: str) -> Any:
    import pyarrow as pa

    rows = chunk.rejected
    reasons = [str(text) for text in rows.iloc[:, -1]]
    ids = ["" if one is None or one != one else str(one) for one in rows[key]]
    texts = {key: pa.array(ids, pa.string()), "reason": pa.array(reasons, pa.string())}
    return pa.table({"row": rows.index.to_numpy(), **texts})


def _shown(chunk: Any, key: str) -> list[dict[str, str]]:
    rows = _rejected(chunk, key).slice(0, SHOWN).to_pylist()
    return [{"row": str(row["row"]), "id": row[key], "reason": row["reason"][:200]} for row in rows]


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
