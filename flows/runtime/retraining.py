"""Run ChurnFlow again on a newer table, with the settings of an earlier run."""

import subprocess
import sys
import tempfile
from pathlib import Path

import tomli_w

from churn.data.contract import Contract
from churn.errors import ChurnError
from churn.metaflow_compat import client, translate_errors
from churn.monitoring.verdict import RETRAIN
from churn.registry.training_run import TrainingRun
from churn.scoring.deployment import Deployment


def due(looked: str | None, data: str) -> tuple[Deployment | None, str, str, str]:
    """Whether the verdict of a run of MonitorFlow is to retrain, and it has not done so itself.

    Parameters
    ----------
    looked : str or None
        The run of MonitorFlow.
    data : str
        The table to train on; if empty, the run's own `--data`.

    Returns
    -------
    deployment : Deployment or None
        The deployment of the model to be replaced; None if no retraining is due.
    data : str
    calls, log : str
        The call lists of that run, and its prediction log.

    Raises
    ------
    ChurnError
        If there is no such run, or no table.
    """
    if not looked:
        hint = "say which run of MonitorFlow it follows: --trigger MonitorFlow/<id>"
        raise ChurnError("No verdict says whether to retrain:", [hint])
    with translate_errors(f"{looked} cannot be read:"):
        found = client().Run(looked).data
        verdict, retrained, deployment = found.verdict, found.retrained, found.deployment
        data, calls, log = data or found.data, found.call_paths, found.log_url
    if verdict.verdict != RETRAIN or retrained:
        return None, data, calls, log
    if not data:
        hint = f"--data names the newest labelled table; {looked} had none either"
        raise ChurnError("There is nothing to train on:", [hint])
    return deployment, data, calls, log


def retrain(deployment: Deployment, data: str, calls: str = "", log: str = "") -> str:
    """Run ChurnFlow with the settings of the run that made a model; its gate may promote it.

    The new run is stored where that one is.

    Parameters
    ----------
    deployment : Deployment
        The deployment of the model.
    data : str
        See `churn.data.load_table`; the newest labelled customers.
    calls : str
        Call lists, separated by commas: customers called in the period of the labels are left out.
    log : str
        The prediction log, whose call lists count too; the environment's if it is empty.

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
        if not contract:
            command += _roles(deployment)
        if subprocess.run(command, stdin=subprocess.DEVNULL).returncode:
            raise ChurnError("The model could not be retrained:", ["ChurnFlow failed, see above"])
        return f"ChurnFlow/{number.read_text().strip()}"


def _roles(deployment: Deployment) -> list[str]:
    contract = deployment.contract
    roles = {
        "id": contract.id, "target": contract.target,
        "positive": contract.positive, "time": contract.time,
    }  # fmt: skip
    return [word for name, role in roles.items() if role for word in (f"--{name}", role)]
