"""The processes of `python -m serve`: they end together, and a missing beat is detected."""

import os
import signal

import pytest

from processes import wait_for
from serve.instance import MODEL_BEAT
from serve.served_model import SILENT_SECONDS
from serve.server.cpus import available_cpus


@pytest.mark.scheduled
def test_workers_end_with_a_killed_main_process_and_free_the_port(start, tmp_path):
    server = start(TMPDIR=str(tmp_path)).wait()
    (folder,) = tmp_path.glob("churn-serve-*")
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait()
    wait_for(lambda: not server.processes())
    again = start(PORT=str(server.port), TMPDIR=str(tmp_path))
    again.url, again.port = server.url, server.port
    again.wait()
    assert again.process.poll() is None
    assert not folder.exists(), "the folder of the killed server is still there"
    assert again.stop() == 0


def test_killed_keeper_is_started_again(start):
    server = start().wait()
    before = server.keeper()
    os.kill(before, signal.SIGKILL)
    wait_for(lambda: server.keeper() != before)


@pytest.mark.scheduled
def test_silent_keeper_makes_health_stale_until_it_speaks_again(start, telco_run):
    server = start(CHURN_RUN=telco_run.pathspec).wait(path="/ready")
    wait_for(lambda: server.health()["status"] == "ok")
    keeper = server.keeper()
    os.kill(keeper, signal.SIGSTOP)
    wait_for(lambda: server.health()["status"] == "stale", SILENT_SECONDS[MODEL_BEAT] + 15)
    assert "keeper" in server.health()["problem"]
    os.kill(keeper, signal.SIGCONT)
    wait_for(lambda: server.health()["status"] == "ok")


@pytest.mark.parametrize(
    ("own", "files", "cpus"),
    [
        ("0::/\n", {"cpu.max": "100000 100000"}, 1),
        ("0::/\n", {"cpu.max": "50000 100000"}, 1),
        ("0::/\n", {"cpu.max": "max 100000"}, None),
        ("0::/a/b\n", {"a/cpu.max": "100000 100000", "a/b/cpu.max": "max 100000"}, 1),
        ("3:memory:/\n2:cpu,cpuacct:/x\n",
         {"cpu/x/cpu.cfs_quota_us": "100000", "cpu/x/cpu.cfs_period_us": "100000"}, 1),
        ("2:cpu,cpuacct:/\n",
         {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
        ("", {}, None),
    ],
)  # fmt: skip
def test_workers_follow_the_quota_of_the_cgroup(tmp_path, own, files, cpus):
    (tmp_path / "own").write_text(own)
    for name, text in files.items():
        path = tmp_path / "cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    found = available_cpus(tmp_path / "cgroup", tmp_path / "own")
    assert found == (cpus or len(os.sched_getaffinity(0)))
