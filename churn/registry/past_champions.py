"""The champions that a project has had, and what a new model is compared with of them."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from churn.data.contract import Contract
from churn.errors import ChurnError
from churn.registry.champion_comparison import ChampionComparison, best_ever, hold_against
from churn.registry.out_of_fold import Pairs, pair_out_of_fold
from churn.registry.runs import (
    fetch_out_of_fold,
    fetch_run,
    foreign_champions,
    history,
    with_scorer,
)
from churn.scoring.deployment import Deployment
from churn.statistics.weighting import take

# The maximum number of former champions that are evaluated, the latest ones.
MOST_CHAMPIONS = 60


@dataclass(frozen=True)
class PastChampions:
    """The champions of a project, the newest first.

    Attributes
    ----------
    runs : tuple of str
        One for each promotion, so that a run may be in it more than once.
    foreign : tuple of str
        The projects that have champions, if this one never had any.
    fetch : callable
        Takes a run, and returns its deployment; a ChurnError where it cannot be read.
    fetch_out_of_fold : callable
        Takes a run, and returns its out-of-fold predictions, or None.
    """

    runs: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    fetch: Callable[[str], Deployment] = field(default=lambda run: with_scorer(fetch_run(run)))
    fetch_out_of_fold: Callable[[str], Mapping[str, bytes] | None] = fetch_out_of_fold

    @classmethod
    def of(cls, project: str) -> "PastChampions":
        """Those of a project in the store."""
        runs = tuple(one.run for one in history(project))
        return cls(runs, tuple(foreign_champions(project)))

    def readable(self) -> list[Deployment]:
        """The last distinct champions, the oldest first; those that cannot be read are skipped."""
        found = []
        for run in reversed(list(dict.fromkeys(self.runs))[:MOST_CHAMPIONS]):
            with suppress(ChurnError):
                found.append(self.fetch(run))
        return found

    def pairs(self, ours: Mapping[str, bytes] | None, run: str) -> Pairs | None:
        """Rows that a new model and a champion both predicted out of fold, if there are any."""
        theirs = self.fetch_out_of_fold(run) if ours else None
        return pair_out_of_fold(ours, theirs) if ours and theirs else None


@dataclass(frozen=True)
class NewModel:
    """What a new model says about held-out customers.

    Attributes
    ----------
    contract : Contract
        With the target of `rows`.
    rows : DataFrame of n rows
    probabilities : ndarray of float64, shape (n,)
    weights : ndarray of float64, shape (n,), or None
        How many customers each row stands for.
    out_of_fold : mapping or None
        See `churn.registry.out_of_fold.keep_out_of_fold`.
    held_after : callable or None
        Takes a number of renewals, and returns which rows were held out after so many.
    """

    contract: Contract
    rows: pd.DataFrame
    probabilities: np.ndarray
    weights: np.ndarray | None = None
    out_of_fold: Mapping[str, bytes] | None = None
    held_after: Callable[[int], np.ndarray] | None = None

    def not_trained_on(self, champion: Deployment) -> np.ndarray:
        """Which rows a champion was not trained on, as renewals of the hold-out tell."""
        if self.held_after is None:
            return np.ones(len(self.rows), dtype=bool)
        return self.held_after(champion.lineage.get("renewals", 0))


@dataclass(frozen=True)
class Comparisons:
    """A new model compared with the champions.

    Attributes
    ----------
    rival : ChampionComparison or None
        With the current champion.
    best : ChampionComparison or None
        With the best champion ever, if it is not the current one.
    fingerprint : str
        Of the current champion; empty where it cannot be read.
    """

    rival: ChampionComparison | None = None
    best: ChampionComparison | None = None
    fingerprint: str = ""


def compare_with_champions(new: NewModel, past: PastChampions) -> Comparisons:
    """Compare a new model with the current champion, and with the best of all.

    A former champion that was trained on some of the rows is not in the choice of the best.
    """
    if not past.runs:
        return Comparisons()
    current = past.runs[0]
    if not len(new.rows):
        return Comparisons(ChampionComparison(current, None, "nobody was held out"))
    try:
        now = past.fetch(current)
    except ChurnError as error:
        rival, fingerprint = ChampionComparison(current, None, str(error)), ""
    else:
        at = new.not_trained_on(now)
        rival, fingerprint = _compare(new, past, now, at), now.fingerprint
    fair = [one for one in past.readable() if new.not_trained_on(one).all()]
    top = best_ever(fair, new.contract, new.rows, new.weights)
    best = None
    if top is not None and top.run != current:
        best = _compare(new, past, top, np.ones(len(new.rows), dtype=bool))
    return Comparisons(rival, best, fingerprint)


def _compare(
    new: NewModel, past: PastChampions, champion: Deployment, at: np.ndarray
) -> ChampionComparison:
    """The comparison on some of the rows."""
    return hold_against(
        champion,
        new.contract,
        new.rows[at],
        new.probabilities[at],
        past.pairs(new.out_of_fold, champion.run),
        take(new.weights, at),
    )
