"""How many cores a server may use."""

import math
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")


def available_cpus(cgroups: Path = CGROUPS, own: Path = Path("/proc/self/cgroup")) -> int:
    """The cores that this process may use, by its affinity and by the CPU quota of its cgroup.

    A container that is limited to one of 64 cores must not start 64 workers. A fraction of a core
    is rounded up.

    Parameters
    ----------
    cgroups : Path
        Where the control groups are mounted.
    own : Path
        The file that names this process's groups, see cgroups(7).
    """
    quotas = [math.ceil(quota) for quota in _quotas(cgroups, own)]
    return max(1, min([len(os.sched_getaffinity(0)), *quotas]))


def _quotas(cgroups: Path, own: Path) -> Iterator[float]:
    """The quotas, in cores, of the groups of this process and of their parents."""
    lines = []
    with suppress(OSError):
        lines = own.read_text().splitlines()
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:  # version 2
            folder, read = cgroups, _read_v2
        elif "cpu" in controllers.split(","):
            folder, read = cgroups / "cpu", _read_v1
        else:
            continue
        group = Path(path.lstrip("/"))
        # In a container the path may be that of the host, of which only the root is visible.
        for one in (group, *group.parents):
            with suppress(OSError, ValueError):
                yield from read(folder / one)


def _read_v2(folder: Path) -> Iterator[float]:
    quota, period = (folder / "cpu.max").read_text().split()
    if quota != "max":
        yield int(quota) / int(period)


def _read_v1(folder: Path) -> Iterator[float]:
    quota = int((folder / "cpu.cfs_quota_us").read_text())
    if quota > 0:
        yield quota / int((folder / "cpu.cfs_period_us").read_text())
