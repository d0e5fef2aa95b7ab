"""Choose among the candidates and their stacks: how good each is, what it costs, who is enough."""

from dataclasses import replace

import numpy as np

from churn.errors import ChurnError
from churn.modeling.cross_validation import Sample, Trial, cross_validate, threads_per_task
from churn.modeling.search_space import SECOND_LEVEL, STACK, Candidate, build
from churn.modeling.stacking import (
    SecondLevel,
    forward_order,
    learn_weights,
    learn_weights_above,
    predict_forward,
    predict_out_of_fold,
    see,
)
from churn.statistics.log_odds import logit, row_losses

# Stacks are made of the best two to so many, and of all.
MAX_MEMBERS = 6


def finished(trials: list[Trial], failures: dict | None = None) -> list[Trial]:
    """The trials that were not stopped.

    Raises
    ------
    ChurnError
        If there are none, with what became of each candidate; `failures` by name.
    """
    done = [trial for trial in trials if not trial.stopped]
    if not done:
        why = [f"{trial.candidate.name}: stopped, {trial.stopped}" for trial in trials]
        why += [f"{name}: {error}" for name, error in (failures or {}).items()]
        raise ChurnError("No candidate is left: every one of them failed or was stopped.", why)
    return done


def stack(trials: list[Trial], sample: Sample, seed: int = 0) -> list[Trial]:
    """Stacks of two members and more, in the order in which the members help, and of all.

    A stack is judged out of fold too: each fold is predicted with weights, and by members, that
    the others say. That of all also gets a second level, to which a member that helps little by
    itself may tell whom to believe.

    Parameters
    ----------
    trials : list of Trial
        None of them stopped. Those of candidates that may be no member are left out.
    seed : int
        Of everything random in a second level.

    Returns
    -------
    list of Trial
        Their `seconds` are those of all members.
    """
    trials = [trial for trial in trials if trial.candidate.member]
    if len(trials) < 2:
        return []
    logits, labels = _logits(trials), sample.labels
    few = min(MAX_MEMBERS, len(trials))
    order = forward_order(logits, labels, few)
    said = predict_forward(logits, labels, sample.fold, few)
    stacks = [
        _stack([trials[place] for place in order[:size]], said[:, size - 1], sample)
        for size in range(2, few + 1)
    ]
    members = [trials[place] for place in order]
    if len(trials) > few:
        members, chance = trials, predict_out_of_fold(logits, labels, sample.fold)
        stacks.append(_stack(members, chance, sample))
    stacks.append(second_level(stacks[-1], members, sample, seed))
    return stacks


def second_level(stacked: Trial, members: list[Trial], sample: Sample, seed: int = 0) -> Trial:
    """A stack with a second level, see `churn.modeling.stacking.SecondLevel`.

    It too is judged out of fold: the models of the second level are cross-validated on what the
    first level said out of fold. None of them is stopped for being behind the first level, since
    together with it even the worst of them had most to say where there was anything to say.
    """
    logits = _logits(members)
    first, threads = logit(stacked.probabilities), threads_per_task(1)
    levels = np.append(np.zeros(len(members) + 1, dtype=sample.levels.dtype), sample.levels)
    above = replace(sample, matrix=see(logits, first, sample.matrix), levels=levels)
    tried = [cross_validate(candidate, above, seed, threads) for candidate in SECOND_LEVEL]
    said = np.column_stack([first, *(logit(trial.probabilities) for trial in tried)])
    weights, intercept = learn_weights_above(said, sample.labels)
    models = tuple(
        build(above.for_all(t.candidate, len(said)), levels, seed, threads) for t in tried
    )
    second = SecondLevel(models, tuple(weights.tolist()), intercept, above.matrix, sample.labels)
    candidate = Candidate(
        f"{stacked.candidate.name}, two levels",
        STACK,
        {**stacked.candidate.params, "above": second},
    )
    chance = predict_out_of_fold(said, sample.labels, sample.fold, learn_weights_above)
    return _trial(candidate, chance, [stacked, *tried], sample)


def _logits(trials: list[Trial]) -> np.ndarray:
    return np.column_stack([logit(trial.probabilities) for trial in trials])


