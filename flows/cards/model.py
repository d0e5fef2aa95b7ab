"""The card of ChurnFlow about the chosen model."""

import pandas as pd

from cards.components import as_span, chart, figures, heading, page, paragraph, table
from churn.data.contract import label
from churn.evaluation import charts
from churn.evaluation.charts import plain
from churn.evaluation.metric_table import METRICS
from churn.evaluation.report import BASE_RATE, EvaluationReport
from churn.modeling.search_space import BASELINE
from churn.registry.run_summary import say_scorer
from churn.registry.training_run import TrainingRun
from churn.words import plural

# An actual value below this is a rounding error of floating-point numbers.
NEGLIGIBLE = 1e-9


def model_card(run: TrainingRun) -> list:
    """The chosen model: what it is good for, its figures, and explanations of customers."""
    report = run.report
    return page(
        f"Who leaves{run.contract.within}",
        f"{run.trial.candidate.name}, {run.pathspec}. Evaluated on "
        f"{plural(report.customers, 'customer')} by {report.evaluated_on}.",
        figures(_leading(report)),
        heading("Every measure"),
        paragraph(_compared(report)),
        table(_measures(report), ["in words", "measure", "this model", "95 % interval",
                                  BASELINE.name, BASE_RATE]),
        paragraph(
            "95 % interval: on other customers of the same kind the figure would be elsewhere; for "
            "95 of 100 samples such an interval holds the true one. Base rate: every customer gets "
            "the share of all who left."
        ),
        heading("Calibration: do as many leave as the model says?"),
        paragraph(_calibration(report.metrics["expected_calibration_error"])),
        chart(charts.reliability(report.reliability)),
        heading("Gains: how many leavers does a list of a given length reach?"),
        chart(charts.gains(report.gains)),
        *_profit(run),
        heading("On what it relies"),
        chart(charts.importances(report.importances)),
        heading("How the risk follows the leading columns"),
        paragraph(
            "The line is the mean over customers if each of them had that value, the band the "
            "middle 80 % of their own curves (partial dependence). Columns that move together are "
            "moved alone here, so the ends of a curve may be customers who cannot exist."
        ),
        *(
            chart(charts.dependence(curve))
            for _, curve in report.dependence.groupby("feature", sort=False)
        ),
        *_segments(report.segments),
        heading("A few customers, from the riskiest to the safest"),
        paragraph(
            "Each bar is what the risk would lose if that one column were as it is for a typical "
            "customer."
        ),
        *(
            chart(charts.contributions(rows, f"{customer}: {rows['risk'].iloc[0]:.0%} risk"))
            for customer, rows in report.explanations.groupby("customer", sort=False)
        ),
        *_leaks(run),
        *_gate(run.decision),
        heading("Where it comes from"),
        paragraph(" ".join(filter(None, [run.refit, say_scorer(run)]))),
        paragraph(
            f"Code {run.lineage['code'][:12]}, data {run.lineage['data'][:12]}, contract "
            f"{run.lineage['contract'][:12]}, seed {run.lineage['seed']}, fingerprint "
            f"{report.fingerprint[:12]}."
        ),
    )  # fmt: skip


def _leading(report: EvaluationReport) -> list[tuple[str, str, str]]:
    """The figures that matter most, in a manager's words, with the expert's."""
    metrics, profit = report.metrics, report.profit
    pairs, lift = metrics["roc_auc"]["value"], metrics["top_decile_lift"]["value"]
    error = metrics["expected_calibration_error"]

    def expert(name: str) -> str:
        return f"{METRICS[name].label} {METRICS[name].with_span(metrics[name])}"

    return [
        (
            f"{lift:.1f} times",
            "as many leave among the tenth of the customers with the highest risk as among all.",
            expert("top_decile_lift"),
        ),
        (
            f"{100 * pairs:.0f} of 100",
            "pairs of a customer who left and one who stayed are put in the right order; guessing "
            "gets 50.",
            expert("roc_auc"),
        ),
        (
            f"{profit.profit['value']:,.2f}",
            f"money per customer of the base, calling the {profit.called:.0%} with a risk of "
            f"{profit.threshold:.0%} or more; calling everybody brings "
            f"{profit.everybody['value']:,.2f}.",
            f"Realised profit, 95 % interval {as_span(profit.profit)}",
        ),
        (
            f"{100 * error['value']:.1f} of 100",
            "is how far risks and the shares that left are apart, beyond what chance makes of so "
            "few customers.",
            expert("expected_calibration_error"),
        ),
    ]


