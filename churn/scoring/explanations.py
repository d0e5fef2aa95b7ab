"""Explanations of a customer's risk, and the changes that lower it, by scoring changed records."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from churn.data.contract import Contract
from churn.data.values import Record
from churn.scoring.contradictions import Contradictions
from churn.scoring.fitted import FittedScorer
from churn.scoring.operations import flag
from churn.scoring.scorer import Scorer

if TYPE_CHECKING:  # a server explains without scikit-learn
    from churn.modeling.model import ChurnModel

# The smallest decrease of the risk, in probability, that counts as a change.
MIN_CONTRIBUTION = 0.0005


@dataclass(frozen=True)
class Contribution:
    """The contribution of one feature to a customer's risk.

    Attributes
    ----------
    feature : str
    value, typical : float, str or None
        The customer's value, and a typical customer's; None where missing.
    contribution : float
        The risk less the risk with the feature's typical value, in probability.
    actionable : bool
        Whether the business can change it.
    """

    feature: str
    value: float | str | None
    typical: float | str | None
    contribution: float
    actionable: bool


@dataclass(frozen=True)
class Counterfactual:
    """Another value of a feature that the business can change, and the risk with it."""

    feature: str
    value: float | str
    probability: float


class Explainer:
    """Explains the probabilities of a scorer.

    Nothing is approximated: the scorer scores the record again with one feature at a time set to
    another value, from which derived features are recomputed. Contributions of features that
    interact do not add up to the risk.

    Parameters
    ----------
    contract : Contract
    typical : mapping of str to float or str
        A typical customer; NaN where every value is missing. See `FeatureEngineer.typical_`.
    grid : mapping of str to list of float or str
        The values to try of each feature. See `FeatureEngineer.grid_`.
    """

    def __init__(self, contract: Contract, typical: Mapping[str, Any], grid: Mapping[str, Any]):
        self.grid = grid
        self._contradictions = Contradictions(contract)
        self.typical = {name: _known(value) for name, value in typical.items()}
        self.flags = {name for name, feature in contract.features.items() if feature.kind == "flag"}
        self.actionable = {
            name: grid[name] for name, feature in contract.features.items() if feature.actionable
        }

    @classmethod
    def of_model(cls, model: "ChurnModel") -> "Explainer":
        """The explainer of a fitted model's compiled scorer."""
        return cls(model.contract, model.engineer_.typical_, model.engineer_.grid_)

    def explain(
        self, scorer: Scorer | FittedScorer, record: Record, most: int | None = None
    ) -> list[Contribution]:
        """The contribution of each feature to the risk, the largest first in absolute value.

        Parameters
        ----------
        record : mapping of str to value
            See `Scorer`.
        most : int, optional
            At most so many, and only those that add anything.
        """
        changed = [{**record, name: typical} for name, typical in self.typical.items()]
        risk, *typical_risks = _risks(scorer, [record, *changed])
        reasons = []
        for (name, typical), other in zip(self.typical.items(), typical_risks, strict=True):
            value = record.get(name)
            value = _known(flag(value) if name in self.flags else value)
            contribution = risk - other
            reasons.append(
                Contribution(name, value, typical, contribution, name in self.actionable)
            )
        reasons.sort(key=lambda reason: -abs(reason.contribution))
        if most is None:
            return reasons
        return [reason for reason in reasons if reason.contribution][:most]

    def best_change(self, scorer: Scorer | FittedScorer, record: Record) -> Counterfactual | None:
        """The single change by the business after which the risk is lowest.

        A change that makes a customer that cannot be, by the contract, is none.

        Returns
        -------
        Counterfactual or None
            None where no change lowers the risk.
        """
        changes = [(name, value) for name, values in self.actionable.items() for value in values]
        changed = [{**record, name: value} for name, value in changes]
        now, *risks = _risks(scorer, [record, *changed])
        best, lowest = None, now - MIN_CONTRIBUTION
        for (name, value), asked, risk in zip(changes, changed, risks, strict=True):
            if risk < lowest and self._contradictions.holds(asked):
                best, lowest = Counterfactual(name, value, risk), risk
        return best


def _risks(scorer: Scorer | FittedScorer, records: list[Record]) -> list[float]:
    return [risk for risk in scorer.many(records) if risk is not None]


def _known(value: Any) -> Any:
    return None if value is None or value != value else value
