"""A new model beside the champion, and beside the best champion there ever was.

A margin for each step alone lets models creep: 52 weeks of .0005 nats each are .026 in a year,
none of which a hold-out of a thousand customers can see. So the new model must not be surely worse
than the champion, and must not have lost more to the best of all champions than chance explains,
or than a margin that is bounded once for all time. `benchmarks/gate.py` has the figures.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from churn.data.contract import Contract
from churn.data.parsing import labels, parse_features
from churn.errors import ChurnError
from churn.evaluation.metrics import compare
from churn.scoring.deployment import Deployment
from churn.scoring.export.models import records
from churn.statistics.log_odds import row_losses

# Standard errors: an equal model is that far behind in 5 of 100 cases.
Z = 1.645
# Between the ends of a 95 % interval.
WIDTH = 2 * 1.96


@dataclass(frozen=True)
class ChampionComparison:
    """The champion, held against a new model on the same customers.

    Attributes
    ----------
    run : str
    difference : dict or None
        Of the log loss, the new model's less the champion's, paired: value, low, high, from a
        bootstrap over customers; None where the champion cannot say anything of them.
    problem : str
        Why it cannot.
    """

    run: str
    difference: dict | None
    problem: str = ""

    @property
    def surely_worse(self) -> bool:
        """Whether the new model is surely worse: the whole interval is above 0."""
        return self.difference is None or bool(self.difference["low"] > 0)

    def bound(self, margin: float) -> float:
        """How far behind the new model may be, see `allowed_loss`; NaN where it is not known."""
        return np.nan if self.difference is None else allowed_loss(self.difference, margin)


def allowed_loss(difference: Mapping[str, float], margin: float) -> float:
    """How far behind the best champion a model may be, in nats.

    Parameters
    ----------
    difference : mapping
        Paired, of the log loss: value, low, high.
    margin : float
        What it may lose in all time.

    Returns
    -------
    float
        The margin, or what chance explains if that is more: 1.645 standard errors of the
        difference, up to twice the margin.
    """
    by_chance = Z * (difference["high"] - difference["low"]) / WIDTH
    return min(max(margin, by_chance), 2 * margin)


def best_ever(
    champions: Sequence[Deployment], contract: Contract, rows: pd.DataFrame
) -> Deployment | None:
    """The best of all champions so far, on the same held-out customers.

    The oldest, until one after it is surely better than the best before: the one that merely looks
    best of many would be so by chance, and would hold back its equals.

    Parameters
    ----------
    champions : sequence of Deployment
        The oldest first; those that cannot be asked about these customers are passed by.
    contract : Contract
        With the target of `rows`.
    rows : DataFrame
        Held-out customers.
    """
    best, least, target = None, None, labels(rows, contract)
    for one in champions:
        theirs = _ask(one, rows)
        if isinstance(theirs, str):
            continue
        losses = row_losses(target, theirs)
        if best is None or surely_below(losses - least):
            best, least = one, losses
    return best


def hold_against(
    champion: Deployment, contract: Contract, rows: pd.DataFrame, probabilities: np.ndarray
) -> ChampionComparison:
    """Ask the champion about the customers that judged a new model.

    Whom a run holds out follows from the customers' keys and not from the run, so the champion has
    not been trained on them either, if both runs held out as many by the same key.

    Parameters
    ----------
    champion : Deployment
    contract : Contract
        With the target of `rows`.
    rows : DataFrame of n rows
        Held-out customers.
    probabilities : ndarray of float64, shape (n,)
        What the new model says of them.
    """
    theirs = _ask(champion, rows)
    if isinstance(theirs, str):
        return ChampionComparison(champion.run, None, theirs)
    _, _, differences = compare(labels(rows, contract), probabilities, {"champion": theirs})
    return ChampionComparison(champion.run, differences["champion"]["log_loss"])


def surely_below(differences: np.ndarray) -> bool:
    standard_error = differences.std(ddof=1) / np.sqrt(len(differences))
    return bool(differences.mean() + WIDTH / 2 * standard_error < 0)


def _ask(champion: Deployment, rows: pd.DataFrame) -> np.ndarray | str:
    """Its probabilities of held-out customers, or why it has none."""
    if champion.evaluated_on != "hold-out":
        return "it held nobody out, and was trained on them"
    try:
        asked = records(parse_features(rows, champion.contract))
    except ChurnError as error:
        return "; ".join(error.problems)
    return np.array([champion.scorer(record) for record in asked])
