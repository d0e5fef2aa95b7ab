"""The gate: whether a model may become the champion, as a list of checks.

Each check is computed on the model exactly as it is stored, and has the required value, the actual
value, and the reason for the check.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import pandas as pd

from churn.data.contract import Contract
from churn.data.parsing import labels
from churn.errors import ChurnError
from churn.evaluation.report import BASE_RATE, EvaluationReport
from churn.modeling.model import ChurnModel
from churn.modeling.own_families import is_own
from churn.modeling.search import SearchOutcome
from churn.modeling.search_space import BASELINE
from churn.registry.champion_comparison import ChampionComparison, best_ever, hold_against
from churn.registry.out_of_fold import Pairs, pair_out_of_fold
from churn.registry.promotion import Promotion, project_of
from churn.registry.runs import (
    fetch_out_of_fold,
    fetch_run,
    foreign_champions,
    history,
    with_scorer,
)
from churn.scoring.deployment import Deployment
from churn.scoring.scorer import TOLERANCE, Agreement
from churn.statistics.weighting import take

# How far the slope of the calibration line may be from 1, as a factor.
SLOPE = 1.25
# Points of probability, or of ROC-AUC, by which a segment is badly worse than the others.
BADLY = 0.1
# Customers on whom a model is compared with the champion: enough to detect thousandths of a nat.
ROWS = 20_000
# Fewer leavers, or fewer who stayed, among the held-out customers leave the decision to a person.
FEWEST = 30
# The maximum number of former champions that are evaluated, the latest ones.
MOST_CHAMPIONS = 60


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


@dataclass(frozen=True)
class Decision:
    """The decision of the gate.

    Attributes
    ----------
    checks : tuple of Check
    champion : str or None
        The run the model was compared with, if there is a champion.
    withheld : str
        Why a person has to decide, even if all checks passed; empty if the gate decides.
    """

    checks: tuple[Check, ...]
    champion: str | None
    withheld: str = ""

    @property
    def passed(self) -> bool:
        """Whether the model may become the champion without a person's decision."""
        return all(check.passed for check in self.checks) and not self.withheld

    @property
    def why(self) -> str:
        """The decision in one line."""
        failed = [check.name for check in self.checks if not check.passed]
        if failed:
            return f"not promoted; checks failed: {', '.join(failed)}"
        if self.withheld:
            return f"passed {len(self.checks)} checks; not promoted by itself: {self.withheld}"
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
    trust_suspected: bool = False,
    out_of_fold: Mapping[str, bytes] | None = None,
    held_after: Callable[[int], np.ndarray] | None = None,
    weights: np.ndarray | None = None,
    represented: str = "",
) -> Decision:
    """Decide on an evaluated model, compared with the current champion.

    Parameters
    ----------
    holdout : DataFrame
        The customers it is evaluated on; where there are none it cannot be compared.
    leaks : DataFrame
        What the leakage checks found, dropped or not; see `churn.data.leakage.findings_table`.
    margin : float
        How much the log loss may at most be above that of the best champion ever, in nats, where
        chance explains it.
    search : SearchOutcome, optional
        The results of the candidates.
    trust_suspected : bool
        Whether a person has said that suspected columns do not leak.
    out_of_fold : mapping, optional
        Of this run; see `churn.registry.out_of_fold.keep_out_of_fold`.
    held_after : callable, optional
        Takes a number of renewals, and returns which rows of `holdout` were held out after so many:
        a champion is compared on those that it was not trained on.
    weights : ndarray of float64, shape (n,), optional
        How many customers each held-out row stands for.
    represented : str
        Why too few customers stand for those who were called, or empty; a person decides then.
    """
    held_out, project = len(holdout), project_of(model.contract)
    leavers = int(labels(holdout, model.contract).sum()) if held_out else 0
    step = -(-held_out // ROWS) or 1
    holdout, weights = holdout.iloc[::step], take(weights, slice(None, None, step))

    def not_trained_on(champion: Deployment) -> np.ndarray:
        if held_after is None:
            return np.ones(len(holdout), dtype=bool)
        return held_after(champion.lineage.get("renewals", 0))[::step]

    past, rival, best = history(project), None, None
    withheld = (
        _small(held_out, leavers)
        or _foreign(foreign_champions(project), project)
        or ("" if trust_suspected else _suspected(model.contract, leaks))
        or _not_compiled(model.candidate.family)
        or represented
    )
    if past and held_out:
        probabilities = model.predict_proba(holdout)[:, 1]
        try:
            now = with_scorer(fetch_run(past[0].run))
        except ChurnError as error:
            rival = ChampionComparison(past[0].run, None, str(error))
        else:
            pairs = _pairs(out_of_fold, past[0].run)
            at = not_trained_on(now)
            rival = hold_against(
                now, model.contract, holdout[at], probabilities[at], pairs, take(weights, at)
            )
            if now.fingerprint == report.fingerprint:
                withheld = f"it gives the same probabilities as the champion, {now.run}"
        fair = [one for one in _readable(past) if not_trained_on(one).all()]
        top = best_ever(fair, model.contract, holdout, weights)
        if top is not None and top.run != past[0].run:
            pairs = _pairs(out_of_fold, top.run)
            best = hold_against(top, model.contract, holdout, probabilities, pairs, weights)
    elif past:
        rival = ChampionComparison(past[0].run, None, "nobody was held out")
    return judge(report, model.contract, agreement, leaks, rival, margin, search, best, withheld)


def judge(
    report: EvaluationReport,
    contract: Contract,
    agreement: Agreement,
    leaks: pd.DataFrame,
    rival: ChampionComparison | None,
    margin: float,
    search: SearchOutcome | None = None,
    best: ChampionComparison | None = None,
    withheld: str = "",
) -> Decision:
    """Decide on an evaluated model.

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
        How much the log loss may at most be above that of the best champion ever, in nats, where
        chance explains it.
    search : SearchOutcome, optional
        The results of the candidates.
    best : ChampionComparison, optional
        The best champion ever, if it is not the current one.
    withheld : str
        Why a person has to decide, even if all checks pass.
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
        checks.append(_not_worse_than_champion(rival))
    if best is not None:
        checks.append(_near_the_best(best, margin))
    return Decision(tuple(checks), rival.run if rival else None, withheld)


def _better(report: EvaluationReport, baseline: str) -> Check:
    difference = report.differences[baseline]["log_loss"]
    why = "upper end of the paired difference in log loss to it, nats"
    passed = bool(difference["high"] < 0)
    return Check(f"better than the {baseline}", 0.0, difference["high"], passed, why, difference)


def _not_worse(report: EvaluationReport, baseline: str) -> Check:
    # On simple data the baseline is among the best models, and may be the chosen one.
    difference = report.differences[baseline]["log_loss"]
    why = "lower end of the paired difference in log loss to it, nats: worse for certain above 0"
    passed = bool(difference["low"] <= 0)
    return Check(f"not worse than {baseline}", 0.0, difference["low"], passed, why, difference)


def _calibrated(report: EvaluationReport) -> Check:
    slope = report.metrics["calibration_slope"]
    low, high = slope["low"], slope["high"]
    # A small hold-out leaves the slope uncertain; only a significant deviation fails the check.
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
    sure = leaks[~leaks["suspected"].astype(bool)]
    left = sorted(set(sure["column"]) & set(contract.features))
    why = f"columns that leak the target and are still in: {', '.join(left) or 'none'}"
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


def _not_worse_than_champion(rival: ChampionComparison) -> Check:
    name = "not worse than the champion"
    if rival.difference is None:
        why = f"{rival.run} cannot be asked about these customers: {rival.problem}"
        return Check(name, 0.0, np.nan, False, why)
    low = rival.difference["low"]
    why = (
        f"lower end of {_difference(rival.run, rival.difference, rival.rows)}: surely worse above 0"
    )
    return Check(name, 0.0, low, not rival.surely_worse, why, rival.difference)


def _near_the_best(best: ChampionComparison, margin: float) -> Check:
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


def _pairs(out_of_fold: Mapping[str, bytes] | None, run: str) -> Pairs | None:
    theirs = fetch_out_of_fold(run) if out_of_fold else None
    return pair_out_of_fold(out_of_fold, theirs) if out_of_fold and theirs else None


def _small(held_out: int, leavers: int) -> str:
    fewest = min(leavers, held_out - leavers)
    if not held_out or fewest >= FEWEST:
        return ""
    return (
        f"of {held_out:,} held-out customers {leavers:,} left, and at least {FEWEST} must have "
        "left and stayed for the checks to mean much; a person decides, by `churn promote`"
    )


def _suspected(contract: Contract, leaks: pd.DataFrame) -> str:
    kept = sorted(set(leaks["column"][leaks["suspected"].astype(bool)]) & set(contract.features))
    if not kept:
        return ""
    return (
        f"{', '.join(kept)} may leak the target, and a person has to judge: `--leakage "
        "drop-suspected` drops what is suspected, `--leakage keep-suspected` trusts it"
    )


def _foreign(projects: list[str], project: str) -> str:
    if not projects:
        return ""
    named = ", ".join(map(repr, projects))
    return (
        f"it is of the project {project!r}, and the champions here are of {named}; "
        "`churn promote --force` lets both have one"
    )


def _not_compiled(family: str) -> str:
    if not is_own(family):
        return ""
    return (
        f"{family} is not compiled, so that the app cannot serve it; `churn promote` makes it the "
        "champion for ScoreFlow and MonitorFlow"
    )


def _readable(past: list[Promotion]) -> list[Deployment]:
    """The last distinct champions, the oldest first; those that cannot be read are skipped."""
    runs, found = list(dict.fromkeys(one.run for one in past))[:MOST_CHAMPIONS], []
    for run in reversed(runs):
        with suppress(ChurnError):
            found.append(with_scorer(fetch_run(run)))
    return found
