"""Runs as models: found by name, and one of them the champion, by its tags and not by its age.

A promotion only adds tags to a run (see `churn.registry.promotion`), with a number that counts up;
the champion is the run with the highest. There is no second store that could contradict the runs,
and no moment without a champion: the change happens when the tags are written.

On the local metadata provider promotions wait for each other by a lock on a file next to the runs.
Against a metadata service, where no machine holds a lock, `churn.registry.history` sees to it that
no number is given twice.
"""

import os
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from churn.data.contract import Contract
from churn.errors import ChurnError
from churn.metaflow_compat import client, failed_step, translate_errors
from churn.registry.history import FLOW, read_history, tag_promotion
from churn.registry.model_file import ANY_VERSION, load_model
from churn.registry.plain_pickle import read_plain
from churn.registry.promotion import (
    Promotion,
    one_at_a_time,
    project_of,
    read_why,
    unchanged,
    why_foreign,
)
from churn.registry.visibility import check_run_visible
from churn.scoring.deployment import Deployment
from churn.scoring.fitted import FittedScorer

if TYPE_CHECKING:
    from metaflow import Run

    from churn.modeling.model import ChurnModel

CHAMPION = "champion"


def fetch_run(pathspec: str) -> Deployment:
    """Read the deployment of a run from Metaflow, of any user.

    Parameters
    ----------
    pathspec : str
        See `resolve_run`. Nothing that is stored is executed; see `read_plain`.

    Returns
    -------
    Deployment

    Raises
    ------
    ChurnError
        If there is no such run, it did not finish, failed, has no model, or the predictions of its
        compiled model differ from the model's; or if there is no champion.
    """
    metaflow = client()
    from metaflow.exception import MetaflowNotFound

    pathspec = resolve_run(pathspec)
    try:
        run = metaflow.Run(pathspec)
        _check_finished(run, pathspec)
        document = read_plain(run, "deployment")
    except ChurnError:
        raise
    except MetaflowNotFound:
        where = metaflow.get_metadata()
        hint = "`make run` makes one; runs are looked up from the working directory upward"
        raise ChurnError(f"There is no run {pathspec} in {where}.", [hint]) from None
    except Exception as error:
        # A moved .metaflow, or an unreachable service. For a missing local artifact Metaflow raises
        # a TypeError, since it opens None.
        reason = f"{type(error).__name__}: {error}"
        raise ChurnError(f"{pathspec} cannot be read:", [reason]) from error
    try:
        deployment = Deployment.from_document(document)
    except ChurnError as error:
        raise ChurnError(f"{pathspec} cannot be served:", error.problems) from error
    if not deployment.agreement.holds:
        raise ChurnError(f"{pathspec} cannot be served:", [str(deployment.agreement)])
    # The deployment of a resumed run has the name of the original run.
    return replace(deployment, run=pathspec)


def fetch_out_of_fold(pathspec: str) -> dict[str, bytes] | None:
    """The out-of-fold predictions of a run; None if it has none, as older runs have.

    Nothing that is stored is executed; see `churn.registry.out_of_fold`.
    """
    try:
        found: dict[str, bytes] = read_plain(client().Run(pathspec), "out_of_fold")
    except ChurnError:
        return None
    return found


