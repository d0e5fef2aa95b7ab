"""Profit of calling customers: per customer, from which probability on, and along a ranking.

The model is that of Verbraken, Verbeke & Baesens (2013), "A novel profit maximizing metric for
measuring classification performance of customer churn prediction models", IEEE Transactions on
Knowledge and Data Engineering 25(5), 961-973: customers are called and made an offer. One who is
about to leave accepts it with some probability, and then stays; one who is staying anyway takes
it. Money is in the currency in which costs and values are given.
"""

import numpy as np
import pandas as pd

from churn.evaluation.retention_costs import RetentionCosts
from churn.statistics.intervals import bootstrap
from churn.statistics.weighting import weighted_mean

POINTS = 100


def expected_profit(
    probabilities: np.ndarray, frame: pd.DataFrame, costs: RetentionCosts
) -> np.ndarray:
    """The expected profit of calling each customer, over leaving and accepting.

    The profit of Neslin et al. (2006), "Defection detection", Journal of Marketing Research
    43(2), 204-211, which Verbraken et al. (2013) build on, for one customer and without the fixed
    costs of a campaign: one about to leave brings
    acceptance * (customer_value - offer_cost) - contact_cost, one who was staying
    -offer_cost - contact_cost. Weighted by p and 1 - p that is
    p * acceptance * (customer_value - offer_cost) - (1 - p) * offer_cost - contact_cost.

    Parameters
    ----------
    probabilities : ndarray of float, shape (n,)
        Calibrated: their errors are those of the profits.
    frame : DataFrame, n rows
        The customers, with the columns that `costs` names.

    Returns
    -------
    ndarray of float64, shape (n,)
        Money per customer, compared to not calling; negative where a call does not pay.

    Raises
    ------
    ChurnError
        See `RetentionCosts.check`.
    """
    gain, cost = costs.payoff_terms(frame)
    profits: np.ndarray = probabilities * gain - cost
    return profits


def realised_profit(target: np.ndarray, frame: pd.DataFrame, costs: RetentionCosts) -> np.ndarray:
    """The profit of calling each customer, given the outcome, as an expectation over accepting.

    Parameters
    ----------
    target : ndarray of int, shape (n,)
        1 for customers who left without having been called.

    Returns
    -------
    ndarray of float64, shape (n,)
        As `expected_profit` with the outcome as the probability.
    """
    return expected_profit(target.astype(np.float64), frame, costs)


def best_threshold(
    probabilities: np.ndarray,
    frame: pd.DataFrame,
    costs: RetentionCosts,
    weights: np.ndarray | None = None,
) -> float:
    """The probability from which on calling pays: it maximises the sum over those called.

    It uses no outcome, so nothing is tuned on a hold-out. With one threshold for all, customers
    of different value are called by risk alone; calling every customer with a positive
    `expected_profit` brings at least as much.

    Parameters
    ----------
    probabilities : ndarray of float, shape (n,)
        Calibrated; at least one.
    frame : DataFrame, n rows
    costs : RetentionCosts
    weights : ndarray of float64, shape (n,), optional
        How many customers each row stands for.

    Returns
    -------
    float
        Call where `probabilities >= threshold`. Where all customers have the same
        `RetentionCosts.break_even`, as with constants, it is that; otherwise the smallest
        probability called, by the cut of the ranking with the greatest sum of expected profits.
        Infinity where no cut pays: no customer is called.

    Raises
    ------
    ChurnError
        See `RetentionCosts.check`.
    """
    gain, cost = costs.payoff_terms(frame)
    chances = costs.break_even(frame)
    if np.all(chances == chances[0]):
        return float(chances[0])
    order = np.argsort(-probabilities, kind="stable")
    ends = _run_ends(probabilities[order])
    profits = probabilities * gain - cost
    sums = np.cumsum((profits if weights is None else weights * profits)[order])[ends]
    best = int(np.argmax(sums))
    return float(probabilities[order][ends[best]]) if sums[best] > 0 else np.inf


def settle_threshold(
    probabilities: np.ndarray,
    frame: pd.DataFrame,
    costs: RetentionCosts,
    weights: np.ndarray | None = None,
) -> float:
    """The `best_threshold`, finite: where no cut pays, the lowest `break_even` of all customers."""
    threshold = best_threshold(probabilities, frame, costs, weights)
    return float(costs.break_even(frame).min()) if np.isinf(threshold) else threshold


def profit_curve(
    scores: np.ndarray,
    profits: np.ndarray,
    points: int = POINTS,
    seed: int = 0,
    weights: np.ndarray | None = None,
) -> pd.DataFrame:
    """The profit of calling the first share of a ranking, compared with as many at random.

    Customers with the same score are called in any order: the curve is the mean over the orders.

    Parameters
    ----------
    scores : ndarray of float, shape (n,)
        Probabilities or expected profits; customers with the highest are called first.
    profits : ndarray of float, shape (n,)
        The profit of each call; see `realised_profit`.
    weights : ndarray of float64, shape (n,), optional
        How many customers each row stands for.

    Returns
    -------
    DataFrame
        called (share of all customers, from 0 to 1), profit (money per customer of the base,
        called or not), low and high (a 95 % interval at each share, from a bootstrap over
        customers), random (the same money when as many are called at random).
    """
    n = len(scores)
    order = np.argsort(-scores, kind="stable")
    ends, ranked = _run_ends(scores[order]), profits[order]
    sizes = np.unique(np.round(np.linspace(0, n, points + 1)))

    def curve(times: np.ndarray) -> dict[int, np.ndarray]:
        w = times[:, order]
        total = w.sum(axis=1)
        called = np.pad(np.cumsum(w, axis=1)[:, ends], ((0, 0), (1, 0)))
        earned = np.pad(np.cumsum(w * ranked, axis=1)[:, ends], ((0, 0), (1, 0)))
        rows = [
            np.interp(sizes * (every / n), *row) / every
            for every, *row in zip(total, called, earned, strict=True)
        ]
        return dict(enumerate(np.transpose(rows)))

    table = pd.DataFrame(list(bootstrap(curve, n, seed, weights).values()))
    table = table.rename(columns={"value": "profit"})
    table.insert(0, "called", sizes / n)
    return table.assign(random=table["called"] * weighted_mean(profits, weights))


def _run_ends(ranked: np.ndarray) -> np.ndarray:
    """Ties: the last row of each run of equal values."""
    return np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
