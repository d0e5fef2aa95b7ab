"""The whole system of deploy/compose.yaml, started and asked."""

import contextlib
import json
import os
import re
import subprocess
import sys
import urllib.parse
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from cluster import Cluster
from containers import REPLACED, ask, build_environment, engine, output, stand_ins, wait_until
from services import ROOT, free_port


def whole_system(cluster: Cluster) -> str:
    """deploy/compose.yaml: two commands from nothing to a served model, watched and alerted on."""
    with engine(), system(cluster) as (compose, ports):
        compose("run", "--rm", "train")
        app = f"http://127.0.0.1:{ports['APP_PORT']}"
        wait_until(lambda: ask(f"{app}/ready"), "the app is never ready")
        customer = json.loads((ROOT / "deploy" / "customer.json").read_text())
        answer = ask(f"{app}/predict", customer)
        assert answer["run"].startswith("ChurnFlow/"), answer
        assert 0 < answer["probability"] < 1, answer
        outcome = {"customer": "C-1", "date": "2025-01-31", "left": True}
        for what, days in (("labelled", 45), ("broken", 5)):
            _log_history(compose, what, datetime.now(UTC) - timedelta(days=days))
        compose("run", "--rm", "monitor", passes=(0, 3, 4))

        def use() -> None:
            ask(f"{app}/predict", customer)
            ask(f"{app}/predict/batch", {"customers": [customer] * 20})
            ask(f"{app}/outcomes", {"outcomes": [outcome]})

        asked = _queries_have_series(f"http://127.0.0.1:{ports['PROMETHEUS_PORT']}", use)
        manager = f"http://127.0.0.1:{ports['ALERTMANAGER_PORT']}/api/v2/alerts"
        names = wait_until(
            lambda: {each["labels"]["alertname"] for each in ask(manager)}, "no alert"
        )
        assert "ChurnRetrain" in names, names
    return (
        f"probability {answer['probability']:.3f} by {answer['run']}; {asked} queries of the "
        f"dashboards have series; Alertmanager has {', '.join(sorted(names))}; {_left_out()}"
    )


def _log_history(compose, what: str, day: datetime) -> None:
    script = Path(__file__).with_name("history.py")
    compose(
        "run", "--rm", "--volume", f"{script}:/history.py:ro", "-e", "PYTHONPATH=/srv/churn",
        "train", "sh", "-c", f'python /history.py {what} "$CHURN_LOG" {day:%Y-%m-%d}',
    )  # fmt: skip


@contextlib.contextmanager
def system(cluster: Cluster) -> Iterator[tuple[Any, dict[str, int]]]:
    """compose.yaml started, and taken away at the end: a function that runs compose, the ports."""
    file = ROOT / "deploy" / "compose.yaml"
    ports = {name: free_port() for name in re.findall(r"\b[A-Z]+_PORT\b(?=:-)", file.read_text())}
    images = stand_ins(cluster)
    environment = os.environ | build_environment()
    environment |= {
        f"{target.upper()}_IMAGE": images[name] for target, name in REPLACED.items() if images
    }
    environment |= {name: str(port) for name, port in ports.items()}
    environment |= {"COMMIT": cluster.commit}
    services = list(yaml.safe_load(file.read_text())["services"])
    chosen = [
        name for name in services
        if name not in ("train", "monitor") and (name != "grafana" or not build_environment())
    ]  # fmt: skip

    def compose(*arguments: str, passes: tuple[int, ...] = (0,)) -> str:
        command = [*_compose(), "--file", file, "--project-name", f"churn{os.getpid()}"]
        done = subprocess.run(
            [*command, *arguments], env=environment, capture_output=True, text=True
        )
        assert done.returncode in passes, (done.stdout + done.stderr)[-4000:]
        return done.stdout

    checker = Path(sys.executable).with_name("check-jsonschema")
    output(str(checker), "--builtin-schema", "vendor.compose-spec", str(file))
    compose("config", "--quiet")
    try:
        compose("build", "train")
        compose("up", "--build", "--detach", *chosen)
        yield compose, ports
    finally:
        compose("down", "--volumes", "--timeout", "40", passes=(0, 1))


def _compose() -> list[str]:
    plugin = subprocess.run(["docker", "compose", "version"], capture_output=True)
    return ["docker-compose"] if plugin.returncode else ["docker", "compose"]


def _left_out() -> str:
    return "without Grafana, and with stand-ins" if build_environment() else "with all images"


def _queries_have_series(prometheus: str, use: Callable[[], None]) -> int:
    """The number of queries of all dashboards, each of which has a series while the app is used."""
    queries = sorted({
        target["expr"].replace("$__rate_interval", "2m")
        for path in (ROOT / "deploy" / "grafana" / "dashboards").glob("*.json")
        for panel in json.loads(path.read_text())["panels"]
        for target in panel["targets"]
    })  # fmt: skip

    def empty() -> list[str]:
        use()
        return [query for query in queries if not _series(prometheus, query)]

    wait_until(lambda: not empty(), lambda: f"no series: {empty()}")
    return len(queries)


def _series(prometheus: str, query: str) -> list[Any]:
    asked = urllib.parse.urlencode({"query": query})
    found = ask(f"{prometheus}/api/v1/query?{asked}")["data"]["result"]
    return [each for each in found if each["value"][1] != "NaN"]
