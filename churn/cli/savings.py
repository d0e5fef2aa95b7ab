"""`python -m churn savings CALLS… OUTCOMES`: estimate the effect of the calls."""

import argparse
import math

from churn.cli.commands import Commands, add_left


def add(commands: Commands) -> None:
    """Add the command that compares called customers with their control group."""
    about = "customers kept and money saved by calling, compared with the control group"
    parser = commands.add_parser("savings", help=about, description=about)
    parser.add_argument("calls", nargs="+", metavar="CALLS", help="lists that score_flow.py wrote")
    parser.add_argument(
        "outcomes",
        metavar="OUTCOMES",
        help="a table: the customer, whether they left, perhaps the date",
    )
    add_left(parser)
    parser.add_argument(
        "--spent", type=_money, default=0.0, metavar="MONEY",
        help="what the calls and offers cost in all, to be taken off (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--by", choices=("month", "offer"), help="each of them too: the month of the list, or offer"
    )
    parser.set_defaults(run=_savings)


def _savings(options: argparse.Namespace) -> None:
    from churn.campaign.reading import read_call_lists
    from churn.campaign.results import with_their_action
    from churn.campaign.savings import measure, one_campaign
    from churn.data.source import notes
    from churn.feedback.outcomes import read_table

    calls = one_campaign(read_call_lists(options.calls))
    key = calls["key"].iloc[0]
    outcomes = read_table(
        options.outcomes, (key, "customer"), left=options.left, positive=options.positive,
        dated=False,
    )  # fmt: skip
    for note in notes(outcomes):
        print(f"{options.outcomes}: {note}.")
    print(measure(calls, outcomes, options.spent))
    groups = {
        "month": (calls, calls["day"].dt.strftime("%Y-%m")),
        "offer": (with_their_action(calls), calls["policy_action"]),
    }
    if options.by:
        of, by = groups[options.by]
        for name, part in of.groupby(by.loc[of.index], sort=True):
            some = part.reset_index(drop=True)
            mine = outcomes[outcomes["customer"].isin(some["customer"])]
            print(f"\n{options.by} {name}, before the costs of calling:\n{measure(some, mine)}")
        if by.isna().all():
            print("\nThe lists do not say which action the policy preferred.")


def _money(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if 0 <= value < math.inf:
        return value
    raise argparse.ArgumentTypeError(f"a number of 0 or more, not {text!r}")
