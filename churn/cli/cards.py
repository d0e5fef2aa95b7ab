"""The command `cards`: the cards of runs as files."""

import argparse
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from churn.cli.commands import Commands
from churn.errors import ChurnError

if TYPE_CHECKING:
    from metaflow import Run

# For each flow the steps that have a card, and the card's name.
CARDS = {
    "ChurnFlow": {"validate": "data", "pick_best": "leaderboard", "evaluate": "model"},
    "ScoreFlow": {"rank": "calls"},
    "EffectFlow": {"judge": "effects"},
    "MonitorFlow": {"judge": "monitor", "end": "evidently"},
}


def add(commands: Commands) -> None:
    """Add the command."""
    about = "write the cards of a run, or of the newest run of each flow, as HTML"
    parser = commands.add_parser("cards", help=about, description=about)
    parser.add_argument(
        "name", nargs="?", metavar="RUN",
        help="ChurnFlow/<id>, ScoreFlow/<id>, EffectFlow/<id>, MonitorFlow/<id>, champion, or the "
        "id of a ChurnFlow",
    )  # fmt: skip
    parser.add_argument(
        "--to", type=Path, default=Path("cards"), metavar="FOLDER", help="where (%(default)s)"
    )
    parser.set_defaults(run=_cards)


def _cards(options: argparse.Namespace) -> None:
    from churn.files import write_file

    runs = [_find(options.name)] if options.name else list(_newest())
    if not runs:
        raise ChurnError("There are no cards.", ["`make run` makes a run that has some"])
    written = 0
    for run in runs:
        for step, name in CARDS[run.pathspec.split("/")[0]].items():
            if (page := _read(run, step, name)) is not None:
                options.to.mkdir(parents=True, exist_ok=True)
                write_file(options.to / f"{name}.html", page)
                print(f"{options.to / name}.html, of {run.pathspec}")
                written += 1
    if not written:
        names = ", ".join(run.pathspec for run in runs)
        raise ChurnError("There are no cards.", [f"{names} has none: it failed, or still runs"])


def _find(name: str) -> "Run":
    from churn.metaflow_compat import client, translate_errors
    from churn.registry.runs import resolve_run

    pathspec = resolve_run(name)
    if pathspec.split("/")[0] not in CARDS:
        raise ChurnError(f"{pathspec} has no cards.", [f"runs of {', '.join(CARDS)} have"])
    with translate_errors(f"{pathspec} cannot be read:"):
        run: Run = client().Run(pathspec)
        return run


def _newest() -> "Iterator[Run]":
    from churn.metaflow_compat import client, translate_errors

    metaflow = client()
    from metaflow.exception import MetaflowNotFound

    for flow in CARDS:
        with translate_errors("The runs cannot be listed:"):
            try:
                # Not `latest_run`: on the local provider a promotion makes an old run the latest.
                yield max(metaflow.Flow(flow).runs(), key=lambda run: int(run.id))
            except (MetaflowNotFound, ValueError):  # the flow has no run
                continue


def _read(run: "Run", step: str, name: str) -> str | None:
    """A card's page; None where the run has not reached the step."""
    from churn.metaflow_compat import translate_errors

    with translate_errors(f"The card {name} of {run.pathspec} cannot be read:"):
        from metaflow.cards import get_cards

        try:
            task = run[step].task
        except KeyError:
            return None
        cards = list(get_cards(task, id=name)) if task else []
        return _without_hosts(cards[0].get()) if cards else None


def _without_hosts(page: str) -> str:
    """A page without requests to other hosts: Metaflow's style sheet imports a font."""
    return re.sub(r"@import\s*\"https?://[^\"]*\";", "", page)
