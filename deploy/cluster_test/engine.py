"""An engine for compiled workflow templates, in place of Argo Workflows.

It does what that does with the templates that Metaflow compiles: fills in parameters, follows the
graph, fans out, starts a pod per task, retries by the retry strategy, and collects outputs. The
waiting before a retry is left out.
"""

import base64
import json
import os
import re
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from pods import Pod, Starter

NO_RETRY = 202
EXPRESSION = f"asInt(lastRetry.exitCode) != {NO_RETRY}"
PARAMETER = re.compile(r"\{\{=toBase64\(workflow\.parameters\['([^']+)'\]\)\}\}")
NEEDED = re.compile(r"[\w-]+(?=\.Succeeded)")
REFERENCE = re.compile(r"\{\{([\w.-]+)\}\}")
PODS_AT_ONCE = 2


class WorkflowFailed(Exception):
    """A task failed, and was not to be retried."""


@dataclass
class Engine:
    """Runs workflows of registered templates.

    Attributes
    ----------
    starter : Starter
        Of the pods.
    templates : dict
        Compiled workflow templates, by name.
    again : set of str
        Steps whose first attempt ends well and is lost all the same, as when a node disappears
        before it has reported: they are retried.
    pods : dict
        The pods of each workflow, by its name, in the order in which they ended.
    """

    starter: Starter
    templates: dict[str, Any] = field(default_factory=dict)
    again: set[str] = field(default_factory=set)
    pods: dict[str, list[Pod]] = field(default_factory=dict)
    slots: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(PODS_AT_ONCE))

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
        name = f"{template}-{os.urandom(3).hex()}"
        values = {name: json.dumps(value) for name, value in (parameters or {}).items()}
        self.run_named(name, template, values)
        return name

    def run_named(self, name: str, template: str, values: Mapping[str, str]) -> None:
        """Run a workflow whose parameters are JSON texts."""
        self.pods[name] = []
        spec = self.templates[template]["spec"]
        given = {one["name"]: one.get("value") for one in spec["arguments"]["parameters"]}
        unknown = set(values) - set(given)
        if unknown:
            raise WorkflowFailed(f"{template} has no parameters {sorted(unknown)}")
        created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        scope = {"workflow.name": name, "workflow.creationTimestamp": created}
        _Run(self, name, spec, given | dict(values), scope).template(spec["entrypoint"], {})

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
        strategy = template.get("retryStrategy") or {"limit": 0, "expression": EXPRESSION}
        if strategy["expression"] != EXPRESSION:
            raise WorkflowFailed(f"what is {strategy['expression']}?")
        for attempt in range(int(strategy["limit"]) + 1):
            fill_in = partial(self._fill, scope | {"retries": str(attempt)})
            with self.engine.slots:
                pod = self.engine.starter.run(template, attempt, fill_in)
            self.engine.pods[self.name].append(pod)
            lost = attempt == 0 and pod.step in self.engine.again
            if pod.code == 0 and not lost:
                return pod.results
            if pod.code == NO_RETRY:
                break
        raise WorkflowFailed(f"{self.name}/{pod.step}: exit code {pod.code}\n{pod.output[-3000:]}")

    def _fill(self, scope: Mapping[str, str], text: str) -> str:
        return fill(PARAMETER.sub(self._parameter, text), scope)

    def _parameter(self, found: re.Match) -> str:
        return base64.b64encode(self.parameters[found[1]].encode()).decode()


def fill(text: str, scope: Mapping[str, str]) -> str:
    """A text with the values of its references."""
    return REFERENCE.sub(lambda found: scope[found[1]], text)
