"""The profit of a campaign by a model on known outcomes, and the EMP measure."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import isotonic_regression
from scipy.special import betaincc

from churn.evaluation.profit import expected_profit, profit_curve, realised_profit
from churn.evaluation.retention_costs import RetentionCosts
from churn.statistics.intervals import bootstrap
from churn.statistics.weighting import weighted_mean


def expected_maximum_profit(
    target: np.ndarray,
    scores: np.ndarray,
    alpha: float = 6,
    beta: float = 14,
    customer_value: float = 200,
    offer_cost: float = 10,
    contact_cost: float = 1,
    weights: np.ndarray | None = None,
) -> tuple[float, float]:
    """The EMP measure for customer churn of Verbraken et al. (2013), with their defaults.

    The mean profit per customer of the base if the acceptance is Beta distributed and the best
    threshold for each of its values is known. Since it takes the best threshold of the sample, it
    ranks models and does not forecast money.

    The best thresholds are the corners of the ROC curve's convex hull. A segment of it holds a
    share w of the customers, of whom a share r left, and is called whenever that pays, from the
    acceptance g = ((1 - r) * offer_cost + contact_cost) / (r * (customer_value - offer_cost)) on.
    With I the regularized incomplete beta function it adds to the EMP

        w * r * (customer_value - offer_cost) * alpha / (alpha + beta) * (1 - I_g(alpha + 1, beta))
        - w * ((1 - r) * offer_cost + contact_cost) * (1 - I_g(alpha, beta))

    and w * (1 - I_g(alpha, beta)) to the fraction. The hull's segments are the blocks of an
    isotonic regression (Fawcett & Niculescu-Mizil 2007, "PAV and the ROC convex hull").

    Parameters
    ----------
    target : ndarray of int, shape (n,)
        1 for customers who left.
    scores : ndarray of float, shape (n,)
        Higher for customers who are likelier to leave; equal scores stay together.
    alpha, beta : float
        The acceptance's Beta distribution, both positive.
    customer_value, offer_cost, contact_cost : float
        Money, the same for all; none negative.
    weights : ndarray of float64, shape (n,), optional
        How many customers each row stands for.

    Returns
    -------
    emp : float
        Money per customer of the base; at least 0.
    fraction : float
        The share of customers called, averaged over the acceptance; 0 to 1.
    """
    groups = np.unique(scores, return_inverse=True)[1]
    sizes = np.bincount(groups, weights)
    rates = np.bincount(groups, target if weights is None else weights * target) / sizes
    rates = np.clip(isotonic_regression(rates, weights=sizes).x, 0, 1)
    saved = rates * max(customer_value - offer_cost, 0)
    spent = (1 - rates) * offer_cost + contact_cost
    pays_from = np.divide(spent, saved, out=np.ones_like(rates), where=saved > spent)
    called = betaincc(alpha, beta, pays_from)
    saved = saved * alpha / (alpha + beta) * betaincc(alpha + 1, beta, pays_from)
    share = sizes / sizes.sum()
    return float(share @ (saved - spent * called)), float(share @ called)


@dataclass(frozen=True)
class ProfitReport:
    """The profit of a campaign by a model, on customers whose outcome is known.

    Attributes
    ----------
    threshold : float
    called : float
        Share of the customers at or above it.
    expected : float
        Money per customer of the base that calling those brings, according to the probabilities.
    profit, everybody, advantage : dict
        Money per customer of the base, by the outcomes: of calling those, of calling all
        customers, and the former less the better of calling all and none. Each has value, low
        and high, the 95 % interval.
    emp, emp_fraction : float
        See `expected_maximum_profit`; with the published defaults whatever the costs, so that
        they are comparable with other studies.
    curve : DataFrame
        See `profit_curve`.
    """

    threshold: float
    called: float
    expected: float
    profit: dict[str, float]
    everybody: dict[str, float]
    advantage: dict[str, float]
    emp: float
    emp_fraction: float
    curve: pd.DataFrame


def profit_report(
    target: np.ndarray,
    probabilities: np.ndarray,
    frame: pd.DataFrame,
    costs: RetentionCosts,
    threshold: float,
    seed: int = 0,
    weights: np.ndarray | None = None,
) -> ProfitReport:
    """The profit of calling by `probabilities`, with intervals.

    Parameters
    ----------
    target : ndarray of int, shape (n,)
        1 for customers who left.
    probabilities : ndarray of float, shape (n,)
    frame : DataFrame, n rows
        The same customers, with the columns that `costs` names.
    costs : RetentionCosts
    threshold : float
        Call where `probabilities >= threshold`.
    weights : ndarray of float64, shape (n,), optional
        How many customers each row stands for.

    Raises
    ------
    ChurnError
        See `RetentionCosts.check`.
    """
    picked = probabilities >= threshold
    profits = realised_profit(target, frame, costs)
    # The better alternative is chosen once: a maximum within each resample would be biased.
    alternative = profits * (weighted_mean(profits, weights) > 0)

    def money(times: np.ndarray) -> dict[str, np.ndarray]:
        n = times.sum(axis=1)
        return {
            "profit": times @ (profits * picked) / n,
            "everybody": times @ profits / n,
            "advantage": times @ (profits * picked - alternative) / n,
        }

    earned = bootstrap(money, len(profits), seed, weights)
    emp, fraction = expected_maximum_profit(target, probabilities, weights=weights)
    return ProfitReport(
        threshold=threshold,
        called=weighted_mean(picked, weights),
        expected=weighted_mean(expected_profit(probabilities, frame, costs) * picked, weights),
        profit=earned["profit"],
        everybody=earned["everybody"],
        advantage=earned["advantage"],
        emp=emp,
        emp_fraction=fraction,
        curve=profit_curve(probabilities, profits, seed=seed, weights=weights),
    )
