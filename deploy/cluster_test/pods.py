"""Pods of compiled workflow templates: a process each, or a container of an image.

A process has a folder, a /tmp and a /mnt/out of its own; it and a container have the environment of
the manifest and of the secrets that it names, and no other. CPU limits and volumes are left out.
"""

import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

# Where the results of a pod are, for the engine.
OUT = "/mnt/out"
# Of a field reference; the pod's own in a cluster.
FIELDS = {
    "metadata.namespace": "default", "metadata.name": "pod", "metadata.uid": "uid",
    "spec.serviceAccountName": "default", "spec.nodeName": "node", "status.hostIP": "127.0.0.1",
    "status.podIP": "127.0.0.1",
}  # fmt: skip


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
    results : dict
        Its output parameters, if the code is 0.
    """

    step: str
    attempt: int
    code: int
    output: str
    results: dict[str, str]


@dataclass
class Starter:
    """Starts pods.

    Attributes
    ----------
    secrets : dict
        The entries of each secret, by its name.
    path : str
        PATH of the pods that are processes, with the Python that has the libraries.
    image : str
        The image of the pods; empty where they are processes.
    disturb : callable or None
        Called with template, attempt, and a function that kills it, of each pod that has started.
    """

    secrets: dict[str, dict[str, str]]
    path: str
    image: str = ""
    disturb: Callable[[str, int, Callable[[], None]], None] | None = None

    def run(self, template: dict[str, Any], attempt: int, fill: Callable[[str], str]) -> Pod:
        """Run a pod of a template to its end; `fill` puts values into its texts."""
        container, step = template["container"], template["name"]
        texts = [fill(text) for text in container["command"]]
        with tempfile.TemporaryDirectory(prefix="churn-pod-", dir="/var/tmp") as name:
            folder = Path(name)
            for each in ("work", "out", "tmp"):
                (folder / each).mkdir()
                (folder / each).chmod(0o777)  # the image's user is another
            environment = self._environment(container, fill)
            command, around = self._command(folder, texts, environment, container)
            with subprocess.Popen(
                command, env=around, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True, start_new_session=True,
            ) as process:  # fmt: skip
                if self.disturb:
                    self.disturb(step, attempt, partial(self._kill, process, folder.name))
                output, _ = process.communicate(timeout=1800)
            _end_group(process.pid)  # what it left running ends with it
            results = {}
            for one in template.get("outputs", {}).get("parameters", []):
                if process.returncode == 0:
                    file = folder / "out" / Path(one["valueFrom"]["path"]).relative_to(OUT)
                    results[one["name"]] = file.read_text().strip()
        return Pod(step, attempt, process.returncode, output, results)

    def _environment(self, container: Mapping[str, Any], fill) -> dict[str, str]:
        found: dict[str, str] = {}
        for source in container.get("envFrom") or []:
            found |= self.secrets[source["secretRef"]["name"]]
        for entry in container["env"]:
            reference = (entry.get("valueFrom") or {}).get("fieldRef")
            value = FIELDS[reference["fieldPath"]] if reference else entry["value"]
            found[entry["name"]] = fill(str(value))
        return found

    def _command(self, folder: Path, texts, environment, container) -> tuple[list[str], dict]:
        """The command that starts a pod, and the environment of that command."""
        if not self.image:
            mounts = (
                f"mkdir -p {OUT} && mount --bind {folder}/out {OUT} "
                f'&& mount --bind {folder}/tmp /tmp && cd {folder}/work && exec "$@"'
            )
            command = ["unshare", "--mount", "bash", "-c", mounts, "pod", *texts]
            return command, environment | {"PATH": self.path, "HOME": "."}
        memory = container["resources"]["requests"]["memory"].partition(".")[0].rstrip("M")
        file, config = folder / "environment", environment["KUBECONFIG"]
        file.write_text("".join(f"{name}={value}\n" for name, value in environment.items()))
        return [
            "docker", "run", "--rm", "--name", folder.name, "--network", "host",
            "--memory", f"{memory}m", "--env-file", str(file), "--volume", f"{folder}/out:{OUT}",
            "--volume", f"{config}:{config}:ro", self.image, *texts,
        ], {"PATH": os.environ["PATH"]}  # fmt: skip

    def _kill(self, process: subprocess.Popen, name: str) -> None:
        if self.image:
            subprocess.run(["docker", "kill", name], check=True, capture_output=True)
        else:
            _end_group(process.pid)


def _end_group(group: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
