"""`python -m churn outcomes …`: add outcomes of customers, and summarise them."""

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

from churn.cli.commands import Commands, add_left
from churn.words import plural

if TYPE_CHECKING:
    from churn.feedback.outcomes import OutcomeStore


def add(commands: Commands) -> None:
    """Add the commands about outcomes."""
    about = "record the outcomes of customers, and count them"
    parser = commands.add_parser("outcomes", help=about, description=about)
    actions = parser.add_subparsers(required=True, metavar="ACTION")

    about = "add the outcomes in a table; of those about a day, the one recorded last holds"
    parser = actions.add_parser("add", help=about, description=about)
    parser.add_argument("table", metavar="TABLE", help="a file or folder, s3://… or a database URL")
    parser.add_argument(
        "--id", default="customer", metavar="COLUMN", help="the customer's key (%(default)s)"
    )
    parser.add_argument("--date", default="date", metavar="COLUMN", help="the day (%(default)s)")
    add_left(parser)
    parser.add_argument("--query", default="", help="SELECT, with a database URL")
    _where(parser, _add)

    about = "how many outcomes are known, from when to when, and how many left"
    _where(actions.add_parser("show", help=about, description=about), _show)


def _where(parser: argparse.ArgumentParser, run: Callable[[argparse.Namespace], None]) -> None:
    # The default comes from the environment, and is not shown: a URL may have a password.
    parser.add_argument("--log", metavar="URL", help="the database; CHURN_LOG, or in CHURN_STATE")
    parser.set_defaults(run=run)


def _add(options: argparse.Namespace) -> None:
    from churn.data.source import notes
    from churn.feedback.outcomes import read_table, rows_of

    frame = read_table(
        options.table, options.id, left=options.left, positive=options.positive,
        date=options.date, query=options.query,
    )  # fmt: skip
    for note in notes(frame):
        print(f"{options.table}: {note}.")
    with _open(options) as store:
        added = store.add(rows_of(frame))
    print(
        f"{plural(added.new, 'new outcome')} in {store.where}, {added.corrected:,} corrected, "
        f"{added.unchanged:,} as they were."
    )


def _show(options: argparse.Namespace) -> None:
    with _open(options) as store:
        found = store.summary()
    if not found.outcomes:
        print(f"No outcomes in {store.where}.")
        return
    print(
        f"{plural(found.outcomes, 'outcome')} of {plural(found.customers, 'customer')} in "
        f"{store.where}, from {found.first} to {found.last}; {found.left:.1%} "
        "of them say that the customer had left."
    )


def _open(options: argparse.Namespace) -> "OutcomeStore":
    from churn.feedback.outcomes import OutcomeStore
    from churn.feedback.prediction_log import database_url

    return OutcomeStore(database_url(options.log))
