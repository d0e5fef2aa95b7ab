"""The card of ChurnFlow about its table."""

from html import escape

import numpy as np
import pandas as pd
from metaflow.cards import Markdown, Table, VegaChart

from cards.components import as_table, page
from churn.data.console import describe_reading
from churn.data.readers import public_name
from churn.evaluation import charts
from churn.registry.training_run import TrainingRun


def data_card(run: TrainingRun) -> list:
    """The table, its problems, and how each was handled."""
    parts = pd.Series(run.split).value_counts()
    left = (run.frame[run.contract.target] == run.contract.positive).mean()
    facts = [
        ["customers in the table", f"{len(run.table):,}"],
        ["rejected for breaking the contract", f"{len(run.rejected):,}"],
        ["trained on", f"{parts.get('train', 0):,}"],
        ["held out", f"{parts.get('holdout', 0):,}"],
        ["left out as copies of held-out customers", f"{parts.get('copy', 0):,}"],
        ["left out because they were called", f"{run.called.called:,}"],
        ["trained on of their control group", f"{run.called.trained:,}"],
        ["the weight that these carry", f"{run.called.weight:,.0f}"],
        ["left", f"{left:.1%}"],
        ["features", f"{len(run.contract.features)}"],
    ]
    return page(
        Markdown(f"# The data: {public_name(run.data)}"),
        Table([[Markdown(name), value] for name, value in facts]),
        Markdown(run.target_summary),
        Markdown("## How it was read"),
        _sentences(describe_reading(run.table, run.contract, set(run.leaks["column"]))),
        *([Markdown(f"**Near copies.** {run.near_copies}")] if run.near_copies else []),
        *_called(run),
        Markdown("## What was wrong with it"),
        as_table(run.problems, "The table keeps its contract: nothing was wrong."),
        Markdown("## Columns that must not be trained on"),
        as_table(run.leaks, "None was found."),
        Markdown("## Who leaves"),
        *(VegaChart(_by_level(run, name)) for name in _informative(run)),
        *_missing(run),
    )


def _called(run) -> list[Markdown]:
    text = " ".join(filter(None, [str(run.called), str(run.known_calls)]))
    return [Markdown(f"**Called customers.** {escape(text, quote=False)}")] if text else []


def _sentences(lines: list[str]) -> Markdown:
    """A list of sentences, in which no name of a column is markup."""
    return Markdown("\n".join(f"- {escape(line, quote=False)}" for line in lines))


def _informative(run, most: int = 4, rows: int = 50_000) -> list[str]:
    """The features whose levels differ most in churn rate, in a sample of the customers."""
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