def _measures(report: EvaluationReport) -> list[list[str]]:
    return [
        [
            about.explain(report.metrics[name]["value"]),
            about.label,
            about.figure(report.metrics[name]),
            about.span(report.metrics[name]),
            about.figure(report.baselines[BASELINE.name][name]),
            about.figure(report.baselines[BASE_RATE][name]),
        ]
        for name, about in METRICS.items()
        if name in report.metrics
    ]


def _compared(report: EvaluationReport) -> str:
    loss, gap = report.metrics["log_loss"]["value"], report.differences[BASELINE.name]["log_loss"]
    return (
        f"Cross-validation gave a log loss of {report.cv_log_loss:.4f}; here it is {loss:.4f}. "
        f"That is {abs(gap['value']):.4f} {'below' if gap['value'] < 0 else 'above'} a plain "
        f"logistic regression's (95 % interval of the difference {gap['low']:+.4f} to "
        f"{gap['high']:+.4f})."
    )


def _calibration(error: dict) -> str:
    return (
        "Customers are put into groups by their risk; on the dashed line as many leave as "
        f"predicted. The groups are off by {error['observed']:.1%} on average; a perfect model "
        f"would show {error['perfect']:.1%} on so few customers, by chance. Without that the error "
        f"is about {error['value']:.1%} (95 % interval {error['low']:.1%} to {error['high']:.1%})."
    )


def _profit(run) -> list:
    profit, costs = run.report.profit, run.costs
    rows = [
        ["calling by the model", f"{profit.profit['value']:.2f}", as_span(profit.profit)],
        ["as expected before", f"{profit.expected:.2f}", ""],
        ["calling everybody", f"{profit.everybody['value']:.2f}", as_span(profit.everybody)],
        [
            "more than without a model",
            f"{profit.advantage['value']:.2f}",
            as_span(profit.advantage),
        ],
        [f"EMP, calling {profit.emp_fraction:.1%}", f"{profit.emp:.2f}", ""],
    ]
    return [
        heading("What it is worth"),
        paragraph(
            f"A call costs {plain(costs.contact_cost)}, an offer that is taken "
            f"{plain(costs.offer_cost)}; of those about to leave {plain(costs.acceptance)} take it "
            f"and stay, and are worth {plain(costs.customer_value)}. So a call pays from a risk of "
            f"{profit.threshold:.1%} on, for {profit.called:.1%} of the customers. Money is per "
            "customer of the whole base. EMP is the measure of Verbraken et al. (2013) with their "
            "published costs, to compare with other studies."
        ),
        table(rows, ["", "money", "95 % interval"]),
        chart(charts.profit(profit.curve, profit.called)),
    ]


def _leaks(run) -> list:
    if run.leak_prices.empty:
        return []
    why = dict(zip(run.leaks["column"], run.leaks["why"], strict=True))
    rows = [
        [
            label(str(price.column)),
            "kept" if price.column in run.contract.features else "dropped",
            f"{price.with_it:.3f}",
            f"{price.without_it:.3f}",
            why[price.column],
        ]
        for price in run.leak_prices.itertuples()
    ]
    return [
        heading("Columns that may leak the target"),
        paragraph(
            "The log loss is of small boosting on customers that it is not trained on. If a column "
            "was known at the observation, dropping it costs the difference; if it was not, the "
            "better figure is never reached in use. --leakage decides what is dropped."
        ),
        table(rows, ["column", "what was done", "loss with it", "loss without it", "it"]),
    ]


def _gate(decision) -> list:
    rows = [
        [check.name, "passed" if check.passed else "failed", _actual(check.actual), check.why]
        for check in decision.checks
    ]
    beside = decision.table()
    return [
        heading("The gate"),
        paragraph(
            "A model becomes the champion, the one that is served, only if it passes each of these "
            "checks; a failed one leaves the champion as it is. "
            f"{decision.why[:1].upper()}{decision.why[1:]}."
        ),
        table(rows, ["asked", "result", "found", "which is"]),
        *([chart(charts.gate(beside))] if beside["difference"].notna().any() else []),
    ]


def _actual(value: float) -> str:
    return "0 but for rounding" if 0 < abs(value) < NEGLIGIBLE else f"{value:.4g}"


def _segments(found: pd.DataFrame) -> list:
    listed = [
        f"{label(str(row.feature))} {row.level} ({row.why})"
        for row in found[found["worse"]].itertuples()
    ]
    none = "In no group that has enough customers to say so."
    return [
        heading("Where it is worse than elsewhere"),
        paragraph(", ".join(listed) or none),
        *([chart(charts.segments(found))] if len(found) else []),
    ]
