"""The choice among candidates and their stacks: by log loss and by scoring cost."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from churn.modeling.cross_validation import Trial
from churn.modeling.own_families import own_parts
from churn.modeling.sample import SearchSample
from churn.statistics.log_odds import row_losses
from churn.statistics.weighting import mean_and_error, weighted_mean


def rank(trials: Sequence[Trial], sample: SearchSample) -> list[Trial]:
    """The trials by out-of-fold log loss, best first."""
    return sorted(trials, key=lambda trial: out_of_fold_loss(trial, sample))


def out_of_fold_loss(trial: Trial, sample: SearchSample) -> float:
    """The log loss of a trial over all folds, in nats, by the weights of the rows."""
    return weighted_mean(row_losses(sample.labels, trial.probabilities), sample.weights)


def choose(trials: Sequence[Trial], sample: SearchSample, margin: float = 0.1) -> Trial:
    """The best by out-of-fold log loss, or one about as good that costs less to score.

    Half the cost is worth `margin` standard errors of the paired difference to the best (the one
    standard error rule of Breiman et al. 1984, for pairs, and by degrees): at the default a model
    a third of a standard error behind is as good as the best if it costs a tenth of it, and not
    if it costs half.

    Parameters
    ----------
    trials : sequence of Trial
        Candidates and stacks, none of them stopped.
    sample : SearchSample
    margin : float
        0 takes the best whatever it costs. The default is small because on tables other than the
        benchmark's, stacks were better on new customers even where a single candidate had about
        the same out-of-fold loss.
    """
    ranked = rank(trials, sample)

    def utility(trial: Trial) -> float:
        behind, error = _behind(trial, ranked[0], sample)
        cost = margin * float(np.log2(trial.microseconds))
        return -cost - (behind / error if behind else 0.0)

    return max(ranked, key=utility)


def _behind(trial: Trial, best: Trial, sample: SearchSample) -> tuple[float, float]:
    """The mean paired difference in log loss, and its standard error."""
    target = sample.labels
    gaps = row_losses(target, trial.probabilities) - row_losses(target, best.probabilities)
    return mean_and_error(gaps, sample.weights)


def leaderboard(
    trials: Sequence[Trial], stopped: Sequence[Trial], chosen: Trial, sample: SearchSample
) -> list[dict[str, Any]]:
    """One row per candidate and stack, the best first, those that were stopped last.

    Returns
    -------
    list of dict
        rank, candidate, family, members (of a stack, with their weights), log_loss (nats, out of
        fold), behind (paired difference to the best), behind_se (its standard error), fold_losses,
        microseconds (per customer), compiled (bool), seconds, chosen (bool), stopped (why, or
        empty; its log loss is of the folds that were tried, None if of none, and has no rank).
    """
    ranked = rank(trials, sample)
    rows = []
    for place, trial in enumerate(ranked, start=1):
        behind, error = _behind(trial, ranked[0], sample)
        log_loss = out_of_fold_loss(trial, sample)
        found: dict[str, float | None] = {
            "rank": place,
            "log_loss": log_loss,
            "behind": behind,
            "behind_se": error,
        }
        rows.append(found | _described(trial, trial is chosen))
    for trial in stopped:
        tried = trial.fold_losses
        found = {"log_loss": float(np.mean(tried)) if tried else None}
        missing = dict.fromkeys(("rank", "behind", "behind_se"))
        rows.append(missing | found | _described(trial, False))
    return rows


def _described(trial: Trial, chosen: bool) -> dict[str, Any]:
    params = trial.candidate.params
    members = params.get("members", ())
    return {
        "candidate": trial.candidate.name,
        "family": trial.candidate.family,
        "members": {m.name: w for m, w in zip(members, params.get("weights", ()), strict=True)},
        "fold_losses": trial.fold_losses,
        "microseconds": trial.microseconds,
        "compiled": not own_parts(trial.candidate),
        "seconds": trial.seconds,
        "chosen": chosen,
        "stopped": trial.stopped,
    }