def fetch_model(pathspec: str, any_version: bool | None = None) -> tuple[Deployment, "ChurnModel"]:
    """Read the deployment of a run, and the model that it is compiled from, which scores in bulk.

    Parameters
    ----------
    pathspec : str
        See `resolve_run`. Unpickling the model runs code: name only runs you trust.
    any_version : bool, optional
        See `churn.registry.model_file.load_model`; by default set by the environment.

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
        content = read_plain(run, "model_file")
    model = load_model(content, deployment.model_file, any_version)
    if not deployment.compiled:
        scorer = FittedScorer(deployment.scorer.threshold, model)
        deployment = replace(deployment, scorer=scorer)
    return deployment, model


def with_scorer(deployment: Deployment) -> Deployment:
    """A deployment that can score: where it is not compiled, its scorer is the fitted model.

    Raises
    ------
    ChurnError
        See `fetch_model`, which loads it.
    """
    return deployment if deployment.compiled else fetch_model(deployment.run)[0]


def resolve_run(name: str) -> str:
    """The full name of a run.

    Parameters
    ----------
    name : str
        `ChurnFlow/<id>`, the id alone, `champion`, or, where several projects have one,
        `champion:PROJECT`.

    Returns
    -------
    str
        `ChurnFlow/<id>`; whether there is such a run is checked when it is fetched.

    Raises
    ------
    ChurnError
        If the name is not valid, there is no champion, or several projects have one.
    """
    name = str(name).strip()
    if name == CHAMPION or name.startswith(f"{CHAMPION}:"):
        return _the_champion(name.partition(":")[2] or None).run
    parts = name.split("/")
    parts = [FLOW, *parts] if len(parts) == 1 else parts
    if len(parts) != 2 or not all(parts):
        hint = f"give {FLOW}/<id>, the id alone, or {CHAMPION}"
        raise ChurnError(f"{name!r} names no run.", [hint])
    return "/".join(parts)


def history(project: str | None = None) -> list[Promotion]:
    """Every promotion of a project, or of all, the newest first; see `read_history`."""
    promotions, _ = read_history()
    return [one for one in promotions if project is None or one.project in (None, project)]


def champion(project: str | None = None) -> Promotion | None:
    """The promotion with the highest number, of a project or of all; None where there is none.

    Reads no artifacts: on the local provider 4 milliseconds for 100 runs, 20 for 500. From a
    metadata service it is one request, answered with all runs; that was not measured.

    Raises
    ------
    ChurnError
        If the runs cannot be listed.
    """
    return next(iter(history(project)), None)


def champions() -> dict[str | None, Promotion]:
    """The champion of each project; under None where only promotions by hand are known."""
    past = history()
    projects = {one.project for one in past} - {None} or {one.project for one in past}
    return {
        project: next(one for one in past if project is None or one.project in (None, project))
        for project in projects
    }


def foreign_champions(project: str) -> list[str]:
    """The projects that have champions, if this one never had any; else empty."""
    return [] if history(project) else sorted(filter(None, champions()))


def promote(
    run: str, why: str, *, finished: bool = True, project: str | None = None, force: bool = False
) -> Promotion:
    """Make a run the champion of its project.

    Parameters
    ----------
    run : str
        See `fetch_run`.
    why : str
        The reason, for the history: at most 400 characters, kept as one line.
    finished : bool
        False in the last step of the run itself, which cannot be read yet. A request for the
        champion raises an error until the run has finished.
    project : str, optional
        Of a run that has not finished; see `project_of`.
    force : bool
        Let a second project have a champion in this store, or a contract that looks like another
        business's replace the champion's. With two projects `champion` is ambiguous, and
        `champion:PROJECT` is needed.

    Returns
    -------
    Promotion
        With a `note` where it was there before: of a run that is the champion already, or, in the
        run's own last step, that an earlier attempt has promoted. Then nothing is done.

    Raises
    ------
    ChurnError
        If the run cannot be served (see `fetch_run`), is of another flow, is the first of its
        project where others have champions, has a contract that looks like another business's (see
        `why_foreign`), or has no room for tags; if no other machine would see the promotion (see
        `check_run_visible`); or if there is no reason.
    """
    why = read_why(why)
    name = resolve_run(run)
    if name.split("/")[0] != FLOW:
        raise ChurnError(f"{name} cannot be the champion:", [f"it is no run of {FLOW}"])
    if finished:
        contract = fetch_run(name).contract
        project = project_of(contract)
        check_run_visible(name)
    with one_at_a_time():
        now = champion(project)
        before = [one for one in history() if one.run == name]
        if now is not None and now.run == name:
            return unchanged(now, now)
        if before and not finished:
            return unchanged(before[0], now)
        others = foreign_champions(project) if project is not None and not force else []
        if others:
            problem = (
                f"it is of the project {project!r}, and the champions here are of "
                f"{', '.join(map(repr, others))}: --force lets both have one"
            )
            raise ChurnError(f"{name} is not promoted:", [problem])
        if finished and now is not None and not force:
            _check_same_business(name, contract, now.run)
        return tag_promotion(name, why, project)


def _check_same_business(name: str, contract: Contract, now: str) -> None:
    try:
        other = _contract_of(now)
    except ChurnError:  # a champion that cannot be read can be replaced
        return
    if why := why_foreign(contract, other):
        problem = f"{why}, as the champion {now}: --force replaces it all the same"
        raise ChurnError(f"{name} is not promoted:", [problem])


@lru_cache(maxsize=16)
def _contract_of(run: str) -> Contract:
    return fetch_run(run).contract


def rollback(why: str, project: str | None = None) -> Promotion:
    """Promote the previous champion again, of a project or, without one, of the only project.

    Like undo in an editor, a second rollback goes back one promotion further: after A, B, C the
    first restores B, the second A, and a third is an error. A later promotion is on top of the
    restored one: after A, B, a rollback and D, the next rollback restores A.

    Raises
    ------
    ChurnError
        If there is no champion, no previous one, or the previous one cannot be served any more
        (then `promote` another), or nobody else would see it; or if there is no reason.
    """
    why = read_why(why)
    project = _only_project(project)
    with one_at_a_time():
        past = history(project)
        now = past[0]
        place = now.restores or now.number
        before = [other for other in past if other.number < place and other.run != now.run]
        if not before:
            hint = "`python -m churn promote RUN --why TEXT` promotes any other run"
            raise ChurnError(f"There was no champion before {now.run}.", [hint])
        goal = before[0]
        fetch_run(goal.run)
        check_run_visible(goal.run)
        return tag_promotion(goal.run, why, project, goal.restores or goal.number)


def _the_champion(project: str | None) -> Promotion:
    best = champion(_only_project(project))
    if best is None:
        raise _no_champion()
    return best


def _only_project(project: str | None) -> str | None:
    """The given project; without one, the only project of all promotions."""
    found = champions()
    if project is None and len(found) > 1:
        names = ", ".join(f"{CHAMPION}:{name}" for name in sorted(filter(None, found)))
        problem = f"name one of {names}; `churn rollback` takes --project"
        raise ChurnError("Several projects have a champion here.", [problem])
    if not found or (project is not None and champion(project) is None):
        raise _no_champion()
    return next(iter(found)) if project is None else project


def _no_champion() -> ChurnError:
    hint = "`python -m churn promote RUN --why TEXT` makes a finished run the champion"
    return ChurnError("There is no champion yet.", [hint])


def _check_finished(run: "Run", pathspec: str) -> None:
    if run.successful:
        return
    failed = failed_step(run)
    problem = f"failed in {failed}" if failed else "running, or killed"
    # The first step only checks what the command line says, which a resumed run has too.
    mend = "start another one" if failed == "start" else "`resume` finishes it; or take another run"
    hint = f"{problem}: {mend}"
    raise ChurnError(f"{pathspec} has not finished.", [hint])
