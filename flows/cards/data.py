"""The card of ChurnFlow about its table."""

import numpy as np
import pandas as pd

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
from churn.data.console import describe_reading
from churn.data.contract import label
from churn.data.readers import public_name
from churn.evaluation import charts
from churn.registry.training_run import TrainingRun


def data_card(run: TrainingRun) -> list:
    """The table, its problems, and how each was handled."""
    parts = pd.Series(run.split).value_counts()
    rows = _rows(run)
    left = run.customers.read(columns=[run.contract.target])[run.contract.target]
    left = (left == run.contract.positive).mean()
    shown = [
        (f"{len(run.table):,}", "customers are in the table.",
         f"{run.rejected_rows:,} rejected for breaking the contract"),
        (f"{100 * left:.0f} of 100", "of them left.", f"Base rate {left:.1%}"),
        (f"{parts.get('train', 0):,}", "of them are trained on; on the others the model is judged.",
         f"{parts.get('holdout', 0):,} held out, {len(run.contract.features)} features"),
    ]  # fmt: skip
    counts = [
        ("left out as copies of held-out customers", parts.get("copy", 0)),
        ("left out because they were called", run.called.called),
        ("trained on of their control group", run.called.trained),
        ("the weight that these carry", round(run.called.weight)),
    ]
    reading = describe_reading(run.table, run.contract, set(run.leaks["column"]))
    leaks = run.leaks.assign(column=run.leaks["column"].map(label))
    return page(
        f"The data: {public_name(run.data)}",
        run.target_summary,
        figures(shown),
        *([facts((name, f"{count:,}") for name, count in counts if count)]),
        *([heading("How it was read"), sentences(reading)] if reading else []),
        *([paragraph(f"Near copies. {run.near_copies}")] if run.near_copies else []),
        *([paragraph(run.samples)] if run.samples else []),
        *_called(run),
        heading("What was wrong with it"),
        problems_table(run.problems),
        heading("Columns that must not be trained on"),
        table(leaks.to_numpy().tolist(), [str(name) for name in leaks], "None was found."),
        heading("Who leaves"),
        *_sampled(run, rows),
        *(chart(_by_level(run, rows, name)) for name in _informative(run, rows)),
        *_missing(run, rows),
    )


def _called(run) -> list:
    text = " ".join(filter(None, [str(run.called), str(run.known_calls)]))
    return [heading("Called customers"), paragraph(text)] if text else []


def _rows(run, most: int = 50_000) -> pd.DataFrame:
    """The customers, or evenly spaced ones of a larger table."""
    total = len(run.customers)
    columns = [*run.contract.features, run.contract.target]
    return run.customers.read(np.arange(0, total, -(-total // most)), columns)


def _sampled(run, rows: pd.DataFrame) -> list:
    if len(rows) == len(run.customers):
        return []
    return [paragraph(f"Of {len(rows):,} of the {len(run.customers):,} customers.")]


def _informative(run, some: pd.DataFrame, most: int = 4) -> list[str]:
    """The features whose levels differ most in churn rate."""
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


def _by_level(run, rows: pd.DataFrame, name: str) -> dict:
    left = rows[run.contract.target] == run.contract.positive
    by = left.groupby(_levels(rows[name]), observed=True).agg(["size", "mean"])
    levels = [
        f"{charts.plain(max(level.left, rows[name].min()))} to {charts.plain(level.right)}"
        if isinstance(level, pd.Interval)
        else charts.plain(level)
        for level in by.index
    ]
    counts = pd.DataFrame({"level": levels, "customers": by["size"], "churn_rate": by["mean"]})
    return charts.churn_rates(counts, label(name))


def _missing(run, rows: pd.DataFrame) -> list:
    shares = rows[list(run.contract.features)].isna().mean()
    shares = shares[shares > 0].rename_axis("column").reset_index(name="missing")
    return [chart(charts.missing_share(shares))] if len(shares) else []
