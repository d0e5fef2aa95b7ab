"""`python -m churn policies`: by which policy each campaign's list goes, and to change that."""

import argparse

from churn.cli.commands import Commands
from churn.cli.table import table


def add(commands: Commands) -> None:
    """Add the commands about policies."""
    about = "list the learned policies, and choose what ranks a campaign's list"
    parser = commands.add_parser("policies", help=about, description=about)
    parser.set_defaults(run=_list)
    actions = parser.add_subparsers(metavar="ACTION")

    about = "rank a campaign's list by a learned policy, or by risk"
    promote = actions.add_parser("promote", help=about, description=about)
    promote.add_argument("name", metavar="RUN", help="EffectFlow/<id>, or risk")
    promote.add_argument("--campaign", help="whose list; needed for risk")
    promote.add_argument("--why", required=True, help="for whoever reads the history")
    promote.set_defaults(run=_promote)

    about = "rank the list by the policy before the present one"
    rollback = actions.add_parser("rollback", help=about, description=about)
    rollback.add_argument("--campaign", required=True, help="whose list")
    rollback.add_argument("--why", required=True, help="for whoever reads the history")
    rollback.set_defaults(run=_rollback)

    about = "list the promotions of a campaign's policies, the newest first"
    history = actions.add_parser("history", help=about, description=about)
    history.add_argument("--campaign", required=True, help="whose policies")
    history.set_defaults(run=_history)


def _list(options: argparse.Namespace) -> None:
    from churn.registry.policies import list_policies

    found = list_policies()
    if not found:
        print("No policy was learned yet: every list goes by risk. See docs/targeting.md.")
        return
    head = ["", "run", "campaign", "customers", "gain over risk (95 %)", "decision"]
    rows = [head]
    for one in found:
        seen = one.decision
        gain = f"{seen['gain']:+.3g} ({seen['low']:+.3g} to {seen['high']:+.3g})" if seen else ""
        rows.append(
            [
                "*" if one.champion else "", one.run, seen.get("campaign", ""),
                f"{seen['customers']:,}" if seen else "", gain,
                seen.get("why", "learned nothing"),
            ]
        )  # fmt: skip
    print(table(rows, right={3}))


def _promote(options: argparse.Namespace) -> None:
    from churn.registry.policies import promote_policy

    made = promote_policy(options.name, options.why, options.campaign)
    print(made.note or f"The list goes by {options.name} now.")


def _rollback(options: argparse.Namespace) -> None:
    from churn.registry.policies import champion_policy, rollback_policy

    rollback_policy(options.why, options.campaign)
    now = champion_policy(options.campaign)
    print(f"The list goes by {now.run if now else 'risk'} again.")


def _history(options: argparse.Namespace) -> None:
    from churn.registry.policies import NO_POLICY, campaign_history

    past = campaign_history(options.campaign)
    if not past:
        print(f"The campaign {options.campaign!r} has always gone by risk.")
        return
    rows = [["number", "policy", "at (UTC)", "reason"]]
    for one in past:
        policy = "risk" if one.restores == NO_POLICY else one.run
        rows.append(
            [str(one.number), policy, f"{one.at:%Y-%m-%d %H:%M}" if one.at else "", one.why]
        )
    print(table(rows, right={0}))
