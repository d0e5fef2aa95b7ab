"""Randomised experiments, and the checks before anything is learned from one."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import chi2

from churn.errors import ChurnError

# A broken experiment must not be missed, and a sound one must not be stopped: one false alarm in a
# thousand experiments for each check.
ALARM = 0.001
# The least probability of an action: beyond it, single customers decide the estimate.
MIN_PROPENSITY = 0.01
MIN_PER_ARM = 100


@dataclass(frozen=True)
class Experiment:
    """Customers of whom some were called at random, and what became of them.

    Attributes
    ----------
    features : DataFrame of n rows
        Known before the assignment: float columns, and category columns.
    action : ndarray of int, shape (n,)
        0 for no action, else the number of the action.
    outcome : ndarray of float, shape (n,)
        The more the better: money, or 1 for a customer who stayed. NaN where it is not known.
    propensity : ndarray of float, shape (n, n_actions + 1)
        The probability with which each action was drawn for each customer; rows add up to 1, and
        an action that was not possible has 0.
    names : tuple of str
        The actions' names, that of no action first.
    risk : ndarray of float, shape (n,), optional
        A ranking without effects to compare with, as the probability of leaving: the present list.
        Without it, those with the lowest outcome that is expected without an action come first.
    benefit : ndarray of float, shape (n, n_actions), optional
        In place of `risk`, what the present list expects of each action, in money; it ends where
        that is no longer positive.
    value : ndarray of float, shape (n,), optional
        Money per unit of the outcome, known before; 1 without it.
    weight : ndarray of float, shape (n,), optional
        How many customers each stands for, where some were drawn more often than others; 1 without.
    cluster : ndarray of int, shape (n,), optional
        The customer, where one may have several rows; each row is another one without it.
    offset : ndarray of float, shape (n,), optional
        The outcome that another model expects without an action; 0 without it. Learners only
        learn what is left.
    """

    features: pd.DataFrame
    action: np.ndarray
    outcome: np.ndarray
    propensity: np.ndarray
    names: tuple[str, ...]
    risk: np.ndarray | None = None
    value: np.ndarray | None = None
    weight: np.ndarray | None = None
    offset: np.ndarray | None = None
    benefit: np.ndarray | None = None
    cluster: np.ndarray | None = None

    @property
    def possible(self) -> np.ndarray:
        """Which actions could be drawn for each customer: (n, n_actions + 1) bool."""
        found: np.ndarray = self.propensity > 0
        return found

    @property
    def values(self) -> np.ndarray:
        """Money per unit of the outcome."""
        return np.ones(len(self.action)) if self.value is None else self.value

    @property
    def weights(self) -> np.ndarray:
        """The weights, with a mean of 1."""
        if self.weight is None:
            return np.ones(len(self.action))
        scaled: np.ndarray = self.weight / self.weight.mean()
        return scaled

    @property
    def offsets(self) -> np.ndarray:
        """The outcome that is expected from elsewhere."""
        return np.zeros(len(self.action)) if self.offset is None else self.offset

    @property
    def clusters(self) -> np.ndarray:
        """The customer of each row."""
        return np.arange(len(self.action)) if self.cluster is None else self.cluster

    @property
    def n_actions(self) -> int:
        """The number of actions, no action aside."""
        return len(self.names) - 1

    def rows(self, where: np.ndarray) -> "Experiment":
        """The experiment of a part of its customers."""
        optional = (
            self.risk,
            self.value,
            self.weight,
            self.offset,
            self.benefit,
            self.cluster,
        )
        return Experiment(
            self.features.iloc[np.flatnonzero(where) if where.dtype == bool else where],
            self.action[where], self.outcome[where], self.propensity[where], self.names,
            *(None if column is None else column[where] for column in optional),
        )  # fmt: skip

    def known(self) -> "Experiment":
        """The customers whose outcome is known."""
        return self.rows(np.isfinite(self.outcome))


def constant_propensity(action: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """The same probabilities for every customer.

    Parameters
    ----------
    action : ndarray of int, shape (n,)
    shares : ndarray of float, shape (n_actions + 1,)

    Returns
    -------
    ndarray of float, shape (n, n_actions + 1)
    """
    return np.broadcast_to(shares, (len(action), len(shares)))


@dataclass(frozen=True)
class Check:
    """One check of an experiment.

    Attributes
    ----------
    name : str
    passed : bool
    finding : str
        What was found, in a sentence.
    """

    name: str
    passed: bool
    finding: str


def check_experiment(experiment: Experiment) -> list[Check]:
    """The checks of an experiment: counts, assignment probabilities, balance, missing outcomes."""
    checks = [_support(experiment), sample_ratio(experiment), _survivorship(experiment)]
    return [*checks, _balance(experiment)]


def require_sound(checks: list[Check]) -> None:
    """Refuse a broken experiment.

    Raises
    ------
    ChurnError
        Naming each failed check.
    """
    failed = [f"{check.name}: {check.finding}" for check in checks if not check.passed]
    if failed:
        raise ChurnError("The experiment is broken, and nothing can be learned from it:", failed)


def _support(experiment: Experiment) -> Check:
    counts = np.bincount(experiment.known().action, minlength=len(experiment.names))
    few = [
        f"{name} {count:,}"
        for name, count in zip(experiment.names, counts, strict=True)
        if count < MIN_PER_ARM
    ]
    drawn = experiment.propensity[experiment.possible]
    least = float(drawn.min()) if len(drawn) else 0.0
    if few:
        finding = f"{', '.join(few)} customers with an outcome; {MIN_PER_ARM} are needed"
    else:
        shares = experiment.possible[:, 1:].mean(axis=0)
        part = ", ".join(
            f"; {name} was possible for {share:.1%}"
            for name, share in zip(experiment.names[1:], shares, strict=True)
            if share < 1
        )
        finding = f"every action had a probability of at least {least:.1%}{part}"
    return Check("support", not few and least >= MIN_PROPENSITY, finding)


def sample_ratio(experiment: Experiment) -> Check:
    """Sample-ratio mismatch: the counts against the sum of the probabilities (chi-squared)."""
    counts = np.bincount(experiment.action, minlength=len(experiment.names))
    difference = counts - experiment.propensity.sum(axis=0)
    # Of independent draws: the covariance is the sum of diag(p) - pp'.
    p = experiment.propensity
    covariance = np.diag(p.sum(axis=0)) - p.T @ p
    statistic = difference @ np.linalg.pinv(covariance) @ difference
    value = chi2.sf(statistic, experiment.n_actions)
    text = ", ".join(
        f"{name} {count:,} of {expected:,.0f} expected"
        for name, count, expected in zip(
            experiment.names, counts, experiment.propensity.sum(axis=0), strict=True
        )
    )
    return Check("sample ratio", bool(value >= ALARM), f"{text} (p = {value:.2g})")


def _survivorship(experiment: Experiment) -> Check:
    """Whether outcomes are missing more often after an action, see `association`."""
    missing = ~np.isfinite(experiment.outcome)
    shares = [missing[experiment.action == action] for action in range(len(experiment.names))]
    value = association(experiment, missing.astype(np.float64))[0]
    text = ", ".join(
        f"{name} {part.mean() if len(part) else 0:.1%}"
        for name, part in zip(experiment.names, shares, strict=True)
    )
    return Check("missing outcomes", value >= ALARM, f"{text} (p = {value:.2g})")


def _balance(experiment: Experiment) -> Check:
    """Whether features before the assignment differ between the actions beyond chance.

    The worst of all features and actions is judged after a Bonferroni correction.
    """
    worst, name, tests = 1.0, "", 0
    for column in experiment.features:
        for level, values in _indicators(experiment.features[column]):
            value, action, compared = association(experiment, values)
            tests += compared
            # Of several actions the smallest p-value was corrected already.
            if compared and value / compared < worst:
                worst, name = value / compared, f"{column}{level} under {experiment.names[action]}"
    corrected = min(1.0, worst * max(tests, 1))
    finding = f"least balanced is {name} (p = {corrected:.2g} of {tests} comparisons)"
    return Check("balance", corrected >= ALARM, finding)


def association(experiment: Experiment, values: np.ndarray) -> tuple[float, int, int]:
    """Whether a property of the customers is related to the action that was drawn.

    Under the stated probabilities, the sum of the centred property times (drawn - probability) has
    mean 0 and a known variance, however the probabilities differ between customers.

    Returns
    -------
    p, action, tests : float, int, int
        The smallest p-value of all actions (Bonferroni), its action, and how many were tested.
    """
    centred = values - values.mean()
    found = []
    for action in range(1, len(experiment.names)):
        p = experiment.propensity[:, action]
        scale = np.sqrt((centred**2 * p * (1 - p)).sum())
        if scale > 0:
            z = centred @ ((experiment.action == action) - p) / scale
            found.append((float(chi2.sf(z * z, 1)), action))
    if not found:
        return 1.0, 0, 0
    value, action = min(found)
    return min(1.0, value * len(found)), action, len(found)


def _indicators(column: pd.Series) -> Iterator[tuple[str, np.ndarray]]:
    """A feature as numbers: itself, whether it is missing, or one indicator per frequent level."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        for level, count in column.value_counts().head(20).items():
            if count >= MIN_PER_ARM:
                yield f" = {level}", (column == level).to_numpy(dtype=np.float64)
        return
    values = column.to_numpy(dtype=np.float64)
    known = np.isfinite(values)
    if known.any():
        yield "", np.where(known, values, values[known].mean())
    if not known.all():
        yield " missing", (~known).astype(np.float64)
