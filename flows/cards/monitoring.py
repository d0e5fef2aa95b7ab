"""The card of MonitorFlow."""

from html import escape

import pandas as pd
from metaflow.cards import Markdown

from cards.components import (
    as_span,
    chart,
    figures,
    heading,
    page,
    paragraph,
    sentences,
    table,
)
from churn.data.contract import label
from churn.evaluation import charts as training_charts
from churn.evaluation.metric_table import METRICS
from churn.monitoring import charts
from churn.monitoring.charts import STATES
from churn.monitoring.cohorts import EVALUATED
from churn.monitoring.deterioration import LABELS
from churn.monitoring.two_sample import METHODS

VERDICTS = {
    "ok": "The model works as expected",
    "watch": "Something changed: keep an eye on it",
    "retrain": "The model should be replaced",
    "insufficient data": "There is too little data to tell",
}
SHOWN = ("roc_auc", "log_loss", "observed_to_expected")


def monitor(run) -> list:
    """The verdict, and the numbers behind it."""
    verdict = run.verdict
    start, end = run.settings.period(run.clock)
    reasons = [[one.about, one.verdict, one.text] for one in verdict.reasons]
    return page(
        VERDICTS[verdict.verdict],
        f"{verdict.verdict}: {verdict.run}, examined on {run.settings.now(run.clock):%Y-%m-%d}: "
        f"{run.drift.customers:,} customers from {start:%Y-%m-%d} to before {end:%Y-%m-%d}, beside "
        f"{len(run.reference.features):,} of its training and hold-out. {run.horizon_note}",
        *_leading(run),
        *([table(reasons, ["about", "verdict", "why"])] if reasons else []),
        sentences(verdict.remarks),
        heading("Did what was predicted happen?"),
        *_quality(run.quality),
        heading("What it is worth"),
        *_money(run.money),
        heading("Are customers as before?"),
        *_drift(run.drift),
    )


def _leading(run) -> list:
    """The figures that matter most, as far as there are any."""
    shown = []
    cohorts = run.quality.cohorts
    evaluated = cohorts[cohorts["state"] == EVALUATED]
    if len(evaluated):
        last = evaluated.iloc[-1]
        shown.append((
            f"{last['left']:.0%}", f"of the customers of {last['cohort']} left; "
            f"{last['expected_left']:.0%} were expected to.",
            f"Observed / expected {last['left'] / last['expected_left']:.2f}",
        ))  # fmt: skip
    if run.money.profit is not None:
        profit = run.money.profit
        shown.append((
            f"{profit.now:,.2f}", "money per customer is what calling by it brings now; when it "
            f"was trained {profit.before:,.2f}.",
            f"95 % interval of the difference {as_span(vars(profit))}",
        ))  # fmt: skip
    if not run.drift.too_few:
        alarms = run.drift.alarms
        shown.append((
            f"{alarms['column'].nunique()}", f"of {run.drift.table['column'].nunique()} columns "
            "are not as before.", f"Two-sample tests, {len(alarms)} alarms",
        ))  # fmt: skip
    return [figures(shown)] if shown else []


def _quality(quality) -> list:
    found = quality.cohorts
    if found.empty:
        return [paragraph("Nobody was scored in these months.")]
    rows = [
        [row.cohort, STATES[str(row.state)], f"{row.customers:,}",
         f"{row.known:,} ({row.completeness:.0%})", _share(row.contacted), _share(row.control),
         _share(row.left), _share(row.expected_left)]
        for row in found.itertuples()
    ]  # fmt: skip
    heads = [
        "month",
        "state",
        "customers",
        "outcome known",
        "called",
        "control",
        "left",
        "expected",
    ]
    references = quality.holdout | {"observed_to_expected": {"value": 1, "low": 1, "high": 1}}
    matured = found.dropna(subset=["roc_auc"])
    curves = [
        chart(charts.cohorts(found, name, METRICS[name].label, references[name])) for name in SHOWN
    ]
    worse = quality.segments
    return [
        paragraph(
            "A month is evaluated when its last customer has had the horizon to leave, and enough "
            "of its outcomes are known. Called customers are left out, and the control group is "
            "weighted for them. Expected is what would be seen if the probabilities were true."
        ),
        table(rows, heads),
        *_comparisons(quality),
        *(curves if len(matured) else []),
        *([chart(training_charts.segments(worse))] if len(worse) else []),
    ]


def _comparisons(quality) -> list:
    if not quality.comparisons:
        return []
    rows = [
        [LABELS[one.metric], f"{one.observed:.4f}", f"{one.expected:.4f}", f"{one.change:+.1%}",
         f"{one.adjusted:.2g}", "worse" if one.worse else "as expected", one.limit]
        for one in quality.comparisons
    ]  # fmt: skip
    heads = ["", "observed", "expected", "change", "p, adjusted", "so it is",
             "would be noticed (80 %)"]  # fmt: skip
    return [heading(f"The month {quality.evaluated}"), table(rows, heads)]


def _money(money) -> list:
    if money.profit is None:
        return [paragraph("Too few customers to say.")]
    rows = [
        ["expected money per customer", f"{money.profit.before:.2f}", f"{money.profit.now:.2f}",
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
        table(rows, ["", "before", "now", "difference (95 % interval)"]),
        paragraph(
            f"Of the tenth called first {money.mix:.0%} are of another {label(money.mix_feature)} "
            "than before."
        ),
        chart(charts.money(money.segments)),
    ]


def _drift(drift) -> list:
    if drift.too_few:
        few = f"Too few customers to compare: {drift.customers:,} of {drift.min_customers:,}."
        return [paragraph(few)]
    rows = [
        [label(str(row.column)), "broken" if row.broken else "drifted", row.what,
         str(row.reference), str(row.current), f"{row.effect:.1%}",
         f"{row.adjusted:.2g}, {METHODS[str(row.method)]}"]
        for row in drift.alarms.itertuples()
    ]  # fmt: skip
    heads = ["column", "state", "what", "before", "now", "changed for", "p, adjusted"]
    return [chart(charts.effects(drift.table)), table(rows, heads, "No test found a difference.")]


def evidently(report: str | None) -> list:
    """Evidently's page, or why there is none."""
    if report is None:
        return [paragraph("Too few customers in the period for a report.")]
    # An iframe, since its scripts and styles are not the card's. Not as a data: URL, which browsers
    # limit to two megabytes; and a line break in it would end the HTML block of the Markdown.
    inside = escape(report).replace("\n", "&#10;").replace("\r", "&#13;")
    # Evidently lays its page out for a desk: on a phone it is moved within its frame.
    style = "width:100%;min-width:52rem;height:1200px;border:0"
    frame = (
        f'<div style="overflow-x:auto" tabindex="0"><iframe title="Evidently" style="{style}" '
        f'srcdoc="{inside}"></iframe></div>'
    )
    return page(
        "Evidently's report",
        (
            "Distances between the reference and the period: Wasserstein's of numbers, in standard "
            "deviations, and Jensen and Shannon's of categories. The report decides nothing; the "
            "verdict rests on the tests in the other card."
        ),
        Markdown(frame),
    )


def _share(value: float) -> str:
    return "" if pd.isna(value) else f"{value:.1%}"
