"""The summary of a training run for the console, and the next commands."""

from churn.evaluation.leak_prices import describe_price
from churn.evaluation.summary import summarize
from churn.registry.training_run import TrainingRun


def summarize_run(run: TrainingRun) -> str:
    """The table, the search, the model and the gate, a line each.

    Parameters
    ----------
    run : TrainingRun
        At its end.
    """
    lines = [run.target_summary, *_table(run), *run.search.notes()]
    lines += [summarize(run.report, run.trial.candidate.name), f"Compiled: {run.agreement}."]
    if not run.agreement.holds:
        return "\n".join([*lines, "It cannot be served: the scorer differs from the model."])
    lines += [
        f"The gate: {run.decision.why}.",
        f"Next: make card RUN={run.pathspec} shows all of it, and make serve RUN={run.pathspec} "
        "starts the app.",
    ]
    return "\n".join(lines)


def _table(run: TrainingRun) -> list[str]:
    """The rows and columns that were left out of the table, and why."""
    lines = []
    if rejected := len(run.rejected):
        lines.append(
            f"{rejected:,} of {len(run.table):,} rows are rejected, as they break the contract."
        )
    for leak in run.leaks.itertuples():
        kept = leak.column in run.contract.features
        what = "kept, but suspected of leaking the target" if kept else "dropped"
        price = describe_price(run.leak_prices, leak.column)
        lines.append(f"The column {leak.column} is {what}: it {leak.why}. {price}".strip())
    leaky = set(run.leaks["column"])
    ignored = [name for name in run.contract.ignore if name in run.table and name not in leaky]
    if ignored:
        lines.append(f"Ignored columns: {', '.join(ignored)}.")
    return lines
