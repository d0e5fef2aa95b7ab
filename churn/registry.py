"""Runs as models: what a finished ChurnFlow run left behind, by its name and never by its age."""

from dataclasses import replace

from churn.deployment import Deployment
from churn.errors import ChurnError

FLOW = "ChurnFlow"


def fetch_run(pathspec: str) -> Deployment:
    """Read what a run deploys from Metaflow, whoever made it.

    Parameters
    ----------
    pathspec : str
        `ChurnFlow/<id>`, or the id alone. Unpickling runs code: name only runs you trust.

    Returns
    -------
    Deployment

    Raises
    ------
    ChurnError
        If there is no such run, it did not finish, failed, left no model behind, or its compiled
        model does not say what the model says.
    """
    # Here, not above: a process without a run need not wait for the client.
    import metaflow
    from metaflow.exception import MetaflowException, MetaflowNotFound

    pathspec = _pathspec(pathspec)
    metaflow.namespace(None)  # every user's runs, so nobody has to have a name here
    try:
        run = metaflow.Run(pathspec)
        _check_finished(run, pathspec)
        artifacts = run["end"].task.data
        if "deployment" not in artifacts:
            lacks = f"it has no deployment; serve a run of {FLOW}"
            raise ChurnError(f"{pathspec} cannot be served:", [lacks])
        deployment = artifacts.deployment
    except MetaflowNotFound:
        where = metaflow.get_metadata()
        hint = "`make run` makes one; runs are looked up from the working directory upward"
        raise ChurnError(f"There is no run {pathspec} in {where}.", [hint]) from None
    except (MetaflowException, OSError, ImportError, AttributeError, EOFError) as error:
        # A moved .metaflow, an unreachable service, a class that the model needs and is no more.
        reason = f"{type(error).__name__}: {error}"
        raise ChurnError(f"{pathspec} cannot be read:", [reason]) from error
    if not deployment.agreement.holds:
        raise ChurnError(f"{pathspec} cannot be served:", [str(deployment.agreement)])
    # A resumed run has the deployment of the run it went on from, by that run's name.
    return replace(deployment, run=pathspec)


def _pathspec(text: str) -> str:
    parts = str(text).strip().split("/")
    parts = [FLOW, *parts] if len(parts) == 1 else parts
    if len(parts) != 2 or not all(parts):
        raise ChurnError(f"{text!r} names no run.", [f"give {FLOW}/<id>, or the id alone"])
    return "/".join(parts)


def _check_finished(run, pathspec: str) -> None:
    if not run.finished:
        hint = "it runs still, failed, or was killed: `resume` finishes it; or serve another run"
        raise ChurnError(f"{pathspec} has not finished.", [hint])
    if not run.successful:
        raise ChurnError(f"{pathspec} failed.", ["serve another run, or `resume` it first"])
