"""The card of ChurnFlow about its search."""

import pandas as pd

from cards.components import chart, figures, heading, page, paragraph, table
from churn.evaluation import search_charts
from churn.evaluation.metric_table import METRICS
from churn.registry.run_summary import say_effort
from churn.registry.training_run import TrainingRun
from churn.words import plural


def leaderboard_card(run: TrainingRun) -> list:
    """The candidates and their stacks, their cost, the chosen one, and those that were stopped."""
    every = pd.DataFrame(run.leaderboard)
    rows, stopped = every[every["stopped"] == ""], every[every["stopped"] != ""]
    fell = {row.candidate: f"stopped, {row.stopped}" for row in stopped.itertuples()}
    fell |= {name: f"failed, {why}" for name, why in run.search.failures.items()}
    fell |= dict.fromkeys(run.search.lost, "its task died twice: killed, or out of memory")
    return page(
        f"Chosen: {run.trial.candidate.name}",
        f"{plural(len(run.candidates), 'candidate')} and stacks of them, {run.pathspec}. "
        f"{plural(len(run.sample.labels), 'customer')} in {run.sample.n_folds} folds.",
        *(paragraph(note) for note in [*run.search.notes(), *say_effort(run)]),
        figures(_leading(rows)),
        paragraph(
            f"Log loss: {METRICS['log_loss'].meaning} Behind is the paired difference in mean log "
            "loss to the best, with its standard error. Half the cost is worth "
            f"{run.margin:g} standard errors: a model may be as much behind for each halving, and "
            "still be taken instead of the best."
        ),
        chart(search_charts.cost(rows)),
        chart(search_charts.leaderboard(rows)),
        heading("Every candidate"),
        table(
            [
                [
                    _in_full(row), f"{row.log_loss:.4f}",
                    f"{row.behind:.4f}\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}{row.behind_se:.4f}",
                    f"{row.microseconds:.1f} µs", f"{row.seconds:.1f} s",
                ]
                for row in rows.itertuples()
            ],
            ["candidate", "log loss", "behind, ± s.e.", "a customer takes", "the search took"],
        ),
        *([heading("Fell out"), table([*fell.items()], ["candidate", "why"])] if fell else []),
    )  # fmt: skip


def _leading(rows: pd.DataFrame) -> list[tuple[str, str, str]]:
    best, chosen = rows.iloc[0], rows[rows["chosen"]].iloc[0]
    behind = (
        "The best of all"
        if chosen["behind"] <= 0
        else f"So little behind the best, {best['candidate']}, that its cost decides"
    )
    return [
        (str(chosen["candidate"]), f"{behind}.", f"Log loss {chosen['log_loss']:.4f}, behind by "
         f"{chosen['behind']:.4f} ± {chosen['behind_se']:.4f}"),
        (
            f"{1e6 / chosen['microseconds']:,.0f}",
            "customers can be scored in a second on one core.",
            f"{chosen['microseconds']:.1f} microseconds each",
        ),
    ]  # fmt: skip


def _in_full(row) -> tuple[str, ...]:
    name = f"{row.rank:.0f}. {row.candidate}" + (" (chosen)" if row.chosen else "")
    members = "; ".join(f"{weight:+.2f} {member}" for member, weight in row.members.items())
    return (name, members) if members else (name,)
