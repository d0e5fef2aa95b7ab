"""The checks of the gate: each with the required value, the actual value, and its reason.

Each is computed on results that are given, so none needs a store.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from churn.data.contract import Contract
from churn.evaluation.report import EvaluationReport
from churn.modeling.search import SearchOutcome
from churn.registry.champion_comparison import ChampionComparison
from churn.scoring.scorer import TOLERANCE, Agreement

# How far the slope of the calibration line may be from 1, as a factor.
SLOPE = 1.25
# Points of probability, or of ROC-AUC, by which a segment is badly worse than the others.
BADLY = 0.1


@dataclass(frozen=True)
class Check:
    """One check that a model has to pass.

    Attributes
    ----------
    name : str
    threshold, actual : float
        The required and the actual value, in the units that `why` names.
    passed : bool
    why : str
        The meaning of the check, in a sentence.
    difference : dict or None
        Where the check compares with another model: the paired difference in log loss, in nats, as
        value, low and high.
    """

    name: str
    threshold: float
    actual: float
    passed: bool
    why: str
    difference: dict[str, float] | None = None


def better(report: EvaluationReport, baseline: str) -> Check:
    """The model is better than a baseline for certain."""
    difference = report.differences[baseline]["log_loss"]
    why = "upper end of the paired difference in log loss to it, nats"
    passed = bool(difference["high"] < 0)
    return Check(f"better than the {baseline}", 0.0, difference["high"], passed, why, difference)


def not_worse(report: EvaluationReport, baseline: str) -> Check:
    """The model is not worse than a baseline for certain."""
    # On simple data the baseline is among the best models, and may be the chosen one.
    difference = report.differences[baseline]["log_loss"]
    why = "lower end of the paired difference in log loss to it, nats: worse for certain above 0"
    passed = bool(difference["low"] <= 0)
    return Check(f"not worse than {baseline}", 0.0, difference["low"], passed, why, difference)


def calibrated(report: EvaluationReport) -> Check:
    """The slope of the calibration line may be near 1."""
    slope = report.metrics["calibration_slope"]
    low, high = slope["low"], slope["high"]
    # A small hold-out leaves the slope uncertain; only a significant deviation fails the check.
    passed = bool(low <= SLOPE and high >= 1 / SLOPE)
    why = (
        f"slope of the calibration line, between {1 / SLOPE:.2f} and {SLOPE:.2f} as far as its "
        f"interval tells ({low:.2f} to {high:.2f})"
    )
    return Check("calibrated", SLOPE, slope["value"], passed, why)


def agrees(agreement: Agreement) -> Check:
    """The scorer gives the model's probabilities."""
    why = "largest difference in probability between the scorer and the model"
    return Check("scorer agrees", TOLERANCE, agreement.gap, agreement.holds, why)


def no_leaks(contract: Contract, leaks: pd.DataFrame) -> Check:
    """No feature leaks the target for certain."""
    sure = leaks[~leaks["suspected"].astype(bool)]
    left = sorted(set(sure["column"]) & set(contract.features))
    why = f"columns that leak the target and are still in: {', '.join(left) or 'none'}"
    return Check("no leakage left in", 0, len(left), not left, why)


def no_bad_segment(report: EvaluationReport) -> Check:
    """No segment is badly worse than the rest."""
    worse = report.segments[report.segments["worse"]]
    gap = (worse["gap"] - worse["rest_gap"]).abs()
    short = (worse["expected_roc_auc"] - worse["roc_auc"]) - (
        worse["rest_expected_roc_auc"] - worse["rest_roc_auc"]
    )
    by = np.fmax(gap, short)
    bad = worse[by > BADLY]
    names = ", ".join(f"{row.feature} {row.level}" for row in bad.itertuples())
    why = f"segments surely worse than the rest by more than {BADLY:g} points: {names or 'none'}"
    return Check("no segment badly worse", 0, len(bad), bad.empty, why)


def complete_search(search: SearchOutcome) -> Check:
    """No candidate was lost."""
    budget = search.over_budget
    why = f"candidates whose task died twice: {', '.join(search.lost) or 'none'}"
    why += f"; left out for the budget: {', '.join(budget)}" if budget else ""
    return Check("search complete", 0, len(search.lost), not search.lost, why)


def not_worse_than_champion(rival: ChampionComparison) -> Check:
    """The model is not worse than the current champion for certain."""
    name = "not worse than the champion"
    if rival.difference is None:
        why = f"{rival.run} cannot be asked about these customers: {rival.problem}"
        return Check(name, 0.0, np.nan, False, why)
    low = rival.difference["low"]
    why = (
        f"lower end of {_difference(rival.run, rival.difference, rival.rows)}: surely worse above 0"
    )
    return Check(name, 0.0, low, not rival.surely_worse, why, rival.difference)


def near_the_best(best: ChampionComparison, margin: float) -> Check:
    """The model is not further behind the best of all champions than allowed."""
    name = "near the best champion"
    if best.difference is None:
        why = f"{best.run} cannot be asked about these customers: {best.problem}"
        return Check(name, margin, np.nan, False, why)
    value, bound = best.difference["value"], best.bound(margin)
    why = (
        f"{_difference(best.run, best.difference, best.rows)}: at most what chance explains (1.645 "
        f"standard errors), and at most {margin:g} in all time"
    )
    return Check(name, bound, value, bool(value <= bound), why, best.difference)


def _difference(run: str, difference: dict[str, float], rows: str) -> str:
    value, low, high = (difference[end] for end in ("value", "low", "high"))
    return (
        f"the paired difference in log loss to {run}, nats "
        f"({value:+.4f}, {low:+.4f} to {high:+.4f}), of {rows}"
    )
