"""What docs/deployment.md claims of a cluster, each as a function that shows it.

Each returns what was seen, in a sentence, and raises where it is not so. They build on each other,
in their order.
"""

import contextlib
import io
import json
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import composed
import images
import manifests
import overlays
import pandas as pd
from cluster import QUICK, SECRET, Cluster
from engine import WorkflowFailed
from services import ROOT

KILLED = -signal.SIGKILL  # of a container it is 137


def compiles(cluster: Cluster) -> str:
    """Every flow compiles to Argo Workflows with the settings of docs/deployment.md alone."""
    search = cluster.folder / "search.toml"
    search.write_text(QUICK.format(0.5))
    score = cluster.folder / "score.toml"
    score.write_text(
        '[schedule]\ncron = "0 6 * * *"\n[parameters]\ndata = "s3://store/customers.parquet"\n'
        'output = "s3://store/calls.csv"\nbudget = 100\n'
    )
    cluster.deploy("churn_flow.py", "--config", "candidates", str(search))
    cluster.deploy("score_flow.py", "--config", "deployment", str(score))
    cluster.deploy("monitor_flow.py")
    trial = cluster.folder / "trial.toml"
    trial.write_text('[parameters]\npromote = "never"\n')
    branch = cluster.deploy(
        "churn_flow.py", "--config", "deployment", str(trial), name="churnflow-trial"
    )
    arguments = cluster.compiled[branch]["spec"]["arguments"]["parameters"]
    assert {"name": "promote", "value": '"never"'}.items() <= next(
        one for one in arguments if one["name"] == "promote"
    ).items()
    cluster.deploy("effect_flow.py")
    steps = [
        one
        for workflow in cluster.compiled.values()
        for one in workflow["spec"]["templates"]
        if "metaflow/step_name" in (one.get("metadata") or {}).get("annotations", {})
    ]
    for step in steps:
        assert step["retryStrategy"]["limit"] >= 2, step["name"]
        assert step["activeDeadlineSeconds"] <= 24 * 3600, step["name"]
        assert step["container"]["envFrom"][0]["secretRef"]["name"] == SECRET
    return f"{len(cluster.compiled)} workflow templates, {len(steps)} steps"


def follows_the_schema(cluster: Cluster) -> str:
    """The compiled templates follow Argo Workflows' own schema."""
    for name, workflow in cluster.compiled.items():
        file = cluster.folder / f"{name}.json"
        file.write_text(json.dumps(workflow))
        script = [cluster.tools, Path(__file__).with_name("schema.py"), file]
        done = subprocess.run(script, capture_output=True, text=True)
        assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"
    return "no field is unknown, none of another type"


def trains(cluster: Cluster) -> str:
    """ChurnFlow runs to its end; a pod that is lost in `train`, with its disk, is replaced."""
    killed = []

    def kill(step: str, attempt: int, end: Callable[[], None]) -> None:
        if step == "train" and attempt == 0:
            time.sleep(4)
            end()
            killed.append(step)

    cluster.engine.starter.disturb, cluster.engine.again = kill, {"end"}
    name = cluster.engine.run("churnflow")
    cluster.engine.starter.disturb, cluster.engine.again = None, set()
    assert len(killed) == 1
    attempts = [(pod.code, pod.attempt) for pod in cluster.engine.attempts(name, "train")]
    assert attempts in ([(KILLED, 0), (0, 1)], [(128 - KILLED, 0), (0, 1)]), attempts
    end = cluster.engine.attempts(name, "end")[0]
    assert f"ChurnFlow/argo-{name} is the champion now (promotion 1)." in end.output, end.output
    return f"{name}: {len(cluster.engine.pods[name])} pods, one of them killed"


def is_seen_elsewhere(cluster: Cluster) -> str:
    """Another machine, from an empty folder, has the champion, and the commit that made it."""
    listed = cluster.churn("models")
    assert listed.returncode == 0, listed.stderr
    (row,) = [line for line in listed.stdout.splitlines() if line.startswith("*")]
    script = (
        "from churn.registry.runs import fetch_run; print(fetch_run('champion').lineage['code'])"
    )
    environment = cluster.machine | {"PYTHONPATH": str(ROOT)}
    made = subprocess.run(
        [sys.executable, "-c", script], env=environment, cwd=cluster.folder, capture_output=True,
        text=True, check=True,
    ).stdout.strip()  # fmt: skip
    assert made.rstrip("+") == cluster.commit, (made, cluster.commit)
    return " ".join(row.split()[:3])


