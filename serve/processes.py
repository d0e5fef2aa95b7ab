"""The processes of one server, as Prometheus sees them: the server, its workers, and the keeper."""

import multiprocessing
import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from prometheus_client import Metric, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

PROC = Path("/proc")
KEEPER = b"serve.server.keeper"
# A helper of multiprocessing, which does nothing of its own.
TRACKER = b"resource_tracker"
SERVER, WORKER, KEEPING = "server", "worker", "keeper"


def running() -> dict[int, str]:
    """The processes of this server by their ids, each with its role."""
    parent = multiprocessing.parent_process()
    if parent is None or parent.pid is None:  # an app without the server
        return {os.getpid(): WORKER}
    server = parent.pid
    found = {server: SERVER}
    for folder in PROC.glob("[0-9]*"):
        try:
            # The name of a program, in brackets, may have any character.
            above = int((folder / "stat").read_bytes().rpartition(b")")[2].split()[1])
            command = (folder / "cmdline").read_bytes()
        except OSError:  # it has ended
            continue
        if above == server and command and TRACKER not in command:
            found[int(folder.name)] = KEEPING if KEEPER in command else WORKER
    return found


def process_metrics() -> Iterator[Metric]:
    """How many processes of each role there are, and what they use together."""
    count = GaugeMetricFamily("churn_processes", "Processes that run", labels=["role"])
    started = GaugeMetricFamily(
        "churn_process_start_time_seconds", "When the youngest was started", labels=["role"]
    )
    sums: dict[str, GaugeMetricFamily | CounterMetricFamily] = {
        "resident_memory_bytes": GaugeMetricFamily(
            "churn_process_resident_memory_bytes", "Memory of all of them", labels=["role"]
        ),
        "cpu_seconds": CounterMetricFamily(
            "churn_process_cpu_seconds", "CPU time of those that run", labels=["role"]
        ),
        "open_fds": GaugeMetricFamily(
            "churn_process_open_fds", "Open files and connections", labels=["role"]
        ),
    }
    by_role: dict[str, list[dict[str, float]]] = {SERVER: [], WORKER: [], KEEPING: []}
    for process, role in running().items():
        if values := _of(process):
            by_role[role].append(values)
    for role, processes in by_role.items():
        count.add_metric([role], len(processes))
        if processes:
            started.add_metric([role], max(each["start_time_seconds"] for each in processes))
            for name, family in sums.items():
                family.add_metric([role], sum(each[name] for each in processes))
    yield from (count, started, *sums.values())


def _of(process: int) -> dict[str, float]:
    """What the kernel knows of a process; empty once it has ended."""
    collector = ProcessCollector(pid=lambda: process, registry=None)
    found: dict[str, float] = defaultdict(float)
    for family in collector.collect():
        found[family.name.removeprefix("process_")] = family.samples[0].value
    return found
