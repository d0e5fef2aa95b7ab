"""Everything that runs, and what the claims are checked with."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine import Engine
from services import BUCKET, ROOT, MetadataService

SECRET = "churn"
# A search that takes no time.
QUICK = '[[candidates]]\nname = "quick"\nfamily = "logistic"\nparams = {{ C = {} }}\n'


def _commit() -> str:
    command = ["git", "rev-parse", "HEAD"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@dataclass
class Cluster:
    """The engine with its services.

    Attributes
    ----------
    engine : Engine
    service : MetadataService
    log : str
        The database of the prediction log.
    folder : Path
        For files of this test.
    pushed : list of str
        What was pushed to the Pushgateway.
    tools : Path
        The Python of the environment of this test.
    source : Path
        Of the metadata service.
    compiled : dict
        The workflow templates as Metaflow printed them, by name.
    commit : str
        Of this checkout, at the beginning.
    """

    engine: Engine
    service: MetadataService
    log: str
    folder: Path
    pushed: list[str]
    tools: Path
    source: Path
    compiled: dict[str, Any] = field(default_factory=dict)
    commit: str = field(default_factory=_commit)

    @property
    def machine(self) -> dict[str, str]:
        """The environment of a machine of the team: where store, service and namespace are."""
        return {
            **self.engine.starter.secrets[SECRET],
            "PATH": os.environ["PATH"], "HOME": str(self.folder), "METAFLOW_USER": "team",
            "METAFLOW_DEFAULT_DATASTORE": "s3",
            "METAFLOW_DATASTORE_SYSROOT_S3": f"s3://{BUCKET}/metaflow",
            "METAFLOW_DEFAULT_METADATA": "service", "METAFLOW_SERVICE_URL": self.service.url,
            "METAFLOW_KUBERNETES_NAMESPACE": "churn",
            "METAFLOW_KUBERNETES_CONTAINER_IMAGE": "churn",
            "METAFLOW_KUBERNETES_SECRETS": SECRET,
        }  # fmt: skip

    def deploy(self, flow: str, *options: str, name: str = "") -> str:
        """Compile a flow as `argo-workflows create` does, and register it; its name."""
        named = ["--name", name] if name else []
        command = [sys.executable, str(ROOT / "flows" / flow), *options]
        done = subprocess.run(
            [*command, "argo-workflows", *named, "create", "--only-json"], env=self.machine,
            cwd=self.folder, capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode:
            raise AssertionError(done.stdout + done.stderr)
        workflow = json.loads(done.stdout)
        name = workflow["metadata"]["name"]
        self.engine.templates[name] = self.compiled[name] = workflow
        return name

    def churn(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
        """Run the command `churn` as another machine of the team does."""
        return subprocess.run(
            [sys.executable, "-m", "churn", *arguments], cwd=self.folder, text=True,
            env=self.machine | {"PYTHONPATH": str(ROOT)} | environment, capture_output=True,
        )  # fmt: skip

    def put(self, name: str, content: bytes) -> str:
        """Store an object; its s3:// URL."""
        import boto3

        boto3.client("s3").put_object(Bucket=BUCKET, Key=name, Body=content)
        return f"s3://{BUCKET}/{name}"

    def get(self, name: str) -> str:
        """Read an object as text."""
        import boto3

        return boto3.client("s3").get_object(Bucket=BUCKET, Key=name)["Body"].read().decode()