def retried_end(cluster: Cluster) -> str:
    """A node is lost after `end` has promoted: the retried step keeps the number, and says so."""
    (name,) = cluster.engine.pods
    _, second = cluster.engine.attempts(name, "end")
    assert second.code == 0, second.output
    assert "is the champion already (promotion 1); nothing is changed." in second.output
    numbers = re.findall(r"^\s*(\d+)\s+ChurnFlow", cluster.churn("history").stdout, re.MULTILINE)
    assert numbers == ["1"], numbers
    return "promotion 1, once"


def refuses_once(cluster: Cluster) -> str:
    """What a user has to correct fails at the first attempt."""
    with contextlib.suppress(WorkflowFailed):
        cluster.engine.run("churnflow", {"data": "s3://store/nothing.csv"})
    (pods,) = list(cluster.engine.pods.values())[-1:]
    assert [(pod.step, pod.code) for pod in pods] == [("start", 0), ("load", 202)], pods
    return "exit code 202, one attempt"


def scores(cluster: Cluster) -> str:
    """ScoreFlow writes the list to S3, and its predictions and calls to PostgreSQL."""
    cluster.put("customers.parquet", _table())
    cluster.engine.run("scoreflow")
    calls = pd.read_csv(io.StringIO(cluster.get("calls.csv")))
    counts = calls["arm"].value_counts().to_dict()
    assert counts["contact"] == 100, counts
    logged = cluster.churn("log", "show", "--limit", "1")
    assert f"ChurnFlow/argo-{next(iter(cluster.engine.pods))}" in logged.stdout, logged.stdout
    return f"{counts} in s3://store/calls.csv"


def monitors_and_retrains(cluster: Cluster) -> str:
    """MonitorFlow finds a broken column, pushes the verdict, and starts ChurnFlow's workflow."""
    script = Path(__file__).with_name("history.py")
    environment = cluster.machine | {"PYTHONPATH": str(ROOT)}
    day = [sys.executable, script, "broken", cluster.log, _day(-10)]
    subprocess.run(day, env=environment, cwd=cluster.folder, check=True)
    table = cluster.put("newest.parquet", _table())
    name = cluster.engine.run("monitorflow", {"retrain": True, "data": table, "as-of": _day(-5)})
    (end,) = cluster.engine.attempts(name, "end")
    started = re.search(r"Retrained: ChurnFlow/argo-(churnflow-\S+)\.", end.output)
    assert started, end.output
    assert re.search(r"churn_monitor_verdict\{[^}]*\} 2\.0", cluster.pushed[-1]), cluster.pushed
    deadline = time.monotonic() + 600
    while not cluster.engine.attempts(started[1], "end") and time.monotonic() < deadline:
        time.sleep(1)
    pods = cluster.engine.pods[started[1]]
    assert pods[-1].step == "end", pods
    return f"verdict 2 was pushed; {started[1]} ran in {len(pods)} pods of its own"


def learns_effects(cluster: Cluster) -> str:
    """EffectFlow learns from the lists and outcomes of a campaign whom a call keeps."""
    day, name = _day(-60), {"campaign": "spring"}
    listed = name | {"as-of": day, "budget": "6000", "control": "0.3"}
    cluster.engine.run("scoreflow", listed | {"output": "s3://store/spring.csv"})
    calls = cluster.folder / "spring.csv"
    calls.write_text(cluster.get("spring.csv"))
    script = [sys.executable, Path(__file__).with_name("outcomes.py"), calls, cluster.log, day]
    environment = cluster.machine | {"PYTHONPATH": str(ROOT)}
    subprocess.run(script, env=environment, cwd=cluster.folder, check=True)
    run = cluster.engine.run("effectflow", name)
    (end,) = cluster.engine.attempts(run, "end")
    decided = re.search(r"^The list of 'spring' (goes by|is left).*", end.output, re.MULTILINE)
    assert decided, end.output
    return f"{len(cluster.engine.pods[run])} pods. {decided[0]}"


