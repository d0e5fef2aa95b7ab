"""The gate: whether a model may become the champion, as a list of checks.

Each check is computed on the model exactly as it is stored, and has the required value, the actual
value, and the reason for the check.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from churn.data.contract import Contract
from churn.data.rows import Rows, labels_of, rows_of
from churn.evaluation.report import BASE_RATE, EvaluationReport
from churn.modeling.model import ChurnModel
from churn.modeling.own_families import own_parts
from churn.modeling.search import SearchOutcome
from churn.modeling.search_space import BASELINE
from churn.registry import checks
from churn.registry.champion_comparison import ChampionComparison
from churn.registry.checks import Check
from churn.registry.past_champions import NewModel, PastChampions, compare_with_champions
from churn.registry.promotion import project_of
from churn.scoring.scorer import Agreement
from churn.statistics.weighting import take

# Customers on whom a model is compared with the champion: enough to detect thousandths of a nat.
ROWS = 20_000
# Fewer leavers, or fewer who stayed, among the held-out customers leave the decision to a person.
FEWEST = 30


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

    def to_document(self, promote: str) -> dict[str, Any]:
        """Why the run is promoted or not, as plain values, which the app reads.

        Parameters
        ----------
        promote : str
            `auto`, or `never` where a person decides in any case.
        """
        why = self.why
        if self.passed and promote == "never":
            why = f"{why}; --promote never leaves it to a person"
        failed = [{"name": one.name, "why": one.why} for one in self.checks if not one.passed]
        return {"passed": self.passed, "why": why, "failed": failed}

    def table(self) -> pd.DataFrame:
        """One row per check: name, threshold, actual, passed, why."""
        return pd.DataFrame([vars(check) for check in self.checks])


def decide(
    model: ChurnModel,
    report: EvaluationReport,
    holdout: "pd.DataFrame | Rows",
    agreement: Agreement,
    leaks: pd.DataFrame,
    margin: float,
    search: SearchOutcome | None = None,
    trust_suspected: bool = False,
    out_of_fold: Mapping[str, bytes] | None = None,
    held_after: Callable[[int], np.ndarray] | None = None,
    weights: np.ndarray | None = None,
    represented: str = "",
    past: PastChampions | None = None,
) -> Decision:
    """Decide on an evaluated model, compared with the current champion.

    Parameters
    ----------
    holdout : DataFrame or Rows
        The customers it is evaluated on; where there are none it cannot be compared.
    leaks : DataFrame
        What the leakage checks found, dropped or not; see `churn.data.leakage.findings_table`.
    margin : float
        How much the log loss may at most be above that of the best champion ever, in nats, where
        chance explains it.
    search : SearchOutcome, optional
        The results of the candidates.
    trust_suspected : bool
        Whether a person has stated that suspected columns do not leak.
    out_of_fold : mapping, optional
        Of this run; see `churn.registry.out_of_fold.keep_out_of_fold`.
    held_after : callable, optional
        Takes a number of renewals, and returns which rows of `holdout` were held out after so many:
        a champion is compared on those that it was not trained on.
    weights : ndarray of float64, shape (n,), optional
        How many customers each held-out row stands for.
    represented : str
        Why too few customers stand for those who were called, or empty; a person decides then.
    past : PastChampions, optional
        By default the champions in the store of the model's project.
    """
    held_out, project = len(holdout), project_of(model.contract)
    leavers = int(labels_of(holdout, model.contract).sum()) if held_out else 0
    past = PastChampions.of(project) if past is None else past
    withheld = (
        _small(held_out, leavers)
        or _foreign(past.foreign, project)
        or ("" if trust_suspected else _suspected(model.contract, leaks))
        or _not_compiled(own_parts(model.candidate))
        or represented
    )
    every = np.arange(0, held_out, -(-held_out // ROWS) or 1)
    rows = rows_of(holdout).read(every)
    compared = past.runs and held_out
    new = NewModel(
        contract=model.contract,
        rows=rows,
        probabilities=model.predict_proba(rows)[:, 1] if compared else np.empty(0),
        weights=take(weights, every),
        out_of_fold=out_of_fold,
        held_after=held_after and (lambda renewals: held_after(renewals)[every]),
    )
    found = compare_with_champions(new, past)
    if found.rival and found.fingerprint == report.fingerprint:
        withheld = f"it gives the same probabilities as the champion, {found.rival.run}"
    return judge(
        report, model.contract, agreement, leaks, found.rival, margin, search, found.best, withheld
    )


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
    made = [
        checks.better(report, BASE_RATE),
        checks.not_worse(report, BASELINE.name),
        checks.calibrated(report),
        checks.agrees(agreement),
        checks.no_leaks(contract, leaks),
        checks.no_bad_segment(report),
    ]
    if search is not None:
        made.append(checks.complete_search(search))
    if rival is not None:
        made.append(checks.not_worse_than_champion(rival))
    if best is not None:
        made.append(checks.near_the_best(best, margin))
    return Decision(tuple(made), rival.run if rival else None, withheld)


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


def _foreign(projects: Sequence[str], project: str) -> str:
    if not projects:
        return ""
    named = ", ".join(map(repr, projects))
    return (
        f"it is of the project {project!r}, and the champions here are of {named}; "
        "`churn promote --force` lets both have one"
    )


def _not_compiled(families: Sequence[str]) -> str:
    if not families:
        return ""
    return (
        f"{' and '.join(families)} is not compiled, so that the app cannot serve the model; `churn "
        "promote` makes it the champion for ScoreFlow and MonitorFlow"
    )
