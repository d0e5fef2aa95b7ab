"""Runs as models: what a finished ChurnFlow run left behind, by its name and never by its age."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from churn.errors import ChurnError
from churn.model import ChurnModel
from churn.scorer import Scorer

FLOW = "ChurnFlow"


@dataclass(frozen=True)
class ServedRun:
    """A run whose model can be used.

    Attributes
    ----------
    pathspec : str
        `ChurnFlow/<id>`.
    model : ChurnModel
    scorer : Scorer
        The model, compiled; it was held to the model's answers.
    candidate : str
        The name of the candidate that was chosen.
    metrics : mapping of str to mapping
        For each metric its `value`, and `low` and `high`, the ends of its interval.
    lineage : mapping
        What made the run: code, packages, seed, digests of data and contract.
    fingerprint : str
        SHA-256, in hex, over the model's exact probabilities of its hold-out.
    finished : datetime
    """

    pathspec: str
    model: ChurnModel
    scorer: Scorer
    candidate: str
    metrics: Mapping
    lineage: Mapping
    fingerprint: str
    finished: datetime


def fetch_run(pathspec: str) -> ServedRun:
    """Read a run from Metaflow, whoever made it.

    Parameters
    ----------
    pathspec : str
        `ChurnFlow/<id>`, or the id alone. Unpickling runs code: name only runs you trust.

    Returns
    -------
    ServedRun

    Raises
    ------
    ChurnError
        If there is no such run, it did not finish, failed, left no model behind, or its compiled
        model does not say what the model says.
    """
    # Here, not above: the client costs a second that a process without a run need not wait for.
    import metaflow
    from metaflow.exception import MetaflowException, MetaflowNotFound

    pathspec = _pathspec(pathspec)
    metaflow.namespace(None)  # every user's runs, so nobody has to have a name here
    try:
        run = metaflow.Run(pathspec)
        _check_finished(run, pathspec)
        artifacts = run["end"].task.data
        names = ("model", "scorer", "agreement", "metrics", "lineage", "fingerprint")
        missing = [name for name in names if name not in artifacts]
        if missing:
            lacks = f"it has no {', no '.join(missing)}; serve a run of {FLOW}"
            raise ChurnError(f"{pathspec} cannot be served:", [lacks])
        found = {name: getattr(artifacts, name) for name in names}
    except MetaflowNotFound:
        where = metaflow.get_metadata()
        hint = "`make run` makes one; runs are looked up from the working directory upward"
        raise ChurnError(f"There is no run {pathspec} in {where}.", [hint]) from None
    except (MetaflowException, OSError, ImportError, AttributeError, EOFError) as error:
        # A moved .metaflow, an unreachable service, a class that the model needs and is no more.
        reason = f"{type(error).__name__}: {error}"
        raise ChurnError(f"{pathspec} cannot be read:", [reason]) from error
    if not found["agreement"].holds:
        raise ChurnError(f"{pathspec} cannot be served:", [str(found["agreement"])])
    return ServedRun(
        pathspec=pathspec,
        model=found["model"],
        scorer=found["scorer"],
        candidate=found["model"].candidate.name,
        metrics=found["metrics"],
        lineage=found["lineage"],
        fingerprint=found["fingerprint"],
        finished=run.finished_at,
    )


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
