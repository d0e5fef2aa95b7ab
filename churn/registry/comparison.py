"""Compare models: all of them in a list, or two of them in detail."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from churn.errors import ChurnError
from churn.metaflow_compat import translate_errors
from churn.registry.history import list_runs
from churn.registry.plain_pickle import read_plain
from churn.registry.promotion import project_of
from churn.registry.runs import champions, fetch_run
from churn.scoring.deployment import Deployment

if TYPE_CHECKING:
    from metaflow import Run, Step


@dataclass(frozen=True)
class Listed:
    """A run in the list of all runs.

    Attributes
    ----------
    run : str
        `ChurnFlow/<id>`.
    started : datetime
        In UTC.
    deployment : Deployment or None
    problem : str
        Why there is no deployment that can be served; else empty.
    champion : bool
    gate : dict
        Why the run was promoted or not, see `churn.registry.gate.Decision.to_document`; empty where
        the run says nothing about it.
    """

    run: str
    started: datetime
    deployment: Deployment | None
    problem: str
    champion: bool
    gate: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Comparison:
    """Two models compared.

    Attributes
    ----------
    first, second : Deployment
    same : dict of str to bool or None
        Whether `data`, `contract` and `code` are the same, and the `answers` for the customers
        that they were evaluated on; None for code that was not committed, which is not known.
    differences : dict of str to tuple
        The entries of the lineage that differ: the first's and the second's.
    """

    first: Deployment
    second: Deployment
    same: dict[str, bool | None]
    differences: dict[str, tuple[object, object]]


def list_models(last: int | None = None) -> list[Listed]:
    """Every run of the flow, the newest first, with what it deploys.

    Parameters
    ----------
    last : int, optional
        List only so many of the newest runs, and the champions. Each run listed has to be read.

    Raises
    ------
    ChurnError
        If the runs cannot be listed. A run that cannot be read is listed, with the reason.
    """
    best = {promotion.run for promotion in champions().values()}
    runs = _newest_first()
    shown = [run.pathspec for _, run in runs[:last]]
    return [
        _listed(started, run, run.pathspec in best)
        for started, run in runs
        if run.pathspec in best or run.pathspec in shown
    ]


def list_challengers(champion: str, project: str, last: int = 5) -> list[Listed]:
    """The newest runs with a model that began after their project's champion, the newest first.

    Parameters
    ----------
    champion : str
        Its run.
    project : str
        See `churn.registry.promotion.project_of`.
    last : int
        At most so many, of four times as many runs that are looked at.

    Raises
    ------
    ChurnError
        If the runs cannot be listed.
    """
    found: list[Listed] = []
    for started, run in _newest_first()[: 4 * last]:
        if run.pathspec == champion or len(found) == last:
            break
        one = _listed(started, run, champion=False)
        if one.deployment and project_of(one.deployment.contract) == project:
            found.append(one)
    return found


def compare_models(first: str, second: str) -> Comparison:
    """Compare two models.

    Parameters
    ----------
    first, second : str
        Runs, or `champion`; see `churn.registry.runs.fetch_run`.

    Raises
    ------
    ChurnError
        Naming every one of the two that cannot be read.
    """
    problems, read = [], []
    for name in (first, second):
        try:
            read.append(fetch_run(name))
        except ChurnError as error:
            problems.append(f"{name}: {' '.join([error.summary, *error.problems])}")
    if problems:
        raise ChurnError("These cannot be compared:", problems)
    one, two = read
    ours, theirs = _flat(one.lineage), _flat(two.lineage)
    same = {part: ours[part] == theirs[part] for part in ("data", "contract")}
    same["code"] = _same_code(ours["code"], theirs["code"])
    same["answers"] = one.fingerprint == two.fingerprint
    differences = {
        key: (ours.get(key), theirs.get(key))
        for key in dict.fromkeys([*ours, *theirs])
        if ours.get(key) != theirs.get(key)
    }
    return Comparison(one, two, same, differences)


def _newest_first() -> "list[tuple[datetime, Run]]":
    with translate_errors("The runs cannot be listed:"):
        runs = [(_started(run), run) for run in list_runs()]
    return sorted(runs, key=lambda one: (one[0], one[1].pathspec), reverse=True)


def _listed(started: datetime, run: "Run", champion: bool) -> Listed:
    deployment, problem = _read(run.pathspec)
    try:
        gate = dict(read_plain(run, "gate_report"))
    except ChurnError:  # a run that failed before, or of an earlier version
        gate = {}
    return Listed(run.pathspec, started, deployment, problem, champion, gate)


def _read(pathspec: str) -> tuple[Deployment | None, str]:
    try:
        return fetch_run(pathspec), ""
    except ChurnError as error:
        return None, "; ".join(error.problems)


def _started(run: "Run") -> datetime:
    """When a run began: on the local provider `created_at` becomes the time of its last tag."""
    first: Run | Step
    try:
        first = run["start"]
    except KeyError:
        first = run
    started: datetime = first.created_at.astimezone(UTC)
    return started


def _same_code(one: str, two: str) -> bool | None:
    """Compare two texts of `churn.registry.commit.git_commit`."""
    if "unknown" in (one, two) or (one == two and one.endswith("+")):
        return None
    return one == two


def _flat(lineage: Mapping[str, Any]) -> dict[str, Any]:
    """The lineage with the versions of packages as entries of their own, by name."""
    rest = {key: value for key, value in lineage.items() if key != "packages"}
    return rest | dict(lineage.get("packages", {}))
