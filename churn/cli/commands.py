"""The type of what a command is added to, and options that several commands have."""

import argparse
from typing import TypeAlias

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def add_left(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which column of a table has the outcome, and its value."""
    parser.add_argument(
        "--left", default="", metavar="COLUMN", help="the column that says which customers left"
    )
    parser.add_argument(
        "--positive",
        default="",
        metavar="VALUE",
        help="its value for those who did (yes, true or 1)",
    )
