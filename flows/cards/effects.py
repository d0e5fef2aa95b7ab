"""The card of EffectFlow."""

from cards.components import figures, heading, page, paragraph, sentences, table
from churn.campaign.effects import POLICY_WORDS, action_effects, per_protocol
from churn.targeting.report import decision_text, information_text


def effects_card(run) -> list:
    """What calling did, to whom, and what each policy would have brought with the same budget."""
    report, found = run.report, run.found
    return page(
        f"Whom a call keeps: {run.settings.campaign}",
        decision_text(report),
        figures(_leading(report)),
        sentences(found.notes),
        heading("What each action does to those who might get it"),
        table(
            [
                [one["action"], _span(one["effect"], _points),
                 _span(one["money"], lambda value: f"{value:+,.2f}")]
                for one in action_effects(report)
            ],
            ["action", "kept of 100 (95 %)", "money per customer (95 %)"],
        ),
        *map(paragraph, per_protocol(report, found.reached)),
        heading("Which customers there are"),
        table(
            [
                [row.kind, f"{row.share:.1%}", _percent(row.risk), _points(row.effect)]
                for row in run.quarters.itertuples()
            ],
            ["a customer who", "share", "risk without a call", "kept of 100 by a call"],
        ),
        heading(
            f"What each policy would have brought, calling at most {report.budget:.1%} of the "
            "customers"
        ),
        table(
            [
                [
                    POLICY_WORDS[one.policy], f"{1_000 * one.value:,.0f}", f"{one.treated:.1%}",
                    f"{1_000 * one.gain:+,.0f} ({1_000 * one.low:+,.0f} to "
                    f"{1_000 * one.high:+,.0f})",
                ]
                for one in report.values
                if one.policy in POLICY_WORDS
            ],
            ["policy", "money per 1,000 customers", "called", "gain over risk (95 %)"],
        ),
        paragraph("The intervals of the gains hold together (doubly robust values)."),
        paragraph(information_text(report)),
        *([] if run.review is None else [paragraph(run.review.sentence())]),
        heading("Are the predicted effects right?"),
        paragraph("By fifths of the customers, from those whom a call helps least."),
        table(
            [
                [f"{name}, fifth {number + 1}", _points(row.predicted),
                 f"{_points(row.observed)} ({_points(row.low)} to {_points(row.high)})"]
                for name, groups in report.groups.items()
                for number, row in enumerate(groups.itertuples())
            ],
            ["", "kept of 100, predicted", "observed (95 %)"],
        ),
        heading("The health of the experiment"),
        table([[check.name, check.finding] for check in report.checks], ["check", "finding"]),
    )  # fmt: skip


def _leading(report) -> list[tuple[str, str, str]]:
    shown = [
        (
            f"{_points(one['effect']['value'])} of 100",
            f"customers stay because of {one['action']!r}, on average over all who might get it.",
            f"Mean effect, 95 % interval {_points(one['effect']['low'])} to "
            f"{_points(one['effect']['high'])}",
        )
        for one in action_effects(report)
    ]
    shown += [
        (
            f"{1_000 * one.gain:+,.0f}",
            "money per 1,000 customers that the learned policy would have brought above calling "
            "by risk.",
            f"Simultaneous 95 % interval {1_000 * one.low:+,.0f} to {1_000 * one.high:+,.0f}",
        )
        for one in report.values
        if one.policy == "hybrid"
    ]
    return shown


def _span(found: dict, say) -> str:
    return f"{say(found['value'])} ({say(found['low'])} to {say(found['high'])})"


def _points(value: float) -> str:
    return "" if value != value else f"{100 * value:+.1f}"


def _percent(value: float) -> str:
    return "" if value != value else f"{value:.1%}"
