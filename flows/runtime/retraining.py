"""Run ChurnFlow again on a newer table, with the settings of an earlier run."""

import subprocess
import sys
import tempfile
from pathlib import Path

import tomli_w

from churn.data.contract import Contract
from churn.errors import ChurnError
from churn.metaflow_compat import on_argo, start_workflow
from churn.registry.training_run import TrainingRun
from churn.scoring.deployment import Deployment


def retrain(
    deployment: Deployment, data: str, calls: str = "", log: str = "", workflow: str = ""
) -> str:
    """Run ChurnFlow with the settings of the run that made a model; its gate may promote it.

    The new run is stored where that one is. On Argo Workflows this starts ChurnFlow's own workflow,
    whose tasks are pods of their own, and does not wait for its end; that trains with the contract
    and the search file that it was deployed with.

    Parameters
    ----------
    deployment : Deployment
        The deployment of the model.
    data : str
        See `churn.data.readers.load_table`; the newest labelled customers.
    calls : str
        Call lists, separated by commas: customers called in the period of the labels are left out.
    log : str
        The prediction log, whose call lists count too; the environment's if it is empty.
    workflow : str
        The name of ChurnFlow's workflow template on Argo Workflows.

    Returns
    -------
    str
        The new run.

    Raises
    ------
    ChurnError
        If it fails; its own output has the reason.
    """
    run = TrainingRun.open(deployment.run)
    if on_argo():
        values = {"data": data, "calls": calls, "log": log} | (
            {} if run.contract_file else _roles(deployment)
        )
        values |= {name.replace("_", "-"): value for name, value in run.search_parameters.items()}
        return f"ChurnFlow/argo-{start_workflow(workflow, values)}"
    store, contract, candidates = run.datastore, run.contract_file, run.candidates_file
    options = [
        word
        for name, value in run.search_parameters.items()
        for word in (f"--{name.replace('_', '-')}", str(value))
    ]
    configs = {
        "contract": contract and Contract.parse(contract).to_toml(),
        "candidates": candidates and tomli_w.dumps({"candidates": candidates}),
    }
    with tempfile.TemporaryDirectory() as folder:
        number = Path(folder, "run")
        command = [sys.executable, str(Path(__file__).parents[1] / "churn_flow.py")]
        command += store
        for name, text in configs.items():
            if text:
                file = Path(folder, f"{name}.toml")
                file.write_text(text, "utf-8")
                command += ["--config", name, str(file)]
        command += ["run", "--data", data, "--run-id-file", str(number), *options]
        for option, value in (("--calls", calls), ("--log", log)):
            command += [option, value] if value else []
        for option, value in ({} if contract else _roles(deployment)).items():
            command += [f"--{option}", value]
        if subprocess.run(command, stdin=subprocess.DEVNULL).returncode:
            raise ChurnError("The model could not be retrained:", ["ChurnFlow failed, see above"])
        return f"ChurnFlow/{number.read_text().strip()}"


def _roles(deployment: Deployment) -> dict[str, str]:
    """The options of ChurnFlow that say which columns are what, where no contract file does."""
    contract = deployment.contract
    roles = {
        "id": contract.id, "target": contract.target,
        "positive": contract.positive, "time": contract.time,
    }  # fmt: skip
    return {name: role for name, role in roles.items() if role}
