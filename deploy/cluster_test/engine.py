"""An engine for compiled workflow templates, in place of Argo Workflows and Kubernetes.

It does what those do with the templates that Metaflow compiles: fills in parameters, follows the
graph, fans out, starts a pod per task, retries by the retry strategy, and collects outputs. A pod
is a process with a folder, a /tmp and a /mnt/out of its own, and only the environment of the
manifest and of the secrets that it names. Waiting before a retry, resources and volumes are left
out.
"""

import base64
import contextlib
import json
import os
import re
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

KNOWN_EXPRESSION = "asInt(lastRetry.exitCode) != 202"
PARAMETER = re.compile(r"\{\{=toBase64\(workflow\.parameters\['([^']+)'\]\)\}\}")
NEEDED = re.compile(r"[\w-]+(?=\.Succeeded)")
REFERENCE = re.compile(r"\{\{([\w.-]+)\}\}")
# Their values are the pod's own.
FIELDS = {
    "metadata.namespace": "default", "metadata.name": "pod", "metadata.uid": "uid",
    "spec.serviceAccountName": "default", "spec.nodeName": "node", "status.hostIP": "127.0.0.1",
    "status.podIP": "127.0.0.1",
}  # fmt: skip


class WorkflowFailed(Exception):
    """A task failed, and was not to be retried."""


@dataclass
class Pod:
    """A pod that ran.

    Attributes
    ----------
    step : str
        The name of its template.
    attempt : int
    code : int
        Its exit code; negative if it was killed.
    output : str
    """

    step: str
    attempt: int
    code: int
    output: str


@dataclass
class Engine:
    """Runs workflows of registered templates.

    Attributes
    ----------
    secrets : dict
        The entries of each secret, by its name.
    path : str
        PATH of the pods, with the Python that has the libraries.
    templates : dict
        Compiled workflow templates, by name.
    disturb : callable or None
        Called with template, attempt and the process of each pod that has started.
    again : set of str
        Steps whose first attempt ends well and is lost all the same, as when a node disappears
        before it has reported: they are retried.
    """

    secrets: dict[str, dict[str, str]]
    path: str
    templates: dict[str, Any] = field(default_factory=dict)
    disturb: Callable[[str, int, subprocess.Popen], None] | None = None
    again: set[str] = field(default_factory=set)
    pods: dict[str, list[Pod]] = field(default_factory=dict)
    slots: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(2))
    started: int = 0

    def run(self, template: str, parameters: Mapping[str, Any] | None = None) -> str:
        """Run a workflow to its end.

        Parameters
        ----------
        template : str
        parameters : mapping
            In place of the defaults.

        Returns
        -------
        str
            Its name.

        Raises
        ------
        WorkflowFailed
        """
        self.started += 1
        name = f"{template}-{self.started}{os.urandom(3).hex()}"
        values = {name: json.dumps(value) for name, value in (parameters or {}).items()}
        self.run_named(name, template, values)
        return name

    def run_named(self, name: str, template: str, values: Mapping[str, str]) -> None:
        """Run a workflow whose parameters are JSON texts."""
        spec = self.templates[template]["spec"]
        given = {one["name"]: one.get("value") for one in spec["arguments"]["parameters"]}
        unknown = set(values) - set(given)
        if unknown:
            raise WorkflowFailed(f"{template} has no parameters {sorted(unknown)}")
        created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        scope = {"workflow.name": name, "workflow.creationTimestamp": created}
        run = _Run(self, name, spec, given | dict(values), scope)
        self.pods[name] = []
        run.template(spec["entrypoint"], {})

    def attempts(self, name: str, step: str) -> list[Pod]:
        """The pods of a step of a workflow, in their order."""
        return [pod for pod in self.pods[name] if pod.step == step]


