"""The card of ScoreFlow."""

import numpy as np
import pyarrow.compute as pc
from metaflow.cards import Markdown, Table, VegaChart

from cards.components import as_table, page
from churn.data.contract import NOTHING_ACTIONABLE
from churn.evaluation import charts
from churn.words import plural


def calls_card(run, most: int = 10) -> list:
    """The call list of a day: customers left out, expected profit, and the first calls."""
    found, campaign = run.call_list, run.campaign
    count, expected = found.counts, found.expected
    facts = [
        ["customers in the table", count["customers"]],
        ["rejected for breaking the contract", count["rejected"]],
        ["on the do-not-contact list", count["do_not_contact"]],
        ["resting after an earlier list", count["resting"]],
        ["left out by a rule of the campaign", count["suppressed"]],
        ["of the others, worth a call", count["pays"]],
        ["to call", count["contact"]],
        ["of these calls, drawn at random", count["explored"]],
        ["like the others, in the control group", count["control"]],
    ]
    listed = count["contact"] + count["control"]
    at = {
        way: np.interp(listed, found.curve["calls"], found.curve[way])
        for way in ("best", "riskiest", "random")
    }
    named = [found.calls.column_names[0], "probability", "net_benefit", "reason_1", "action"]
    first = found.calls.filter(pc.equal(found.calls["arm"], "contact")).select(named)
    top = first.slice(0, most).to_pandas()
    top["probability"] = top["probability"].map("{:.1%}".format)
    top["net_benefit"] = top["net_benefit"].map("{:,.2f}".format)
    return page(
        Markdown(f"# Whom to call on {campaign.as_of}: {campaign.campaign}"),
        Markdown(
            f"The probability is that of leaving{run.contract.within}. "
            f"Calling the {count['contact']:,} on the list brings {expected['value']:,.2f} on "
            f"average (95 % interval of the model's calibration: {expected['low']:,.2f} to "
            f"{expected['high']:,.2f}). {run.costs_used} Scored by {run.deployment.run}."
        ),
        Table([[Markdown(name), f"{value:,}"] for name, value in facts]),
        *(Markdown(f"- {line}") for line in found.describe_actions()),
        VegaChart(charts.list_lengths(found.curve, listed)),
        Markdown(
            f"Calling {plural(listed, 'customer')}, the control group too, would bring "
            f"{at['best']:,.2f} by net benefit, {at['riskiest']:,.2f} calling the riskiest and "
            f"{at['random']:,.2f} at random, by the model's probabilities."
        ),
        Markdown("## The first to call"),
        as_table(top.fillna(""), "It pays to call nobody."),
        *([] if run.contract.any_actionable else [Markdown(f"{NOTHING_ACTIONABLE}.")]),
        Markdown("## What was wrong with the table"),
        as_table(found.problems, "The table keeps its contract: nothing was wrong."),
    )
