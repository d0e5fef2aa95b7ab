"""`python -m churn calls TABLE`: record what came of calls that were not made in the app."""

import argparse

from churn.campaign.stored.entries import CAMPAIGN
from churn.cli.commands import Commands


def add(commands: Commands) -> None:
    """Add the command that records the results of calls."""
    about = "record what came of calls: customer, result, and perhaps date, by, note, cost, action"
    parser = commands.add_parser("calls", help=about, description=about)
    parser.add_argument("table", metavar="TABLE", help="a file, s3://… or a database URL")
    parser.add_argument("--campaign", default=CAMPAIGN, help="whose lists (%(default)s)")
    parser.add_argument("--by", default="", help="who called, where the table does not say")
    parser.add_argument("--query", default="", help="SELECT, with a database URL")
    parser.add_argument("--log", metavar="URL", help="the database; CHURN_LOG, or in CHURN_STATE")
    parser.set_defaults(run=_record)


def _record(options: argparse.Namespace) -> None:
    from churn.campaign.stored import CallListStore
    from churn.campaign.stored.call_results import record_results
    from churn.campaign.stored.results_table import read_results
    from churn.feedback.prediction_log import database_url

    results = read_results(options.table, options.query, options.by)
    with CallListStore(database_url(options.log)) as store:
        print(record_results(store, options.campaign, results))
