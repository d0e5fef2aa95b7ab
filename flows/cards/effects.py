"""The card of EffectFlow."""

from metaflow.cards import Markdown, Table

from cards.components import page
from churn.campaign.effects import POLICY_WORDS, action_effects, per_protocol
from churn.targeting.report import decision_text


def effects_card(run) -> list:
    """What calling did, to whom, and what each policy would have brought with the same budget."""
    report, found = run.report, run.found
    return page(
        Markdown(f"# Whom a call keeps: {run.settings.campaign}"),
        Markdown("\n\n".join(found.notes)),
        Markdown(f"**{decision_text(report)}**"),
        Markdown("## What each action does to those who might get it"),
        Table(
            [
                [
                    one["action"],
                    f"{_points(one['effect']['value'])} ({_points(one['effect']['low'])} to "
                    f"{_points(one['effect']['high'])})",
                    f"{one['money']['value']:+,.2f} ({one['money']['low']:+,.2f} to "
                    f"{one['money']['high']:+,.2f})",
                ]
                for one in action_effects(report)
            ],
            headers=["action", "kept of 100 (95 %)", "money per customer (95 %)"],
        ),
        *map(Markdown, per_protocol(report, found.reached)),
        Markdown("## Which customers there are"),
        Table(
            [
                [row.kind, f"{row.share:.1%}", _percent(row.risk), _points(row.effect)]
                for row in run.quarters.itertuples()
            ],
            headers=["a customer who", "share", "risk without a call", "kept of 100 by a call"],
        ),
        Markdown(
            f"## What each policy would have brought, calling at most {report.budget:.1%} "
            "of the customers"
        ),
        Table(
            [
                [
                    POLICY_WORDS[one.policy], f"{1_000 * one.value:,.0f}", f"{one.treated:.1%}",
                    f"{1_000 * one.gain:+,.0f} ({1_000 * one.low:+,.0f} to "
                    f"{1_000 * one.high:+,.0f})",
                ]
                for one in report.values
                if one.policy in POLICY_WORDS
            ],
            headers=["policy", "money per 1,000 customers", "called", "gain over risk (95 %)"],
        ),
        Markdown("The intervals of the gains hold together."),
        Markdown("## Are the predicted effects right?"),
        Table(
            [
                [name, f"{number + 1}", _points(row.predicted),
                 f"{_points(row.observed)} ({_points(row.low)} to {_points(row.high)})"]
                for name, groups in report.groups.items()
                for number, row in enumerate(groups.itertuples())
            ],
            headers=["action", "fifth by predicted effect", "predicted", "observed (95 %)"],
        ),
        Markdown("## The health of the experiment"),
        Table([[check.name, check.finding] for check in report.checks]),
    )  # fmt: skip


def _points(value: float) -> str:
    return "" if value != value else f"{100 * value:+.1f}"


def _percent(value: float) -> str:
    return "" if value != value else f"{value:.1%}"
