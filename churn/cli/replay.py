"""`python -m churn replay PREDICTION`: recompute a logged prediction and compare."""

import argparse
from typing import TYPE_CHECKING

from churn.cli.commands import Commands
from churn.cli.table import table
from churn.errors import ChurnError

if TYPE_CHECKING:
    from churn.feedback.prediction_log import Prediction, PredictionLog

LATEST = "latest"


def add(commands: Commands) -> None:
    """Add the command that recomputes a prediction."""
    about = "recompute a logged prediction from its run; fails if it does not come out the same"
    parser = commands.add_parser("replay", help=about, description=about)
    parser.add_argument(
        "prediction", metavar="PREDICTION", help="its id, the beginning of it, or latest"
    )
    # The default comes from the environment, and is not shown: a URL may have a password.
    parser.add_argument("--log", metavar="URL", help="the database; CHURN_LOG, or in CHURN_STATE")
    parser.set_defaults(run=_replay)


def _replay(options: argparse.Namespace) -> None:
    from churn.feedback.prediction_log import PredictionLog, database_url

    with PredictionLog(database_url(options.log)) as log:
        row = _find(log, options.prediction)
    if row is None:
        hint = "answers of the last seconds may not be in it yet: `python -m churn log ship`"
        raise ChurnError(f"No prediction {options.prediction!r} in {log.where}.", [hint])

    from churn.feedback.replay import replay

    done = replay(row)
    print(
        f"{row.prediction} for customer {row.customer!r}, {row.time:%Y-%m-%d %H:%M:%S}Z, by "
        f"{row.run} ({done.candidate})"
    )
    head = ["", "probability", "less logged", "threshold", ""]
    rows = [
        [
            name,
            repr(score.probability),
            "" if name == "logged" else f"{score.probability - row.probability:.3g}",
            repr(score.threshold),
            "leaves" if score.churn else "stays",
        ]
        for name, score in done.scores.items()
    ]
    print(table([head, *rows]))
    if done.differences:
        raise ChurnError("It does not come out the same:", done.differences)
    print("It comes out the same.")


def _find(log: "PredictionLog", name: str) -> "Prediction | None":
    """The prediction with an id, or the only one whose id has this prefix; or the latest."""
    if name == LATEST:
        return next(iter(log.latest(1)), None)
    found = [row] if (row := log.find(name)) else log.find_prefix(name)
    if len(found) > 1:
        some = [f"{row.prediction}" for row in found]
        raise ChurnError(f"Several predictions begin with {name!r}:", some)
    return next(iter(found), None)
