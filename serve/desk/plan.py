"""Plan: what a budget, costs, acceptance and value bring; saved for ScoreFlow."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, time
from math import ceil, floor
from typing import Any

from flask import current_app, redirect, render_template, request, url_for

from churn.campaign.campaign_file import CampaignFile
from churn.campaign.plan import Bin, Plan, PlanSettings, bins_of, make_plan
from churn.campaign.stored import StoredList
from churn.feedback.report_entry import PLAN, PLAN_BINS, Report
from churn.scoring.json_body import Problem
from serve.desk.access import Answer, page, person
from serve.desk.calls import NoList
from serve.desk.stores import stores
from serve.problem_details import Refused
from serve.served_model import served

BINS = 200
MOST = 1e9
COSTS = ("contact_cost", "offer_cost", "acceptance", "customer_value")
LABELS = {
    "budget": "Calls a day",
    "contact_cost": "A call costs",
    "offer_cost": "An accepted offer costs",
    "acceptance": "Of those about to leave, accept",
    "customer_value": "A customer who stays is worth",
}


@dataclass(frozen=True)
class Start:
    """What a plan begins with: the latest list, its customers by risk, and settings.

    A campaign of several actions is planned as if it had the first one only.
    """

    found: StoredList
    bins: list[Bin]
    settings: PlanSettings
    saved: Report | None
    by_column: list[str]
    several: list[str]


@page("/plan", query=("budget", *COSTS))
def plan() -> Answer:
    """The plan with the settings of the query, or else those saved, or those of the run."""
    start = _start()
    settings = _read(request.args, start.settings)
    part = request.headers.get("X-Part") == "plan"
    made = make_plan(start.bins, settings)
    return render_template(
        "desk/plan_result.html" if part else "desk/plan.html",
        start=start, found=start.found, settings=settings, plan=made,
        labels=LABELS, sliders=_sliders(start), chart=_columns(made),
        changed=settings != start.settings,
    )  # fmt: skip


@page("/plan", role="manager", methods=["POST"], endpoint="save_plan")
def save_plan() -> Answer:
    """Keep the settings for the campaign, with who and when; ScoreFlow takes them by --planned."""
    start = _start()
    settings = _read(request.form, start.settings)
    body = asdict(settings) | {"campaign": start.found.campaign, "by": person().name}
    stores().reports.add(PLAN, datetime.now(UTC).date(), body)
    return redirect(url_for("desk.plan"), 303)


def _start() -> Start:
    store = stores()
    lists = store.calls.lists(1)
    if not lists:
        raise NoList
    found, run = lists[0], served().run
    at = datetime.combine(found.as_of, time(), UTC)
    scored = found.counts.get("customers", 0) - found.counts.get("rejected", 0)
    kept = (one.body for one in store.reports.latest(PLAN_BINS, 50))
    stored = next((body for body in kept if body["list"] == found.list_id), None)
    if stored and stored["policy"] == found.policy_version:
        bins = [Bin._make([*row[:4], tuple(row[4])]) for row in stored["bins"]]
    else:
        histogram = store.predictions.histogram(at, found.run, BINS)
        bins = bins_of(histogram, scored, run.reliability)
    plans = (one for one in store.reports.latest(PLAN, 50))
    saved = next((one for one in plans if one.body["campaign"] == found.campaign), None)
    costs = {name: run.costs.get(name) for name in COSTS}
    campaign: CampaignFile | None = current_app.config["CAMPAIGN"]
    mine = campaign if campaign and campaign.campaign == found.campaign else None
    if mine:
        costs |= mine.actions[0].costs | (
            {} if mine.customer_value is None else {"customer_value": mine.customer_value}
        )
    by_column = [name for name, cost in costs.items() if isinstance(cost, str)]
    usual = {"contact_cost": 1.0, "offer_cost": 10.0, "acceptance": 0.3, "customer_value": 200.0}
    numbers = usual | {n: float(c) for n, c in costs.items() if isinstance(c, int | float)}
    budget = max(1, found.counts.get("contact", 1))
    if saved:
        numbers = {name: saved.body[name] for name in COSTS}
        budget = saved.body["budget"]
    several = [one.name for one in mine.actions] if mine and len(mine.actions) > 1 else []
    return Start(found, bins, PlanSettings(budget, **numbers), saved, by_column, several)


def _read(given: Mapping[str, str], default: PlanSettings) -> PlanSettings:
    problems, values = [], asdict(default)
    for name in values:
        text = given.get(name, "")
        if not text:
            continue
        highest = 1.0 if name == "acceptance" else MOST
        try:
            number = float(text) if name != "budget" else int(text)
            if not 0 <= number <= highest:
                raise ValueError
            values[name] = number
        except ValueError:
            expected = f"a number from 0 to {highest:,.0f}"
            problems.append(Problem(LABELS[name], expected, text[:80]))
    if problems:
        raise Refused(422, "This plan cannot be made.", problems)
    return PlanSettings(**values)


def _sliders(start: Start) -> dict[str, tuple[float, float]]:
    """The upper end and the step of each slider."""
    now, customers = start.settings, sum(one.customers for one in start.bins)
    return {
        "budget": (max(round(customers), now.budget), 1),
        "contact_cost": (max(20.0, 4 * now.contact_cost), 0.5),
        "offer_cost": (max(50.0, 4 * now.offer_cost), 0.5),
        "acceptance": (1.0, 0.01),
        "customer_value": (max(500.0, 4 * now.customer_value), 1),
    }


def _columns(plan: Plan) -> dict[str, Any]:
    """The customers as columns of a histogram, in percent of its width and height.

    They are in the order of the risk, or of the effect of a call where the list goes by that.
    """
    places = [one.effect[0] if one.effect else one.probability for one, _ in plan.taken]
    low = floor(20 * min(places, default=0.0)) / 20 if plan.by_effect else 0.0
    high = ceil(20 * max(places, default=1.0)) / 20 if plan.by_effect else 1.0
    width = (high - low) or 1.0
    many = 25 if plan.by_effect else 50  # of the effect there are about as many values
    counts, called = [0.0] * many, [0.0] * many
    for place, (one, calls) in zip(places, plan.taken, strict=True):
        column = min(int(many * (place - low) / width), many - 1)
        counts[column] += one.customers
        called[column] += calls
    most = max(counts) or 1.0
    columns = [
        {"x": 100 * place / many, "width": 100 / many, "height": round(100 * count / most, 2),
         "called": round(100 * calls / most, 2)}
        for place, (count, calls) in enumerate(zip(counts, called, strict=True))
    ]  # fmt: skip
    return {"low": low, "high": high, "columns": columns}
