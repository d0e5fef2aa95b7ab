"""Cross-validate a candidate: folds, early stopping, time, and what an answer of it costs."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import pandas as pd
from joblib import cpu_count
from threadpoolctl import threadpool_limits

from churn.data.contract import Contract
from churn.data.copies import copy_groups
from churn.data.parsing import labels
from churn.modeling.encoder import FeatureEngineer
from churn.modeling.scoring_cost import estimate_microseconds
from churn.modeling.search_space import ITERATIVE_FAMILIES, Candidate, build, rescale_iterations
from churn.statistics.log_odds import row_losses

# A candidate is hopeless when it is so many standard errors behind a plain one, after two folds,
# and by more than nothing: two that are nearly the same model differ little, but very surely.
HOPELESS, NOTHING = 3.0, 0.001


@dataclass(frozen=True)
class Sample:
    """The customers that candidates are tried on.

    Attributes
    ----------
    matrix : ndarray of float64, shape (n, n_columns)
        Encoded by `FeatureEngineer`, once for all candidates.
    levels : ndarray of int, shape (n_columns,)
        See `FeatureEngineer`.
    labels : ndarray of int8, shape (n,)
        1 for customers who left.
    fold : ndarray of int8, shape (n,)
        The fold in which each customer is predicted.
    rows : ndarray of int, shape (n,)
        Where the customers stand among the training rows.
    """

    matrix: np.ndarray
    levels: np.ndarray
    labels: np.ndarray
    fold: np.ndarray
    rows: np.ndarray

    @property
    def n_folds(self) -> int:
        """How many folds there are."""
        return int(self.fold.max()) + 1

    def for_all(self, candidate: Candidate, n_rows: int) -> Candidate:
        """A candidate tuned on this sample, for as many training rows as there are."""
        tuned_on = len(self.labels) * (1 - 1 / self.n_folds)
        return rescale_iterations(candidate, n_rows / tuned_on)


@dataclass(frozen=True)
class Trial:
    """What cross-validation made of a candidate.

    Attributes
    ----------
    candidate : Candidate
        As it was tuned: where its family grows step by step, `max_iter` is the best number.
    probabilities : ndarray of float64, shape (n,)
        For each row of the sample the probability of leaving, by a model that was not fitted to
        it (how many steps boosting takes is the one thing learned from all folds); NaN in folds
        that it was stopped before.
    fold_losses : tuple of float
        Log loss of each fold that was tried.
    seconds : float
        Time to fit and predict the folds.
    microseconds : float
        What it costs to score a customer; see `churn.modeling.scoring_cost`.
    stopped : str
        Why it was stopped, or empty.
    """

    candidate: Candidate
    probabilities: np.ndarray
    fold_losses: tuple[float, ...]
    seconds: float
    microseconds: float
    stopped: str = ""


def threads_per_task(n_tasks: int) -> int:
    """How many threads each of `n_tasks` tasks may use.

    On this machine they share the cores, one process per core at the most; a task on a cluster
    has its own.
    """
    cores = cpu_count()
    if _on_a_cluster():
        return cores
    return max(1, cores // min(cores, n_tasks))


def fair_share(budget: float, n_tasks: int) -> float:
    """The seconds of a budget that are each task's own, whatever the others take.

    On this machine as many tasks run at once as there are cores; on a cluster all do.
    """
    at_once = n_tasks if _on_a_cluster() else min(cpu_count(), n_tasks)
    return budget * at_once / n_tasks


def _on_a_cluster() -> bool:
    return os.environ.get("METAFLOW_RUNTIME_ENVIRONMENT", "local") != "local"


def bounded_threads(threads: int):
    """A context in which OpenMP uses `threads` threads.

    BLAS keeps to one: its sums depend on the number of threads, and a model should not. Only
    libraries that are loaded already are bounded, so `build` comes before.
    """
    return threadpool_limits({"openmp": threads, "blas": 1})


def draw_sample(
    train: pd.DataFrame, contract: Contract, n_folds: int, max_rows: int, seed: int
) -> Sample:
    """Encode training rows, at most `max_rows` of them, and deal them to folds.

    Parameters
    ----------
    train : DataFrame
        Clean training rows with the target.
    """
    rows = np.arange(len(train))
    if len(rows) > max_rows:
        rows = np.sort(np.random.default_rng(seed).choice(rows, max_rows, replace=False))
    drawn = train.iloc[rows]
    engineer, target = FeatureEngineer(contract), labels(drawn, contract)
    fold = assign_folds(target, copy_groups(drawn, contract), n_folds, seed)
    return Sample(engineer.transform(drawn), engineer.levels, target, fold, rows)


def assign_folds(target: np.ndarray, content: np.ndarray, n_folds: int, seed: int) -> np.ndarray:
    """Deal customers to folds, each class evenly, copies of one customer into one fold.

    Parameters
    ----------
    target : ndarray of int, shape (n,)
    content : ndarray of uint64, shape (n,)
        Rows with the same value stay together; see `churn.data.copies.copy_groups`.

    Returns
    -------
    ndarray of int8, shape (n,)
        The fold in which each row is predicted.
    """
    _, first, group = np.unique(content, return_index=True, return_inverse=True)
    shuffled = np.random.default_rng(seed).permutation(len(first))
    dealt = shuffled[np.argsort(target[first][shuffled], kind="stable")]
    folds = np.empty(len(first), dtype=np.int8)
    folds[dealt] = np.arange(len(first)) % n_folds
    return folds[group]


def cross_validate(
    candidate: Candidate,
    sample: Sample,
    seed: int = 0,
    threads: int = 1,
    report: Callable[[str], None] = lambda line: None,
    plain: Trial | None = None,
    deadline: float = np.inf,
) -> Trial:
    """Predict each fold by the candidate fitted on the others.

    It is stopped between two folds when it is hopeless: clearly worse than `plain`; or when, at
    the pace so far, it would not end before the deadline.

    Parameters
    ----------
    threads : int
        How many threads it may use.
    report : callable
        Is told a line after each fold.
    plain : Trial, optional
        What a simple model made of the same sample.
    deadline : float
        By `time.time()`, in seconds.
    """
    folds, stopped, losses, name = [], "", [], candidate.name
    start = time.perf_counter()
    for number in range(sample.n_folds):
        folds.append(_Fold(candidate, sample, number, seed, threads))
        losses.append(folds[-1].loss)
        report(
            f"{candidate.name}: fold {number + 1} of {sample.n_folds}, log loss {losses[-1]:.4f}"
        )
        left = (sample.n_folds - number - 1) * (time.perf_counter() - start) / (number + 1)
        stopped = left and (_hopeless(folds, plain) or _late(left, deadline))
        if stopped:
            report(f"{name}: stopped, {stopped}")
            break
    candidate, probabilities = _assemble(candidate, folds, sample)
    return Trial(
        candidate=candidate,
        probabilities=probabilities,
        fold_losses=tuple(losses) if stopped else _fold_losses(sample, probabilities),
        seconds=time.perf_counter() - start,
        microseconds=estimate_microseconds(folds[0].as_tuned(candidate)),
        stopped=stopped or "",
    )


class _Fold:
    """One fold predicted, for a family that grows step by step after each of its steps."""

    def __init__(self, candidate, sample, number, seed, threads):
        test = sample.fold == number
        train_matrix, train_labels = sample.matrix[~test], sample.labels[~test]
        self.test, self.matrix, self.labels = test, sample.matrix[test], sample.labels[test]
        self.model = build(candidate, sample.levels, seed, threads)
        self.family, self.staged = candidate.family, candidate.family in ITERATIVE_FAMILIES
        with bounded_threads(threads):
            if self.staged:
                self._grow(train_matrix, train_labels)
            else:
                self.model.fit(train_matrix, train_labels)
                self.probabilities = self.model.predict_proba(self.matrix)[:, 1]
                self.loss = float(row_losses(self.labels, self.probabilities).mean())

    def _grow(self, matrix, labels):
        """Fit until the fold's own loss gets no better; `losses` has it after each step."""
        encoder, booster = _last_step(self.model)
        if encoder is not None:
            matrix, self.matrix = (
                encoder.fit_transform(matrix, labels),
                encoder.transform(self.matrix),
            )
        patience = round(ITERATIVE_FAMILIES[self.family] / booster.learning_rate)
        booster.set_params(early_stopping=True, n_iter_no_change=patience)
        booster.fit(matrix, labels, X_val=self.matrix, y_val=self.labels)
        self.losses, self.booster = -booster.validation_score_[1:], booster
        self.loss = float(self.losses.min())

    def as_tuned(self, candidate: Candidate):
        """The fold's model, without the steps that turned out to be too many."""
        if self.staged:
            self.booster.truncate(candidate.params["max_iter"])
        return self.model

    def at(self, step: int) -> np.ndarray:
        """The probabilities after so many steps, or all there are."""
        if not self.staged:
            return self.probabilities
        stages = self.booster.staged_predict_proba(self.matrix)
        *_, last = islice(stages, step)
        return last[:, 1]


