"""The search as the flow runs it: cross-validate one candidate, and collect all results."""

import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from churn.modeling.cross_validation import Trial
from churn.modeling.repeated import cross_validate_repeatedly
from churn.modeling.sample import SearchSample
from churn.modeling.search_space import Candidate
from churn.words import plural


@dataclass(frozen=True)
class SearchOutcome:
    """The results of all candidates.

    Attributes
    ----------
    trials : tuple of Trial
        Those to choose from: not stopped; where there is none, the baseline.
    stopped : tuple of Trial
    failures : dict of str to str
        The error of each candidate that raised one, by its name.
    lost : tuple of str
        The names of candidates whose task died twice.
    fallback : bool
        Whether the baseline is all there is to choose from.
    """

    trials: tuple[Trial, ...]
    stopped: tuple[Trial, ...]
    failures: dict[str, str]
    lost: tuple[str, ...]
    fallback: bool

    @property
    def over_budget(self) -> tuple[str, ...]:
        """The names of candidates that were stopped, or not tried, for the budget."""
        return tuple(t.candidate.name for t in self.stopped if t.stopped_for_budget)

    def without_predictions(self) -> "SearchOutcome":
        """The same results, without the probabilities, which the artifact of each trial has."""
        empty = np.empty(0)
        return replace(
            self,
            trials=tuple(replace(trial, probabilities=empty) for trial in self.trials),
            stopped=tuple(replace(trial, probabilities=empty) for trial in self.stopped),
        )

    def notes(self) -> list[str]:
        """Everything in the search that did not go well, one sentence each, for the user."""
        notes, late = [], self.over_budget
        if self.fallback:
            notes.append(
                "Every candidate failed or was stopped: the model is "
                f"{self.trials[0].candidate.name}, the baseline."
            )
        if self.lost:
            notes.append(
                f"Not in the choice, the task of {plural(len(self.lost), 'candidate')} died twice "
                f"(killed, or out of memory): {', '.join(self.lost)}. The gate "
                "does not promote the model of an incomplete search."
            )
        if self.failures:
            failed = "; ".join(f"{name}: {error}" for name, error in self.failures.items())
            notes.append(
                f"Not in the choice, {plural(len(self.failures), 'candidate')} failed: {failed}."
            )
        if late:
            notes.append(
                f"The budget is too small for {plural(len(late), 'candidate')}, not in the choice: "
                f"{', '.join(late)}. --budget-seconds raises it."
            )
        return notes


def try_candidate(
    candidate: Candidate,
    sample: SearchSample,
    seed: int,
    threads: int,
    report: Callable[[str], None],
    baseline: Trial | None,
    limits: Mapping[str, float],
    repeats: int = 1,
) -> tuple[Trial | None, str]:
    """Cross-validate a candidate; an error that it raises is returned as its result.

    A candidate that raises an error would raise it again, so its task is not retried. A task that
    is killed, or runs out of memory, is retried.

    Parameters
    ----------
    candidate, sample, seed, threads, report, baseline, repeats
        See `cross_validate_repeatedly`.
    limits : mapping of str to float
        By name; see `plan_budget`.

    Returns
    -------
    trial : Trial or None
        None if it failed.
    error : str
        Empty if it did not.

    Raises
    ------
    MemoryError
    """
    try:
        limit = limits[candidate.name]
        trial = cross_validate_repeatedly(
            candidate, sample, seed, threads, report, baseline, limit, repeats
        )
        return trial, ""
    except MemoryError:
        raise
    except Exception as error:
        report(traceback.format_exc())
        return None, f"{type(error).__name__}: {error}"


def describe_result(candidate: Candidate, trial: Trial | None, error: str) -> str:
    """The result of `try_candidate`, in one line."""
    if trial is None:
        return f"{candidate.name}: failed, {error}"
    if trial.stopped:
        return f"{candidate.name}: stopped, {trial.stopped}"
    return f"{candidate.name}: log loss {np.mean(trial.fold_losses):.4f}"


def collect(
    candidates: Sequence[Candidate],
    results: Sequence[tuple[Trial | None, str] | None],
    baseline: Trial,
) -> SearchOutcome:
    """Collect the results of all candidates.

    Parameters
    ----------
    candidates : sequence of Candidate
    results : sequence of (Trial or None, str), or None
        In the same order: what `try_candidate` returns; None for a task that died.
    baseline : Trial
        Chosen where no candidate is left.
    """
    found = dict(zip((c.name for c in candidates), results, strict=True))
    trials = [result[0] for result in found.values() if result and result[0]]
    usable = tuple(trial for trial in trials if not trial.stopped)
    return SearchOutcome(
        trials=usable or (baseline,),
        stopped=tuple(trial for trial in trials if trial.stopped),
        failures={name: result[1] for name, result in found.items() if result and result[1]},
        lost=tuple(name for name, result in found.items() if result is None),
        fallback=not usable,
    )
