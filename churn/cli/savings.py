"""`python -m churn savings CALLS… OUTCOMES`: whether calling worked."""

import argparse
import math


def add(commands) -> None:
    """Add the command that compares those called with their control group."""
    about = "customers kept and money saved by calling, beside the control group"
    parser = commands.add_parser("savings", help=about, description=about)
    parser.add_argument("calls", nargs="+", metavar="CALLS", help="lists that score_flow.py wrote")
    parser.add_argument("outcomes", metavar="OUTCOMES", help="a table: the customer, whether left")
    parser.add_argument("--left", default="", metavar="COLUMN", help="which column says who left")
    parser.add_argument("--positive", default="", metavar="VALUE", help="its value for who did")
    parser.add_argument(
        "--spent", type=_money, default=0.0, metavar="MONEY",
        help="what the calls and offers cost in all, to be taken off (%(default)s)",
    )  # fmt: skip
    parser.set_defaults(run=_savings)


def _savings(options) -> None:
    from churn.campaign.savings import measure, read_calls, read_outcomes

    calls = read_calls(options.calls)
    left = read_outcomes(options.outcomes, calls.index.name, options.left, options.positive)
    print(measure(calls, left, options.spent))


def _money(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if 0 <= value < math.inf:
        return value
    raise argparse.ArgumentTypeError(f"a number of 0 or more, not {text!r}")
