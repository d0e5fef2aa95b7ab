"""The manifests of deploy/: rendered, checked, and their command started with their environment."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from cluster import Cluster
from services import ROOT, free_port

DEPLOY = ROOT / "deploy"
OVERLAYS = sorted(path.name for path in (DEPLOY / "kubernetes" / "overlays").iterdir())


def follow_their_schemas(cluster: Cluster) -> str:
    """The overlays render by kustomize, and follow Kubernetes' schemas, strictly."""
    counts = []
    for name in OVERLAYS:
        file = cluster.folder / f"{name}.yaml"
        file.write_text(render(cluster, DEPLOY / "kubernetes" / "overlays" / name))
        check = [cluster.tools.with_name("kubernetes-validate"), "--strict", file]
        done = subprocess.run(check, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        passed = len(re.findall(r"passed for resource", done.stdout + done.stderr))
        counts.append(f"{name}: {passed} resources")
    return "; ".join(counts)


def lint(cluster: Cluster) -> str:
    """The Dockerfiles are clean for hadolint."""
    files = ROOT / "Dockerfile", DEPLOY / "stand_ins" / "Dockerfile"
    command = [cluster.tools.with_name("hadolint"), *files]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    return "no finding"


def are_safe(cluster: Cluster) -> str:
    """checkov finds nothing that deploy/checkov.yaml does not give a reason for."""
    folder = cluster.folder / "checked"
    shutil.copytree(DEPLOY / "terraform", folder)
    shutil.copy(ROOT / "Dockerfile", folder)
    for name in OVERLAYS:
        (folder / f"{name}.yaml").write_text(
            render(cluster, DEPLOY / "kubernetes" / "overlays" / name)
        )
    command = [DEPLOY / ".checkov/bin/checkov", "--config-file", DEPLOY / "checkov.yaml"]
    done = subprocess.run([*command, "--directory", folder], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    passed = sum(map(int, re.findall(r"Passed checks: (\d+)", done.stdout)))
    return f"{passed} checks passed"


def terraform(cluster: Cluster) -> str:
    """Terraform takes deploy/terraform: bucket, database and identities."""
    folder = shutil.copytree(DEPLOY / "terraform", cluster.folder / "terraform")

    def run(*arguments: str) -> subprocess.CompletedProcess:
        command = ["terraform", *arguments]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True)

    done = run("fmt", "-check")
    assert done.returncode == 0, done.stdout
    if run("init", "-backend=false", "-input=false").returncode:
        return "formatted; not validated, for AWS' provider could not be had"
    done = run("validate")
    assert done.returncode == 0, done.stdout + done.stderr
    return "formatted, and valid for AWS' provider"


def serve(cluster: Cluster) -> str:
    """The app starts with command and environment of its manifest, answers, and ends in time."""
    with started(cluster) as (pod, container, process, url):
        wait_for(f"{url}{container['startupProbe']['httpGet']['path']}", process)
        wait_for(f"{url}{container['readinessProbe']['httpGet']['path']}", process)
        request = urllib.request.Request(
            f"{url}/predict", (DEPLOY / "customer.json").read_bytes(),
            {"Content-Type": "application/json"},
        )  # fmt: skip
        with urllib.request.urlopen(request, timeout=30) as response:
            answer = json.load(response)
        with urllib.request.urlopen(f"{url}/metrics", timeout=30) as response:
            scraped = response.read().decode()
        process.send_signal(signal.SIGTERM)
        code = process.wait(pod["terminationGracePeriodSeconds"])
    assert code == 0, code
    logged = cluster.churn("log", "show", "--limit", "1")
    assert answer["prediction"] in logged.stdout, logged.stdout + logged.stderr
    used = set(re.findall(r"churn_\w+", _rules("churn-app", "churn-log")))
    missing = {name for name in used if not re.search(rf"^(# TYPE )?{name}\b", scraped, re.M)}
    # These have series from their first event on.
    missing -= {"churn_request_seconds_count", "churn_request_seconds_bucket"}
    assert not missing, missing
    return f"probability {answer['probability']:.3f}, in the log; {len(used)} metrics of the alerts"


def alert(cluster: Cluster) -> str:
    """Each alert comes and goes as its test says, has a runbook, and metrics that are exported."""
    folder = DEPLOY / "prometheus"
    done = subprocess.run(
        ["promtool", "test", "rules", "rules_test.yaml"], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rules = [rule for group in _groups() for rule in group["rules"]]
    for rule in rules:
        assert rule["annotations"]["runbook"] == f"deploy/runbooks/{rule['alert']}.md"
        assert (ROOT / rule["annotations"]["runbook"]).read_text().startswith(f"# {rule['alert']}")
    pages = {path.stem for path in (DEPLOY / "runbooks").glob("*.md")}
    assert pages == {rule["alert"] for rule in rules}
    for name in re.findall(r"churn_monitor_\w+", _rules("churn-model")):
        assert f"\n{name}{{" in cluster.pushed[-1], name
    return f"{len(rules)} alerts"


def render(cluster: Cluster, folder: Path) -> str:
    """What kustomize makes of a folder."""
    command = [cluster.tools.with_name("kubectl"), "kustomize", folder]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextlib.contextmanager
def started(cluster: Cluster) -> Iterator[tuple[Any, Any, subprocess.Popen, str]]:
    """The app's pod as a process: its spec, its container, the process, and its URL."""
    copy, port = cluster.folder / "kubernetes", free_port()
    shutil.copytree(DEPLOY / "kubernetes", copy)
    here = copy / "overlays" / "here"
    here.mkdir()
    machine = cluster.machine
    names = "METAFLOW_SERVICE_URL", "METAFLOW_DATASTORE_SYSROOT_S3"
    (here / "kustomization.yaml").write_text(yaml.safe_dump({
        "resources": ["../small"],
        "configMapGenerator": [{
            "name": "churn", "behavior": "merge", "namespace": "churn",
            "literals": [f"{name}={machine[name]}" for name in names],
        }],
    }))  # fmt: skip
    rendered = list(yaml.safe_load_all(render(cluster, here)))
    (app,) = (
        one for one in rendered if one["kind"] == "StatefulSet" and one["metadata"]["name"] == "app"
    )
    maps = {one["metadata"]["name"]: one["data"] for one in rendered if one["kind"] == "ConfigMap"}
    pod = app["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    environment = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    for source in container["envFrom"]:
        kind, reference = next(iter(source.items()))
        values = maps if kind == "configMapRef" else cluster.engine.starter.secrets
        environment |= values[reference["name"]]
    environment |= {one["name"]: one["value"] for one in container["env"]}
    # What an image has: its home, and here a port that is free.
    environment |= {"HOME": "/var/lib/churn", "CHURN_HOME": "/var/lib/churn", "PORT": str(port)}
    binds = []
    for mount in container["volumeMounts"]:
        folder = cluster.folder / "volumes" / mount["name"]
        folder.mkdir(parents=True)
        binds.append(f"mkdir -p {mount['mountPath']} && mount --bind {folder} {mount['mountPath']}")
    script = " && ".join([*binds, 'exec "$@"'])
    with subprocess.Popen(
        ["unshare", "--mount", "bash", "-c", script, "pod", *container["command"]],
        env=environment, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        try:
            yield pod, container, process, f"http://127.0.0.1:{port}"
        finally:
            process.kill()


def wait_for(url: str, process: subprocess.Popen) -> None:
    """Ask until the answer is 200, as a probe does."""
    for _ in range(240):
        assert process.poll() is None, "the app has ended"
        with contextlib.suppress(OSError):
            urllib.request.urlopen(url, timeout=5).close()
            return
        time.sleep(0.5)
    raise AssertionError(f"{url} is never 200")


def _groups() -> list[dict[str, Any]]:
    return yaml.safe_load((DEPLOY / "prometheus" / "rules.yaml").read_text())["groups"]


def _rules(*names: str) -> str:
    groups = [group for group in _groups() if group["name"] in names]
    return " ".join(rule["expr"] for group in groups for rule in group["rules"])
