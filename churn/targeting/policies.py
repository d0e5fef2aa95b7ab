"""Policies: who gets which action with a budget, and what each policy would have earned.

The value of a policy is the mean doubly robust score of the actions it takes, less their costs,
over that of no action at all. Policies are compared on the same customers, so their difference has
an interval of its own, and those of all comparisons hold together (simultaneous intervals).
"""

from dataclasses import dataclass

import numpy as np

from churn.statistics.intervals import Z
from churn.statistics.weighting import effective_rows
from churn.targeting.effects import Effects
from churn.targeting.experiment import Experiment

NOBODY, EVERYBODY, RANDOM, RISK = "nobody", "everybody", "random", "risk"
# How many standard errors a gain must be above zero to be proven: one-sided 95 %, for one look that
# was planned, and for twelve at equal steps of information (Pocock 1977), as once a month for a
# year, of which one is above it by chance in 5 % of the years without a gain.
ONE_LOOK, A_YEAR = 1.644854, 2.302755
# For the number of customers with which a true difference would be proven in 80 % of experiments.
Z_POWER = 0.841621
DRAWS = 1_000


@dataclass(frozen=True)
class PolicyValue:
    """What a policy would have earned per customer of the base, over calling nobody.

    Attributes
    ----------
    policy : str
    budget : float
        The largest share of customers that gets an action.
    treated : float
        The share that does.
    value, se : float
        Money, or whatever the outcome is, per customer, and its standard error.
    gain, gain_se : float
        The same, less the value of `risk` with that budget.
    low, high : float
        The simultaneous 95 % interval of `gain`.
    differs : float
        The share of customers who get something else than by `risk`.
    proof : float
        How many standard errors `gain` must be above zero to be proven.
    effective : float
        How many rows of equal weight would tell as much about these as those of the experiment do.
    """

    policy: str
    budget: float
    treated: float
    value: float
    se: float
    gain: float
    gain_se: float
    low: float
    high: float
    differs: float = 0.0
    effective: float = 0.0
    proof: float = ONE_LOOK

    @property
    def is_proven(self) -> bool:
        """Whether the gain over risk is above zero by its one-sided 95 % bound."""
        return self.gain > self.proof * self.gain_se > 0

    @property
    def is_worse(self) -> bool:
        """Whether it brings less than risk, by the same bound."""
        return self.gain < -self.proof * self.gain_se < 0

    def customers_needed(self, n: int) -> int | None:
        """How many customers would prove a gain of this size in 80 % of experiments.

        Parameters
        ----------
        n : int
            The customers of this experiment.

        Returns
        -------
        int or None
            None if the estimated gain is not positive.
        """
        if self.gain <= 0:
            return None
        return int(np.ceil(n * ((self.proof + Z_POWER) * self.gain_se / self.gain) ** 2))


def assign(
    benefit: np.ndarray, budget: float, weights: np.ndarray | None = None,
    capacities: np.ndarray | None = None,
) -> np.ndarray:  # fmt: skip
    """The actions of a policy.

    Parameters
    ----------
    benefit : ndarray of float, shape (n, n_actions)
        The expected benefit of each action for each customer, less its cost; `-inf` where an action
        is not possible.
    budget : float
        The largest share of customers that may get one.
    weights : ndarray of float, shape (n,), optional
        How many customers each stands for.
    capacities : ndarray of float, shape (n_actions,), optional
        The largest share of customers that may get each action.

    Returns
    -------
    ndarray of int, shape (n,)
        The best action of the customers with the greatest benefit, while it is positive; else 0.
        Who comes too late for an action has the best of the others.
    """
    limits = np.ones(benefit.shape[1]) if capacities is None else np.asarray(capacities)
    while True:
        best = benefit.argmax(axis=1)
        gains = benefit[np.arange(len(benefit)), best]
        order = _first(gains, budget, weights)
        chosen = order[gains[order] > 0]
        late = [
            (number, mine[len(_within(mine, limit, len(benefit), weights)) :])
            for number, limit in enumerate(limits)
            if limit < budget and len(mine := chosen[best[chosen] == number])
        ]
        late = [(number, some) for number, some in late if len(some)]
        if not late:
            break
        # Nobody else gets an action that is used up, and those who have it keep it.
        benefit = benefit.copy()
        for number, _ in late:
            mine = chosen[best[chosen] == number]
            kept = _within(mine, limits[number], len(benefit), weights)
            others = np.ones(len(benefit), dtype=bool)
            others[kept] = False
            benefit[others, number] = -np.inf
    actions = np.zeros(len(benefit), dtype=np.int64)
    actions[chosen] = best[chosen] + 1
    return actions