@dataclass
class _Run:
    engine: Engine
    name: str
    spec: dict[str, Any]
    parameters: dict[str, str]
    scope: dict[str, str]

    def template(self, name: str, inputs: Mapping[str, str]) -> dict[str, str]:
        """Run a template; its output parameters."""
        (found,) = (one for one in self.spec["templates"] if one["name"] == name)
        scope = self.scope | {f"inputs.parameters.{k}": v for k, v in inputs.items()}
        if "dag" in found:
            return self._dag(found, scope)
        return self._pod_with_retries(found, scope)

    def _dag(self, template: dict[str, Any], scope: dict[str, str]) -> dict[str, str]:
        waiting = {task["name"]: task for task in template["dag"]["tasks"]}
        scope = dict(scope)
        while waiting:
            task = next(
                one
                for one in waiting.values()
                if not waiting.keys() & set(NEEDED.findall(one.get("depends") or ""))
            )
            outputs = self._task(task, scope)
            name = waiting.pop(task["name"])["name"]
            scope |= {f"tasks.{name}.outputs.parameters.{k}": v for k, v in outputs.items()}
        return {
            one["name"]: fill(one["valueFrom"]["parameter"], scope)
            for one in template.get("outputs", {}).get("parameters", [])
        }

    def _task(self, task: dict[str, Any], scope: dict[str, str]) -> dict[str, str]:
        items = [None]
        if "withParam" in task:
            items = json.loads(fill(task["withParam"], scope))

        def one(item: Any) -> dict[str, str]:
            inside = scope | ({} if item is None else {"item": str(item)})
            arguments = {
                argument["name"]: fill(argument["value"], inside)
                for argument in task.get("arguments", {}).get("parameters", [])
            }
            return self.template(task["template"], arguments)

        with ThreadPoolExecutor() as pool:
            found = list(pool.map(one, items))
        if "withParam" not in task:
            return found[0]
        return {k: json.dumps([each[k] for each in found]) for k in found[0]}

    def _pod_with_retries(self, template: dict[str, Any], scope: dict[str, str]) -> dict[str, str]:
        strategy = template.get("retryStrategy") or {"limit": 0, "expression": KNOWN_EXPRESSION}
        if strategy["expression"] != KNOWN_EXPRESSION:
            raise WorkflowFailed(f"what is {strategy['expression']}?")
        for attempt in range(int(strategy["limit"]) + 1):
            step = template["name"]
            pod, outputs = self._pod(template, scope | {"retries": str(attempt)}, attempt)
            self.engine.pods[self.name].append(pod)
            lost = attempt == 0 and step in self.engine.again
            if pod.code == 0 and not lost:
                return outputs
            if pod.code == 202:
                break
        raise WorkflowFailed(f"{self.name}/{step}: exit code {pod.code}\n{pod.output[-3000:]}")

    def _pod(self, template, scope, attempt) -> tuple[Pod, dict[str, str]]:
        container = template["container"]
        environment = {"PATH": self.engine.path, "HOME": "."}
        for source in container.get("envFrom") or []:
            environment |= self.engine.secrets[source["secretRef"]["name"]]
        for entry in container["env"]:
            reference = (entry.get("valueFrom") or {}).get("fieldRef")
            value = FIELDS.get(reference["fieldPath"], "") if reference else entry["value"]
            environment[entry["name"]] = fill(str(value), scope)
        texts = [fill(self._parameters(text), scope) for text in container["command"]]
        with (
            tempfile.TemporaryDirectory(prefix="churn-pod-", dir="/var/tmp") as folder,
            self.engine.slots,
        ):
            code, output = self._start(Path(folder), texts, environment, template["name"], attempt)
            outputs = {
                one["name"]: _read(Path(folder, "out"), one["valueFrom"]["path"])
                for one in template.get("outputs", {}).get("parameters", [])
                if code == 0
            }
        return Pod(template["name"], attempt, code, output), outputs

    def _parameters(self, text: str) -> str:
        return PARAMETER.sub(
            lambda found: base64.b64encode(self.parameters[found[1]].encode()).decode(), text
        )

    def _start(self, folder, command, environment, step, attempt) -> tuple[int, str]:
        for name in ("work", "out", "tmp"):
            (folder / name).mkdir()
        mounts = (
            f"mkdir -p /mnt/out && mount --bind {folder}/out /mnt/out "
            f'&& mount --bind {folder}/tmp /tmp && cd {folder}/work && exec "$@"'
        )
        with subprocess.Popen(
            ["unshare", "--mount", "bash", "-c", mounts, "pod", *command], env=environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            start_new_session=True,
        ) as process:  # fmt: skip
            if self.engine.disturb:
                self.engine.disturb(step, attempt, process)
            output, _ = process.communicate(timeout=1200)
        _end_group(process.pid)
        return process.returncode, output


def fill(text: str, scope: Mapping[str, str]) -> str:
    """A text with the values of its references."""
    return REFERENCE.sub(lambda found: scope[found[1]], text)


def _read(out: Path, path: str) -> str:
    return (out / Path(path).relative_to("/mnt/out")).read_text().strip()


def _end_group(group: int) -> None:
    """What a pod left running ends with it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
