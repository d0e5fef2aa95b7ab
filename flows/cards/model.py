"""The card of ChurnFlow about the chosen model."""

import pandas as pd
from metaflow.cards import Markdown, Table, VegaChart

from cards.components import as_span, page
from churn.evaluation import charts
from churn.evaluation.metric_table import METRICS
from churn.evaluation.report import BASE_RATE
from churn.modeling.search_space import BASELINE
from churn.registry.run_summary import say_scorer
from churn.registry.training_run import TrainingRun
from churn.words import plural


def model_card(run: TrainingRun) -> list:
    """The chosen model: metrics with intervals, importances, and explanations of customers."""
    report = run.report
    logistic = report.baselines[BASELINE.name]
    base_rate = report.baselines[BASE_RATE]
    rows = [
        [
            Markdown(f"**{about.label}**"),
            Markdown(f"**{about.figure(report.metrics[name])}**"),
            about.span(report.metrics[name]),
            about.figure(logistic[name]),
            about.figure(base_rate[name]),
        ]
        for name, about in METRICS.items()
        if name in report.metrics
    ]
    loss, gap = report.metrics["log_loss"]["value"], report.differences[BASELINE.name]["log_loss"]
    explained = [
        VegaChart(charts.contributions(rows_, f"{customer}: {rows_['risk'].iloc[0]:.0%} risk"))
        for customer, rows_ in report.explanations.groupby("customer", sort=False)
    ]
    return page(
        Markdown(f"# {run.trial.candidate.name}"),
        Markdown(
            f"The probability that a customer leaves{run.contract.within}. "
            f"Evaluated on {plural(report.customers, 'customer')} by {report.evaluated_on}. "
            f"Cross-validation gave a log loss of {report.cv_log_loss:.4f}; here it is {loss:.4f}. "
            f"That is {abs(gap['value']):.4f} {'below' if gap['value'] < 0 else 'above'} a plain "
            f"logistic regression's (95 % interval of the difference {gap['low']:+.4f} to "
            f"{gap['high']:+.4f})."
        ),
        Table(rows, headers=["", "model", "95 % interval", BASELINE.name, BASE_RATE]),
        Markdown(
            "\n".join(
                f"- *{METRICS[name].label}*: {METRICS[name].explain(metric['value'])}"
                for name, metric in report.metrics.items()
            )
        ),
        Markdown(
            "*95 % interval*: on other customers of the same kind the figure would be elsewhere; "
            "for 95 of 100 samples such an interval holds the true one. *Base rate* gives every "
            "customer the share of all who left."
        ),
        Markdown("## Calibration: do as many leave as the model says?"),
        Markdown(_calibration(report.metrics["expected_calibration_error"])),
        VegaChart(charts.reliability(report.reliability)),
        Markdown("## Gains: how many leavers does a list of a given length reach?"),
        VegaChart(charts.gains(report.gains)),
        *_profit(run),
        Markdown("## On what it relies"),
        VegaChart(charts.importances(report.importances)),
        Markdown(
            "How the risk follows the leading features: the mean over customers if each of them "
            "had that value, and the middle 80 % of their own curves. Features that move together "
            "are moved alone here, so the ends of a curve may be customers who cannot exist."
        ),
        *(
            VegaChart(charts.dependence(curve))
            for _, curve in report.dependence.groupby("feature", sort=False)
        ),
        *_segments(report.segments),
        Markdown("## A few customers, from the riskiest to the safest"),
        Markdown(
            "Each bar is what the risk would lose if that one feature were as it is for a "
            "typical customer."
        ),
        *explained,
        *_leaks(run),
        *_gate(run.decision),
        Markdown(say_scorer(run)),
        Markdown(
            f"Code {run.lineage['code'][:12]}, data {run.lineage['data'][:12]}, contract "
            f"{run.lineage['contract'][:12]}, seed {run.lineage['seed']}, fingerprint "
            f"{report.fingerprint[:12]}."
        ),
    )


def _calibration(error: dict) -> str:
    return (
        "Customers are put into groups by their probability; on the dashed line as many leave as "
        f"predicted. The groups are off by {error['observed']:.1%} on average; a perfect model "
        f"would show {error['perfect']:.1%} on so few customers, by chance. Without that the error "
        f"is about {error['value']:.1%} (95 % interval {error['low']:.1%} to {error['high']:.1%})."
    )


def _profit(run) -> list:
    profit, costs = run.report.profit, run.costs
    rows = [
        ["called: risk of", f"{profit.threshold:.1%} or more", f"{profit.called:.1%} of customers"],
        ["expected profit", f"{profit.expected:.2f}", ""],
        ["realised profit", f"{profit.profit['value']:.2f}", as_span(profit.profit)],
        ["calling everybody", f"{profit.everybody['value']:.2f}", as_span(profit.everybody)],
        [
            "more than without a model",
            f"{profit.advantage['value']:.2f}",
            as_span(profit.advantage),
        ],
        ["EMP", f"{profit.emp:.2f}", f"calling {profit.emp_fraction:.1%}"],
    ]
    return [
        Markdown("## What it is worth"),
        Markdown(
            f"A call costs {costs.contact_cost}, an offer that is taken {costs.offer_cost}; of "
            f"those about to leave {costs.acceptance} take it and stay, and are worth "
            f"{costs.customer_value}. Money is per customer of the whole base. EMP is the measure "
            "of Verbraken et al. (2013) with their published costs, to compare with other studies."
        ),
        Table(rows, headers=["", "money", "95 % interval"]),
        VegaChart(charts.profit(profit.curve, profit.called)),
    ]


def _leaks(run) -> list:
    if run.leak_prices.empty:
        return []
    why = dict(zip(run.leaks["column"], run.leaks["why"], strict=True))
    rows = [
        [
            price.column,
            "kept" if price.column in run.contract.features else "dropped",
            f"{price.with_it:.3f}",
            f"{price.without_it:.3f}",
            why[price.column],
        ]
        for price in run.leak_prices.itertuples()
    ]
    return [
        Markdown("## Columns that may leak the target"),
        Markdown(
            "The log loss is of small boosting on customers that it is not trained on. If a column "
            "was known at the observation, dropping it costs the difference; if it was not, the "
            "better figure is never reached in use. `--leakage` decides what is dropped."
        ),
        Table(rows, headers=["column", "", "loss with it", "without it", "it"]),
    ]


def _gate(decision) -> list:
    rows = [
        ["passed" if check.passed else "failed", check.name, f"{check.actual:.4g}", check.why]
        for check in decision.checks
    ]
    return [
        Markdown("## The gate"),
        Markdown(
            "A model becomes the champion, the one that is served, only if it passes each of these "
            "checks; a failed one leaves the champion as it is."
        ),
        Markdown(f"{decision.why[:1].upper()}{decision.why[1:]}."),
        Table(rows, headers=["", "asked", "found", "which is"]),
        VegaChart(charts.gate(decision.table())),
    ]


def _segments(table: pd.DataFrame) -> list:
    worse = table[table["worse"]]
    listed = ", ".join(f"{row.feature} {row.level} ({row.why})" for row in worse.itertuples())
    return [
        Markdown("## Where it is worse than elsewhere"),
        Markdown(listed or "In no segment that has enough customers to say so."),
        *([VegaChart(charts.segments(table))] if len(table) else []),
    ]