def _within(ordered: np.ndarray, share: float, n: int, weights: np.ndarray | None) -> np.ndarray:
    """The first of some customers, up to a share of all."""
    if weights is None:
        return ordered[: int(share * n)]
    found: np.ndarray = ordered[np.cumsum(weights[ordered]) <= share * weights.sum() * (1 + 1e-12)]
    return found


def _first(rank: np.ndarray, budget: float, weights: np.ndarray | None) -> np.ndarray:
    """The customers that come first by a ranking, up to a share of all."""
    return _within(np.argsort(-rank, kind="stable"), budget, len(rank), weights)


def compare_policies(
    experiment: Experiment,
    effects: Effects,
    costs: np.ndarray,
    budgets: tuple[float, ...] = (0.05, 0.1, 0.2, 0.3, 0.5, 1.0),
    seed: int = 0,
    capacities: np.ndarray | None = None,
    proof: float = ONE_LOOK,
) -> list[PolicyValue]:
    """Value each policy at each budget.

    Parameters
    ----------
    experiment : Experiment
        With known outcomes.
    effects : Effects
        Of these customers, out of fold.
    costs : ndarray of float, shape (n_actions,) or (n, n_actions)
        Of each action, in money.
    budgets : tuple of float
    seed : int
        Of the random policy, and of the simultaneous intervals.
    capacities : ndarray of float, shape (n_actions,), optional
        See `assign`.
    proof : float
        See `PolicyValue`.

    Returns
    -------
    list of PolicyValue
        By budget, then by policy.
    """
    n, weights = len(experiment.action), experiment.weights
    rng = np.random.default_rng(seed)
    costs = np.broadcast_to(costs, (n, experiment.n_actions))
    # The money that each action brings over none, unbiased for each customer but very noisy.
    money = (effects.scores[:, 1:] - effects.scores[:, :1]) * experiment.values[:, None] - costs
    money = np.column_stack([np.zeros(n), money])
    possible = experiment.possible[:, 1:]
    usual = _usual(money[:, 1:], weights, possible)
    ranks = {EVERYBODY: np.ones(n), RANDOM: rng.random(n)}
    if experiment.benefit is None:
        ranks[RISK] = experiment.risk if experiment.risk is not None else -effects.outcomes[:, 0]
    benefits = {
        name: np.where(possible, found * experiment.values[:, None] - costs, -np.inf)
        for name, found in effects.effects.items()
    }
    if experiment.benefit is not None:
        benefits[RISK] = np.where(possible, experiment.benefit, -np.inf)
    earned, kept = {}, []
    for budget in budgets:
        for policy in (NOBODY, EVERYBODY, RANDOM, RISK, *effects.effects):
            if policy == NOBODY:
                actions = np.zeros(n, dtype=np.int64)
            elif policy == EVERYBODY:
                actions = usual
            elif policy in benefits:
                actions = assign(benefits[policy], budget, weights, capacities)
            else:
                actions = _usual_of_first(ranks[policy], usual, budget, weights, capacities)
            earned[policy, budget] = weights * money[np.arange(n), actions]
            kept.append((policy, budget, actions))
    by_risk = {budget: actions for policy, budget, actions in kept if policy == RISK}
    values = np.column_stack([earned[p, b] for p, b, _ in kept])
    gains = np.column_stack([earned[p, b] - earned[RISK, b] for p, b, _ in kept])
    value_se = _errors(values, experiment.clusters)[1]
    parts, gain_se = _errors(gains, experiment.clusters)
    critical = _critical(parts, gain_se, rng)
    found = []
    for place, (policy, budget, actions) in enumerate(kept):
        gain, se = float(gains[:, place].mean()), float(gain_se[place])
        other = weights * (actions != by_risk[budget])
        found.append(
            PolicyValue(
                policy, budget, float(weights @ (actions > 0) / n),
                float(values[:, place].mean()), float(value_se[place]), gain, se,
                gain - critical * se, gain + critical * se, float(other.mean()),
                effective_rows(other) if other.any() else 0.0, proof,
            )
        )  # fmt: skip
    return found


