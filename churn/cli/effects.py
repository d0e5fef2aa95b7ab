"""`python -m churn effects TABLE`: learn from an experiment whom an action keeps."""

import argparse

from churn.cli.commands import Commands
from churn.errors import ChurnError


def add(commands: Commands) -> None:
    """Add the command that evaluates an experiment."""
    about = "learn from an experiment on whom an action has an effect, and compare policies"
    parser = commands.add_parser("effects", help=about, description=about)
    parser.add_argument("table", help="a row per customer: a file, s3://… or a database URL")
    parser.add_argument(
        "--action", required=True, metavar="COLUMN", help="the action that each customer got"
    )
    parser.add_argument("--none", required=True, metavar="VALUE", help="its value for no action")
    parser.add_argument(
        "--outcome", required=True, metavar="COLUMN", help="a number, the more the better"
    )
    parser.add_argument(
        "--share", type=_named, action="append", default=[], metavar="ACTION=SHARE",
        help="the probability with which it was drawn, for each action; by default all equal",
    )  # fmt: skip
    parser.add_argument(
        "--cost", type=_named, action="append", default=[], metavar="ACTION=MONEY",
        help="what an action costs, in the units of the outcome (0)",
    )  # fmt: skip
    parser.add_argument(
        "--risk", default="", metavar="COLUMN", help="by which the present list is ranked"
    )
    parser.add_argument("--id", default="", metavar="COLUMN", help="the customer's key")
    parser.add_argument(
        "--ignore", action="append", default=[], metavar="COLUMN",
        help="not known before the assignment, as another outcome",
    )  # fmt: skip
    parser.add_argument("--query", default="", help="SELECT, with a database URL")
    parser.add_argument(
        "--budget", type=float, default=0.1, help="share of customers (%(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the folds (%(default)s)")
    parser.set_defaults(run=_effects)


def _effects(options: argparse.Namespace) -> None:
    import numpy as np

    from churn.data.readers import load_table
    from churn.targeting.reading import read_experiment
    from churn.targeting.report import evaluate_experiment, lines

    if not 0 < options.budget <= 1:
        raise ChurnError("The settings cannot be used:", ["--budget must be above 0, at most 1"])
    experiment = read_experiment(
        load_table(options.table, options.query), options.action, options.none, options.outcome,
        shares=dict(options.share) or None, risk=options.risk, ignore=options.ignore,
        id=options.id,
    )  # fmt: skip
    costs = dict(options.cost)
    unknown = [name for name in costs if name not in experiment.names[1:]]
    if unknown:
        known = ", ".join(experiment.names[1:])
        problems = [f"--cost {name}: there is no such action, only {known}" for name in unknown]
        raise ChurnError("The settings cannot be used:", problems)
    of_actions = np.array([costs.get(name, 0.0) for name in experiment.names[1:]])
    for line in lines(evaluate_experiment(experiment, of_actions, options.budget, options.seed)):
        print(line)


def _named(text: str) -> tuple[str, float]:
    name, _, value = text.rpartition("=")
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not name or not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError(f"NAME=NUMBER with a number of 0 or more, not {text!r}")
    return name, number
