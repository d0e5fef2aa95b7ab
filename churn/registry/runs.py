"""Runs as models: found by name, and one of them the champion, by tags and never by its age.

A promotion only adds tags to a run (see `churn.registry.promotion`), with a number that counts up;
the champion is the run with the highest. No second store can disagree with the runs, and there is
no moment between two champions: before the tags are written it is the one, afterwards the other.

On the local metadata provider promotions wait for each other by a lock on a file beside the runs.
A metadata service adds tags in transactions, but two machines may count to the same number there;
then the later one is the champion, see `Promotion.order`. That rule is tested; against a service
itself this was not run.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from churn.errors import ChurnError
from churn.metaflow_compat import (
    client,
    failed_step,
    local_store,
    read_artifact,
    translate_errors,
)
from churn.registry.model_file import ANY_VERSION, load_model
from churn.registry.plain_pickle import load_plain
from churn.registry.promotion import (
    PROMOTED,
    Promotion,
    read_promotions,
    read_why,
    unreadable_evidence,
)
from churn.scoring.deployment import Deployment

if TYPE_CHECKING:
    from churn.modeling.model import ChurnModel

FLOW = "ChurnFlow"
CHAMPION = "champion"


def fetch_run(pathspec: str) -> Deployment:
    """Read what a run deploys from Metaflow, whoever made it.

    Parameters
    ----------
    pathspec : str
        See `resolve_run`. Nothing that is stored is executed; see `load_plain`.

    Returns
    -------
    Deployment

    Raises
    ------
    ChurnError
        If there is no such run, it did not finish, failed, left no model behind, or its compiled
        model does not say what the model says; or if there is no champion.
    """
    metaflow = client()
    from metaflow.exception import MetaflowNotFound

    pathspec = resolve_run(pathspec)
    try:
        run = metaflow.Run(pathspec)
        _check_finished(run, pathspec)
        document = _read_plain(run, "deployment")
    except ChurnError:
        raise
    except MetaflowNotFound:
        where = metaflow.get_metadata()
        hint = "`make run` makes one; runs are looked up from the working directory upward"
        raise ChurnError(f"There is no run {pathspec} in {where}.", [hint]) from None
    except Exception as error:
        # A moved .metaflow, an unreachable service. Of a local artifact that is gone, Metaflow says
        # that it cannot open None, a TypeError.
        reason = f"{type(error).__name__}: {error}"
        raise ChurnError(f"{pathspec} cannot be read:", [reason]) from error
    try:
        deployment = Deployment.from_document(document)
    except ChurnError as error:
        raise ChurnError(f"{pathspec} cannot be served:", error.problems) from error
    if not deployment.agreement.holds:
        raise ChurnError(f"{pathspec} cannot be served:", [str(deployment.agreement)])
    # A resumed run has the deployment of the run it went on from, by that run's name.
    return replace(deployment, run=pathspec)


def fetch_model(pathspec: str, any_version: bool | None = None) -> tuple[Deployment, "ChurnModel"]:
    """Read what a run deploys, and the model that it is compiled from, which scores in bulk.

    Parameters
    ----------
    pathspec : str
        See `resolve_run`. Unpickling the model runs code: name only runs you trust.
    any_version : bool, optional
        See `churn.registry.model_file.load_model`; by default as the environment says.

    Returns
    -------
    Deployment, ChurnModel

    Raises
    ------
    ChurnError
        See `fetch_run` and `load_model`; or if the run has no model.
    """
    deployment = fetch_run(pathspec)
    if any_version is None:
        any_version = os.environ.get(ANY_VERSION) == "1"
    with translate_errors(f"The model of {deployment.run} cannot be read:"):
        run = client().Run(deployment.run)
        content = _read_plain(run, "model_file")
    return deployment, load_model(content, deployment.model_file, any_version)


def resolve_run(name: str) -> str:
    """The full name of a run.

    Parameters
    ----------
    name : str
        `ChurnFlow/<id>`, the id alone, or `champion`.

    Returns
    -------
    str
        `ChurnFlow/<id>`; whether there is such a run is seen when it is fetched.

    Raises
    ------
    ChurnError
        If that names no run, or there is no champion.
    """
    name = str(name).strip()
    if name == CHAMPION:
        best = champion()
        if best is None:
            raise _no_champion()
        return best.run
    parts = name.split("/")
    parts = [FLOW, *parts] if len(parts) == 1 else parts
    if len(parts) != 2 or not all(parts):
        hint = f"give {FLOW}/<id>, the id alone, or {CHAMPION}"
        raise ChurnError(f"{name!r} names no run.", [hint])
    return "/".join(parts)


def list_runs(*tags: str) -> list:
    """The `metaflow.Run`s that have all these tags; none where the flow never ran.

    Raises
    ------
    ChurnError
        If the runs cannot be listed.
    """
    metaflow = client()
    from metaflow.exception import MetaflowNotFound

    with translate_errors("The runs cannot be listed:"):
        try:
            return list(metaflow.Flow(FLOW).runs(*tags))
        except MetaflowNotFound:
            return []


def history() -> list[Promotion]:
    """Every promotion, the newest first: the champion's, then that of the one before it.

    Raises
    ------
    ChurnError
        If the runs cannot be listed.
    """
    found = [
        promotion
        for run in list_runs(PROMOTED)
        for promotion in read_promotions(run.pathspec, run.user_tags)
    ]
    return sorted(found, key=lambda promotion: promotion.order, reverse=True)


def unreadable_promotions() -> list[tuple[str, str]]:
    """The runs with a tag that looks like a promotion's and cannot be read, and that tag.

    Raises
    ------
    ChurnError
        If the runs cannot be listed.
    """
    return [
        (run.pathspec, tag)
        for run in list_runs(PROMOTED)
        for tag in unreadable_evidence(run.user_tags)
    ]


def champion() -> Promotion | None:
    """The promotion with the highest number; None where no run was promoted yet.

    Reads no artifacts: on the local provider 4 milliseconds for 100 runs, 20 for 500. From a
    metadata service it is one request, answered with all runs; that was not measured.

    Raises
    ------
    ChurnError
        If the runs cannot be listed.
    """
    return next(iter(history()), None)


def promote(run: str, why: str, *, finished: bool = True) -> Promotion:
    """Make a run the champion.

    Parameters
    ----------
    run : str
        See `fetch_run`.
    why : str
        For whoever reads the history: at most 400 characters, kept as one line.
    finished : bool
        False in the last step of the run itself, which cannot be looked at yet. Whoever asks for
        the champion before it has finished is told so, and may ask again.

    Raises
    ------
    ChurnError
        If the run cannot be served (see `fetch_run`), is of another flow, is the champion already,
        or has no room for tags; or if there is no reason.
    """
    why = read_why(why)
    name = resolve_run(run)
    if name.split("/")[0] != FLOW:
        raise ChurnError(f"{name} cannot be the champion:", [f"it is no run of {FLOW}"])
    if finished:
        fetch_run(name)
    with _one_at_a_time():
        return _promote(name, why)


def rollback(why: str) -> Promotion:
    """Promote the champion before this one again.

    As `undo` in an editor, a second rollback goes back one further and not forth again: after A,
    B, C it leads to B, then to A, then nowhere. A run promoted in between counts from there: after
    A, B, a rollback and D it leads from D to A.

    Raises
    ------
    ChurnError
        If there is no champion, none before it, or the one before cannot be served any more:
        then `promote` another; or if there is no reason.
    """
    why = read_why(why)
    if not history():
        raise _no_champion()
    with _one_at_a_time():
        past = history()
        now = past[0]
        place = now.restores or now.number
        before = [other for other in past if other.number < place and other.run != now.run]
        if not before:
            hint = "`python -m churn promote RUN --why TEXT` promotes any other run"
            raise ChurnError(f"There was no champion before {now.run}.", [hint])
        goal = before[0]
        fetch_run(goal.run)
        return _promote(goal.run, why, goal.restores or goal.number)


def _promote(run: str, why: str, restores: int | None = None) -> Promotion:
    now = champion()
    if now and now.run == run:
        raise ChurnError(f"{run} is the champion already.", [f"by promotion {now.number}"])
    at = datetime.now(UTC)
    at = at.replace(microsecond=at.microsecond // 1000 * 1000)  # as the tag has it
    promotion = Promotion(now.number + 1 if now else 1, run, at, why, restores)
    with translate_errors(f"{run} cannot be tagged:"):
        client().Run(run).add_tags(promotion.tags)
    return promotion


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Wait until nobody else promotes in this store.

    Metaflow's local provider reads a run's tags and writes them back, so that of two at once on the
    same run one could be lost. The system frees the lock of a process that is killed.
    """
    store = local_store()
    if store is None:
        yield
        return
    path = store / "promotion.lock"
    with translate_errors("Nothing can be promoted here:"), path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _no_champion() -> ChurnError:
    hint = "`python -m churn promote RUN --why TEXT` makes a finished run the champion"
    return ChurnError("There is no champion yet.", [hint])


def _check_finished(run, pathspec: str) -> None:
    if run.successful:
        return
    failed = failed_step(run)
    problem = f"failed in {failed}" if failed else "running, or killed"
    hint = f"{problem}: `resume` finishes it; or take another run"
    raise ChurnError(f"{pathspec} has not finished.", [hint])


def _read_plain(run, name: str):
    """An artifact of plain values of a run's last task."""
    try:
        content = read_artifact(run["end"].task, name)
    except KeyError:
        lacks = f"it has no {name}; name a run of {FLOW}"
        raise ChurnError(f"{run.pathspec} cannot be used:", [lacks]) from None
    try:
        return load_plain(content)
    except ChurnError as error:
        raise ChurnError(f"{run.pathspec} cannot be used:", error.problems) from error