def _errors(values: np.ndarray, clusters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The deviations of each customer from the mean, and the standard errors of the means.

    A customer may have several rows, whose deviations count together (Liang and Zeger 1986).

    Parameters
    ----------
    values : ndarray of float, shape (n, k)
    clusters : ndarray of int, shape (n,)

    Returns
    -------
    deviations : ndarray of float, shape (n_clusters, k)
    errors : ndarray of float, shape (k,)
    """
    _, number = np.unique(clusters, return_inverse=True)
    centred = values - values.mean(axis=0)
    sums = np.column_stack([np.bincount(number, column) for column in centred.T])
    m = len(sums)
    return sums, np.sqrt((sums**2).sum(axis=0) * m / max(m - 1, 1)) / len(values)


def _usual(money: np.ndarray, weights: np.ndarray, possible: np.ndarray) -> np.ndarray:
    """What a policy without effects does: the possible action that is best on average."""
    own = weights[:, None] * possible
    means = (own * money).sum(axis=0) / np.maximum(own.sum(axis=0), 1e-300)
    best = np.where(possible, means, -np.inf).argmax(axis=1) + 1
    found: np.ndarray = np.where(possible.any(axis=1), best, 0)
    return found


def _usual_of_first(
    rank: np.ndarray, usual: np.ndarray, budget: float, weights: np.ndarray,
    capacities: np.ndarray | None,
) -> np.ndarray:  # fmt: skip
    """The usual action of the customers that come first by a ranking."""
    rank = np.where(usual > 0, rank, -np.inf)
    first = _first(rank, budget, weights)
    first = first[np.isfinite(rank[first])]
    actions = np.zeros(len(rank), dtype=np.int64)
    for number, limit in enumerate(() if capacities is None else capacities, start=1):
        mine = first[usual[first] == number]
        late = mine[len(_within(mine, limit, len(rank), weights)) :]
        first = first[~np.isin(first, late)]
    actions[first] = usual[first]
    return actions


def decide_policy(values: list[PolicyValue], budget: float) -> PolicyValue:
    """The policy to use at a budget: the hybrid if its gain over risk is proven, else risk."""
    at = {value.policy: value for value in values if value.budget == budget}
    return at["hybrid"] if at["hybrid"].is_proven else at[RISK]


def _critical(gains: np.ndarray, se: np.ndarray, rng: np.random.Generator) -> float:
    """The quantile of the greatest |t| of all comparisons, by a multiplier bootstrap.

    Chernozhukov, Chetverikov and Kato (2013), with Gaussian multipliers; the draws come from the
    correlation of the comparisons, which has the same distribution.
    """
    varying = se > 0
    if not varying.any():
        return Z
    correlation = np.corrcoef(gains[:, varying], rowvar=False).reshape(varying.sum(), -1)
    values, vectors = np.linalg.eigh(correlation)
    root = vectors * np.sqrt(np.maximum(values, 0))
    draws = rng.standard_normal((DRAWS, len(values))) @ root.T
    return float(np.quantile(np.abs(draws).max(axis=1), 0.95))
