"""The summary of a training run for the console, and the next commands."""

from churn.evaluation.leak_prices import describe_price
from churn.evaluation.summary import summarize
from churn.modeling.effort import EFFORTS
from churn.modeling.own_families import own_parts
from churn.modeling.search_space import STACK
from churn.registry.training_run import TrainingRun
from churn.words import plural


def summarize_run(run: TrainingRun) -> str:
    """The table, the search, the model and the gate, a line each.

    Parameters
    ----------
    run : TrainingRun
        At its end.
    """
    lines = [run.target_summary, *_table(run), *run.search.notes(), *say_effort(run)]
    lines += [run.refit] if run.refit else []
    lines += [summarize(run.report, run.trial.candidate.name), say_scorer(run)]
    if not run.agreement.holds:
        return "\n".join([*lines, "It cannot be served: the scorer differs from the model."])
    serve = f"make serve RUN={run.pathspec} starts the app"
    if own_parts(run.trial.candidate):
        serve = f"python flows/score_flow.py run --run {run.pathspec} makes a call list"
    lines += [
        f"The gate: {run.decision.why}.",
        f"Next: make card RUN={run.pathspec} shows all of it, and {serve}.",
    ]
    return "\n".join(lines)


def say_effort(run: TrainingRun) -> list[str]:
    """What a high effort did, and what it cost; nothing at the default."""
    seconds = sum(row["seconds"] for row in run.leaderboard if row["family"] != STACK)
    line = EFFORTS[run.effort].describe(len(run.candidates), seconds)
    return [line] if line else []


def say_scorer(run: TrainingRun) -> str:
    """How single customers are scored, and what that costs."""
    own = own_parts(run.trial.candidate)
    if not own:
        return f"Compiled: {run.agreement}."
    compiled = [
        row["microseconds"] for row in run.leaderboard if row["compiled"] and not row["stopped"]
    ]
    beside = ""
    if compiled:
        beside = (
            f", where compiled candidates take about {min(compiled):.1f} to {max(compiled):.1f}"
        )
    return (
        f"Not compiled, for {' and '.join(own)} is no family of this library: "
        f"predict_proba scores a single customer in {run.agreement.microseconds:,.0f} "
        f"microseconds{beside}; the app cannot serve it, ScoreFlow and "
        "churn.load can."
    )


def _table(run: TrainingRun) -> list[str]:
    """The rows and columns that were left out of the table, and why."""
    lines = []
    if rejected := run.rejected_rows:
        lines.append(
            f"{rejected:,} of {plural(len(run.table), 'row')} {'is' if rejected == 1 else 'are'} "
            "rejected for breaking the contract."
        )
    for leak in run.leaks.itertuples():
        kept = leak.column in run.contract.features
        what = "kept, but suspected of leaking the target" if kept else "dropped"
        price = describe_price(run.leak_prices, str(leak.column))
        lines.append(f"The column {leak.column} is {what}: it {leak.why}. {price}".strip())
    lines += filter(None, [run.near_copies, run.samples])
    leaky = set(run.leaks["column"])
    there = set(run.table.columns) - leaky
    ignored = [name for name in run.contract.ignore if name in there]
    if ignored:
        lines.append(f"Ignored columns: {', '.join(ignored)}.")
    return lines