def _stack(members: list[Trial], chance: np.ndarray, sample: Sample) -> Trial:
    weights, intercept = learn_weights(_logits(members), sample.labels)
    params = {
        "members": tuple(trial.candidate for trial in members),
        "weights": tuple(weights.tolist()),
        "intercept": intercept,
    }
    return _trial(Candidate(f"stack of {len(members)}", STACK, params), chance, members, sample)


def _trial(candidate: Candidate, chance: np.ndarray, parts: list[Trial], sample: Sample) -> Trial:
    losses = row_losses(sample.labels, chance)
    return Trial(
        candidate=candidate,
        probabilities=chance,
        fold_losses=tuple(losses[sample.fold == fold].mean() for fold in range(sample.n_folds)),
        seconds=sum(part.seconds for part in parts),
        microseconds=sum(part.microseconds for part in parts),
    )


def rank(trials: list[Trial], sample: Sample) -> list[Trial]:
    """The trials by out-of-fold log loss, best first."""
    return sorted(trials, key=lambda trial: row_losses(sample.labels, trial.probabilities).mean())


def choose(trials: list[Trial], sample: Sample, margin: float = 0.1) -> Trial:
    """The best by out-of-fold log loss, or one about as good that costs less to score.

    Half the cost is worth `margin` standard errors of the paired difference to the best (the rule
    of one standard error, Breiman et al. 1984, for pairs, and by degrees): a model that is a
    third of a standard error behind is as good as the best if it costs a hundredth of it, and is
    not if it costs half.

    Parameters
    ----------
    trials : list of Trial
        Candidates and stacks, none of them stopped.
    margin : float
        0 takes the best whatever it costs. The default is small: on other tables than the
        benchmark's, stacks gained most on new customers where a candidate had looked as good.
    """
    ranked = rank(trials, sample)

    def worth(trial):
        behind, error = _behind(trial, ranked[0], sample)
        return -margin * np.log2(trial.microseconds) - (behind / error if behind else 0.0)

    return max(ranked, key=worth)


def _behind(trial: Trial, best: Trial, sample: Sample) -> tuple[float, float]:
    """The mean paired difference in log loss, and its standard error."""
    target = sample.labels
    gaps = row_losses(target, trial.probabilities) - row_losses(target, best.probabilities)
    return float(gaps.mean()), float(gaps.std(ddof=1) / np.sqrt(len(target)))


def leaderboard(
    trials: list[Trial], stopped: list[Trial], chosen: Trial, sample: Sample
) -> list[dict]:
    """One row per candidate and stack, the best first, those that were stopped last.

    Returns
    -------
    list of dict
        rank, candidate, family, members (of a stack, with their weights), log_loss (nats, out of
        fold), behind (paired difference to the best), behind_se (its standard error), fold_losses,
        microseconds (per customer), seconds, chosen (bool), stopped (why, or empty; its log loss
        is of the folds that were tried, and has no rank).
    """
    ranked = rank(trials, sample)
    rows = []
    for place, trial in enumerate(ranked, start=1):
        behind, error = _behind(trial, ranked[0], sample)
        log_loss = float(row_losses(sample.labels, trial.probabilities).mean())
        found = {"rank": place, "log_loss": log_loss, "behind": behind, "behind_se": error}
        rows.append(found | _described(trial, trial is chosen))
    for trial in stopped:
        found = {"log_loss": float(np.mean(trial.fold_losses))}
        missing = dict.fromkeys(("rank", "behind", "behind_se"))
        rows.append(missing | found | _described(trial, False))
    return rows


def _described(trial: Trial, chosen: bool) -> dict:
    params = trial.candidate.params
    members = params.get("members", ())
    return {
        "candidate": trial.candidate.name,
        "family": trial.candidate.family,
        "members": {m.name: w for m, w in zip(members, params.get("weights", ()), strict=True)},
        "fold_losses": trial.fold_losses,
        "microseconds": trial.microseconds,
        "seconds": trial.seconds,
        "chosen": chosen,
        "stopped": trial.stopped,
    }
