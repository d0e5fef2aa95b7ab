"""The command line: `churn COMMAND …`, or `python -m churn COMMAND …` where it is not installed."""

import argparse
import sys
from pathlib import Path

from churn.cli import (
    calls,
    campaign,
    cards,
    contract,
    effects,
    log,
    models,
    outcomes,
    policies,
    prune,
    replay,
    savings,
)
from churn.errors import ChurnError


def make_parser() -> argparse.ArgumentParser:
    """The parser of the command line, with all commands."""
    installed = Path(sys.argv[0]).stem == "churn"
    parser = argparse.ArgumentParser(prog="churn" if installed else "python -m churn")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    about_models = (contract, models, cards)
    about_campaigns = (
        campaign, log, replay, calls, outcomes, savings, effects, policies, prune,
    )  # fmt: skip
    for command in about_models + about_campaigns:
        command.add(commands)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return 0 if it succeeds, else 1, with the reasons on stderr."""
    options = make_parser().parse_args(arguments)
    try:
        options.run(options)
    except ChurnError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
