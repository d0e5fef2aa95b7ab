"""Cross-validate a candidate; rank the candidates; choose one."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from joblib import cpu_count
from threadpoolctl import threadpool_limits

from churn.candidates import Candidate, build
from churn.contract import Contract
from churn.data.parsing import labels
from churn.data.split import content_hash
from churn.errors import ChurnError
from churn.features import FeatureEngineer

# A probability of exactly 0 or 1 would make one wrong answer cost infinitely much.
CLIP = 1e-6


@dataclass(frozen=True)
class Sample:
    """The customers that candidates are tried on.

    Attributes
    ----------
    matrix : ndarray of float64, shape (n, n_columns)
        Encoded by `FeatureEngineer`, once for all candidates.
    categorical : ndarray of bool, shape (n_columns,)
    labels : ndarray of int8, shape (n,)
        1 for customers who left.
    fold : ndarray of int8, shape (n,)
        The fold in which each customer is predicted.
    rows : ndarray of int, shape (n,)
        Where the customers stand among the training rows.
    """

    matrix: np.ndarray
    categorical: np.ndarray
    labels: np.ndarray
    fold: np.ndarray
    rows: np.ndarray


@dataclass(frozen=True)
class Trial:
    """What cross-validation made of a candidate.

    Attributes
    ----------
    candidate : Candidate
    probabilities : ndarray of float64, shape (n,)
        For each row of the sample the probability of leaving, by a model that has not seen it.
    fold_losses : tuple of float
        Log loss of each fold.
    seconds : float
        Time to fit and predict all folds.
    """

    candidate: Candidate
    probabilities: np.ndarray
    fold_losses: tuple[float, ...]
    seconds: float


def threads_per_task(n_tasks: int) -> int:
    """How many threads each of `n_tasks` tasks may use.

    On this machine they share the cores, one process per core at the most; a task on a cluster
    has its own.
    """
    cores = cpu_count()
    if os.environ.get("METAFLOW_RUNTIME_ENVIRONMENT", "local") != "local":
        return cores
    return max(1, cores // min(cores, n_tasks))


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
    fold = assign_folds(target, content_hash(drawn, contract), n_folds, seed)
    return Sample(engineer.transform(drawn), engineer.categorical, target, fold, rows)


def assign_folds(target: np.ndarray, content: np.ndarray, n_folds: int, seed: int) -> np.ndarray:
    """Deal customers to folds, each class evenly, copies of one customer into one fold.

    Parameters
    ----------
    target : ndarray of int, shape (n,)
    content : ndarray of uint64, shape (n,)
        Rows with the same value stay together; see `churn.data.content_hash`.

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
) -> Trial:
    """Predict each fold by the candidate fitted on the others.

    Parameters
    ----------
    threads : int
        How many threads it may use.
    report : callable
        Is told a line after each fold.
    """
    matrix, target, n_folds = sample.matrix, sample.labels, sample.fold.max() + 1
    probabilities, losses = np.empty(len(target)), []
    start = time.perf_counter()
    for fold in range(n_folds):
        test = sample.fold == fold
        model = build(candidate, sample.categorical, seed, threads)
        with bounded_threads(threads):
            model.fit(matrix[~test], target[~test])
            probabilities[test] = model.predict_proba(matrix[test])[:, 1]
        losses.append(float(row_losses(target[test], probabilities[test]).mean()))
        report(f"{candidate.name}: fold {fold + 1} of {n_folds}, log loss {losses[-1]:.4f}")
    seconds = time.perf_counter() - start
    return Trial(candidate, probabilities, tuple(losses), seconds)


def row_losses(target: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Each row's log loss in nats: -ln of the probability given to what happened."""
    chance = np.clip(probabilities, CLIP, 1 - CLIP)
    return -np.log(np.where(target == 1, chance, 1 - chance))


def rank(trials: list[Trial], sample: Sample, failures: dict | None = None) -> list[Trial]:
    """The trials by out-of-fold log loss, best first.

    Raises
    ------
    ChurnError
        If there are none, with what `failures`, by candidate, say.
    """
    if not trials:
        why = [f"{name}: {error}" for name, error in (failures or {}).items()]
        raise ChurnError("No candidate is left: every one of them failed.", why)
    return sorted(trials, key=lambda trial: row_losses(sample.labels, trial.probabilities).mean())


def leaderboard(trials: list[Trial], sample: Sample) -> list[dict]:
    """Ranked trials as rows: rank, candidate, family, log_loss, behind, behind_se, seconds.

    `behind` is the mean paired difference in log loss to the best, `behind_se` its standard error.
    """
    ranked, target = rank(trials, sample), sample.labels
    best = row_losses(target, ranked[0].probabilities)
    rows = []
    for place, trial in enumerate(ranked, start=1):
        losses = row_losses(target, trial.probabilities)
        rows.append(
            {
                "rank": place,
                "candidate": trial.candidate.name,
                "family": trial.candidate.family,
                "log_loss": float(losses.mean()),
                "behind": float((losses - best).mean()),
                "behind_se": float((losses - best).std(ddof=1) / np.sqrt(len(target))),
                "fold_losses": trial.fold_losses,
                "seconds": trial.seconds,
            }
        )
    return rows
