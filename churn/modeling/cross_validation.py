"""Cross-validation of a candidate: folds, early stopping, pruning, and the budget."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from churn.modeling.budget import fit_seconds
from churn.modeling.classifier import Classifier
from churn.modeling.families import build
from churn.modeling.own_families import check_probabilities, is_own
from churn.modeling.sample import SearchSample
from churn.modeling.scoring_cost import NOT_COMPILED_MICROSECONDS, estimate_microseconds
from churn.modeling.search_space import ITERATIVE_FAMILIES, Candidate
from churn.modeling.threads import bounded_threads
from churn.modeling.weighted_fit import fit_weighted
from churn.statistics.log_odds import row_losses
from churn.statistics.weighting import mean_and_error, take, weighted_mean

# A candidate is pruned after two folds when its loss exceeds the baseline's by PRUNE_Z standard
# errors of the paired difference, and by at least MIN_GAP nats: between two nearly equal models the
# difference is small, but its standard error is smaller still.
PRUNE_Z, MIN_GAP = 3.0, 0.001


@dataclass(frozen=True)
class Trial:
    """The result of a candidate's cross-validation.

    Attributes
    ----------
    candidate : Candidate
        As tuned: of an iterative family `max_iter` is the best number of iterations.
    probabilities : ndarray of float64, shape (n,)
        For each row of the sample the probability of leaving, by a model that was not fitted to
        it (the number of iterations is the one thing learned from all folds); NaN in folds that
        were not tried.
    fold_losses : tuple of float
        The log loss of each fold that was tried, in nats, by the weights of its rows.
    seconds : float
        The wall time of fits and predictions.
    microseconds : float
        The cost to score a customer; see `churn.modeling.scoring_cost`. NaN where no fold was
        tried.
    stopped : str
        Why it was stopped, or empty.
    stopped_for_budget : bool
        Whether it was stopped for the budget, and not for its loss.
    """

    candidate: Candidate
    probabilities: np.ndarray
    fold_losses: tuple[float, ...]
    seconds: float
    microseconds: float
    stopped: str = ""
    stopped_for_budget: bool = False


def cross_validate(
    candidate: Candidate,
    sample: SearchSample,
    seed: int = 0,
    threads: int = 1,
    report: Callable[[str], None] = lambda line: None,
    baseline: Trial | None = None,
    limit: float = np.inf,
) -> Trial:
    """Predict each fold by the candidate fitted to the others.

    Between two folds the candidate is stopped if it is pruned, as clearly worse than `baseline`,
    or if all folds would take more than `limit`. Time is estimated, not measured, so that the same
    candidates are stopped on any machine, whatever its load.

    Parameters
    ----------
    candidate : Candidate
    sample : SearchSample
    seed : int
    threads : int
        How many threads it may use.
    report : callable
        Takes a line after each fold.
    baseline : Trial, optional
        Of a simple model on the same sample.
    limit : float
        CPU seconds, as `churn.modeling.budget` estimates them.
    """
    start, name = time.perf_counter(), candidate.name
    folds: list[_Fold] = []
    late = "" if limit > 0 else "nothing of the budget is left for it"
    stopped = late
    while not stopped and len(folds) < sample.n_folds:
        folds.append(_Fold(candidate, sample, len(folds), seed, threads))
        done = f"fold {len(folds)} of {sample.n_folds}"
        report(f"{name}: {done}, log loss {folds[-1].loss:.4f}")
        if len(folds) < sample.n_folds:
            late = _over_budget(candidate, folds, sample, limit)
            stopped = _pruned(folds, baseline) or late
    if stopped:
        report(f"{name}: stopped, {stopped}")
    candidate, probabilities = _assemble(candidate, folds, sample)
    return Trial(
        candidate=candidate,
        probabilities=probabilities,
        fold_losses=tuple(fold.loss for fold in folds)
        if stopped
        else fold_losses(sample, probabilities),
        seconds=time.perf_counter() - start,
        microseconds=_microseconds(candidate, folds),
        stopped=stopped,
        stopped_for_budget=bool(stopped) and stopped == late,
    )


class _Fold:
    """One fold predicted by a model fitted to the others; of iterative families at each stage."""

    def __init__(
        self, candidate: Candidate, sample: SearchSample, number: int, seed: int, threads: int
    ):
        test = sample.fold == number
        train_matrix, train_labels = sample.matrix[~test], sample.labels[~test]
        self.test, self.matrix, self.labels = test, sample.matrix[test], sample.labels[test]
        train_weights, self.weights = take(sample.weights, ~test), take(sample.weights, test)
        self.model = build(candidate, sample.levels, seed, threads)
        self.family, self.iterative = candidate.family, candidate.family in ITERATIVE_FAMILIES
        self.iterations = 0
        with bounded_threads(threads):
            if self.iterative:
                self._fit_iterations(train_matrix, train_labels, train_weights)
            else:
                fit_weighted(self.model, train_matrix, train_labels, train_weights)
                predicted = self.model.predict_proba(self.matrix)
                if is_own(self.family):
                    check_probabilities(self.family, predicted, len(self.labels))
                else:
                    self.iterations = int(np.max(getattr(_last_step(self.model)[1], "n_iter_", 0)))
                self.probabilities: np.ndarray = predicted[:, 1]
                losses = row_losses(self.labels, self.probabilities)
                self.loss = weighted_mean(losses, self.weights)

    def _fit_iterations(
        self, matrix: np.ndarray, labels: np.ndarray, weights: np.ndarray | None
    ) -> None:
        """Fit until the loss of the fold itself stops falling; `losses` has it at each stage."""
        encoder, booster = _last_step(self.model)
        if encoder is not None:
            matrix = encoder.fit_transform(matrix, labels)
            self.matrix = encoder.transform(self.matrix)
        patience = max(1, round(ITERATIVE_FAMILIES[self.family].patience / booster.learning_rate))
        booster.set_params(early_stopping=True, n_iter_no_change=patience)
        booster.fit(
            matrix, labels, sample_weight=weights,
            X_val=self.matrix, y_val=self.labels, sample_weight_val=self.weights,
        )  # fmt: skip
        self.losses, self.booster = -booster.validation_score_[1:], booster
        self.loss, self.iterations = float(self.losses.min()), len(self.losses)

    def as_tuned(self, candidate: Candidate) -> Classifier:
        """The fold's model without the iterations after the best number."""
        # A net costs the same after any epoch, and keeps the last weights only.
        if self.iterative and hasattr(self.booster, "truncate"):
            self.booster.truncate(candidate.params["max_iter"])
        return self.model

    def best_stage(self) -> int:
        """The number of iterations with the lowest loss of this fold; 0 of other families."""
        return 1 + int(self.losses.argmin()) if self.iterative else 0

    def predict(self, stage: int) -> np.ndarray:
        """The probabilities after so many iterations, or after all there are."""
        if not self.iterative:
            return self.probabilities
        kept: np.ndarray | None = getattr(self.booster, "validation_probabilities_", None)
        if kept is not None:
            return np.asarray(kept[stage - 1])
        *_, last = islice(self.booster.staged_predict_proba(self.matrix), stage)
        probabilities: np.ndarray = last[:, 1]
        return probabilities


