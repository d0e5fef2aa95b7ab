"""Show, on one machine, what docs/deployment.md claims of a cluster: `make cluster-test`.

As root on Linux, with the environment of the tests. What stands in for what: `engine` for Argo
Workflows and Kubernetes, moto for S3, and small servers for Kubernetes' API and a Pushgateway.
PostgreSQL and the metadata service are real.
"""

import argparse
import contextlib
import json
import logging
import os
import signal
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path

import claims
from cluster import SECRET, Cluster
from engine import Engine
from pods import Starter
from services import BUCKET, kubernetes_api, metadata_service, object_store, pushgateway


def main() -> int:
    """Check the claims, a line for each; 1 if one does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tools", type=Path, required=True, help="Python of its environment")
    parser.add_argument("--service", type=Path, required=True, help="source of metaflow-service")
    parser.add_argument("--image", default="", help="run the pods as containers of it")
    parser.add_argument("--only", nargs="*", default=[], help="names of claims")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what runs is ended first
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line for each request to S3
    chosen = [one for one in claims.CLAIMS if not options.only or one.__name__ in options.only]
    failed = 0
    with cluster(options) as running:
        for claim in chosen:
            begun = time.monotonic()
            try:
                seen = claim(running)
            except Exception:
                failed += 1
                traceback.print_exc()
                print(f"FAILED  {claim.__doc__}", flush=True)
                continue
            took = time.monotonic() - begun
            print(f"shown   {claim.__doc__}\n        {seen} ({took:.0f} s)", flush=True)
    print(f"{len(chosen) - failed} passed, {failed} failed")
    return int(failed > 0)


@contextlib.contextmanager
def cluster(options: argparse.Namespace):
    """Everything started, and ended again."""
    with (
        object_store() as store,
        metadata_service(options.tools, options.service) as (service, log),
        pushgateway() as (gateway, pushed),
        tempfile.TemporaryDirectory(prefix="churn-cluster-") as folder,
    ):
        pods = store | {
            "CHURN_LOG": log, "CHURN_PUSHGATEWAY": gateway,
            "METAFLOW_SKIP_INSTALL_DEPENDENCIES": "1",
        }  # fmt: skip
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        engine = Engine(Starter({SECRET: pods}, path, options.image))

        def start(template: str, values: dict[str, str]) -> str:
            name = f"{template}-{os.urandom(3).hex()}"
            threading.Thread(target=engine.run_named, args=(name, template, values)).start()
            return name

        with kubernetes_api(start) as api:
            config = Path("/var/tmp", f"churn-kubeconfig-{os.getpid()}")
            config.write_text(json.dumps({
                "apiVersion": "v1", "kind": "Config", "current-context": "here",
                "clusters": [{"name": "here", "cluster": {"server": api}}],
                "users": [{"name": "pod", "user": {}}],
                "contexts": [{"name": "here", "context": {"cluster": "here", "user": "pod"}}],
            }))  # fmt: skip
            pods["KUBECONFIG"] = str(config)
            try:
                yield Cluster(
                    engine, service, log, Path(folder), pushed, options.tools, options.service
                )
            finally:
                config.unlink()


if __name__ == "__main__":
    assert BUCKET == "store"  # the claims name it
    sys.exit(main())
