"""The card of ChurnFlow about its search."""

import pandas as pd
from metaflow.cards import Markdown, VegaChart

from cards.components import as_table, page
from churn.evaluation import charts
from churn.evaluation.metric_table import METRICS
from churn.registry.training_run import TrainingRun
from churn.words import plural


def leaderboard_card(run: TrainingRun) -> list:
    """The candidates and their stacks, their cost, the chosen one, and those that were stopped."""
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
    return page(
        Markdown(f"# Chosen: {run.trial.candidate.name}"),
        *(Markdown(f"**{note}**") for note in run.search.notes()),
        Markdown(f"Log loss: {METRICS['log_loss'].meaning}"),
        Markdown(
            f"{plural(len(run.candidates), 'candidate')} and stacks of them, {run.sample.n_folds} "
            f"folds, {plural(len(run.sample.labels), 'customer')}. *Behind* is the paired "
            "difference in mean log loss to the best, with its standard error. Half the cost is "
            f"worth {run.margin:g} standard errors: a model may be as much behind for each "
            "halving, and still be taken instead of the best."
        ),
        VegaChart(charts.cost(rows)),
        VegaChart(charts.leaderboard(rows)),
        as_table(shown, ""),
        *([Markdown("## Fell out"), as_table(fallen, "")] if len(fallen) else []),
    )


def _in_full(row) -> str:
    name = f"{row.candidate} ◄ chosen" if row.chosen else row.candidate
    members = "; ".join(f"{weight:+.2f} {member}" for member, weight in row.members.items())
    return f"{name}: {members}" if members else name
