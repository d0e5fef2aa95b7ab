"""What the cards of the flows show: for each card a list of components."""

import numpy as np
import pandas as pd
import pyarrow.compute as pc
from metaflow.cards import Markdown, Table, VegaChart

from churn.data.readers import public_name
from churn.evaluation import charts
from churn.modeling.search_space import BASELINE

METRICS = {
    "roc_auc": ("ROC-AUC", "pairs of customers ranked the right way round"),
    "pr_auc": ("PR-AUC", "mean precision over all list lengths"),
    "top_decile_lift": ("Lift, top tenth", "churn rate of the riskiest tenth over that of all"),
    "log_loss": ("Log loss", "nats, lower is better"),
    "brier": ("Brier score", "mean squared error, lower is better"),
    "expected_calibration_error": ("Calibration error", "mean gap of predicted and observed"),
    "calibration_slope": ("Calibration slope", "1 is perfect, below 1 is too extreme"),
}


def data(run) -> list:
    """The table, what was wrong with it, and what was done about it."""
    parts = pd.Series(run.split).value_counts()
    left = (run.frame[run.contract.target] == run.contract.positive).mean()
    facts = [
        ["customers in the table", f"{len(run.table):,}"],
        ["rejected for breaking the contract", f"{len(run.rejected):,}"],
        ["trained on", f"{parts.get('train', 0):,}"],
        ["held out", f"{parts.get('holdout', 0):,}"],
        ["left out as copies of held-out customers", f"{parts.get('copy', 0):,}"],
        ["left", f"{left:.1%}"],
        ["features", f"{len(run.contract.features)}"],
    ]
    return [
        Markdown(f"# The data: {public_name(run.data)}"),
        Table([[Markdown(name), value] for name, value in facts]),
        Markdown("## What was wrong with it"),
        as_table(run.problems, "The table keeps its contract: nothing was wrong."),
        Markdown("## Columns that must not be trained on"),
        as_table(run.leaks, "None was found."),
        Markdown("## Who leaves"),
        *(VegaChart(_by_level(run, name)) for name in _telling(run)),
        *_missing(run),
    ]


def leaderboard(run) -> list:
    """The candidates and their stacks, what they cost, the chosen one, and those that fell out."""
    every = pd.DataFrame(run.leaderboard)
    rows, stopped = every[every["stopped"] == ""], every[every["stopped"] != ""]
    shown = pd.DataFrame(
        {
            "": rows["rank"].astype(int),
            "candidate": [_in_full(row) for row in rows.itertuples()],
            "log loss": rows["log_loss"].map("{:.4f}".format),
            "behind": rows["behind"].map("{:.4f}".format),
            "± s.e.": rows["behind_se"].map("{:.4f}".format),
            "µs per customer": rows["microseconds"].map("{:.1f}".format),
            "seconds": rows["seconds"].map("{:.1f}".format),
        }
    )
    fell = {row.candidate: f"stopped, {row.stopped}" for row in stopped.itertuples()}
    fell |= {name: f"failed, {why}" for name, why in run.search.failures.items()}
    fell |= dict.fromkeys(run.search.lost, "its task died twice: killed, or out of memory")
    fallen = pd.DataFrame({"candidate": fell.keys(), "why": fell.values()})
    return [
        Markdown(f"# Chosen: {run.trial.candidate.name}"),
        *(Markdown(f"**{note}**") for note in run.search.notes()),
        Markdown(
            f"{len(run.candidates)} candidates and stacks of them, {run.sample.n_folds} folds, "
            f"{len(run.sample.labels):,} customers. *Behind* is the paired difference in mean log "
            "loss to the best, with its standard error. Half the cost is worth "
            f"{run.margin:g} standard errors: a model may be as much behind for each halving, and "
            "still be taken instead of the best."
        ),
        VegaChart(charts.cost(rows)),
        VegaChart(charts.leaderboard(rows)),
        as_table(shown, ""),
        *([Markdown("## Fell out"), as_table(fallen, "")] if len(fallen) else []),
    ]


def _in_full(row) -> str:
    name = f"{row.candidate} ◄ chosen" if row.chosen else row.candidate
    members = "; ".join(f"{weight:+.2f} {member}" for member, weight in row.members.items())
    return f"{name}: {members}" if members else name


def model(run) -> list:
    """The chosen model: how good, how sure, on what it relies, and a few customers explained."""
    report = run.report
    logistic = report.baselines[BASELINE.name]
    rows = [
        [
            Markdown(f"**{label}**<br>{meaning}"),
            Markdown(f"**{report.metrics[name]['value']:.4f}**"),
            f"{report.metrics[name]['low']:.4f} to {report.metrics[name]['high']:.4f}",
            f"{logistic[name]['value']:.4f}",
            _number(report.baselines["base rate"][name]["value"]),
        ]
        for name, (label, meaning) in METRICS.items()
    ]
    loss, gap = report.metrics["log_loss"]["value"], report.differences[BASELINE.name]["log_loss"]
    explained = [
        VegaChart(charts.contributions(rows_, f"{customer}: {rows_['risk'].iloc[0]:.0%} risk"))
        for customer, rows_ in report.explanations.groupby("customer", sort=False)
    ]
    return [
        Markdown(f"# {run.trial.candidate.name}"),
        Markdown(
            f"Judged on {report.customers:,} customers by {report.evaluated_on}. Cross-validation "
            f"gave a log loss of {report.cv_log_loss:.4f}; here it is {loss:.4f}. That is "
            f"{abs(gap['value']):.4f} {'below' if gap['value'] < 0 else 'above'} a plain logistic "
            f"regression's (95 % interval of the difference {gap['low']:+.4f} to "
            f"{gap['high']:+.4f})."
        ),
        Table(rows, headers=["", "model", "95 % interval", BASELINE.name, "base rate"]),
        VegaChart(charts.reliability(report.reliability)),
        VegaChart(charts.gains(report.gains)),
        *_worth(run),
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
        *_gate(run.decision),
        Markdown(f"Compiled for serving: {run.agreement}."),
        Markdown(
            f"Code {run.lineage['code'][:12]}, data {run.lineage['data'][:12]}, contract "
            f"{run.lineage['contract'][:12]}, seed {run.lineage['seed']}, fingerprint "
            f"{report.fingerprint[:12]}."
        ),
    ]


