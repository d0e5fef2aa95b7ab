"""The metrics of one cohort: observed, expected if its probabilities are true, with intervals."""

from collections.abc import Callable
from functools import cached_property

import numpy as np
import pandas as pd

from churn.campaign.control_group import CONTACT, CONTROL
from churn.data.contract import Contract
from churn.evaluation.segments import segments
from churn.statistics.intervals import bootstrap
from churn.statistics.log_odds import row_losses
from churn.statistics.roc_auc import RankedRows, area_under_roc

METRICS = ("roc_auc", "log_loss", "brier")
QUALITY = (*METRICS, "observed_to_expected")
# The metrics of resamples by their weights; see `churn.statistics.intervals.bootstrap`.
Resampled = Callable[[np.ndarray], dict[str, np.ndarray]]


class Cohort:
    """The customers of a month.

    Parameters
    ----------
    chance : ndarray of float64, shape (n,)
        Predicted probabilities.
    label : ndarray of float64, shape (n,)
        1, 0, or NaN where not known.
    arm : ndarray of str, shape (n,)
        See `churn.monitoring.labels.called`.
    """

    def __init__(self, chance: np.ndarray, label: np.ndarray, arm: np.ndarray):
        self.arm, self._known = arm, ~np.isnan(label)
        used = self._known & (arm != CONTACT)
        control = used & (arm == CONTROL)
        listed = self._known & (arm != "")
        self.has_control = bool(control.any() or not listed.any())
        self._used = used
        self.chance, self.label = chance[used], label[used]
        # The control group also has the weight of the called customers of its lists.
        self.weights = np.where(control, listed.sum() / max(control.sum(), 1), 1.0)[used]

    def counts(self, matured: bool) -> dict[str, float]:
        """The counts and shares of a row of `Quality.cohorts`."""
        found = {
            "customers": len(self._known),
            "known": int(self._known.sum()),
            "completeness": self._known.mean(),
            "contacted": (self.arm == CONTACT).mean(),
            "control": (self.arm == CONTROL).mean(),
        }
        if matured and len(self.label):
            for name, values in (("left", self.label), ("expected_left", self.chance)):
                found[name] = float(np.average(values, weights=self.weights))
        return found

    def is_sufficient(self, completeness: float, min_per_class: int) -> bool:
        """Whether there are enough labels to evaluate the model."""
        expected = self.chance.sum()
        fewest = min(expected, len(self.chance) - expected)
        known = float(self._known.mean()) >= completeness
        return bool(known and fewest >= min_per_class and self.has_control)

    @cached_property
    def metrics(self) -> dict[str, dict[str, float]]:
        """Observed, expected and excess (their difference) of `METRICS`, with 95 % intervals."""
        return bootstrap(_metrics(self.label, self.chance, self.weights), len(self.label), seed=0)

    def quality(self) -> dict[str, float]:
        """The metrics of a row of `Quality.cohorts`; none unless both classes occur."""
        if len(np.unique(self.label)) < 2:
            return {}
        found = self.metrics
        row = {f"expected_{name}": found[f"expected_{name}"]["value"] for name in METRICS}
        for name in QUALITY:
            for end, key in (("", "value"), ("_low", "low"), ("_high", "high")):
                row[name + end] = found[name][key]
        return row

    def segments(self, contract: Contract, features: pd.DataFrame) -> pd.DataFrame:
        """The segments where the model was worse; see `churn.evaluation.segments.segments`."""
        return segments(contract, features[self._used], self.label.astype(np.int8), self.chance)


def _metrics(label: np.ndarray, chance: np.ndarray, weights: np.ndarray) -> Resampled:
    """The metrics under any resample of the customers; see `intervals.bootstrap`."""
    ranked, ideal = RankedRows(label, chance), RankedRows(chance, chance)
    label, chance, weights = ranked.target, ranked.scores, weights[ranked.order]
    losses, squares = row_losses(label, chance), (label - chance) ** 2
    ones, zeros = np.ones(len(chance)), np.zeros(len(chance))
    entropy = chance * row_losses(ones, chance) + (1 - chance) * row_losses(zeros, chance)

    def metrics(drawn: np.ndarray) -> dict[str, np.ndarray]:
        w = drawn[:, ranked.order] * weights
        total = w.sum(axis=1)
        found = {
            "roc_auc": area_under_roc(*ranked.cumulate(w)),
            "log_loss": w @ losses / total,
            "brier": w @ squares / total,
            # If the probabilities are true; of ROC-AUC the model-based concordance.
            "expected_roc_auc": area_under_roc(*ideal.cumulate(w)),
            "expected_log_loss": w @ entropy / total,
            "expected_brier": w @ (chance * (1 - chance)) / total,
        }
        excess = {f"excess_{name}": found[name] - found[f"expected_{name}"] for name in METRICS}
        return found | excess | {"observed_to_expected": (w @ label) / (w @ chance)}

    return metrics
