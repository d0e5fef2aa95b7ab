"""The policy that ranks a list: by risk and an assumed acceptance, or by a learned effect."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from churn.campaign.actions import Actions
from churn.campaign.benefit import MONEY, money_columns
from churn.campaign.experiment import RISK, action_label, experiment_features
from churn.data.contract import Contract, label
from churn.errors import ChurnError
from churn.evaluation.profit import expected_profit
from churn.evaluation.retention_costs import RetentionCosts
from churn.targeting.learned import LearnedPolicy

BY_RISK, BY_EFFECT = "risk", "effect"


@dataclass(frozen=True)
class ListPolicy:
    """What a call of each customer is expected to bring, and why.

    Attributes
    ----------
    actions : Actions
    reliability : sequence of mapping
        Of the model; see `churn.campaign.benefit.probability_interval`.
    contract : Contract
    run : str
        The model's.
    learned : LearnedPolicy, optional
        Without it, the list goes by risk.
    candidate : LearnedPolicy, optional
        One that is not proven; the exploration compares it with the list.

    Raises
    ------
    ChurnError
        If one was learned from other features than the contract's, or not for each action.
    """

    actions: Actions
    reliability: Sequence[Mapping[str, float]]
    contract: Contract
    run: str
    learned: LearnedPolicy | None = None
    candidate: LearnedPolicy | None = None

    def __post_init__(self) -> None:
        for policy in filter(None, [self.learned, self.candidate]):
            if problems := self.unfit(policy):
                hint = "run EffectFlow with this model, or rank by risk: --policy risk"
                raise ChurnError(f"{policy.run} cannot rank this list:", [*problems, hint])

    def unfit(self, policy: LearnedPolicy) -> list[str]:
        """Why a learned policy cannot rank the list, in words; empty if it can."""
        ours, theirs = {*self.contract.features, RISK}, set(policy.typical)
        problems = []
        if ours != theirs:
            names = ", ".join(sorted(map(label, ours ^ theirs)))
            problems.append(
                f"it was learned by a model with other features, which differ in {names}"
            )
        unknown = [name for name in self.actions.names if action_label(name) not in policy.actions]
        if unknown:
            learned = ", ".join(policy.actions)
            problems.append(
                f"it has learned nothing about {', '.join(unknown)}, only about {learned}"
            )
        return problems

    @property
    def name(self) -> str:
        """`risk` or `effect`."""
        return BY_EFFECT if self.learned else BY_RISK

    @property
    def version(self) -> str:
        """The run that it comes from."""
        return self.learned.run if self.learned else self.run

    def benefits(self, chance: np.ndarray, customers: pd.DataFrame) -> np.ndarray:
        """The expected benefit of each action for each customer: (n, n_actions) float64, money.

        It is `-inf` where a customer may not get an action.

        Parameters
        ----------
        chance : ndarray of float64, shape (n,)
            The probability of leaving.
        customers : DataFrame of n rows
            The typed features, and the columns that costs and rules name.
        """
        may = self.actions.eligible(customers) & ~self.actions.suppressed(customers)[:, None]
        return np.where(may, self._benefits(self.learned, chance, customers), -np.inf)

    def rankings(
        self, chance: np.ndarray, customers: pd.DataFrame, benefits: np.ndarray
    ) -> np.ndarray:
        """The greatest benefit of an action by each policy that is known, that of the list first.

        Parameters
        ----------
        benefits : ndarray of float64, shape (n, n_actions)
            See `benefits`.

        Returns
        -------
        ndarray of float64, shape (n, n_policies)
        """
        others = [None] if self.learned else [self.candidate] if self.candidate else []
        found = [self._benefits(other, chance, customers) for other in others]
        may = np.isfinite(benefits)
        every = [benefits, *(np.where(may, other, -np.inf) for other in found)]
        return np.column_stack([one.max(axis=1) for one in every])

    def _benefits(
        self, learned: LearnedPolicy | None, chance: np.ndarray, customers: pd.DataFrame
    ) -> np.ndarray:
        if learned is None:
            return self.by_risk(chance, customers)
        effects = self._effects(learned, chance, customers)
        return np.column_stack(
            [
                self._money(effects[:, number], action.costs, chance, customers)
                for number, action in enumerate(self.actions)
            ]
        )

    def by_risk(self, chance: np.ndarray, customers: pd.DataFrame) -> np.ndarray:
        """The benefit of each action with its assumed acceptance: (n, n_actions) float64, money."""
        return np.column_stack(
            [expected_profit(chance, customers, action.costs) for action in self.actions]
        )

    def costs(self, chance: np.ndarray, customers: pd.DataFrame) -> np.ndarray:
        """What each action costs on average: (n, n_actions) float64, money."""
        return np.column_stack(
            [action.costs.spending(chance, customers) for action in self.actions]
        )

    def money(
        self, chance: np.ndarray, customers: pd.DataFrame, action: np.ndarray
    ) -> dict[str, np.ndarray]:
        """The columns `MONEY`, and the benefit by risk; see `list_schema`.

        Parameters
        ----------
        action : ndarray of int, shape (n,)
            The number of each customer's action.
        """
        found = {name: np.full(len(chance), np.nan) for name in (*MONEY, "benefit_by_risk")}
        for number, one in enumerate(self.actions):
            rows = np.flatnonzero(action == number)
            some, theirs = chance[rows], customers.iloc[rows]
            own = money_columns(some, theirs, one.costs, self.reliability)
            own["benefit_by_risk"] = own["net_benefit"]
            if self.learned is not None:
                effect = self.effects(some, theirs)[:, number]
                ends = (effect, *self.learned.interval(effect, action_label(one.name)))
                for name, end in zip(MONEY[1:4], ends, strict=True):
                    own[name] = self._money(end, one.costs, some, theirs)
            for name, values in own.items():
                found[name][rows] = values
        return found

    def reasons(
        self, chance: np.ndarray, customers: pd.DataFrame, action: np.ndarray
    ) -> list[str | None]:
        """Why their action helps, in words; None for all where the list goes by risk."""
        words: list[str | None] = [None] * len(customers)
        if self.learned is None:
            return words
        for number, one in enumerate(self.actions):
            rows = np.flatnonzero(action == number)
            if not len(rows):
                continue
            some, theirs = chance[rows], customers.iloc[rows]
            features = experiment_features(theirs, self.contract, some)
            effect = self.effects(some, theirs)[:, number]
            found = self.learned.reasons(
                features, 1 - some, list(self.contract.features), action_label(one.name)
            )
            for row, points, reason in zip(rows, 100 * effect, found, strict=True):
                words[row] = self._reason(
                    action_label(one.name), points, reason, customers.iloc[row]
                )
        return words

    def effects(self, chance: np.ndarray, customers: pd.DataFrame) -> np.ndarray:
        """The learned effects of each of the campaign's actions: (n, n_actions) float64."""
        assert self.learned is not None
        return self._effects(self.learned, chance, customers)

    def _effects(
        self, learned: LearnedPolicy, chance: np.ndarray, customers: pd.DataFrame
    ) -> np.ndarray:
        features = experiment_features(customers, self.contract, chance)
        places = [learned.actions.index(action_label(name)) for name in self.actions.names]
        found: np.ndarray = learned.effects(features, 1 - chance)[:, places]
        return found

    def _reason(
        self, action: str, points: float, reason: tuple[str, float] | None, row: pd.Series
    ) -> str:
        assert self.learned is not None
        what = repr(action) if self.actions.named else "a call"
        words = (
            f"{what} keeps {points:.1f} in 100 like them ({100 * self.learned.means[action]:.1f} "
            "of all customers)"
        )
        if reason is None:
            return words
        name, raised = reason
        value = row[name]
        text = self.contract.features[name].say(None if pd.isna(value) else value)
        return f"{words}, most for {label(name)}: {text} ({100 * raised:+.1f})"

    def _money(
        self, effect: np.ndarray, costs: RetentionCosts, chance: np.ndarray,
        customers: pd.DataFrame,
    ) -> np.ndarray:  # fmt: skip
        spent = costs.spending(chance, customers)
        benefit: np.ndarray = effect * costs.values(customers) - spent
        return benefit

    def __str__(self) -> str:
        if self.learned is None:
            return "The list goes by risk, with the assumed acceptance."
        what = "an action" if self.actions.named else "a call"
        return (
            f"The list goes by the effect of {what} that {self.learned.run} has learned from the "
            f"campaign {self.learned.campaign!r}, not by risk."
        )
