"""`python -m churn contract TABLE`: infer a table's contract, as a file to correct."""

import argparse
from pathlib import Path

from churn.cli.commands import Commands
from churn.errors import ChurnError
from churn.words import plural


def add(commands: Commands) -> None:
    """Add the command that infers a contract from a table."""
    about = "infer the contract of a table, for you to read and correct"
    parser = commands.add_parser("contract", help=about, description=about)
    parser.add_argument("table", help="telco, a file or folder, s3://… or a database URL")
    parser.add_argument(
        "--target", required=True, help="the column with the label, or a rule: date < day"
    )
    parser.add_argument("--positive", help="the target's value for customers who left")
    parser.add_argument("--id", help="the column with the customer's key")
    parser.add_argument("--time", help="the column with the date of the observation")
    parser.add_argument("--keep", default="", help="columns for the call list, as name,phone")
    parser.add_argument("--query", help="SELECT, with a database URL")
    parser.add_argument(
        "--separator", default="", help="between a text file's cells, if not certain"
    )
    parser.add_argument("--decimal", default="", help="the decimal mark, . or , if not certain")
    parser.add_argument("--encoding", default="", help="of a text file, if not UTF-8 or UTF-16")
    parser.add_argument("--sheet", default="", help="the sheet of a workbook, if it has several")
    parser.add_argument("--dates", default="", help="day-first or month-first, if not certain")
    parser.add_argument("--output", default="contract.toml", type=Path, help="file (%(default)s)")
    parser.add_argument("--force", action="store_true", help="overwrite the output")
    parser.set_defaults(run=_contract)


def _contract(options: argparse.Namespace) -> None:
    from churn.data.contract_file import annotated_toml
    from churn.data.inference import ignored_reasons, infer_contract
    from churn.data.readers import load_table
    from churn.data.source import SourceOptions, notes
    from churn.data.target import describe_target
    from churn.data.target_rule import with_target
    from churn.files import write_file
    from churn.words import names

    if options.output.exists() and not options.force:
        problem = f"{options.output} is there already; --force overwrites it"
        raise ChurnError("The contract was not written:", [problem])
    written = SourceOptions.check(
        separator=options.separator, decimal=options.decimal, encoding=options.encoding,
        sheet=options.sheet, dates=options.dates,
    )  # fmt: skip
    table = load_table(options.table, options.query or "", written)
    contract = infer_contract(
        table, options.target, id=options.id, positive=options.positive, time=options.time,
        options=written, keep=names(options.keep),
    )  # fmt: skip
    try:
        write_file(options.output, annotated_toml(contract, table), 0o644)
    except OSError as error:
        raise ChurnError("The contract was not written:", [str(error)]) from error
    for note in notes(table):
        print(f"The table: {note}.")
    for name, reason in ignored_reasons(table, contract).items():
        print(f"{name} is ignored" + (f": {reason}." if reason else "."))
    labelled = with_target(table, contract.target, contract.target_rule)
    print(describe_target(labelled, contract))
    features, customers = plural(len(contract.features), "feature"), plural(len(table), "customer")
    print(f"{options.output}: {features} of {customers}. Read it and correct it.")
