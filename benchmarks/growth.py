"""How the time, the memory and the stored bytes of ChurnFlow grow with the table.

    python benchmarks/growth.py [--customers 10000 100000 …] [--limit-gib 4] [--picture growth.svg]

For each size generated customers are written to Parquet, and ChurnFlow, a whole process from start
to end, is run on them with its defaults. As root the run and all its tasks are in a memory cgroup,
which kills what exceeds the limit; the page cache counts, too. Each task is a process of its own,
as in a pod. The output, a row per size: seconds, CPU seconds (which other work on the machine
changes little), the peak resident memory of the largest task of each step, the bytes of the run's
artifacts and their share of the Parquet file's, and those of its cards.
"""

import argparse
import contextlib
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from overhead import ROOT

SIZES = [10_000, 100_000, 500_000, 2_000_000, 10_000_000]
PART_ROWS = 1_000_000
STEPS = ("start", "load", "validate", "featurize", "train", "pick_best", "evaluate", "end")
GIB = 2**30


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--customers", type=int, nargs="+", default=SIZES)
    parser.add_argument("--limit-gib", type=float, default=4.0)
    parser.add_argument("--picture", help="SVG file for the figure")
    parser.add_argument("--results", help="file of earlier rows, which this run adds to (JSON)")
    options, arguments = parser.parse_known_args()
    kept = Path(options.results) if options.results else None
    rows = json.loads(kept.read_text()) if kept and kept.exists() else []
    for customers in options.customers:
        print(f"{customers:,} customers …", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory() as folder, memory_limit(options.limit_gib) as group:
            row = measure(customers, folder, group, arguments)
        rows = sorted([*(r for r in rows if r["customers"] != customers), row], key=size_of)
        if kept:
            kept.write_text(json.dumps(rows, indent=1))
    print(table(rows))
    if options.picture:
        from growth_picture import picture

        Path(options.picture).write_text(picture(rows))


def size_of(row: dict) -> int:
    return row["customers"]


def write_customers(n: int, path: Path) -> None:
    """Generated customers with their labels as one Parquet file, in pieces."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from churn.data.synthetic import generate_sample_data

    writer = None
    for start in range(0, n, PART_ROWS):
        part = generate_sample_data(min(PART_ROWS, n - start), seed=start + 1)
        part["customer_id"] += start
        made = pa.Table.from_pandas(part, preserve_index=False)
        writer = writer or pq.ParquetWriter(path, made.schema)
        writer.write_table(made)
    if writer:
        writer.close()


def measure(customers: int, folder: str, group: Path | None, arguments: list[str]) -> dict:
    """Run ChurnFlow once."""
    source = Path(folder, "customers.parquet")
    write_customers(customers, source)
    command = [sys.executable, str(ROOT / "flows/churn_flow.py"), "--verbose", "run"]
    command += ["--data", str(source), "--id", "customer_id", "--target", "churn"]
    command += ["--run-id-file", str(Path(folder, "run-id")), *arguments]
    environment = os.environ | {
        "METAFLOW_USER": "benchmark", "METAFLOW_DATASTORE_SYSROOT_LOCAL": folder,
        "CHURN_HOME": folder, "CHURN_WARM": "0", "PYTHONPATH": str(ROOT),
    }  # fmt: skip

    def join() -> None:
        if group:
            (group / "cgroup.procs").write_text(str(os.getpid()))

    start, before = time.perf_counter(), cpu_seconds()
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        start_new_session=True, text=True, preexec_fn=join,
    )  # fmt: skip
    peaks: dict[str, int] = {}
    watcher = threading.Thread(target=watch, args=(process, peaks))
    watcher.start()
    output, _ = process.communicate()
    seconds, cpu = time.perf_counter() - start, cpu_seconds() - before
    watcher.join()
    if process.returncode:
        sys.exit(f"{output}\n{describe(customers, seconds, peaks)}")
    store = Path(folder, ".metaflow")
    return {
        "customers": customers,
        "seconds": seconds,
        "cpu": cpu,
        "steps": step_seconds(folder, Path(folder, "run-id").read_text()),
        "peaks": peaks,
        "stored": bytes_in(store / "ChurnFlow"),
        "cards": bytes_in(store / "mf.cards"),
        "parquet": source.stat().st_size,
    } | of_run(folder)


def cpu_seconds() -> float:
    """Of all processes that were started and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def bytes_in(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def of_run(folder: str) -> dict:
    """The model of the run, in a process of its own: the client keeps to the store it has read."""
    code = (
        "import json, sys, metaflow; metaflow.namespace(None); "
        "data = metaflow.Run('ChurnFlow/' + open('run-id').read()).data; "
        "print(json.dumps({'fingerprint': data.fingerprint, "
        "'model': data.trial.candidate.name, "
        "'log_loss': data.metrics['log_loss']['value']}))"
    )
    environment = os.environ | {
        "METAFLOW_DATASTORE_SYSROOT_LOCAL": folder, "METAFLOW_USER": "benchmark",
        "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True
    )
    if found.returncode:
        sys.exit(found.stderr)
    return json.loads(found.stdout.splitlines()[-1])


def watch(process: subprocess.Popen, peaks: dict[str, int]) -> None:
    """The peak resident memory of the largest process of each step, as the kernel has it."""
    while process.poll() is None:
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if os.getsid(int(entry.name)) != process.pid:
                    continue
                words = (entry / "cmdline").read_text().split("\0")
                peak = re.search(r"VmHWM:\s+(\d+) kB", (entry / "status").read_text())
            except OSError:  # it has ended since it was listed
                continue
            step = words[words.index("step") + 1] if "step" in words else "the run itself"
            if peak:
                peaks[step] = max(peaks.get(step, 0), int(peak[1]) << 10)
        time.sleep(0.05)


def step_seconds(folder: str, run: str) -> dict[str, float]:
    """From the start of the first task of each step to the end of the last."""
    code = (
        "import json, sys, metaflow; metaflow.namespace(None); "
        "steps = {s.id: list(s) for s in metaflow.Run('ChurnFlow/' + sys.argv[1])}; "
        "print(json.dumps({name: (max(t.finished_at for t in tasks) - "
        "min(t.created_at for t in tasks)).total_seconds() for name, tasks in steps.items()}))"
    )
    environment = os.environ | {
        "METAFLOW_DATASTORE_SYSROOT_LOCAL": folder, "METAFLOW_USER": "benchmark",
        "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    found = subprocess.run(
        [sys.executable, "-c", code, run], cwd=folder, env=environment, check=True,
        capture_output=True, text=True,
    )  # fmt: skip
    return json.loads(found.stdout.splitlines()[-1])


@contextlib.contextmanager
def memory_limit(gib: float) -> Iterator[Path | None]:
    """A memory cgroup of version 1 or 2, or None, said on the console, where none can be made."""
    name = f"churn-growth-{os.getpid()}"
    for root, file in (
        (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"),
        (Path("/sys/fs/cgroup"), "memory.max"),
    ):
        group = root / name
        try:
            group.mkdir()
            (group / file).write_text(str(int(gib * GIB)))
        except OSError:
            with contextlib.suppress(OSError):
                group.rmdir()
            continue
        try:
            yield group
        finally:
            group.rmdir()
        return
    print("no memory cgroup can be made: nothing is limited", file=sys.stderr)
    yield None


def describe(customers: int, seconds: float, peaks: dict[str, int]) -> str:
    steps = ", ".join(f"{name} {peak / GIB:.2f}" for name, peak in peaks.items())
    return f"{customers:,} customers failed after {seconds:.0f} s; peaks in GiB: {steps}"


def table(rows: list[dict]) -> str:
    steps = [name for name in STEPS if any(name in row["peaks"] for row in rows)]
    head = ["customers", "s", "CPU s", *steps, "stored", "of the Parquet", "cards", "model"]
    lines = [head, ["---:"] * (len(head) - 1) + ["---"]]
    for row in rows:
        share = row["stored"] / row["parquet"]
        lines.append(
            [
                f"{row['customers']:,}",
                f"{row['seconds']:.0f}",
                f"{row['cpu']:.0f}",
                *(f"{row['peaks'].get(name, 0) / GIB:.2f}" for name in steps),
                f"{row['stored'] / 1e6:.1f} MB",
                f"{share:.1%}",
                f"{row['cards'] / 1e6:.1f} MB",
                f"{row['model']} ({row['log_loss']:.4f})",
            ]
        )
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


if __name__ == "__main__":
    main()
