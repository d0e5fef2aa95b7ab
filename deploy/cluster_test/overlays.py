"""What the overlays bring beside the app, as containers with what their manifests say of a pod."""

import contextlib
import os
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from cluster import Cluster
from containers import ask, engine, output, stand_ins, wait_until
from manifests import DEPLOY, render

PASSWORD = "only-of-this-test"
SECRETS = {
    "database": {"POSTGRES_PASSWORD": PASSWORD}, "metadata": {"MF_METADATA_DB_PSWD": PASSWORD},
}  # fmt: skip
FLOW = "/flows/ChurnFlow"


def services(cluster: Cluster) -> str:
    """Metadata service, PostgreSQL and Pushgateway run by their manifests, and answer."""
    with engine(), network() as name:
        pods = Pods(cluster, name)
        pods.start("small", "database")
        first = pods.start("small", "metadata")
        ask(f"http://{first}:8080{FLOW}", {"user_name": "test", "tags": [], "system_tags": []})
        pods.stop("metadata")
        again = pods.start("small", "metadata")  # the pod is lost: another one comes
        found = ask(f"http://{again}:8080{FLOW}")
        assert found["flow_id"] == "ChurnFlow", found
        gateway = pods.start("large", "pushgateway")
        pushed = f"http://{gateway}:9091/metrics/job/churn_monitor"
        request = urllib.request.Request(pushed, b"churn_monitor_verdict 1\n", method="PUT")
        urllib.request.urlopen(request, timeout=30).close()
        with urllib.request.urlopen(f"http://{gateway}:9091/metrics", timeout=30) as response:
            assert 'churn_monitor_verdict{instance="",job="churn_monitor"} 1' in (
                response.read().decode()
            )
    return "a flow is known to a new pod of the metadata service; the Pushgateway has a verdict"


@contextlib.contextmanager
def network() -> Iterator[str]:
    """A network of containers, which is taken away with them."""
    name = f"churn-overlay-{os.getpid()}"
    output("docker", "network", "create", name)
    try:
        yield name
    finally:
        all_of = ["docker", "ps", "--all", "--quiet", "--filter", f"network={name}"]
        if left := output(*all_of).split():
            output("docker", "rm", "--force", "--volumes", *left)
        output("docker", "network", "rm", name)


class Pods:
    """Starts the pods of rendered overlays, one of each."""

    def __init__(self, cluster: Cluster, network: str):
        self.network, self.folder = network, cluster.folder / "pods"
        self.images = stand_ins(cluster)
        self.rendered = {
            name: list(yaml.safe_load_all(render(cluster, DEPLOY / "kubernetes/overlays" / name)))
            for name in ("small", "large")
        }

    def start(self, overlay: str, name: str) -> str:
        """Start the pod of a Deployment or a StatefulSet; its address, once it is ready."""
        objects = self.rendered[overlay]
        (workload,) = (
            one for one in objects
            if one["kind"] in ("Deployment", "StatefulSet") and one["metadata"]["name"] == name
        )  # fmt: skip
        pod = workload["spec"]["template"]["spec"]
        maps = {
            one["metadata"]["name"]: one["data"] for one in objects if one["kind"] == "ConfigMap"
        }
        mounts = self._volumes(name, pod, workload["spec"], maps)
        for one in pod.get("initContainers", []):
            output("docker", "run", "--rm", *self._options(pod, one, maps, mounts))
        (container,) = pod["containers"]
        running = self._name(name)
        options = self._options(pod, container, maps, mounts)
        output("docker", "run", "--detach", "--name", running, "--network-alias", name, *options)
        where = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        address = output("docker", "inspect", "--format", where, running).strip()
        wait_until(
            lambda: self._ready(running, address, container),
            lambda: output("docker", "logs", running)[-2000:],
        )
        return address

    def stop(self, name: str) -> None:
        output("docker", "rm", "--force", self._name(name))

    def _name(self, name: str) -> str:
        return f"{self.network}-{name}"

    def _volumes(self, name: str, pod: Any, spec: Any, maps: Any) -> dict[str, Path]:
        """A folder for each volume, as the pod's user owns it."""
        found = {}
        claims = [{"name": one["metadata"]["name"]} for one in spec.get("volumeClaimTemplates", [])]
        for volume in [*pod.get("volumes", []), *claims]:
            folder = found[volume["name"]] = self.folder / name / volume["name"]
            folder.mkdir(parents=True, exist_ok=True)
            if "configMap" in volume:
                for file, text in maps[volume["configMap"]["name"]].items():
                    (folder / file).write_text(text)
            else:
                user = pod["securityContext"].get("runAsUser", 0)
                os.chown(folder, user, user)
        return found

    def _options(self, pod: Any, container: Any, maps: Any, mounts: dict[str, Path]) -> list[str]:
        """The options of `docker run` that do what the manifest says."""
        user, own = pod["securityContext"], container["securityContext"]
        options = ["--network", self.network, "--security-opt", "no-new-privileges"]
        assert own == {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }  # fmt: skip
        options += ["--read-only", "--cap-drop", "ALL"]
        if "runAsUser" in user:
            options += ["--user", f"{user['runAsUser']}:{user['runAsGroup']}"]
        memory = container["resources"]["limits"]["memory"]
        options += ["--memory", memory.replace("Mi", "m").replace("Gi", "g")]
        environment = {}
        for source in container.get("envFrom", []):
            kind, reference = next(iter(source.items()))
            environment |= (maps if kind == "configMapRef" else SECRETS)[reference["name"]]
        environment |= {one["name"]: one["value"] for one in container.get("env", [])}
        for key, value in environment.items():
            options += ["--env", f"{key}={value}"]
        for mount in container.get("volumeMounts", []):
            options += ["--volume", f"{mounts[mount['name']]}:{mount['mountPath']}"]
        repository = container["image"].rpartition(":")[0].rpartition("/")[2]
        image = self.images.get(repository, container["image"])
        return [*options, image, *container.get("command", [])]

    @staticmethod
    def _ready(running: str, address: str, container: Any) -> bool:
        probe, (port,) = container["readinessProbe"], container["ports"]
        if "exec" in probe:
            command = ["docker", "exec", running, *probe["exec"]["command"]]
            return subprocess.run(command, capture_output=True).returncode == 0
        assert probe["httpGet"]["port"] == port["name"]
        url = f"http://{address}:{port['containerPort']}{probe['httpGet']['path']}"
        urllib.request.urlopen(url, timeout=5).close()
        return True
