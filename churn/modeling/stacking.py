"""Stacks of cross-validated candidates, as candidates themselves, evaluated out of fold."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from churn.modeling.cross_validation import Trial, cross_validate, fold_losses
from churn.modeling.estimators.stack import SecondLevel, second_level_features
from churn.modeling.families import build
from churn.modeling.sample import SearchSample
from churn.modeling.search_space import SECOND_LEVEL, STACK, Candidate
from churn.modeling.stack_weights import (
    fit_second_level_weights,
    fit_stack_weights,
    forward_order,
    predict_forward,
    predict_out_of_fold,
)
from churn.modeling.threads import threads_per_task
from churn.statistics.log_odds import logit

# Stacks have from two to so many members in forward order, or all.
MAX_MEMBERS = 6


def stack(
    trials: list[Trial],
    sample: SearchSample,
    seed: int = 0,
    report: Callable[[str], None] = lambda line: None,
) -> list[Trial]:
    """Stacks of two members and more in forward order, of all, and of all with a second level.

    A stack is evaluated out of fold too: the weights that predict a fold are fitted to the other
    folds. A member that adds little by itself may still help the second level to weigh the other
    members, so the second level is fitted on top of all members.

    Parameters
    ----------
    trials : list of Trial
        None of them stopped. Candidates that may not be members are left out.
    sample : SearchSample
    seed : int
        Seed of everything random in a second level.
    report : callable
        Takes a line before each model of the second level, which takes the longest.

    Returns
    -------
    list of Trial
        Their `seconds` and `microseconds` are the sums over members.
    """
    trials = [trial for trial in trials if trial.candidate.member]
    if len(trials) < 2:
        return []
    logits, labels, weights = _logits(trials), sample.labels, sample.weights
    few = min(MAX_MEMBERS, len(trials))
    order = forward_order(logits, labels, few, weights)
    chances = predict_forward(logits, labels, sample.fold, few, weights)
    stacks = [
        _stack([trials[place] for place in order[:size]], chances[:, size - 1], sample)
        for size in range(2, few + 1)
    ]
    members = [trials[place] for place in order]
    if len(trials) > few:
        members = trials
        chance = predict_out_of_fold(logits, labels, sample.fold, row_weights=weights)
        stacks.append(_stack(members, chance, sample))
    stacks.append(add_second_level(stacks[-1], members, sample, seed, report))
    return stacks


def add_second_level(
    stacked: Trial,
    members: list[Trial],
    sample: SearchSample,
    seed: int = 0,
    report: Callable[[str], None] = lambda line: None,
) -> Trial:
    """A stack with a second level, see `churn.modeling.estimators.stack.SecondLevel`.

    It is evaluated out of fold too: its models are cross-validated on the out-of-fold log odds of
    the first level. None of them is pruned for being behind the first level, since together with
    it even the worst of them may add the most.
    """
    logits = _logits(members)
    first, threads = logit(stacked.probabilities), threads_per_task(1)
    levels = np.append(np.zeros(len(members) + 1, dtype=sample.levels.dtype), sample.levels)
    features = second_level_features(logits, first, sample.matrix)
    above = replace(sample, matrix=features, levels=levels)
    tried = []
    for candidate in SECOND_LEVEL:
        report(f"cross-validating {candidate.name} as a second level of {len(members)} members")
        tried.append(cross_validate(candidate, above, seed, threads))
    logits = np.column_stack([first, *(logit(trial.probabilities) for trial in tried)])
    weights, intercept = fit_second_level_weights(logits, sample.labels, sample.weights)
    models = tuple(
        build(above.rescale(t.candidate, len(logits)), levels, seed, threads) for t in tried
    )
    second = SecondLevel(
        models, tuple(weights.tolist()), intercept, features, sample.labels, sample.weights
    )
    candidate = Candidate(
        f"{stacked.candidate.name}, two levels",
        STACK,
        {**stacked.candidate.params, "second_level": second},
    )
    chance = predict_out_of_fold(
        logits, sample.labels, sample.fold, fit_second_level_weights, sample.weights
    )
    return _trial(candidate, chance, [stacked, *tried], sample)


def _logits(trials: list[Trial]) -> np.ndarray:
    return np.column_stack([logit(trial.probabilities) for trial in trials])


def _stack(members: list[Trial], chance: np.ndarray, sample: SearchSample) -> Trial:
    weights, intercept = fit_stack_weights(_logits(members), sample.labels, sample.weights)
    params = {
        "members": tuple(trial.candidate for trial in members),
        "weights": tuple(weights.tolist()),
        "intercept": intercept,
    }
    return _trial(Candidate(f"stack of {len(members)}", STACK, params), chance, members, sample)


def _trial(
    candidate: Candidate, chance: np.ndarray, parts: list[Trial], sample: SearchSample
) -> Trial:
    return Trial(
        candidate=candidate,
        probabilities=chance,
        fold_losses=fold_losses(sample, chance),
        seconds=sum(part.seconds for part in parts),
        microseconds=sum(part.microseconds for part in parts),
    )
