"""The history of promotions, read from the tags of a flow's runs, and the next entry of it.

Two machines that promote at once against a metadata service may count to the same number. So each
reads the history again after it has tagged its run: if the number is on another run too, it moves
to the next free one. Each tag is there before its own machine reads, so of two machines with one
number the one whose tag came later sees both: a number stays with one run at most.
"""

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from churn.errors import ChurnError
from churn.metaflow_compat import client, translate_errors
from churn.registry.promotion import (
    PROMOTED,
    Promotion,
    Unreadable,
    describe_promotion,
    read_promotions,
    unchanged,
)

if TYPE_CHECKING:
    from metaflow import Run

FLOW = "ChurnFlow"
# As many moves as machines that promote in the same second, and more.
MOST_MOVES = 20


def list_runs(*tags: str, flow: str = FLOW) -> "list[Run]":
    """The `metaflow.Run`s of a flow that have all these tags; none where it never ran.

    Raises
    ------
    ChurnError
        If the runs cannot be listed.
    """
    metaflow = client()
    from metaflow.exception import MetaflowNotFound

    with translate_errors("The runs cannot be listed:"):
        try:
            return list(metaflow.Flow(flow).runs(*tags))
        except MetaflowNotFound:
            return []


def read_history(flow: str = FLOW) -> tuple[list[Promotion], list[Unreadable]]:
    """Every promotion of a flow's runs, the newest first, and tags like one that are unreadable.

    Raises
    ------
    ChurnError
        If the runs cannot be listed.
    """
    promotions, unreadable = [], []
    for run in list_runs(PROMOTED, flow=flow):
        found, bad = read_promotions(run.pathspec, run.user_tags)
        promotions += found
        unreadable += bad
    return sorted(promotions, key=lambda one: one.order, reverse=True), unreadable


def tag_promotion(
    run: str, why: str, project: str | None, restores: int | None = None
) -> Promotion:
    """Tag a run with the next promotion of its flow; see `churn.registry.promotion`.

    Call it within `one_at_a_time`.

    Returns
    -------
    Promotion
        With a `note` if another machine promoted at the same moment.

    Raises
    ------
    ChurnError
        If the run cannot be tagged, or other machines take each number that it moves to.
    """
    flow = run.split("/")[0]
    at = datetime.now(UTC)
    at = at.replace(microsecond=at.microsecond // 1000 * 1000)  # the precision of the tag
    made = Promotion(_highest(read_history(flow)[0]) + 1, run, at, why, restores, project)
    _replace_tags(run, [], made.tags)
    for _ in range(MOST_MOVES):
        past, _ = read_history(flow)
        ours = [one for one in past if one.run == run]
        if (made.number, made.at) not in [(one.number, one.at) for one in ours]:
            return _made_elsewhere(made, ours, past)
        same = [one.run for one in past if one.number == made.number and one.run != run]
        if not same:
            return made
        # Where several move from one number at once, each moves to another.
        place = sorted([run, *same]).index(run)
        taken = f"Number {made.number} was taken by {', '.join(same)} at the same moment."
        moved = replace(made, number=_highest(past) + 1 + place, note="")
        _replace_tags(run, made.own_tags, moved.tags)
        made = replace(moved, note=f"{describe_promotion(moved)} {taken}")
    raise ChurnError(f"{run} is not promoted:", ["other machines promote all the time; try again"])


def _made_elsewhere(made: Promotion, ours: list[Promotion], past: list[Promotion]) -> Promotion:
    """The promotion that another machine gave the same run at the same moment."""
    if not ours:
        raise ChurnError(f"{made.run} is not promoted:", ["its tags were removed meanwhile"])
    return unchanged(ours[0], next(one for one in past if one.project == ours[0].project))


def _highest(past: list[Promotion]) -> int:
    return past[0].number if past else 0


def _replace_tags(run: str, old: list[str], new: list[str]) -> None:
    with translate_errors(f"{run} cannot be tagged:"):
        client().Run(run).replace_tags(old, new)