def promotes_at_once(cluster: Cluster) -> str:
    """Machines that promote at the same moment never get the same number."""
    listed = [line for line in cluster.churn("models").stdout.splitlines() if "hold-out" in line]
    runs = [re.search(r"ChurnFlow/argo-\S+", line)[0] for line in listed]
    assert len(runs) >= 2, listed
    script = (
        "import sys\nfrom churn.registry.runs import promote\nsys.stdin.readline()\n"
        "for i in range(4):\n"
        "    made = promote(sys.argv[1 + i % 2], f'{sys.argv[3]}: {i}', force=True)\n"
        "    print(made.number, made.run, bool('nothing is changed' in made.note),\n"
        "          'was taken' in made.note, sep='|', flush=True)\n"
    )
    environment = cluster.machine | {"PYTHONPATH": str(ROOT)}
    machines = [
        subprocess.Popen(
            [sys.executable, "-c", script, *pair, f"machine {i}"], env=environment, text=True,
            cwd=cluster.folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for i, pair in enumerate([runs[:2], runs[1::-1], runs[:2]])
    ]  # fmt: skip
    for machine in machines:
        machine.stdin.write("go\n")
        machine.stdin.flush()
    outputs = []
    for machine in machines:
        output, errors = machine.communicate(timeout=300)
        assert machine.returncode == 0, errors
        outputs.append(output)
    told = [line.split("|") for output in outputs for line in output.splitlines()]
    assert len(told) == 4 * len(machines), outputs
    made = [int(number) for number, _, before, _ in told if before == "False"]
    assert len(made) == len(set(made)), sorted(made)
    history = cluster.churn("history").stdout
    numbers = re.findall(r"^\s*(\d+)\s+ChurnFlow", history, re.MULTILINE)
    assert len(numbers) == len(set(numbers)), history
    assert str(max(made)) == numbers[0]
    moved = sum(taken == "True" for *_, taken in told)
    return f"{len(made)} promotions of {len(machines)} machines, {moved} of which had to move on"


def names_a_service_that_hangs(cluster: Cluster) -> str:
    """A metadata service that takes requests and never answers is an error after a minute."""
    begun = time.monotonic()
    with cluster.service.hanging():
        done = cluster.churn("models")
    took = time.monotonic() - begun
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    assert cluster.service.url.rpartition(":")[2] in done.stderr, done.stderr
    assert took < 240, took
    return f"after {took:.0f} s: {done.stderr.strip().splitlines()[-1].strip()[:160]}"


def outlasts_the_service(cluster: Cluster) -> str:
    """The metadata service answers nobody for 20 seconds, in the middle of a run."""
    hung = threading.Event()

    def hang(step: str, _attempt: int, _kill: Callable[[], None]) -> None:
        if step == "validate" and not hung.is_set():
            hung.set()
            threading.Thread(target=pause).start()

    def pause() -> None:
        with cluster.service.hanging():
            time.sleep(20)

    cluster.engine.starter.disturb = hang
    name = cluster.engine.run("churnflow", {"seed": 2, "promote": "never"})
    cluster.engine.starter.disturb = None
    assert hung.is_set()
    retried = sum(pod.attempt > 0 for pod in cluster.engine.pods[name])
    return f"{name} ended well; {retried} pods had to be retried"


def refuses_without_the_service(cluster: Cluster) -> str:
    """Without a metadata service a run that would promote is refused before it reads anything."""
    templates = json.loads(json.dumps(cluster.engine.templates["churnflow"]).replace(
        "--metadata=service", "--metadata=local"
    ))  # fmt: skip
    for template in templates["spec"]["templates"]:
        for entry in template.get("container", {}).get("env") or []:
            if entry["name"] == "METAFLOW_DEFAULT_METADATA":
                entry["value"] = "local"
    cluster.engine.templates["alone"] = templates
    with contextlib.suppress(WorkflowFailed):
        cluster.engine.run("alone")
    (pods,) = list(cluster.engine.pods.values())[-1:]
    assert [(pod.step, pod.code) for pod in pods] == [("start", 202)], pods
    assert "no other machine would see" in pods[0].output, pods[0].output
    return "exit code 202 in `start`"


def dashboards_are_current(cluster: Cluster) -> str:
    """Grafana's dashboards, by the schema of its SDK, and the operator's alerts are current."""
    for script in ("grafana/dashboards.py", "prometheus/operator_rules.py"):
        command = [cluster.tools, ROOT / "deploy" / script, "--check"]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, script + done.stderr
    found = ROOT.glob("deploy/grafana/dashboards/*.json")
    return f"{len(list(found))} dashboards are what their code makes, and so is the PrometheusRule"


CLAIMS = [
    compiles, follows_the_schema, trains, retried_end, is_seen_elsewhere, refuses_once, scores,
    monitors_and_retrains, promotes_at_once, outlasts_the_service, names_a_service_that_hangs,
    refuses_without_the_service, learns_effects,
    manifests.follow_their_schemas, manifests.lint, manifests.serve, manifests.alert,
    manifests.are_safe, manifests.terraform, dashboards_are_current, overlays.services,
    images.work, images.traces, composed.whole_system,
]  # fmt: skip


def _table() -> bytes:
    file = io.BytesIO()
    pd.read_csv(ROOT / "churn/data/telco/telco.csv").to_parquet(file)
    return file.getvalue()


def _day(days: int) -> str:
    return str(pd.Timestamp.now("UTC").date() + pd.Timedelta(days=days))[:10]
