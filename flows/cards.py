"""What the cards of ChurnFlow show: for each card a list of components."""

import numpy as np
import pandas as pd
from metaflow.cards import Markdown, Table, VegaChart

from churn import charts
from churn.candidates import BASELINE
from churn.data.tables import public_name

METRICS = {
    "roc_auc": ("ROC-AUC", "pairs of customers ranked the right way round"),
    "pr_auc": ("PR-AUC", "mean precision over all list lengths"),
    "top_decile_lift": ("Lift, top tenth", "churn rate of the riskiest tenth over that of all"),
    "log_loss": ("Log loss", "nats, lower is better"),
    "brier": ("Brier score", "mean squared error, lower is better"),
    "expected_calibration_error": ("Calibration error", "mean gap of promised and happened"),
    "calibration_slope": ("Calibration slope", "1 is perfect, below 1 is too extreme"),
}


def data(run) -> list:
    """The table, what was wrong with it, and what was done about it."""
    parts = pd.Series(run.split).value_counts()
    left = (run.frame[run.contract.target] == run.contract.positive).mean()
    facts = [
        ["customers in the table", f"{len(run.table):,}"],
        ["set aside for breaking the contract", f"{len(run.rejected):,}"],
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
        _table(run.problems, "The table keeps its contract: nothing was wrong."),
        Markdown("## Columns that must not be trained on"),
        _table(run.leaks, "None was found."),
        Markdown("## Who leaves"),
        *(VegaChart(_by_level(run, name)) for name in _telling(run)),
        *_missing(run),
    ]


def leaderboard(run) -> list:
    """The candidates, ranked, and those that failed."""
    rows = pd.DataFrame(run.leaderboard)
    shown = pd.DataFrame(
        {
            "": rows["rank"],
            "candidate": rows["candidate"],
            "log loss": rows["log_loss"].map("{:.4f}".format),
            "behind": rows["behind"].map("{:.4f}".format),
            "± s.e.": rows["behind_se"].map("{:.4f}".format),
            "seconds": rows["seconds"].map("{:.1f}".format),
        }
    )
    failed = pd.DataFrame(
        {"candidate": run.failures.keys(), "why": [repr(why) for why in run.failures.values()]}
    )
    return [
        Markdown(f"# Chosen: {run.model.candidate.name}"),
        Markdown(
            f"{len(rows)} candidates, {run.sample.fold.max() + 1} folds, "
            f"{len(run.sample.labels):,} customers. The lowest mean log loss out of fold wins; "
            "*behind* is the paired difference to it, with its standard error."
        ),
        VegaChart(charts.leaderboard(rows)),
        _table(shown, ""),
        *([Markdown("## Failed"), _table(failed, "")] if len(failed) else []),
    ]


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
        Markdown(f"# {run.model.candidate.name}"),
        Markdown(
            f"Judged on {report.customers:,} customers by {report.judged_on}. Cross-validation "
            f"promised a log loss of {report.promised:.4f}; it is {loss:.4f}. That is "
            f"{abs(gap['value']):.4f} {'below' if gap['value'] < 0 else 'above'} a plain logistic "
            f"regression's (95 % interval of the difference {gap['low']:+.4f} to "
            f"{gap['high']:+.4f})."
        ),
        Table(rows, headers=["", "model", "95 % interval", BASELINE.name, "base rate"]),
        VegaChart(charts.reliability(report.reliability)),
        VegaChart(charts.gains(report.gains)),
        VegaChart(charts.importances(report.importances)),
        Markdown("## A few customers, from the riskiest to the safest"),
        Markdown(
            "Each bar is what the risk would lose if that one feature were as it is for a "
            "typical customer."
        ),
        *explained,
        Markdown(
            f"Code {run.lineage['code'][:12]}, data {run.lineage['data'][:12]}, contract "
            f"{run.lineage['contract'][:12]}, seed {run.lineage['seed']}, fingerprint "
            f"{report.fingerprint[:12]}."
        ),
    ]


def _number(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.4f}"


def _table(frame: pd.DataFrame, otherwise: str):
    if frame.empty:
        return Markdown(otherwise)
    return Table([[str(cell) for cell in row] for row in frame.to_numpy()], headers=[*frame])


def _telling(run, most: int = 4) -> list[str]:
    """The features whose levels differ most in how many left."""
    left = run.frame[run.contract.target] == run.contract.positive

    def spread(name):
        rates = left.groupby(_levels(run.frame[name]), observed=True).agg(["mean", "size"])
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
