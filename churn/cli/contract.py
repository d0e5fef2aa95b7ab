"""`python -m churn contract TABLE`: what a table must look like, as a file to correct."""

from pathlib import Path

from churn.errors import ChurnError


def add(commands) -> None:
    """Add the command that infers a contract from a table."""
    about = "infer the contract of a table, for you to read and correct"
    parser = commands.add_parser("contract", help=about, description=about)
    parser.add_argument("table", help="telco, a file or folder, s3://… or a database URL")
    parser.add_argument("--target", required=True, help="the column that says who left")
    parser.add_argument("--positive", help="its value for customers who left")
    parser.add_argument("--id", help="the customer's key")
    parser.add_argument("--time", help="the date of the observation")
    parser.add_argument("--query", help="SELECT, with a database URL")
    parser.add_argument("--output", default="contract.toml", type=Path, help="%(default)s")
    parser.add_argument("--force", action="store_true", help="overwrite the output")
    parser.set_defaults(run=_contract)


def _contract(options) -> None:
    from churn.data.inference import infer_contract
    from churn.data.readers import load_table

    if options.output.exists() and not options.force:
        problem = f"{options.output} is there already; --force overwrites it"
        raise ChurnError("The contract was not written:", [problem])
    table = load_table(options.table, options.query)
    contract = infer_contract(
        table, options.target, id=options.id, positive=options.positive, time=options.time
    )
    try:
        options.output.write_text(contract.to_toml(), "utf-8")
    except OSError as error:
        raise ChurnError("The contract was not written:", [str(error)]) from error
    count = f"{len(contract.features)} features"
    left = f", ignoring {', '.join(contract.ignore)}" if contract.ignore else ""
    print(f"{options.output}: {count} of {len(table):,} customers{left}. Read it and correct it.")
