"""`python -m churn log …`: query, prune and delete from the prediction log."""

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from churn.cli.commands import Commands
from churn.errors import ChurnError
from churn.words import plural

if TYPE_CHECKING:
    from churn.campaign.stored import CallListStore
    from churn.feedback.outcomes import OutcomeStore
    from churn.feedback.prediction_log import PredictionLog

MOST = 100_000


def add(commands: Commands) -> None:
    """The commands about the prediction log."""
    about = "look at the prediction log, and delete from it"
    parser = commands.add_parser("log", help=about, description=about)
    actions = parser.add_subparsers(required=True, metavar="ACTION")

    where = argparse.ArgumentParser(add_help=False)
    # The defaults come from the environment, and are not shown: a URL may have a password.
    where.add_argument("--log", metavar="URL", help="the database; CHURN_LOG, or in CHURN_STATE")
    where.add_argument("--spool", metavar="FOLDER", help="where workers write; in CHURN_STATE")

    def action(
        name: str, run: Callable[[argparse.Namespace], None], about: str
    ) -> argparse.ArgumentParser:
        added = actions.add_parser(name, help=about, description=about, parents=[where])
        added.set_defaults(run=run)
        return added

    show = action("show", _show, "the latest predictions, the newest first")
    show.add_argument("--customer", metavar="ID", help="only of this customer")
    show.add_argument("--limit", type=_whole, default=20, metavar="N", help="at most (%(default)s)")
    one = action("delete", _delete, "delete all about one customer: predictions, outcomes, calls")
    one.add_argument("customer", metavar="CUSTOMER", help="the customer's key")
    prune = action(
        "prune", _prune, "delete predictions, outcomes and call lists older than so many days"
    )
    prune.add_argument(
        "--days", type=_whole, required=True, metavar="N", help="the age of what is deleted"
    )
    action(
        "ship",
        _ship,
        "write into the database what workers left in their files, as a running app does",
    )


def _show(options: argparse.Namespace) -> None:
    with _open(options)[1] as log:
        if options.customer is None:
            rows = log.latest(options.limit)
        else:
            rows = log.of_customer(options.customer, options.limit)
    if not rows:
        print(f"No predictions in {log.where}.")
    for row in rows:
        print(
            f"{row.time:%Y-%m-%d %H:%M:%S}Z  {row.prediction}  {row.run}  {row.probability:.4f}  "
            f"{'leaves' if row.churn else 'stays '}  {row.customer!r}"
        )


def _delete(options: argparse.Namespace) -> None:
    from churn.feedback.prediction_log import partial_files, ship_all

    spool, log = _open(options)
    with log, _open_outcomes(options) as outcomes, _open_lists(options) as lists:
        ship_all(spool, log)  # else they would come after
        deleted = log.delete_customer(options.customer)
        of_outcomes = outcomes.delete_customer(options.customer)
        of_lists = lists.delete_customer(options.customer)
    for path in partial_files(spool):
        print(f"{path} has lines that could not be read; look whether they are about the customer.")
    whose = f"for customer {options.customer!r}"
    if not deleted and not of_outcomes and not of_lists:
        raise ChurnError(f"No predictions {whose} in {log.where}, and no outcomes.")
    print(
        f"{plural(deleted, 'prediction')} {whose} deleted from {log.where}, and "
        f"{plural(of_outcomes, 'outcome')}."
    )
    if of_lists:
        print(f"Deleted from {plural(of_lists, 'call list')} too, with the history of the calls.")


def _prune(options: argparse.Namespace) -> None:
    from churn.feedback.prediction_log import partial_files, ship_all

    spool, log = _open(options)
    with log, _open_outcomes(options) as outcomes, _open_lists(options) as lists:
        ship_all(spool, log)  # else they would come after
        deleted, left = log.prune(options.days), log.count()
        # They label none of the remaining predictions.
        of_outcomes = outcomes.prune(options.days)
        of_lists = lists.prune(options.days)
    for path in partial_files(spool):
        if path.stat().st_mtime < time.time() - options.days * 86_400:
            path.unlink()
            print(f"{path} deleted.")
    days = f"more than {plural(options.days, 'day')} old"
    print(f"{plural(deleted, 'prediction')} {days} deleted from {log.where}; {left:,} left.")
    if of_outcomes:
        print(f"{plural(of_outcomes, 'outcome')} {days} deleted, too.")
    if of_lists:
        rows = plural(of_lists, "customer", "customers")
        print(f"Call lists {days} deleted, with {rows} and the history of the calls.")


def _ship(options: argparse.Namespace) -> None:
    from churn.feedback.prediction_log import ship

    spool, log = _open(options)
    with log:
        done = ship(spool, log)
    aside = (
        f"; {plural(done.partial_lines, 'line')} could not be read, now in {spool}"
        if done.partial_lines
        else ""
    )
    print(f"{plural(done.rows, 'prediction')} taken to {log.where}{aside}.")


def _open(options: argparse.Namespace) -> "tuple[Path, PredictionLog]":
    from churn.feedback.prediction_log import PredictionLog, locations

    spool, url = locations(os.environ)
    return Path(options.spool or spool), PredictionLog(options.log or url)


def _open_lists(options: argparse.Namespace) -> "CallListStore":
    from churn.campaign.stored import CallListStore
    from churn.feedback.prediction_log import database_url

    return CallListStore(database_url(options.log))


def _open_outcomes(options: argparse.Namespace) -> "OutcomeStore":
    from churn.feedback.outcomes import OutcomeStore
    from churn.feedback.prediction_log import database_url

    return OutcomeStore(database_url(options.log))


def _whole(text: str) -> int:
    if text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MOST:
        return int(text)
    raise argparse.ArgumentTypeError(f"a whole number from 1 to {MOST:,}, not {text!r}")
