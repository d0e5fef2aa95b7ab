"""One customer: risk over time, what was done, what became of them, and what if."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any, NamedTuple

from flask import redirect, render_template, request, url_for

from churn.campaign.stored import STATES, CallEvent, ListedCustomer, Query, StoredList
from churn.data.contract import Contract, label
from churn.data.ids import id_text
from churn.data.values import FLAGS
from churn.feedback.outcomes import Outcome
from churn.feedback.prediction_log import Prediction
from churn.scoring.json_body import InvalidRequest
from serve.desk.access import Answer, page, person
from serve.desk.risk_chart import risk_chart
from serve.desk.stores import stores
from serve.desk.words import short_day
from serve.pages.routes import customer_form
from serve.people import MANAGER
from serve.problem_details import Refused
from serve.served_model import Model, served
from serve.service import MAX_REASONS

FOUND = 20
MOST_PREDICTIONS = 400
SHOWN = 100


class Happened(NamedTuple):
    """Something that happened to a customer: when, a kind for the style, and words."""

    at: datetime
    kind: str
    what: str
    more: str = ""


@page("/customers", query=("q",))
def customers() -> Answer:
    """A search for a customer, by id or by what the latest list says about them."""
    text = request.args.get("q", "").strip()[:200]
    key = id_text(text)
    found: list[ListedCustomer] = []
    if key:
        store = stores()
        if store.calls.of_customer(key) or store.predictions.of_customer(key, 1):
            return redirect(url_for("desk.customer", customer_id=key))
        for latest in store.calls.lists(1):
            found = store.calls.page(latest.list_id, Query(text=text), FOUND).customers
    return render_template("desk/customers.html", text=text, found=found, most=FOUND)


@page("/customers/<customer_id>")
def customer(customer_id: str) -> Answer:
    """What is known about a customer."""
    key = _key(customer_id)
    store = stores()
    predictions = store.predictions.of_customer(key, MOST_PREDICTIONS)
    every = store.calls.of_customer(key)
    lists = [pair for pair in every if person().may(MANAGER) or not pair[1].control]
    events = store.calls.events(key)
    outcomes = list(store.outcomes.of([key]))
    model = served()
    record, problem = scoring_record(model, predictions)
    risk = None if record is None else model.run.scorer(record)
    history = sorted(
        [*_listed(lists), *_called(events), *_left(outcomes), *_predicted(predictions)],
        reverse=True,
    )
    return render_template(
        "desk/customer.html", key=key, latest=lists[0] if lists else None, problem=problem,
        predictions=predictions, risk=risk, threshold=model.run.scorer.threshold,
        within=model.run.contract.within, outcomes=outcomes,
        reasons=_reasons(model, record) if record is not None else None,
        facts=_facts(model.run.contract, predictions) if record is not None else [],
        chart=risk_chart(predictions, events, outcomes), history=history[:SHOWN],
        more=max(0, len(history) - SHOWN), states=STATES,
    )  # fmt: skip


@page("/customers/<customer_id>/what-if")
def customer_what_if(customer_id: str) -> Answer:
    """The form with the customer's record, or a typical one's where there is none."""
    key = _key(customer_id)
    predictions = stores().predictions.of_customer(key, 1)
    record, _ = scoring_record(served(), predictions)
    when = predictions[0].time if predictions else None
    return customer_form(key, record, when)


def scoring_record(
    model: Model, predictions: Sequence[Prediction]
) -> tuple[dict[str, Any] | None, str]:
    """The latest record of a customer as the model in use reads it, or why there is none."""
    if not predictions:
        return None, ""
    inputs = predictions[0].inputs
    try:
        record = model.requests.read_record(json.dumps(inputs).encode())
    except InvalidRequest as error:
        wrong = ", ".join(label(one.where) for one in error.wrong[:5])
        return None, f"The model in use cannot score the latest record: {wrong}."
    flags = {
        name for name, feature in model.run.contract.features.items() if feature.kind == "flag"
    }
    return {
        name: FLAGS.get(str(value).lower(), value) if name in flags else value
        for name, value in record.items()
    }, ""


def _key(text: str) -> str:
    key = id_text(text)
    if not key:
        raise Refused(404, "This is no customer's key.")
    return key


def _reasons(model: Model, record: Mapping[str, Any]) -> dict[str, Any]:
    """The reasons and the best change, in words."""
    contract, found = model.run.contract, model.explain(dict(record), MAX_REASONS)
    say = {name: feature.say for name, feature in contract.features.items()}
    change = found["best_change"]
    return {
        "why": [
            {
                "feature": label(one["feature"]),
                "value": say[one["feature"]](one["value"]),
                "typical": say[one["feature"]](one["typical"]),
                "points": 100 * one["contribution"],
            }
            for one in found["reasons"]
        ],
        "change": change
        and {
            "feature": label(change["feature"]),
            "value": say[change["feature"]](change["value"]),
            "risk": change["probability"],
        },
    }


def _facts(contract: Contract, predictions: Sequence[Prediction]) -> list[tuple[str, str]]:
    """The latest record in words."""
    inputs, facts = predictions[0].inputs, []
    for name, feature in contract.features.items():
        value = inputs.get(name)
        if feature.kind == "flag":
            value = FLAGS.get(str(value).lower(), value)
        text = str(value) if feature.kind == "date" and value else feature.say(value)
        facts.append((label(name), text))
    return facts


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _listed(lists: Sequence[tuple[StoredList, ListedCustomer]]) -> list[Happened]:
    return [
        Happened(
            _midnight(found.as_of), "list",
            "In the control group: not to be called" if row.control
            else f"On the call list, rank {row.rank:,}",
            f"campaign {found.campaign}",
        )
        for found, row in lists
    ]  # fmt: skip


def _called(events: Sequence[CallEvent]) -> list[Happened]:
    return [
        Happened(
            event.at, event.state,
            f"{STATES[event.state].capitalize()}, by {event.by}",
            " ".join(filter(None, [f"on {short_day(event.due)}" if event.due else "", event.note])),
        )
        for event in events
    ]  # fmt: skip


def _left(outcomes: Sequence[Outcome]) -> list[Happened]:
    return [
        Happened(_midnight(one.date), "left" if one.left else "stayed",
                 "Had left" if one.left else "Was still a customer")
        for one in outcomes
    ]  # fmt: skip


def _predicted(predictions: Sequence[Prediction]) -> list[Happened]:
    return [
        Happened(one.time, "risk", f"Risk {100 * one.probability:.1f}\u00a0%", f"by {one.run}")
        for one in predictions
    ]