def _last_step(model):
    if hasattr(model, "steps"):
        return model[:-1], model[-1]
    return None, model


def _assemble(candidate, folds, sample) -> tuple[Candidate, np.ndarray]:
    """The candidate with the number of steps that is best over all folds, and what it predicts."""
    steps = 0
    if candidate.family in ITERATIVE_FAMILIES:
        # Every fold went on for some time after its own best, so few folds miss the best of all.
        shared = min(len(fold.losses) for fold in folds)
        steps = 1 + int(np.mean([fold.losses[:shared] for fold in folds], axis=0).argmin())
        candidate = replace(candidate, params={**candidate.params, "max_iter": steps})
    probabilities = np.full(len(sample.labels), np.nan)
    for fold in folds:
        probabilities[fold.test] = fold.at(steps)
    return candidate, probabilities


def _fold_losses(sample: Sample, probabilities: np.ndarray) -> tuple[float, ...]:
    losses = row_losses(sample.labels, probabilities)
    return tuple(float(losses[sample.fold == number].mean()) for number in range(sample.n_folds))


def _hopeless(folds: list, plain: Trial | None) -> str:
    if plain is None or len(folds) < 2:
        return ""
    gaps = np.concatenate(
        [
            row_losses(fold.labels, fold.at(_best_step(fold)))
            - row_losses(fold.labels, plain.probabilities[fold.test])
            for fold in folds
        ]
    )
    behind, error = gaps.mean(), gaps.std(ddof=1) / np.sqrt(len(gaps))
    if behind <= max(HOPELESS * error, NOTHING):
        return ""
    return f"clearly behind {plain.candidate.name} ({behind:+.4f} ± {error:.4f})"


def _best_step(fold: _Fold) -> int:
    return 1 + int(fold.losses.argmin()) if fold.staged else 0


def _late(seconds: float, deadline: float) -> str:
    over = time.time() + seconds - deadline
    return f"out of time by {over:.0f} s" if over > 0 else ""
