"""An evaluation in a few lines for a terminal."""

from churn.evaluation.metric_table import METRICS
from churn.evaluation.report import EvaluationReport
from churn.modeling.search_space import BASELINE
from churn.words import plural

SHOWN = ("roc_auc", "pr_auc", "top_decile_lift", "log_loss", "brier", "calibration_slope")


def summarize(report: EvaluationReport, candidate: str) -> str:
    """The metrics compared with the baseline's, the profit, and the segments that are worse.

    Parameters
    ----------
    report : EvaluationReport
    candidate : str
        The name of the chosen candidate.
    """
    lines = [
        f"{candidate}, evaluated on {plural(report.customers, 'customer')} by "
        f"{report.evaluated_on} (95 % intervals; {BASELINE.name} beside it):"
    ]
    for name in SHOWN:
        about = METRICS[name]
        baseline = about.figure(report.baselines[BASELINE.name][name])
        lines.append(f"  {about.label:<18}{about.with_span(report.metrics[name]):<28}{baseline}")
    profit = report.profit
    lines.append(
        f"Calling from a risk of {profit.threshold:.1%} on, {profit.called:.1%} of all: "
        f"{profit.profit['value']:.2f} a customer ({profit.profit['low']:.2f} to "
        f"{profit.profit['high']:.2f}); calling everybody: {profit.everybody['value']:.2f}"
    )
    worse = report.segments[report.segments["worse"]]
    lines += [
        f"Worse than elsewhere: {row.feature} {row.level} ({row.why})" for row in worse.itertuples()
    ]
    return "\n".join(lines)
