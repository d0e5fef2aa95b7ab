"""Whether a model became worse: observed metrics of a cohort compared with expected ones.

The expected value is the one if the probabilities of these very customers are true: the mean
entropy for log loss, the mean of p (1 - p) for the Brier score, the model-based concordance (van
Klaveren et al. 2016) for ROC-AUC. So neither riskier customers nor a rarer event are taken for a
worse model. The observed number of leavers against the expected one is calibration in the large.

A metric is worse if its one-sided test is significant after Holm's (1979) correction, and the
change exceeds a margin relative to the expected value: an absolute margin is too wide where leaving
is rare.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri
from scipy.stats import norm

from churn.monitoring.cohort_metrics import Cohort
from churn.statistics.multiplicity import holm

LEVEL = 0.01
# Relative to the expected value; for ROC-AUC, to its distance above 0.5.
MARGIN = 0.1
POWER = 0.8
LABELS = {
    "calibration": "customers who left, of those expected to",
    "roc_auc": "ROC-AUC",
    "log_loss": "log loss",
    "brier": "Brier score",
}


@dataclass(frozen=True)
class Comparison:
    """One metric of a cohort, observed against expected.

    Attributes
    ----------
    metric : str
        A key of `LABELS`.
    observed, expected : float
        For `calibration` shares of customers who left.
    change : float
        Their difference, relative to the expected value; above 0 is worse, except for calibration,
        where both signs are.
    error : float
        The standard error of `change`.
    adjusted : float
        The p-value, adjusted by Holm for the number of metrics.
    """

    metric: str
    observed: float
    expected: float
    change: float
    error: float
    adjusted: float

    @property
    def worse(self) -> bool:
        """Whether the change is significant and exceeds the margin."""
        size = abs(self.change) if self.metric == "calibration" else self.change
        return bool(self.adjusted < LEVEL and size >= MARGIN)

    @property
    def detectable(self) -> float:
        """The smallest change that is detected with a power of 80 %."""
        tail = LEVEL / len(LABELS) / (2 if self.metric == "calibration" else 1)
        return float(max(MARGIN, (ndtri(1 - tail) + ndtri(POWER)) * self.error))

    @property
    def limit(self) -> str:
        """`detectable` in words."""
        size = self.detectable
        if self.metric == "calibration":
            return f"{1 + size:.2f} or {max(1 - size, 0):.2f} times as many leavers as expected"
        if self.metric == "roc_auc":
            return f"a ROC-AUC {size * (self.expected - 0.5):.3f} lower"
        return f"a {LABELS[self.metric]} {size:.0%} higher"

    def __str__(self) -> str:
        if self.metric == "calibration":
            return (
                f"{self.observed:.1%} left, expected {self.expected:.1%}: "
                f"{1 + self.change:.2f} times as many"
            )
        return f"{LABELS[self.metric]} {self.observed:.3f}, expected {self.expected:.3f}"


def compare_with_expected(cohort: Cohort, trained_on: int) -> tuple[Comparison, ...]:
    """Compare a cohort's metrics with the expected ones.

    Parameters
    ----------
    cohort : Cohort
    trained_on : int
        The number of customers that the model was trained on: their churn rate has a standard
        error too, and a difference within it is no change since.
    """
    found = [_calibration(cohort, trained_on)]
    if len(np.unique(cohort.label)) == 2:  # ROC-AUC needs both classes
        metrics = cohort.metrics
        for name, sign in (("roc_auc", -1), ("log_loss", 1), ("brier", 1)):
            expected, excess = metrics[f"expected_{name}"]["value"], metrics[f"excess_{name}"]
            scale = expected - 0.5 if name == "roc_auc" else expected
            change = sign * excess["value"] / max(scale, 1e-9)
            error = (excess["high"] - excess["low"]) / 2 / 1.959964 / max(scale, 1e-9)
            p = norm.sf(change / max(error, 1e-12))
            found.append((name, metrics[name]["value"], expected, change, error, p))
    adjusted = holm(np.array([one[-1] for one in found]))
    return tuple(
        Comparison(name, value, expected, change, error, float(p))
        for (name, value, expected, change, error, _), p in zip(found, adjusted, strict=True)
    )


def _calibration(cohort: Cohort, trained_on: int) -> tuple[str, float, float, float, float, float]:
    """Calibration in the large: a z-test of the number who left, probabilities taken as true."""
    weights, chance = cohort.weights, cohort.chance
    expected = float(weights @ chance)
    observed = float(weights @ cohort.label)
    share = expected / weights.sum()
    variance = float(weights**2 @ (chance * (1 - chance))) / expected**2
    variance += (1 - share) / (share * max(trained_on, 1))
    change, error = observed / expected - 1, float(np.sqrt(variance))
    total = weights.sum()
    p = 2 * norm.sf(abs(change) / error)
    return "calibration", observed / total, share, change, error, p
