"""`python -m churn campaign check FILE`: what a campaign's file says, or what is wrong in it."""

import argparse

from churn.cli.commands import Commands


def add(commands: Commands) -> None:
    """Add the command about a campaign's file."""
    about = "check a campaign's file, campaign.toml"
    parser = commands.add_parser("campaign", help=about, description=about)
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    about = "check the file, and show what is read from it"
    check = actions.add_parser("check", help=about, description=about)
    check.add_argument("file", metavar="FILE", help="campaign.toml")
    check.add_argument(
        "--run", dest="model", default="", metavar="RUN",
        help="champion, or ChurnFlow/<id>: check costs and rules beside its own",
    )  # fmt: skip
    check.set_defaults(run=_check)


def _check(options: argparse.Namespace) -> None:
    from churn.campaign.campaign_reading import load_campaign_file
    from churn.campaign.do_not_contact import read_ids

    found = load_campaign_file(options.file)
    print("\n".join(found.describe()))
    if found.do_not_contact:
        ids = read_ids(found.do_not_contact)
        print(f"On the do-not-contact list: {len(ids):,} ids of {found.do_not_contact}")
    if options.model:
        from churn.registry.runs import fetch_run

        deployment = fetch_run(options.model)
        found.check_contract(deployment.contract)
        print(f"The rules fit the table of {deployment.run}. With its costs:")
        for one in found.build(dict(deployment.costs), {}):
            terms = ", ".join(
                f"{name.replace('_', ' ')} {v}" for name, v in vars(one.costs).items()
            )
            print(f"  {one.name}: {terms}")
