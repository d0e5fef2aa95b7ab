"""How well scores rank: ROC-AUC, under weights of the rows and with its standard error."""

import math

import numpy as np


class RankedRows:
    """Rows sorted by their score once, so that any weights of them cost a cumulative sum.

    Parameters
    ----------
    target : ndarray of int or float, shape (n,)
        1 for positives, 0 for negatives.
    scores : ndarray of float, shape (n,)

    Attributes
    ----------
    order : ndarray of int, shape (n,)
        The rows, the highest score first; rows of equal scores keep their order.
    target, scores : ndarray of float64, shape (n,)
        In that order.
    run_ends : ndarray of int, shape (n_runs,)
        The place of the last row of each run of equal scores.
    """

    def __init__(self, target: np.ndarray, scores: np.ndarray):
        self.order = np.argsort(-scores, kind="stable")
        self.target = target[self.order].astype(np.float64)
        self.scores = scores[self.order]
        self.run_ends = np.append(np.flatnonzero(np.diff(self.scores)), len(self.scores) - 1)

    def cumulate(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The weight of the positives, and of all rows, down to the end of each run.

        Parameters
        ----------
        weights : ndarray of float64, shape (n_resamples, n)
            Of the rows in `order`.

        Returns
        -------
        positive, total : ndarray of float64, shape (n_resamples, n_runs)
        """
        positive = np.cumsum(weights * self.target, axis=1)[:, self.run_ends]
        return positive, np.cumsum(weights, axis=1)[:, self.run_ends]


def area_under_roc(positive: np.ndarray, total: np.ndarray) -> np.ndarray:
    """ROC-AUC from what `RankedRows.cumulate` returns: (n_resamples,), NaN with one class only."""
    negative = total - positive
    before = np.pad(positive, ((0, 0), (1, 0)))[:, :-1]
    gained = np.diff(negative, axis=1, prepend=0)
    pairs = positive[:, -1] * negative[:, -1]
    area: np.ndarray = (gained * (before + positive) / 2).sum(axis=1) / pairs
    return area


def roc_auc(target: np.ndarray, scores: np.ndarray) -> float:
    """The share of pairs of a positive and a negative that scores rank correctly; ties count half.

    Parameters
    ----------
    target : ndarray of int, shape (n,)
        1 for positives; both classes must occur.
    scores : ndarray of float, shape (n,)
    """
    return float(area_under_roc(*RankedRows(target, scores).cumulate(np.ones((1, len(target)))))[0])


def delong(
    scores: np.ndarray, target: np.ndarray, weights: np.ndarray | None = None
) -> tuple[float, np.ndarray]:
    """ROC-AUC, also of targets that are probabilities, and the influence of each row on it.

    Parameters
    ----------
    scores : ndarray of float, shape (n,)
        Ascending.
    target : ndarray of float, shape (n,)
        0 or 1: the value is the ROC-AUC. Or `scores` themselves, as probabilities: the value is
        the model-based concordance (van Klaveren et al. 2016), the ROC-AUC expected if the
        probabilities are true.
    weights : ndarray of float64, shape (n,), optional
        How many customers each row stands for.

    Returns
    -------
    value : float
        NaN unless there are a positive and another, negative row.
    influence : ndarray of float, shape (n,)
        The root of the sum of its squares is the standard error (DeLong et al. 1988).
    """
    negative = 1 - target
    if weights is not None:
        target, negative = weights * target, weights * negative
    run = np.cumsum(np.diff(scores, prepend=scores[:1]) > 0)  # equal scores share a number
    below = _weight_below(negative, run)
    above = target.sum() - _weight_below(target, run)
    itself = (target * negative).sum()  # no row makes a pair with itself
    pairs = target.sum() * negative.sum() - itself
    if pairs <= 1e-9:
        return math.nan, np.full(len(scores), np.nan)
    value = ((target * below).sum() - itself / 2) / pairs
    influence = target * (below / negative.sum() - value) / target.sum()
    influence += negative * (above / target.sum() - value) / negative.sum()
    return float(value), influence


def _weight_below(weights: np.ndarray, run: np.ndarray) -> np.ndarray:
    """For each row the weight of the rows of lower scores, and half that of equal ones."""
    sums = np.bincount(run, weights)
    below: np.ndarray = (np.cumsum(sums) - sums / 2)[run]
    return below
