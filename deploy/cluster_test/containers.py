"""Docker's engine, and the images that replace those that cannot be pulled.

Where no registry of images can be reached, they are those of deploy/stand_ins, made from Debian's
packages; there is none for Grafana.
"""

import contextlib
import functools
import json
import re
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cluster import Cluster
from services import ROOT

STAND_INS = ROOT / "deploy" / "stand_ins"
# The targets of its Dockerfile, and the images that they replace.
REPLACED = {
    "database": "postgres", "prometheus": "prometheus", "alertmanager": "alertmanager",
    "pushgateway": "pushgateway", "store": "minio", "metadata": "metaflow_metadata_service",
}  # fmt: skip
BASE = "churn-base"
NEEDED = ("docker", "dockerd")

_built: dict[str, str] = {}


@contextlib.contextmanager
def engine() -> Iterator[None]:
    """Docker's engine: the one that runs, or one of our own until the end."""
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing:
        raise AssertionError(f"not installed: {', '.join(missing)}; see docs/deployment.md")
    if subprocess.run(["docker", "info"], capture_output=True).returncode == 0:
        yield
        return
    with tempfile.TemporaryFile() as log:
        daemon = subprocess.Popen(["dockerd"], stdout=log, stderr=log, start_new_session=True)
        try:
            for _ in range(60):
                if subprocess.run(["docker", "info"], capture_output=True).returncode == 0:
                    break
                assert daemon.poll() is None, "dockerd does not start"
                time.sleep(1)
            yield
        finally:
            daemon.terminate()
            daemon.wait(60)


@functools.cache
def build_environment() -> dict[str, str]:
    """What the Dockerfile is built with: nothing if its base can be pulled, or our own base."""
    base = re.search(r"\$\{BASE:-(\S+)\}", (ROOT / "Dockerfile").read_text())[1]
    with contextlib.suppress(subprocess.SubprocessError):
        subprocess.run(["docker", "pull", base], check=True, capture_output=True, timeout=300)
        return {}
    if subprocess.run(["docker", "image", "inspect", BASE], capture_output=True).returncode:
        subprocess.run([STAND_INS / "base.sh", BASE], check=True)
    host = {"DOCKER_BUILD_OPTIONS": "--network host", "BUILD_NETWORK": "host"}
    return {"BASE": BASE} | host


def stand_ins(cluster: Cluster) -> dict[str, str]:
    """The images that replace others, by the names of the others; they are built once."""
    if not build_environment() or _built:
        return _built
    with tempfile.TemporaryDirectory() as name:
        context = Path(name, "context")
        shutil.copytree(STAND_INS, context)
        ignored = shutil.ignore_patterns(".git")
        shutil.copytree(cluster.source, context / "metaflow-service", ignore=ignored)
        (context / "moto.txt").write_text(f"moto[server]=={version('moto')}\n")
        locked = (ROOT / "deploy" / "requirements.lock").read_text()
        wanted = r"^(?:aiohttp|aiopg|boto3|packaging|psycopg2-binary)==[^\s;]+"
        (context / "metadata.txt").write_text("\n".join(re.findall(wanted, locked, re.M)))
        for target in REPLACED:
            output(
                "docker", "build", "--quiet", "--network", "host", "--build-arg", f"BASE={BASE}",
                "--target", target, "--tag", f"churn-stand-in-{target}", str(context),
            )  # fmt: skip
            _built[REPLACED[target]] = f"churn-stand-in-{target}"
    return _built


def ask(url: str, body: Any = None) -> Any:
    """The JSON that an address answers; `body` is posted."""
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, content, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)


def wait_until(work, problem, seconds: float = 120) -> Any:
    """Call a function until it returns something; an OSError is tried again."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            if found := work():
                return found
        time.sleep(1)
    raise AssertionError(problem() if callable(problem) else problem)


def output(*command: str) -> str:
    """What a command prints."""
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return done.stdout
