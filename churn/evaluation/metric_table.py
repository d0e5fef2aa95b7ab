"""The name and the meaning of each metric, once for consoles, cards, pages and charts.

The app imports this module, so it imports nothing heavy.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite


@dataclass(frozen=True)
class Metric:
    """A metric as a reader sees it.

    Attributes
    ----------
    label : str
    meaning : str
        One sentence; `{value}` in it is the metric's.
    form : str
        The format of a value.
    """

    label: str
    meaning: str
    form: str = ".4f"

    def explain(self, value: float) -> str:
        """The sentence, for a value."""
        return self.meaning.format(value=value)

    def figure(self, metric: Mapping[str, float] | None) -> str:
        """The value, or `-` where there is none."""
        if metric is None or not isfinite(metric["value"]):
            return "-"
        return format(metric["value"], self.form)

    def span(self, metric: Mapping[str, float]) -> str:
        """Both ends of the 95 % interval."""
        return f"{metric['low']:{self.form}} to {metric['high']:{self.form}}"

    def with_span(self, metric: Mapping[str, float] | None) -> str:
        """The value and its interval."""
        figure = self.figure(metric)
        return figure if metric is None or figure == "-" else f"{figure} ({self.span(metric)})"


METRICS = {
    "roc_auc": Metric(
        "ROC-AUC",
        "Of one customer who left and one who stayed, the model gives the one who left the higher "
        "risk in {value:.0%} of all pairs; guessing does in 50%.",
    ),
    "pr_auc": Metric(
        "PR-AUC",
        "Going down from the riskiest customer, {value:.0%} of the calls reach one who is about to "
        "leave, on average over all lengths of the list.",
    ),
    "top_decile_lift": Metric(
        "Lift, top tenth",
        "In the riskiest tenth of the customers {value:.1f} times as many left as among all.",
        ".2f",
    ),
    "log_loss": Metric(
        "Log loss",
        "How surprising the outcomes are to the model on average, in nats: lower is better, 0 is "
        "perfect.",
    ),
    "brier": Metric(
        "Brier score",
        "The mean squared difference of probability and outcome: lower is better, 0 is perfect.",
    ),
    "expected_calibration_error": Metric(
        "Calibration error",
        "Probabilities and the shares that left differ by about {value:.1%} on average, beyond "
        "what chance makes of so few customers.",
    ),
    "calibration_slope": Metric(
        "Calibration slope",
        "1 is right; below 1 the probabilities are too extreme, above 1 too close to each other.",
        ".2f",
    ),
    "calibration_intercept": Metric(
        "Calibration intercept",
        "0 is right; with a slope of 1, the probabilities are too high below 0 and too low above.",
        "+.2f",
    ),
    "observed_to_expected": Metric(
        "Observed / expected",
        "Customers who left for each that the probabilities expect: above 1 more leave than "
        "predicted.",
        ".2f",
    ),
}


def metric(name: str) -> Metric:
    """A metric by name; one that is not in the table has its name as label and no meaning."""
    return METRICS.get(name) or Metric(name.replace("_", " "), "")
