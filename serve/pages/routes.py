"""The pages: the form generated from the contract, the model in use, and the API's docs."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from flask import Blueprint, current_app, render_template, request

from churn.data.contract import NOTHING_ACTIONABLE, Feature, label
from serve.openapi import days_ago, document
from serve.pages import api_docs, model_page
from serve.people import people
from serve.served_model import served

blueprint = Blueprint("page", __name__)

# The kinds of the fields in each block.
BLOCKS = {"values": ("number", "date", "category"), "switches": ("flag",)}
# The approximate number of steps of a slider.
SLIDER_STEPS = 200

# A field of the form: name, label, feature, value and slider.
Field = dict[str, Any]


@blueprint.app_template_filter()
def percent(share: float, digits: int = 1) -> str:
    """A share as a percentage, for people."""
    return f"{100 * share:.{digits}f}\u00a0%"


@blueprint.context_processor
def _for_every_page() -> dict[str, bool]:
    return {"needs_key": _needs_key() and people().of_session() is None}


@blueprint.get("/")
def index() -> str:
    """The form, filled with a typical customer, and that customer's risk."""
    return customer_form()


def customer_form(
    customer: str = "", record: Mapping[str, Any] | None = None, when: datetime | None = None
) -> str:
    """The form of a customer.

    Parameters
    ----------
    customer : str
        Their key, if it is known.
    record : mapping, optional
        Their features as a request has them; by default a typical customer's. Without them no risk
        is shown for a known customer until something is filled in.
    when : datetime, optional
        When the record was logged.
    """
    run = served().run
    contract, typical, usual = run.contract, run.explainer.typical, run.explainer.actionable
    values = typical if record is None else record
    fields = [
        {
            "name": name,
            "label": label(name),
            "feature": feature,
            "value": _shown(feature, values.get(name)),
            "slider": _slider(feature, usual.get(name)),
        }
        for name, feature in contract.features.items()
    ]
    return render_template(
        "page.html",
        run=run,
        id=contract.id,
        id_label=label(contract.id or ""),
        groups=list(_groups(fields)),
        within=contract.within,
        actionable=contract.any_actionable,
        threshold=run.scorer.threshold,
        risk=run.scorer(values),
        customer=customer,
        recorded=record is not None,
        when=when,
    )


@blueprint.get("/model")
def model() -> str:
    """The model in use: its evaluation, feature importance, lineage and latest predictions."""
    run = served().run
    return render_template(
        "model.html",
        run=run,
        kind=model_page.kind(run.candidate),
        metrics=model_page.metrics(run.metrics),
        evaluated=sum(one["count"] for one in run.reliability),
        chart=model_page.reliability_chart(run.reliability),
        importances=model_page.bars(run.importances),
        label=label,
    )


@blueprint.get("/docs")
def docs() -> str:
    """The documentation of the API."""
    spec = document(served(), _needs_key())
    return render_template(
        "docs.html",
        info=spec["info"],
        operations=api_docs.operations(spec, request.url_root.rstrip("/")),
        schemas=api_docs.schemas(spec),
    )


def _needs_key() -> bool:
    return bool(current_app.extensions["churn-keys"])


def _groups(fields: list[Field]) -> Iterator[tuple[str, str, list[tuple[str, list[Field]]]]]:
    """Fields by whether the business can change them, then by kind."""
    titles = {
        False: ("About the customer", "Features that an offer cannot change."),
        True: ("What you can change", "Features that an offer can change: move one and see."),
    }
    for actionable, (title, hint) in titles.items():
        of = [field for field in fields if field["feature"].actionable == actionable]
        blocks = [
            (block, [field for kind in kinds for field in of if field["feature"].kind == kind])
            for block, kinds in BLOCKS.items()
        ]
        if actionable and not of:
            yield title, f"{NOTHING_ACTIONABLE}.", []
        elif of:
            yield title, hint, [(block, some) for block, some in blocks if some]


def _slider(feature: Feature, usual: Sequence[Any] | None) -> dict[str, float] | None:
    """The ends and the step of a slider, for a number that the business can change."""
    if feature.kind != "number" or not usual:
        return None
    low = usual[0] if feature.min is None else feature.min
    high = usual[-1] if feature.max is None else feature.max
    if low >= high:
        return None
    step = model_page.round_step((high - low) / SLIDER_STEPS)
    return {"min": low, "max": high, "step": max(1, round(step)) if feature.integer else step}


def _shown(feature: Feature, typical: Any) -> str:
    """A typical value as the value of a form field."""
    if typical is None:
        return ""
    if isinstance(typical, str):
        return typical
    if feature.kind == "date":
        return days_ago(typical)
    if feature.kind == "number" and feature.integer:
        return str(round(typical))  # a median may lie between two whole numbers
    return f"{typical:.15g}"
