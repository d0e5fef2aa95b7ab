"""Cross-validation repeated with other folds and other seeds, and models averaged over seeds."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from churn.modeling.cross_validation import Trial, cross_validate, fold_losses
from churn.modeling.sample import SearchSample
from churn.modeling.search_space import (
    ITERATIVE_FAMILIES,
    Candidate,
    gains_from_seeds,
    seed_of_repeat,
)
from churn.statistics.log_odds import logit, sigmoid


def cross_validate_repeatedly(
    candidate: Candidate,
    sample: SearchSample,
    seed: int = 0,
    threads: int = 1,
    report: Callable[[str], None] = lambda line: None,
    baseline: Trial | None = None,
    limit: float = np.inf,
    repeats: int = 1,
) -> Trial:
    """Cross-validate a candidate several times, each time with other folds and another seed.

    Its predictions out of fold are the mean over repeats, in log odds. So they vary less with the
    draw of folds, and are those of a model that is averaged over as many seeds, which a random
    candidate becomes: `Candidate.seeds`. The number of iterations is the mean of the best ones.

    Parameters
    ----------
    candidate, sample, seed, threads, report, baseline, limit
        See `cross_validate`; a candidate is stopped in the first repeat only.
    repeats : int
    """
    first = cross_validate(candidate, sample, seed, threads, report, baseline, limit)
    if repeats == 1 or first.stopped:
        return first
    trials = [first]
    for number in range(1, repeats):
        report(f"{candidate.name}: repeat {number + 1} of {repeats}")
        other = seed_of_repeat(seed, number)
        trials.append(cross_validate(candidate, sample.refold(other), other, threads, report))
    seeds = repeats if gains_from_seeds(candidate) else 1
    tuned = replace(_mean_iterations(trials), seeds=seeds)
    probabilities = sigmoid(np.mean([logit(trial.probabilities) for trial in trials], axis=0))
    return Trial(
        candidate=tuned,
        probabilities=probabilities,
        fold_losses=fold_losses(sample, probabilities),
        seconds=sum(trial.seconds for trial in trials),
        microseconds=seeds * float(np.mean([trial.microseconds for trial in trials])),
    )


def _mean_iterations(trials: list[Trial]) -> Candidate:
    candidate = trials[0].candidate
    if candidate.family not in ITERATIVE_FAMILIES:
        return candidate
    best = round(float(np.mean([trial.candidate.params["max_iter"] for trial in trials])))
    return replace(candidate, params={**candidate.params, "max_iter": best})
