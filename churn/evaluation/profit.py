"""What a model is worth: the profit of calling customers, whom it pays to call, and the EMP.

The story is that of Verbraken, Verbeke & Baesens (2013), "A novel profit maximizing metric for
measuring classification performance of customer churn prediction models", IEEE Transactions on
Knowledge and Data Engineering 25(5), 961-973: customers are called and made an offer. One who was
about to leave accepts it with some probability, and then stays; one who was staying anyway takes
it. Money is in whatever currency the costs and the values are given in.
"""

from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from scipy.optimize import isotonic_regression
from scipy.special import betaincc

from churn.data.parsing import NUMBER, parse_numbers
from churn.errors import ChurnError
from churn.statistics.intervals import bootstrap

POINTS = 100


@dataclass(frozen=True)
class RetentionCosts:
    """What a call costs and may bring; the defaults are those of Verbraken et al. (2013).

    Each is a constant, or the name of a number column of the customer table.

    Attributes
    ----------
    contact_cost : float or str
        Money per call, whatever comes of it (f in the paper).
    offer_cost : float or str
        Money per offer that is taken (d).
    acceptance : float or str
        Share, 0 to 1, of those about to leave who take the offer and stay (gamma); 0.3 is the
        mean of the paper's Beta(6, 14).
    customer_value : float or str
        Money that a customer who stays is worth (CLV).
    """

    contact_cost: float | str = 1.0
    offer_cost: float | str = 10.0
    acceptance: float | str = 0.3
    customer_value: float | str = 200.0

    @classmethod
    def parse(cls, **values: float | str) -> "RetentionCosts":
        """Build an offer from the texts of a command line.

        Parameters
        ----------
        values : float or str
            By the names of the attributes; one that is not there keeps its default. A text that
            reads as a number is a constant, any other names a column.

        Raises
        ------
        ChurnError
            See `check` and `check_pays`.
        """
        offer = cls(**{name: _constant_or_column(value) for name, value in values.items()})
        offer.check()
        if not any(isinstance(term, str) for term in asdict(offer).values()):
            offer.check_pays(pd.DataFrame(index=[0]))
        return offer

    def check_pays(self, frame: pd.DataFrame) -> None:
        """See that there is a customer whom it would pay to call, if the leaving were certain.

        Raises
        ------
        ChurnError
            If there is none; see `check` too.
        """
        if np.isinf(break_even(frame, self)).all():
            rule = "acceptance * (customer value - offer cost) is below the contact cost"
            raise ChurnError("The offer cannot be used:", [f"no call pays: {rule}"])

    def settle_threshold(self, probabilities: np.ndarray, frame: pd.DataFrame) -> float:
        """The `best_threshold`, finite: where no cut pays, that of the customer easiest to pay."""
        threshold = best_threshold(probabilities, frame, self)
        return float(break_even(frame, self).min()) if np.isinf(threshold) else threshold

    def check(self, frame: pd.DataFrame | None = None) -> None:
        """Look at the constants and, where there is a table, at the columns.

        Raises
        ------
        ChurnError
            Naming every term that is not finite and at least 0 (an acceptance: from 0 to 1), and
            every column that is not in the table or has a cell that is missing or no such number.
        """
        problems = [
            f"--{name.replace('_', '-')} {term}: {problem}"
            for name, term in asdict(self).items()
            if (problem := _problem(name, term, frame))
        ]
        if problems:
            raise ChurnError("The offer cannot be used:", problems)

    def payoff_terms(self, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """The two numbers of each customer that all profits are made of.

        Returns
        -------
        gain, cost : ndarray of float64, shape (n,)
            Money: calling a customer who leaves with probability p brings p * gain - cost, see
            `expected_profit`. gain = acceptance * (customer_value - offer_cost) + offer_cost, and
            cost = offer_cost + contact_cost; neither is negative.

        Raises
        ------
        ChurnError
            See `check`.
        """
        self.check(frame)
        contact, offer, acceptance, value = (
            np.broadcast_to(_numbers(term, frame), len(frame)) for term in asdict(self).values()
        )
        return acceptance * (value - offer) + offer, offer + contact

    @property
    def columns(self) -> list[str]:
        """The columns of the customer table that terms name."""
        return list(dict.fromkeys(term for term in asdict(self).values() if isinstance(term, str)))

    def unusable(self, frame: pd.DataFrame) -> list[tuple[str, str, np.ndarray]]:
        """Which cells of the columns that terms name are no such number.

        Parameters
        ----------
        frame : DataFrame, n rows
            With those columns.

        Returns
        -------
        list of (str, str, ndarray of bool, shape (n,))
            For each term that is a column: the column, what a cell must be, and where it is not.
        """
        return [
            (term, _rule(name), _unfit(name, _numbers(term, frame)))
            for name, term in asdict(self).items()
            if isinstance(term, str)
        ]

    def values(self, frame: pd.DataFrame) -> np.ndarray:
        """What each customer who stays is worth: (n,) float64, money.

        Raises
        ------
        ChurnError
            See `check`.
        """
        self.check(frame)
        return np.broadcast_to(_numbers(self.customer_value, frame), len(frame))


def _constant_or_column(value: float | str) -> float | str:
    text = str(value).strip()
    return float(text) if not isinstance(value, str) or NUMBER.fullmatch(text) else text


def _numbers(term: float | str, frame: pd.DataFrame) -> np.ndarray:
    return parse_numbers(frame[term])[0] if isinstance(term, str) else np.float64(term)


def _rule(name: str) -> str:
    return "a share from 0 to 1" if name == "acceptance" else "a number of 0 or more"


def _unfit(name: str, numbers: np.ndarray) -> np.ndarray:
    # A NaN, which every comparison denies, is a cell that is missing or no number.
    return ~((numbers >= 0) & (numbers <= 1 if name == "acceptance" else np.isfinite(numbers)))


def _problem(name: str, term: float | str, frame: pd.DataFrame | None) -> str | None:
    rule = _rule(name)
    column = isinstance(term, str)
    if column and frame is None:
        return None
    if column and term not in frame:
        return f"neither {rule} nor a column of the table"
    bad = _unfit(name, _numbers(term, frame))
    if not bad.any():
        return None
    if not column:
        return f"not {rule}"
    row = int(np.argmax(bad))
    cell = frame[term].iloc[row]
    shown = "empty" if pd.isna(cell) else repr(str(cell))
    return f"{bad.sum()} cells are not {rule}, the first in row {frame.index[row]}: {shown}"


def expected_profit(
    probabilities: np.ndarray, frame: pd.DataFrame, offer: RetentionCosts
) -> np.ndarray:
    """What calling each customer brings, on average over who leaves and who accepts.

    The profit of Neslin et al. (2006), "Defection detection", Journal of Marketing Research
    43(2), 204-211, which Verbraken et al. (2013) build on, for one customer and without the fixed
    costs of a campaign: one about to leave brings
    acceptance * (customer_value - offer_cost) - contact_cost, one who was staying
    -offer_cost - contact_cost. Weighted by p and 1 - p that is
    p * acceptance * (customer_value - offer_cost) - (1 - p) * offer_cost - contact_cost.

    Parameters
    ----------
    probabilities : ndarray of float, shape (n,)
        Calibrated: the profits are only as true as they are.
    frame : DataFrame, n rows
        The customers, with the columns that `offer` names.

    Returns
    -------
    ndarray of float64, shape (n,)
        Money per customer, compared to not calling; negative where a call does not pay.

    Raises
    ------
    ChurnError
        See `RetentionCosts.check`.
    """
    gain, cost = offer.payoff_terms(frame)
    return probabilities * gain - cost


def realised_profit(target: np.ndarray, frame: pd.DataFrame, offer: RetentionCosts) -> np.ndarray:
    """What calling each customer would have brought, on average over who accepts.

    Parameters
    ----------
    target : ndarray of int, shape (n,)
        1 for customers who left when nobody called them.

    Returns
    -------
    ndarray of float64, shape (n,)
        As `expected_profit`, of which it is the case of certainty.
    """
    return expected_profit(target.astype(np.float64), frame, offer)


def break_even(frame: pd.DataFrame, offer: RetentionCosts) -> np.ndarray:
    """The probability from which on calling a customer pays.

    Where p * gain - cost, the `expected_profit`, is 0: at
    (offer_cost + contact_cost) / (acceptance * (customer_value - offer_cost) + offer_cost).

    Returns
    -------
    ndarray of float64, shape (n,)
        From 0 to 1, or infinity where a call never pays, even if the customer surely leaves.
    """
    return _break_even(*offer.payoff_terms(frame))


def _break_even(gain: np.ndarray, cost: np.ndarray) -> np.ndarray:
    # A call that neither costs nor gains anything is not made.
    pays = (gain > 0) & (gain >= cost)
    return np.divide(cost, gain, out=np.full(len(gain), np.inf), where=pays)


def best_threshold(probabilities: np.ndarray, frame: pd.DataFrame, offer: RetentionCosts) -> float:
    """The probability from which on calling pays, so that the sum over those called is greatest.

    No outcome is looked at, so nothing is tuned on a hold-out. With one threshold for all,
    customers who differ in value are still called by risk alone; calling whoever has a positive
    `expected_profit` brings at least as much.

    Parameters
    ----------
    probabilities : ndarray of float, shape (n,)
        Calibrated; at least one.
    frame : DataFrame, n rows
    offer : RetentionCosts

    Returns
    -------
    float
        Call where `probabilities >= threshold`. Where all customers have the same `break_even`,
        as with constants, it is that; otherwise the smallest probability called, by the cut of
        the ranking with the greatest sum of expected profits. Infinity where no cut pays: nobody
        is called.

    Raises
    ------
    ChurnError
        See `RetentionCosts.check`.
    """
    gain, cost = offer.payoff_terms(frame)
    chances = _break_even(gain, cost)
    if np.all(chances == chances[0]):
        return float(chances[0])
    order = np.argsort(-probabilities, kind="stable")
    ends = _run_ends(probabilities[order])
    sums = np.cumsum((probabilities * gain - cost)[order])[ends]
    best = int(np.argmax(sums))
    return float(probabilities[order][ends[best]]) if sums[best] > 0 else np.inf


def profit_curve(
    scores: np.ndarray, profits: np.ndarray, points: int = POINTS, seed: int = 0
) -> pd.DataFrame:
    """What calling the first share of a ranking brings, beside calling as many at random.

    Customers with the same score are called in any order: the curve is the mean over the orders.

    Parameters
    ----------
    scores : ndarray of float, shape (n,)
        Whom to call first, the highest: probabilities, or expected profits.
    profits : ndarray of float, shape (n,)
        What each call brings; see `realised_profit`.

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

    def curve(weights):
        w = weights[:, order]
        called = np.pad(np.cumsum(w, axis=1)[:, ends], ((0, 0), (1, 0)))
        earned = np.pad(np.cumsum(w * ranked, axis=1)[:, ends], ((0, 0), (1, 0)))
        rows = [np.interp(sizes, *row) for row in zip(called, earned, strict=True)]
        return dict(enumerate(np.transpose(rows) / n))

    table = pd.DataFrame(list(bootstrap(curve, n, seed).values()))
    table = table.rename(columns={"value": "profit"})
    table.insert(0, "called", sizes / n)
    return table.assign(random=table["called"] * profits.mean())


def expected_maximum_profit(
    target: np.ndarray,
    scores: np.ndarray,
    alpha: float = 6,
    beta: float = 14,
    customer_value: float = 200,
    offer_cost: float = 10,
    contact_cost: float = 1,
) -> tuple[float, float]:
    """The EMP measure for customer churn of Verbraken et al. (2013), with their defaults.

    What each customer of the base brings on average if the acceptance were Beta distributed, and
    for each value of it the best threshold were known. Since it takes the best threshold of the
    sample, it ranks models rather than promises money.

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
        Whatever ranks them, the likeliest to leave highest; equal scores stay together.
    alpha, beta : float
        The acceptance's Beta distribution, both positive.
    customer_value, offer_cost, contact_cost : float
        Money, the same for all; none negative.

    Returns
    -------
    emp : float
        Money per customer of the base; at least 0.
    fraction : float
        The share of customers called, averaged over the acceptance; 0 to 1.
    """
    _, groups, sizes = np.unique(scores, return_inverse=True, return_counts=True)
    rates = np.bincount(groups, weights=target) / sizes
    rates = np.clip(isotonic_regression(rates, weights=sizes).x, 0, 1)
    saved = rates * max(customer_value - offer_cost, 0)
    spent = (1 - rates) * offer_cost + contact_cost
    pays_from = np.divide(spent, saved, out=np.ones_like(rates), where=saved > spent)
    called = betaincc(alpha, beta, pays_from)
    saved = saved * alpha / (alpha + beta) * betaincc(alpha + 1, beta, pays_from)
    share = sizes / len(target)
    return float(share @ (saved - spent * called)), float(share @ called)


@dataclass(frozen=True)
class ProfitReport:
    """What a model is worth to a campaign, on customers whose outcome is known.

    Attributes
    ----------
    threshold : float
    called : float
        Share of the customers at or above it.
    promised : float
        Money per customer of the base that the probabilities expect of calling those.
    profit, everybody, advantage : dict
        Money per customer of the base that came of it, of calling everybody, and the former less
        the better of calling everybody and nobody: value, low and high, the 95 % interval.
    emp, emp_fraction : float
        See `expected_maximum_profit`, by the published defaults whatever the offer, so that it
        compares to other studies.
    curve : DataFrame
        See `profit_curve`.
    """

    threshold: float
    called: float
    promised: float
    profit: dict
    everybody: dict
    advantage: dict
    emp: float
    emp_fraction: float
    curve: pd.DataFrame


def appraise(
    target: np.ndarray,
    probabilities: np.ndarray,
    frame: pd.DataFrame,
    offer: RetentionCosts,
    threshold: float,
    seed: int = 0,
) -> ProfitReport:
    """What calling by `probabilities` is worth.

    Parameters
    ----------
    target : ndarray of int, shape (n,)
        1 for customers who left.
    probabilities : ndarray of float, shape (n,)
    frame : DataFrame, n rows
        The same customers, with the columns that `offer` names.
    offer : RetentionCosts
    threshold : float
        Call where `probabilities >= threshold`.

    Raises
    ------
    ChurnError
        See `RetentionCosts.check`.
    """
    picked = probabilities >= threshold
    profits = realised_profit(target, frame, offer)
    # Which of the two is better is settled once: a maximum within resamples would be biased.
    rival = profits * (profits.mean() > 0)

    def money(weights):
        n = len(profits)
        return {
            "profit": weights @ (profits * picked) / n,
            "everybody": weights @ profits / n,
            "advantage": weights @ (profits * picked - rival) / n,
        }

    emp, fraction = expected_maximum_profit(target, probabilities)
    return ProfitReport(
        threshold=threshold,
        called=float(picked.mean()),
        promised=float((expected_profit(probabilities, frame, offer) * picked).mean()),
        **bootstrap(money, len(profits), seed),
        emp=emp,
        emp_fraction=fraction,
        curve=profit_curve(probabilities, profits, seed=seed),
    )


def _run_ends(ranked: np.ndarray) -> np.ndarray:
    """Ties: the last row of each run of equal values."""
    return np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
