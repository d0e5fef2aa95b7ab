"""The card of MonitorFlow."""

from html import escape

import pandas as pd
from metaflow.cards import Markdown, Table, VegaChart

from cards.components import as_span, as_table, page
from churn.evaluation import charts as training_charts
from churn.evaluation.metric_table import METRICS
from churn.monitoring import charts
from churn.monitoring.deterioration import LABELS
from churn.monitoring.two_sample import METHODS

SIGNS = {"ok": "🟢", "watch": "🟠", "retrain": "🔴", "insufficient data": "⚪"}
SHOWN = ("roc_auc", "log_loss", "observed_to_expected")


def monitor(run) -> list:
    """The verdict, and the numbers behind it."""
    verdict = run.verdict
    start, end = run.settings.period(run.clock)
    reasons = [[one.verdict, one.about, one.text] for one in verdict.reasons]
    return page(
        Markdown(f"# {SIGNS[verdict.verdict]} {verdict.verdict}: {verdict.run}"),
        Markdown(
            f"Examined on {run.settings.now(run.clock):%Y-%m-%d}: {run.drift.customers:,} "
            f"customers from {start:%Y-%m-%d} to before {end:%Y-%m-%d}, beside "
            f"{len(run.reference.features):,} of its training and hold-out. {run.horizon_said}"
        ),
        *([Table(reasons, headers=["verdict", "about", "why"])] if reasons else []),
        Markdown("\n".join(f"- {remark}" for remark in verdict.remarks)),
        Markdown("## Did what was predicted happen?"),
        *_quality(run.quality),
        Markdown("## What it is worth"),
        *_money(run.money),
        Markdown("## Are customers as before?"),
        *_drift(run.drift),
    )


def _quality(quality) -> list:
    table = quality.cohorts
    if table.empty:
        return [Markdown("Nobody was scored in these months.")]
    shown = pd.DataFrame({"cohort": table["cohort"], "": table["state"]})
    for name in ("customers", "known"):
        shown[name] = table[name].map("{:,}".format)
    titles = {
        "completeness": "complete", "contacted": "called", "control": "control",
        "left": "left", "expected_left": "expected",
    }  # fmt: skip
    for name, title in titles.items():
        shown[title] = [_share(value) for value in table[name]]
    matured = table.dropna(subset=["roc_auc"])
    references = quality.holdout | {"observed_to_expected": {"value": 1, "low": 1, "high": 1}}
    curves = [
        VegaChart(charts.cohorts(table, name, METRICS[name].label, references[name]))
        for name in SHOWN
    ]
    worse = quality.segments
    segments = [VegaChart(training_charts.segments(worse))] if len(worse) else []
    return [
        Markdown(
            "A cohort is evaluated when its last customer has had the horizon to leave, and enough "
            "of its outcomes are known. Called customers are left out, and the control group is "
            "weighted for them. *Expected* is what would be seen if the probabilities were true."
        ),
        as_table(shown, ""),
        *_comparisons(quality),
        *(curves if len(matured) else []),
        *segments,
    ]


def _comparisons(quality) -> list:
    if not quality.comparisons:
        return []
    rows = [
        [LABELS[one.metric], f"{one.observed:.4f}", f"{one.expected:.4f}", f"{one.change:+.1%}",
         f"{one.adjusted:.2g}", "worse" if one.worse else "", one.limit]
        for one in quality.comparisons
    ]  # fmt: skip
    heads = ["", "observed", "expected", "change", "p, adjusted", "", "would be noticed (80 %)"]
    return [Markdown(f"Cohort {quality.evaluated}:"), Table(rows, headers=heads)]


def _money(money) -> list:
    if money.profit is None:
        return [Markdown("Too few customers to say.")]
    rows = [
        ["expected profit per customer", f"{money.profit.before:.2f}", f"{money.profit.now:.2f}",
         as_span(vars(money.profit))],
        *(
            [name, f"{change.before:.1%}", f"{change.now:.1%}",
             f"{change.low:+.1%} to {change.high:+.1%}"]
            for name, change in {
                "customers whom it pays to call": money.calls,
                "as high as the first tenth before": money.top,
            }.items()
        ),
    ]  # fmt: skip
    return [
        Table(rows, headers=["", "before", "now", "difference (95 % interval)"]),
        Markdown(
            f"Of the tenth called first {money.mix:.0%} are of another {money.mix_feature} than "
            "before."
        ),
        VegaChart(charts.money(money.segments)),
    ]


def _drift(drift) -> list:
    if drift.too_few:
        few = f"Too few customers to compare: {drift.customers:,} of {drift.min_customers:,}."
        return [Markdown(few)]
    alarms = drift.alarms
    shown = pd.DataFrame(
        {
            "": alarms["broken"].map({True: "broken", False: "drifted"}),
            "column": alarms["column"],
            "what": alarms["what"],
            "before": alarms["reference"],
            "now": alarms["current"],
            "effect": alarms["effect"].map("{:.3f}".format),
            "p, adjusted": alarms["adjusted"].map("{:.2g}".format),
            "by": alarms["method"].map(METHODS),
        }
    )
    return [VegaChart(charts.effects(drift.table)), as_table(shown, "No test found a difference.")]


def evidently(page: str | None) -> list:
    """Evidently's page, or why there is none."""
    if page is None:
        return [Markdown("Too few customers in the period for a report.")]
    # An iframe, since its scripts and styles are not the card's. Not as a data: URL, which browsers
    # limit to two megabytes; and a line break in it would end the HTML block of the Markdown.
    inside = escape(page).replace("\n", "&#10;").replace("\r", "&#13;")
    style = "width:100%;height:1200px;border:0"
    frame = f'<iframe title="Evidently" style="{style}" srcdoc="{inside}"></iframe>'
    return [
        Markdown("## Evidently's report"),
        Markdown(
            "Distances between the reference and the period: Wasserstein's of numbers, in standard "
            "deviations, and Jensen and Shannon's of categories. The report decides nothing; the "
            "verdict rests on the tests in the other card."
        ),
        Markdown(frame),
    ]


def _share(value: float) -> str:
    return "" if pd.isna(value) else f"{value:.1%}"
