"""The page: a form that follows from the contract, for whoever talks to customers."""

from collections.abc import Iterator

from flask import Blueprint, render_template

from churn.contract import Feature
from serve.served import served

blueprint = Blueprint("page", __name__)

# What is chosen or typed stands together, and so do the switches.
BLOCKS = {"values": ("number", "category"), "switches": ("flag",)}


@blueprint.get("/")
def index():
    """The form, filled with a typical customer."""
    run = served().run
    contract, typical = run.contract, run.reasons.typical
    fields = [_field(name, f, typical[name]) for name, f in contract.features.items()]
    return render_template(
        "page.html",
        run=run,
        id=contract.id,
        id_label=_label(contract.id or ""),
        groups=list(_groups(fields)),
        threshold=run.scorer.threshold,
        auc=run.metrics.get("roc_auc"),
    )


def _field(name: str, feature: Feature, typical) -> dict:
    """What the template needs to know of a feature."""
    return {
        "name": name,
        "label": _label(name),
        "feature": feature,
        "value": _shown(feature, typical),
    }


def _groups(fields: list[dict]) -> Iterator[tuple[str, str, list[tuple[str, list[dict]]]]]:
    """Fields by what they are to the company, then by how they are answered."""
    titles = {
        False: ("About the customer", "What you find in the customer's file."),
        True: ("What can be changed", "What an offer could be about."),
    }
    for actionable, (title, hint) in titles.items():
        of = [field for field in fields if field["feature"].actionable == actionable]
        blocks = [
            (block, [field for kind in kinds for field in of if field["feature"].kind == kind])
            for block, kinds in BLOCKS.items()
        ]
        if of:
            yield title, hint, [(block, some) for block, some in blocks if some]


def _label(name: str) -> str:
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def _shown(feature: Feature, typical) -> str:
    if typical is None:
        return ""
    if isinstance(typical, str):
        return typical
    if feature.kind == "number" and feature.integer:
        return str(round(typical))  # a median may lie between two whole numbers
    return f"{typical:.15g}"
