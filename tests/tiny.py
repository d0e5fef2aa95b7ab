"""Runs named ChurnFlow that take a second, for tests of the registry."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from running import ROOT, SESSION, link_runs, once

FLOW = """
import os

from metaflow import FlowSpec, Parameter, step


class Code:
    def __reduce__(self):
        return os.mkdir, (os.path.abspath("unpickled"),)


class ChurnFlow(FlowSpec):
    kind = Parameter("kind")

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        if self.kind == "fails":
            raise RuntimeError("as it was told")
        if self.kind == "killed":
            os.kill(os.getpid(), 9)
        if self.kind == "better":
            checks = [{"name": "calibrated", "why": "slope of the calibration line"}]
            why = "not promoted; checks failed: calibrated"
            self.gate_report = {"passed": False, "why": why, "failed": checks}
        if self.kind != "bare":
            self.deployment = Code() if self.kind == "code" else self.make()

    def make(self):
        from datetime import UTC, datetime

        from churn.data.contract import Contract
        from churn.scoring.deployment import Deployment
        from churn.scoring.explanations import Explainer
        from churn.scoring.program import Program
        from churn.scoring.scorer import Agreement, Scorer

        contract = Contract.parse({
            "target": "exited" if self.kind == "bank" else "left",
            "positive": "yes", "negative": ["no"],
            "features": {"tenure": {"kind": "number"}},
        })
        worse = {"better": 0.0, "good": 0.1}.get(self.kind, 0.2)
        return Deployment(
            run="ChurnFlow/another",
            candidate=f"the {self.kind} one",
            family="constant",
            costs={
                "contact_cost": 1.0, "offer_cost": 10.0,
                "acceptance": 0.3, "customer_value": 200.0,
            },
            contract=contract,
            scorer=Scorer(
                Program.parse({"steps": [{"op": "constant", "value": 0.25}]}), 0.2
            ),
            agreement=Agreement(100, 0.1 if self.kind == "disagrees" else 0.0, 0, 1.0),
            explainer=Explainer(contract, {"tenure": 1.0}, {"tenure": [1.0]}),
            metrics={
                "log_loss": {"value": 0.4 + worse, "low": 0.3 + worse, "high": 0.5 + worse},
                "roc_auc": {"value": 0.9 - worse, "low": 0.8 - worse, "high": 0.95 - worse},
                "calibration_slope": {"value": float("nan"), "low": 0.0, "high": 0.0},
            },
            evaluated_on="hold-out",
            reliability=[],
            importances=[],
            lineage={
                "code": "c0de" * 10 + ("+" if self.kind == "other data" else ""),
                "packages": {"numpy": "2.1" if self.kind == "better" else "2.0"},
                "seed": 0,
                "data": ("b" if self.kind == "other data" else "a") * 64,
                "contract": contract.digest,
            },
            fingerprint=self.kind,
            customers=1000,
            created_at=datetime.now(UTC),
        ).to_document()


if __name__ == "__main__":
    ChurnFlow()
"""

KINDS = ("good", "better", "other data", "disagrees", "bare", "bank", "code", "fails", "killed")


STORE = SESSION / "tiny"


def tiny_runs() -> dict[str, str]:
    """The names of a run of each kind in STORE, the good one the oldest."""
    return once("tiny", _run_all)


def _run_all() -> dict[str, str]:
    STORE.mkdir()
    (STORE / "churn_flow.py").write_text(FLOW)
    found = {}
    for kinds in (KINDS[:1], KINDS[1:]):  # so that the first is the oldest
        processes = {
            kind: subprocess.Popen(
                [sys.executable, "churn_flow.py", "run", "--kind", kind],
                cwd=STORE, env=environment(STORE), text=True,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )
            for kind in kinds
        }  # fmt: skip
        for kind, process in processes.items():
            output, _ = process.communicate(timeout=120)
            assert (process.returncode != 0) == (kind in ("fails", "killed")), output
            found[kind] = "ChurnFlow/" + re.search(r"run-id (\d+)", output)[1]
    return found


def environment(store: Path) -> dict[str, str]:
    """What a process needs that works in a store of its own: no user, no home."""
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "METAFLOW_USER": "churn",
        "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(store),
    }


def copy_store(to: Path) -> Path:
    """A store with the same runs and no promotions; artifacts are found where they were."""
    return link_runs(STORE, to, tiny_runs().values())


def multiply(store: Path, run: str, times: int) -> None:
    """More runs like one of the store's, as far as a list of them goes."""
    flow, number = (store / ".metaflow" / run).parent, int(run.split("/")[1])
    itself = json.loads((flow / str(number) / "_meta" / "_self.json").read_text())
    for other in map(str, range(number + 1, number + 1 + times)):
        folder = flow / other / "_meta"
        folder.mkdir(parents=True)
        (folder / "_self.json").write_text(json.dumps(itself | {"run_number": other}))
