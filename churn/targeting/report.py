"""What an experiment shows, in lines of text."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from churn.statistics.intervals import Z
from churn.statistics.weighting import effective_rows, mean_and_error
from churn.targeting.effects import Effects, cross_fit
from churn.targeting.experiment import Check, Experiment, check_experiment, require_sound
from churn.targeting.policies import ONE_LOOK, RISK, PolicyValue, compare_policies, decide_policy
from churn.targeting.uplift import Ranking, group_effects, ranking


@dataclass(frozen=True)
class EffectReport:
    """What an experiment shows.

    Attributes
    ----------
    customers : int
        Rows with a known outcome.
    effective : float
        How many customers of equal weight would tell as much as those who stand for all.
    checks : list of Check
    mean_effects : list of (str, float, float)
        Of each action: its mean effect on all customers who might get it, and the standard error.
    mean_money : list of (str, float, float)
        The same in money, less what the action costs; none where the customers' value is not known.
    rankings : dict of str to (Ranking, Ranking)
        By action, AUTOC and Qini of the hybrid's effects.
    groups : dict of str to DataFrame
        By action, see `churn.targeting.uplift.group_effects`.
    values : list of PolicyValue
    budget : float
    has_risk : bool
        Whether `risk` is the experiment's own ranking.
    chosen : PolicyValue
        The policy to use with that budget.
    """

    customers: int
    effective: float
    checks: list[Check]
    mean_effects: list[tuple[str, float, float]]
    mean_money: list[tuple[str, float, float]]
    rankings: dict[str, tuple[Ranking, Ranking]]
    groups: dict[str, pd.DataFrame]
    values: list[PolicyValue]
    budget: float
    has_risk: bool
    chosen: PolicyValue


def evaluate_experiment(
    experiment: Experiment, costs: np.ndarray, budget: float, seed: int = 0
) -> EffectReport:
    """Check an experiment, learn effects from it out of fold, and compare policies.

    Parameters
    ----------
    experiment : Experiment
    costs : ndarray of float, shape (n_actions,) or (n, n_actions)
        Of each action, in money; of every customer of the experiment.
    budget : float
        The largest share of customers that may get an action.
    seed : int

    Raises
    ------
    ChurnError
        If the experiment is broken.
    """
    checks = check_experiment(experiment)
    require_sound(checks)
    costs = np.broadcast_to(costs, (len(experiment.action), experiment.n_actions))
    known, costs = experiment.known(), costs[np.isfinite(experiment.outcome)]
    return judge(known, cross_fit(known, seed), checks, costs, budget, seed)


def judge(
    known: Experiment, effects: Effects, checks: list[Check], costs: np.ndarray, budget: float,
    seed: int = 0, capacities: np.ndarray | None = None, proof: float = ONE_LOOK,
) -> EffectReport:  # fmt: skip
    """Compare policies by effects that were predicted out of fold.

    Parameters
    ----------
    known : Experiment
        The customers with a known outcome.
    effects : Effects
        Of these.
    checks : list of Check
    costs : ndarray of float, shape (n_actions,) or (n, n_actions)
        Of these.
    budget, seed
        See `evaluate_experiment`.
    capacities : ndarray of float, shape (n_actions,), optional
        The largest share of customers that may get each action.
    proof : float
        See `churn.targeting.policies.PolicyValue`.
    """
    costs = np.broadcast_to(costs, (len(known.action), known.n_actions))
    values = compare_policies(known, effects, costs, (budget,), seed, capacities, proof)
    rankings, groups, means, money = {}, {}, [], []
    for number, name in enumerate(known.names[1:]):
        # Where an action was not possible nothing shows its effect.
        at = known.possible[:, number + 1]
        weights = known.weights[at] / known.weights[at].mean()
        differences = (effects.scores[:, number + 1] - effects.scores[:, 0])[at]
        predicted = effects.effects["hybrid"][at, number]
        means.append((name, *_mean(differences, weights)))
        if known.value is not None:
            net = differences * known.value[at] - costs[at, number]
            money.append((name, *_mean(net, weights)))
        rankings[name] = (
            ranking(predicted, differences, "autoc", seed, weights),
            ranking(predicted, differences, "qini", seed, weights),
        )
        groups[name] = group_effects(predicted, differences, weights=weights)
    return EffectReport(
        customers=len(known.action),
        effective=effective_rows(known.weights),
        checks=checks,
        mean_effects=means,
        mean_money=money,
        rankings=rankings,
        groups=groups,
        values=values,
        budget=budget,
        has_risk=known.risk is not None or known.benefit is not None,
        chosen=decide_policy(values, budget),
    )


def _mean(values: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    """A weighted mean, and its standard error."""
    return mean_and_error(values, weights)


def lines(report: EffectReport) -> Iterator[str]:
    """The report as text."""
    yield f"{report.customers:,} customers with a known outcome. The experiment is sound:"
    for check in report.checks:
        yield f"  {check.name}: {check.finding}"
    yield "Mean effect on all customers (95 % interval):"
    for name, mean, se in report.mean_effects:
        yield f"  {name}: {mean:+.4g} ({mean - Z * se:+.4g} to {mean + Z * se:+.4g})"
    if report.mean_money:
        yield "Mean money that an action brings, less its cost, per customer (95 % interval):"
    for name, mean, se in report.mean_money:
        yield f"  {name}: {mean:+.4g} ({mean - Z * se:+.4g} to {mean + Z * se:+.4g})"
    yield "Mean effect by predicted effect, a fifth of the customers each:"
    for name, table in report.groups.items():
        cells = ", ".join(
            f"{row.observed:+.4g} (predicted {row.predicted:+.4g})" for row in table.itertuples()
        )
        autoc, qini = report.rankings[name]
        yield f"  {name}: {cells}"
        yield (
            f"  {name}: AUTOC {autoc.value:.4g} ({autoc.low:.4g} to {autoc.high:.4g}), "
            f"Qini {qini.value:.4g} ({qini.low:.4g} to {qini.high:.4g}); 0 is a random order"
        )
    yield (
        f"Policies that may act on {report.budget:.0%} of the customers, per customer of the base, "
        "over no action (gain over risk with simultaneous 95 % intervals):"
    )
    for value in report.values:
        yield (
            f"  {value.policy}: {value.value:+.4g} acting on {value.treated:.1%}, gain "
            f"{value.gain:+.4g} ({value.low:+.4g} to {value.high:+.4g})"
        )
    yield information_text(report)
    if not report.has_risk:
        yield "  risk: without --risk, the lowest outcome expected without an action comes first"
    yield decision_text(report)


def information_text(report: EffectReport) -> str:
    """How much the experiment tells, where some customers stand for many, in two sentences."""
    learned = next(value for value in report.values if value.policy == "hybrid")
    n, of_all, of_these = report.customers, report.effective, learned.effective
    return (
        f"The {n:,} rows tell as much about all customers as {of_all:,.0f} of equal weight. The "
        f"learned policy treats {learned.differs:.1%} of the customers differently from risk; of "
        f"these they tell as much as {of_these:,.0f} of equal weight."
    )


def decision_text(report: EffectReport) -> str:
    """Whether the learned policy is to be used, and what a proof would need, in a sentence."""
    learned = next(value for value in report.values if value.policy == "hybrid")
    looks = "" if learned.proof == ONE_LOOK else " that holds for twelve looks, one a month"
    if report.chosen.policy != RISK:
        return (
            "Use the learned policy: its gain over risk is above zero by a one-sided 95 % bound"
            f"{looks}."
        )
    needed = learned.customers_needed(report.customers)
    more = (
        f"about {max(needed - report.customers, 0):,} more customers in an experiment like this "
        "would prove a gain of this size"
        if needed is not None
        else "the estimated gain is not positive"
    )
    return f"A gain of the learned policy over risk is not proven: do not use it; {more}."
