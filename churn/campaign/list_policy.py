"""The policy that ranks a list: by risk and an assumed acceptance, or by a learned effect."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from churn.campaign.benefit import MONEY, money_columns
from churn.campaign.experiment import RISK, experiment_features
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
    offer : RetentionCosts
    reliability : sequence of mapping
        Of the model; see `churn.campaign.benefit.probability_interval`.
    contract : Contract
    run : str
        The model's.
    learned : LearnedPolicy, optional
        Without it, the list goes by risk.

    Raises
    ------
    ChurnError
        If it was learned from other features than the contract's.
    """

    offer: RetentionCosts
    reliability: Sequence[Mapping[str, float]]
    contract: Contract
    run: str
    learned: LearnedPolicy | None = None

    def __post_init__(self) -> None:
        if self.learned is None:
            return
        ours, theirs = {*self.contract.features, RISK}, set(self.learned.typical)
        if ours != theirs:
            names = ", ".join(sorted(map(label, ours ^ theirs)))
            problem = f"it was learned by a model with other features, which differ in {names}"
            hint = "run EffectFlow with this model, or rank by risk: --policy risk"
            raise ChurnError(f"{self.learned.run} cannot rank this list:", [problem, hint])

    @property
    def name(self) -> str:
        """`risk` or `effect`."""
        return BY_EFFECT if self.learned else BY_RISK

    @property
    def version(self) -> str:
        """The run that it comes from."""
        return self.learned.run if self.learned else self.run

    def benefit(self, chance: np.ndarray, customers: pd.DataFrame) -> np.ndarray:
        """The expected benefit of calling each customer: (n,) float64, money.

        Parameters
        ----------
        chance : ndarray of float64, shape (n,)
            The probability of leaving.
        customers : DataFrame of n rows
            The typed features, and the columns that the costs name.
        """
        if self.learned is None:
            return expected_profit(chance, customers, self.offer)
        features = experiment_features(customers, self.contract, chance)
        effect = self.learned.effects(features, 1 - chance)
        return self._money(effect, chance, customers)

    def money(self, chance: np.ndarray, customers: pd.DataFrame) -> dict[str, np.ndarray]:
        """The columns `MONEY`, and the benefit by risk; see `list_schema`."""
        by_risk = money_columns(chance, customers, self.offer, self.reliability)
        found = by_risk | {"benefit_by_risk": by_risk["net_benefit"]}
        if self.learned is not None and len(customers):
            features = experiment_features(customers, self.contract, chance)
            effect = self.learned.effects(features, 1 - chance)
            ends = (effect, *self.learned.interval(effect))
            for name, end in zip(MONEY[1:4], ends, strict=True):
                found[name] = self._money(end, chance, customers)
        return found

    def reasons(self, chance: np.ndarray, customers: pd.DataFrame) -> list[str | None]:
        """Why a call helps, in words; None for all where the list goes by risk."""
        if self.learned is None or not len(customers):
            return [None] * len(customers)
        features = experiment_features(customers, self.contract, chance)
        names = list(self.contract.features)
        effect = self.learned.effects(features, 1 - chance)
        found = self.learned.reasons(features, 1 - chance, names)
        return [
            self._reason(points, reason, customers.iloc[row])
            for row, (points, reason) in enumerate(zip(100 * effect, found, strict=True))
        ]

    def _reason(self, points: float, reason: tuple[str, float] | None, row: pd.Series) -> str:
        assert self.learned is not None
        words = (
            f"a call keeps {points:.1f} in 100 like them ({100 * self.learned.mean:.1f} of all "
            "customers)"
        )
        if reason is None:
            return words
        name, raised = reason
        value = row[name]
        said = self.contract.features[name].say(None if pd.isna(value) else value)
        return f"{words}, most for {label(name)}: {said} ({100 * raised:+.1f})"

    def _money(self, effect: np.ndarray, chance: np.ndarray, customers: pd.DataFrame) -> np.ndarray:
        spent = self.offer.spending(chance, customers)
        benefit: np.ndarray = effect * self.offer.values(customers) - spent
        return benefit

    def __str__(self) -> str:
        if self.learned is None:
            return "The list goes by risk, with the assumed acceptance."
        return (
            f"The list goes by the effect of a call that {self.learned.run} has learned from the "
            f"campaign {self.learned.campaign!r}, not by risk."
        )
