"""The gate: whether a model may become the champion, as values that can be looked at.

Each check is computed on the model exactly as it is stored, and says what was asked, what was
found, and why that is asked.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from churn.data.contract import Contract
from churn.data.parsing import labels, parse_features
from churn.errors import ChurnError
from churn.evaluation.metrics import compare
from churn.evaluation.report import BASE_RATE, EvaluationReport
from churn.modeling.model import ChurnModel
from churn.modeling.search import SearchOutcome
from churn.modeling.search_space import BASELINE
from churn.registry.runs import champion, fetch_run
from churn.scoring.deployment import Deployment
from churn.scoring.export.models import records
from churn.scoring.scorer import TOLERANCE, Agreement

# How far the slope of the calibration line may be from 1, as a factor.
SLOPE = 1.25
# Points of probability, or of ROC-AUC, by which a segment is badly worse than the others.
BADLY = 0.1
# Customers on whom a model is held against the champion: enough to tell thousandths of a nat.
ROWS = 20_000


@dataclass(frozen=True)
class Check:
    """One question that a model has to pass.

    Attributes
    ----------
    name : str
    threshold, actual : float
        What was asked for, and what was found; in the units that `why` names.
    passed : bool
    why : str
        What it means, in a sentence.
    difference : dict or None
        Where another model was asked too: the paired difference in log loss to it, in nats, as
        value, low and high.
    """

    name: str
    threshold: float
    actual: float
    passed: bool
    why: str
    difference: dict[str, float] | None = None


@dataclass(frozen=True)
class Decision:
    """What the gate said.

    Attributes
    ----------
    checks : tuple of Check
    champion : str or None
        The run it was held against, if there is a champion.
    """

    checks: tuple[Check, ...]
    champion: str | None

    @property
    def passed(self) -> bool:
        """Whether the model may become the champion."""
        return all(check.passed for check in self.checks)

    @property
    def why(self) -> str:
        """The decision in one line."""
        failed = [check.name for check in self.checks if not check.passed]
        if failed:
            return f"not promoted; checks failed: {', '.join(failed)}"
        against = f"not worse than {self.champion}" if self.champion else "there was no champion"
        return f"passed {len(self.checks)} checks; {against}"

    def table(self) -> pd.DataFrame:
        """One row per check: name, threshold, actual, passed, why."""
        return pd.DataFrame([vars(check) for check in self.checks])


def decide(
    model: ChurnModel,
    report: EvaluationReport,
    holdout: pd.DataFrame,
    agreement: Agreement,
    leaks: pd.DataFrame,
    margin: float,
    search: SearchOutcome | None = None,
) -> Decision:
    """Put an evaluated model through the gate, and hold it against the champion there is now.

    Parameters
    ----------
    holdout : DataFrame
        The customers that judged it; where there are none it cannot be held against a champion.
    leaks : DataFrame
        What the leakage checks found, dropped or not; see `churn.data.leakage.findings_table`.
    margin : float
        How much the log loss may be above the champion's, in nats.
    search : SearchOutcome, optional
        What came of the candidates.
    """
    now, rival = champion(), None
    holdout = holdout.iloc[:: -(-len(holdout) // ROWS) or 1]
    if now is not None and len(holdout):
        try:
            chance = model.predict_proba(holdout)[:, 1]
            rival = hold_against(fetch_run(now.run), model.contract, holdout, chance)
        except ChurnError as error:
            rival = ChampionComparison(now.run, None, str(error))
    elif now is not None:
        rival = ChampionComparison(now.run, None, "nobody was held out")
    return judge(report, model.contract, agreement, leaks, rival, margin, search)


def judge(
    report: EvaluationReport,
    contract: Contract,
    agreement: Agreement,
    leaks: pd.DataFrame,
    rival: "ChampionComparison | None",
    margin: float,
    search: SearchOutcome | None = None,
) -> Decision:
    """Put an evaluated model through the gate.

    Parameters
    ----------
    report : EvaluationReport
    contract : Contract
        Of the features the model was fitted on.
    agreement : Agreement
        Of the model and its scorer.
    leaks : DataFrame
        What the leakage checks found, dropped or not; see `churn.data.leakage.findings_table`.
    rival : ChampionComparison or None
        The champion on the same customers, if there is one.
    margin : float
        How much the log loss may be above the champion's, in nats.
    search : SearchOutcome, optional
        What came of the candidates.
    """
    checks = [
        _better(report, BASE_RATE),
        _not_worse(report, BASELINE.name),
        _calibrated(report),
        _agrees(agreement),
        _no_leaks(contract, leaks),
        _no_bad_segment(report),
    ]
    if search is not None:
        checks.append(_complete_search(search))
    if rival is not None:
        checks.append(rival.check(margin))
    return Decision(tuple(checks), rival.run if rival else None)


@dataclass(frozen=True)
class ChampionComparison:
    """The champion, held against a new model on the same customers.

    Attributes
    ----------
    run : str
    difference : dict or None
        Of the log loss, the new model's less the champion's, paired: value, low, high, from a
        bootstrap over customers; None where the champion cannot say anything of them.
    problem : str
        Why it cannot.
    """

    run: str
    difference: dict | None
    problem: str = ""

    def check(self, margin: float) -> Check:
        """Whether the new model is not worse."""
        if self.difference is None:
            why = f"{self.run} cannot be asked about these customers: {self.problem}"
            return Check("not worse than the champion", margin, np.nan, False, why)
        high = self.difference["high"]
        why = (
            f"upper end of the paired difference in log loss to {self.run}, nats "
            f"({self.difference['value']:+.4f}, {self.difference['low']:+.4f} to {high:+.4f})"
        )
        passed = bool(high <= margin)
        return Check("not worse than the champion", margin, high, passed, why, self.difference)


def hold_against(
    champion: Deployment, contract: Contract, rows: pd.DataFrame, probabilities: np.ndarray
) -> ChampionComparison:
    """Ask the champion about the customers that judged a new model.

    Whom a run holds out follows from the customers' keys and not from the run, so the champion has
    not been trained on them either, if both runs held out as many by the same key.

    Parameters
    ----------
    champion : Deployment
    contract : Contract
        With the target of `rows`.
    rows : DataFrame of n rows
        Held-out customers.
    probabilities : ndarray of float64, shape (n,)
        What the new model says of them.
    """
    if champion.evaluated_on != "hold-out":
        return ChampionComparison(champion.run, None, "it held nobody out, and was trained on them")
    try:
        asked = records(parse_features(rows, champion.contract))
    except ChurnError as error:
        return ChampionComparison(champion.run, None, "; ".join(error.problems))
    theirs = np.array([champion.scorer(record) for record in asked])
    _, _, differences = compare(labels(rows, contract), probabilities, {"champion": theirs})
    return ChampionComparison(champion.run, differences["champion"]["log_loss"])


def _better(report: EvaluationReport, baseline: str) -> Check:
    difference = report.differences[baseline]["log_loss"]
    why = "upper end of the paired difference in log loss to it, nats"
    passed = bool(difference["high"] < 0)
    return Check(f"better than the {baseline}", 0.0, difference["high"], passed, why, difference)


def _not_worse(report: EvaluationReport, baseline: str) -> Check:
    # Where the truth is plain, the plain model is among the best, and may be the one picked.
    difference = report.differences[baseline]["log_loss"]
    why = "lower end of the paired difference in log loss to it, nats: worse for certain above 0"
    passed = bool(difference["low"] <= 0)
    return Check(f"not worse than {baseline}", 0.0, difference["low"], passed, why, difference)


def _calibrated(report: EvaluationReport) -> Check:
    slope = report.metrics["calibration_slope"]
    low, high = slope["low"], slope["high"]
    # A small hold-out leaves the slope open; only one that is surely off is held against a model.
    passed = bool(low <= SLOPE and high >= 1 / SLOPE)
    why = (
        f"slope of the calibration line, between {1 / SLOPE:.2f} and {SLOPE:.2f} as far as its "
        f"interval tells ({low:.2f} to {high:.2f})"
    )
    return Check("calibrated", SLOPE, slope["value"], passed, why)


def _agrees(agreement: Agreement) -> Check:
    why = "largest difference in probability between the scorer and the model"
    return Check("scorer agrees", TOLERANCE, agreement.gap, agreement.holds, why)


def _no_leaks(contract: Contract, leaks: pd.DataFrame) -> Check:
    left = sorted(set(leaks["column"]) & set(contract.features))
    why = f"columns that know the answer and are still in: {', '.join(left) or 'none'}"
    return Check("no leakage left in", 0, len(left), not left, why)


def _no_bad_segment(report: EvaluationReport) -> Check:
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


def _complete_search(search: SearchOutcome) -> Check:
    budget = search.over_budget
    why = f"candidates whose task died twice: {', '.join(search.lost) or 'none'}"
    why += f"; left out for the budget: {', '.join(budget)}" if budget else ""
    return Check("search complete", 0, len(search.lost), not search.lost, why)