def calls(run, most: int = 10) -> list:
    """The call list of a day: who was left out, what it is expected to bring, and its first."""
    found, campaign, offer = run.call_list, run.campaign, run.offer
    count, expected = found.counts, found.expected
    facts = [
        ["customers in the table", count["customers"]],
        ["rejected for breaking the contract", count["rejected"]],
        ["on the do-not-contact list", count["do_not_contact"]],
        ["of the others, worth a call", count["pays"]],
        ["to call", count["contact"]],
        ["like them, in the control group", count["control"]],
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
    return [
        Markdown(f"# Whom to call on {campaign.as_of}: {campaign.campaign}"),
        Markdown(
            f"Calling the {count['contact']:,} on the list brings {expected['value']:,.2f} on "
            f"average (95 % interval of the model's calibration: {expected['low']:,.2f} to "
            f"{expected['high']:,.2f}). A call costs {offer.contact_cost}, an offer that is taken "
            f"{offer.offer_cost}; of those about to leave {offer.acceptance} take it and stay, and "
            f"are worth {offer.customer_value}. Scored by {run.deployment.run}."
        ),
        Table([[Markdown(name), f"{value:,}"] for name, value in facts]),
        VegaChart(charts.list_lengths(found.curve, listed)),
        Markdown(
            f"Calling {listed:,} customers, the control group too, would bring "
            f"{at['best']:,.2f} by net benefit, {at['riskiest']:,.2f} calling the riskiest and "
            f"{at['random']:,.2f} at random, by the model's probabilities."
        ),
        Markdown("## The first to call"),
        as_table(top.fillna(""), "It pays to call nobody."),
        Markdown("## What was wrong with the table"),
        as_table(found.problems, "The table keeps its contract: nothing was wrong."),
    ]


def _worth(run) -> list:
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


def _gate(decision) -> list:
    rows = [
        ["passed" if check.passed else "failed", check.name, f"{check.actual:.4g}", check.why]
        for check in decision.checks
    ]
    return [
        Markdown("## The gate"),
        Markdown(f"{decision.why[:1].upper()}{decision.why[1:]}."),
        Table(rows, headers=["", "asked", "found", "which is"]),
        VegaChart(charts.gate(decision.table())),
    ]


def _segments(table: pd.DataFrame) -> list:
    worse = table[table["worse"]]
    told = ", ".join(f"{row.feature} {row.level} ({row.why})" for row in worse.itertuples())
    return [
        Markdown("## Where it is worse than elsewhere"),
        Markdown(told or "In no segment that has enough customers to say so."),
        *([VegaChart(charts.segments(table))] if len(table) else []),
    ]


def as_span(found: dict) -> str:
    """The interval of what was found."""
    return f"{found['low']:.2f} to {found['high']:.2f}"


def _number(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.4f}"


def as_table(frame: pd.DataFrame, otherwise: str):
    """A table, or what to say where it is empty."""
    if frame.empty:
        return Markdown(otherwise)
    return Table([[str(cell) for cell in row] for row in frame.to_numpy()], headers=[*frame])


def _telling(run, most: int = 4, rows: int = 50_000) -> list[str]:
    """The features whose levels differ most in how many left, among some of the customers."""
    some = run.frame.iloc[:: -(-len(run.frame) // rows)]
    left = some[run.contract.target] == run.contract.positive

    def spread(name):
        rates = left.groupby(_levels(some[name]), observed=True).agg(["mean", "size"])
        return np.average((rates["mean"] - left.mean()) ** 2, weights=rates["size"])

    return sorted(run.contract.features, key=spread, reverse=True)[:most]


def _levels(column: pd.Series) -> pd.Series:
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column
    if column.nunique() > 6:
        return pd.qcut(column, 6, duplicates="drop")
    return column.astype("category")


def _by_level(run, name: str) -> dict:
    left = run.frame[run.contract.target] == run.contract.positive
    by = left.groupby(_levels(run.frame[name]), observed=True).agg(["size", "mean"])
    levels = [
        f"{charts.plain(max(level.left, run.frame[name].min()))} to {charts.plain(level.right)}"
        if isinstance(level, pd.Interval)
        else charts.plain(level)
        for level in by.index
    ]
    counts = pd.DataFrame({"level": levels, "customers": by["size"], "churn_rate": by["mean"]})
    return charts.histogram(counts, name)


def _missing(run) -> list:
    shares = run.frame[list(run.contract.features)].isna().mean()
    shares = shares[shares > 0].rename_axis("column").reset_index(name="missing")
    return [VegaChart(charts.missing_share(shares))] if len(shares) else []
