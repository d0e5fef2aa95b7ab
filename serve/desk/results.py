"""Results: what calling brought, by month, and what that rests on."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import render_template

from churn.feedback.report_entry import EFFECTS, SAVINGS, VERDICT, Report
from serve.desk.access import Answer, page
from serve.desk.stores import stores
from serve.desk.words import round_up

WIDTH, HEIGHT = 720, 240
LEFT, RIGHT, TOP, BOTTOM = 64, 8, 12, 206
TICKS = 4


@page("/results")
def results() -> Answer:
    """The effect of the calls of each campaign, and the quality of the model that chose them."""
    store = stores()
    savings = store.reports.latest(SAVINGS)
    verdict = store.reports.latest(VERDICT)
    lists = store.calls.lists(1)
    campaigns = savings[0].body["campaigns"] if savings else []
    return render_template(
        "desk/results.html",
        report=savings[0] if savings else None,
        campaigns=[one | {"chart": month_chart(one["months"])} for one in campaigns],
        effects=newest_of_campaigns(store.reports.latest(EFFECTS, 100)),
        quality=verdict[0].body if verdict else None,
        currency=lists[0].currency if lists else "",
    )


def newest_of_campaigns(reports: Sequence[Report]) -> list[Report]:
    """The newest report of each campaign, of reports with the newest first."""
    newest: dict[str, Report] = {}
    for report in reports:
        newest.setdefault(report.body["campaign"], report)
    return list(newest.values())


def month_chart(months: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The coordinates of the money saved in each month, with its interval.

    Returns
    -------
    dict or None
        bars (x, y, low, high, and the month's name), ticks, and zero; None where no month can be
        estimated.
    """
    known = [one for one in months if one["saved"]]
    if not known:
        return None
    low = min(0.0, *(one["saved"]["low"] for one in known))
    high = max(0.0, *(one["saved"]["high"] for one in known))
    step = round_up((high - low) / TICKS or 1.0)
    first, last = int(low // step), -int(-high // step)
    span = (last - first) * step or 1.0

    def up(amount: float) -> float:
        return round(BOTTOM - (BOTTOM - TOP) * (amount - first * step) / span, 1)

    width = (WIDTH - LEFT - RIGHT) / len(months)
    bars = [
        {
            "x": round(LEFT + width * (place + 0.5), 1), "month": one["month"],
            **({end: up(one["saved"][end]) for end in ("value", "low", "high")}
               if one["saved"] else {}),
        }
        for place, one in enumerate(months)
    ]  # fmt: skip
    return {
        "width": WIDTH, "height": HEIGHT, "left": LEFT, "right": WIDTH - RIGHT, "bottom": BOTTOM,
        "bars": bars, "bar": round(min(26.0, 0.55 * width), 1), "zero": up(0.0),
        "ticks": [{"amount": n * step, "y": up(n * step)} for n in range(first, last + 1)],
        "every": -(-len(months) // 12),
    }  # fmt: skip
