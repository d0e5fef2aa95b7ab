"""The card of ScoreFlow."""

import numpy as np
import pyarrow.compute as pc

from cards.components import (
    chart,
    facts,
    figures,
    heading,
    page,
    paragraph,
    problems_table,
    sentences,
    table,
)
from churn.campaign.benefit import MONEY
from churn.data.contract import NOTHING_ACTIONABLE, label
from churn.evaluation import charts
from churn.words import plural

LEFT_OUT = (
    ("rejected", "rejected for breaking the contract"),
    ("do_not_contact", "on the do-not-contact list"),
    ("resting", "resting after an earlier list"),
    ("suppressed", "left out by a rule of the campaign"),
)


def calls_card(run, most: int = 10) -> list:
    """The call list of a day: customers left out, expected profit, and the first calls."""
    found, campaign = run.call_list, run.campaign
    count = found.counts
    listed = count["contact"] + count["control"]
    at = {
        way: np.interp(listed, found.curve["calls"], found.curve[way])
        for way in ("best", "riskiest", "random")
    }
    rows = [("customers in the table", count["customers"])]
    rows += [(words, count[name]) for name, words in LEFT_OUT if count[name]]
    rows += [("of the others, worth a call", count["pays"]), ("to call", count["contact"])]
    if count["explored"]:
        rows.append(("of these calls, drawn at random", count["explored"]))
    rows.append(("like them, in the control group", count["control"]))
    return page(
        f"Whom to call: {campaign.campaign}",
        f"The list of {campaign.as_of}. {run.policy} Scored by {run.deployment.run}.",
        figures(_leading(run)),
        facts((name, f"{value:,}") for name, value in rows),
        sentences(found.describe_actions()),
        paragraph(f"The risk is that of leaving{run.contract.within}. {run.costs_used}"),
        chart(charts.list_lengths(found.curve, listed)),
        paragraph(
            f"Calling {plural(listed, 'customer')}, the control group too, would bring "
            f"{at['best']:,.2f} by net benefit, {at['riskiest']:,.2f} calling the riskiest and "
            f"{at['random']:,.2f} at random, by the model's probabilities."
        ),
        heading("The first to call"),
        _first(run, most),
        *([] if run.contract.any_actionable else [paragraph(f"{NOTHING_ACTIONABLE}.")]),
        heading("What was wrong with the table"),
        problems_table(found.problems),
    )


def _leading(run) -> list[tuple[str, str, str]]:
    found, expected = run.call_list, run.call_list.expected
    contact = found.counts["contact"]
    each = expected["value"] / contact if contact else 0.0
    return [
        (f"{contact:,}", "customers to call.",
         f"{found.counts['control']:,} like them are not called: the control group"),
        (f"{expected['value']:,.0f}", "is what the calls bring on average, less what they cost.",
         f"Expected net benefit, {expected['low']:,.0f} to {expected['high']:,.0f}"),
        (f"{each:,.2f}", "is what one call brings.", "Mean of the expected net benefit"),
    ]  # fmt: skip


def _first(run, most: int):
    calls, key = run.call_list.calls, run.call_list.calls.column_names[0]
    contact = calls.filter(pc.equal(calls["arm"], "contact")).slice(0, most)
    benefit, low, high = MONEY[1:4]
    rows = [
        [row[key], f"{row['probability']:.0%}", row.get("assigned_action") or "",
         f"{row[benefit]:,.2f}", f"{row[low]:,.2f} to {row[high]:,.2f}", row["reason_1"] or "",
         row["action"] or ""]
        for row in contact.to_pylist()
    ]  # fmt: skip
    headers = [label(key), "risk", "action", "it brings", "between", "why", "best change"]
    shown = [n for n in range(len(headers)) if any(row[n] for row in rows)]
    return table(
        [[row[n] for n in shown] for row in rows], [headers[n] for n in shown],
        "It pays to call nobody.",
    )  # fmt: skip