def _last_step(model: Classifier) -> tuple[Pipeline | None, Any]:
    """What encodes the matrix for an estimator, if anything does, and the estimator."""
    if isinstance(model, Pipeline):
        return model[:-1], model[-1]
    return None, model


def _assemble(
    candidate: Candidate, folds: list[_Fold], sample: SearchSample
) -> tuple[Candidate, np.ndarray]:
    """The candidate with the best number of iterations over all folds, and its predictions."""
    stage, probabilities = 0, np.full(len(sample.labels), np.nan)
    if folds and candidate.family in ITERATIVE_FAMILIES:
        # Each fold goes on for its patience, so the shared stages mostly include the best of all.
        shared = min(len(fold.losses) for fold in folds)
        stage = 1 + int(np.mean([fold.losses[:shared] for fold in folds], axis=0).argmin())
        candidate = replace(candidate, params={**candidate.params, "max_iter": stage})
    for fold in folds:
        probabilities[fold.test] = fold.predict(stage)
    return candidate, probabilities


def _microseconds(candidate: Candidate, folds: list[_Fold]) -> float:
    if is_own(candidate.family):
        return NOT_COMPILED_MICROSECONDS
    return estimate_microseconds(folds[0].as_tuned(candidate)) if folds else np.nan


def fold_losses(sample: SearchSample, probabilities: np.ndarray) -> tuple[float, ...]:
    """The log loss of each fold, in nats, by the weights of its rows."""
    losses = row_losses(sample.labels, probabilities)
    folds = [sample.fold == number for number in range(sample.n_folds)]
    return tuple(weighted_mean(losses[at], take(sample.weights, at)) for at in folds)


def _pruned(folds: list[_Fold], baseline: Trial | None) -> str:
    if baseline is None or len(folds) < 2:
        return ""
    gaps = np.concatenate(
        [
            row_losses(fold.labels, fold.predict(fold.best_stage()))
            - row_losses(fold.labels, baseline.probabilities[fold.test])
            for fold in folds
        ]
    )
    weights = None
    if folds[0].weights is not None:
        weights = np.concatenate([fold.weights for fold in folds])
    gap, error = mean_and_error(gaps, weights)
    if gap <= max(PRUNE_Z * error, MIN_GAP):
        return ""
    return f"clearly behind {baseline.candidate.name} ({gap:+.4f} ± {error:.4f})"


def _over_budget(
    candidate: Candidate, folds: list[_Fold], sample: SearchSample, limit: float
) -> str:
    n_flags = sample.n_flags
    taken = sum(
        fit_seconds(candidate, sample.fit_rows, sample.levels, fold.iterations, n_flags)
        for fold in folds
    )
    needed = taken / len(folds) * sample.n_folds
    if needed <= limit:
        return ""
    return f"it needs about {needed:.0f} CPU seconds, {limit:.0f} of the budget are left for it"
