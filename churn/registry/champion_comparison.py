"""A new model compared with the champion, and with the best of all champions.

A margin for each promotion alone lets losses accumulate: 52 weeks of .0005 nats each are .026 in a
year, none of which a hold-out of a thousand customers can detect. So the new model must not be
significantly worse than the champion, and its loss must not exceed that of the best of all
champions by more than chance explains, or than a fixed total margin. Where few customers are held
out, the training rows that both runs predicted out of fold are compared too, see `out_of_fold`.
`benchmarks/gate.py` has the figures.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from churn.data.contract import Contract
from churn.data.parsing import labels, parse_features
from churn.errors import ChurnError
from churn.evaluation.metrics import compare
from churn.registry.out_of_fold import Pairs
from churn.scoring.deployment import Deployment
from churn.scoring.export.models import records
from churn.statistics.log_odds import row_losses
from churn.statistics.weighting import mean_and_error

# With fewer held-out customers, rows that both runs predicted out of fold are compared too.
FEW_HELD_OUT = 5_000
# In standard errors: the difference of an equal model exceeds this in 5 % of the cases.
Z = 1.645
# The width of a 95 % interval, in standard errors.
WIDTH = 2 * 1.96


@dataclass(frozen=True)
class ChampionComparison:
    """The champion compared with a new model on the same customers.

    Attributes
    ----------
    run : str
    difference : dict or None
        Of the log loss, the new model's less the champion's, paired: value, low, high, from a
        bootstrap over customers; None where the champion cannot be evaluated on them.
    problem : str
        Why the champion cannot be evaluated.
    held_out, out_of_fold : int
        The number of held-out customers, and of training rows that both predicted out of fold.
    """

    run: str
    difference: dict[str, float] | None
    problem: str = ""
    held_out: int = 0
    out_of_fold: int = 0

    @property
    def rows(self) -> str:
        """What it is computed on, in words."""
        more = f" and {self.out_of_fold:,} out of fold" if self.out_of_fold else ""
        return f"{self.held_out:,} held-out customers{more}"

    @property
    def surely_worse(self) -> bool:
        """Whether the new model is significantly worse: the whole interval is above 0."""
        return self.difference is None or bool(self.difference["low"] > 0)

    def bound(self, margin: float) -> float:
        """How far behind the new model may be, see `allowed_loss`; NaN without a difference."""
        return np.nan if self.difference is None else allowed_loss(self.difference, margin)


def allowed_loss(difference: Mapping[str, float], margin: float) -> float:
    """How far behind the best champion a model may be, in nats.

    Parameters
    ----------
    difference : mapping
        Paired, of the log loss: value, low, high.
    margin : float
        The total margin over all promotions.

    Returns
    -------
    float
        What chance explains, 1.645 standard errors of the difference, and at most the margin.
    """
    by_chance = Z * (difference["high"] - difference["low"]) / WIDTH
    return min(by_chance, margin)


def best_ever(
    champions: Sequence[Deployment],
    contract: Contract,
    rows: pd.DataFrame,
    weights: np.ndarray | None = None,
) -> Deployment | None:
    """The best of all champions so far, on the same held-out customers.

    It is the oldest champion until a later one is significantly better than the best before. The
    one with the lowest loss of many would be selected by chance, and would block its equals.

    Parameters
    ----------
    champions : sequence of Deployment
        The oldest first; those that cannot be evaluated on these customers are skipped.
    contract : Contract
        With the target of `rows`.
    rows : DataFrame of n rows
        Held-out customers.
    weights : ndarray of float64, shape (n,), optional
        How many customers each row stands for.
    """
    best, best_losses, target = None, None, labels(rows, contract)
    for one in champions:
        theirs = _ask(one, rows)
        if isinstance(theirs, str):
            continue
        losses = row_losses(target, theirs)
        if best is None or surely_below(losses - best_losses, weights):
            best, best_losses = one, losses
    return best


def hold_against(
    champion: Deployment,
    contract: Contract,
    rows: pd.DataFrame,
    probabilities: np.ndarray,
    pairs: Pairs | None = None,
    weights: np.ndarray | None = None,
) -> ChampionComparison:
    """Evaluate the champion on the customers that a new model is evaluated on.

    The hold-out depends on the customers' keys and not on the run, so the champion is not trained
    on these customers either, if both runs have the same key and hold-out share.

    Parameters
    ----------
    champion : Deployment
    contract : Contract
        With the target of `rows`.
    rows : DataFrame of n rows
        Held-out customers.
    probabilities : ndarray of float64, shape (n,)
        The new model's predictions for them.
    pairs : Pairs, optional
        Training rows that both runs predicted out of fold, which are added where few customers are
        held out.
    weights : ndarray of float64, shape (n,), optional
        How many customers each held-out row stands for.
    """
    if labels(rows, contract).sum() in (0, len(rows)):
        few = f"of the {len(rows):,} customers whom both held out, none left or none stayed"
        return ChampionComparison(champion.run, None, few)
    theirs = _ask(champion, rows)
    if isinstance(theirs, str):
        return ChampionComparison(champion.run, None, theirs)
    target, added = labels(rows, contract), 0
    if pairs is not None and len(rows) < FEW_HELD_OUT:
        if weights is not None or pairs.weights is not None:
            both = ((weights, len(rows)), (pairs.weights, len(pairs.target)))
            weights = np.concatenate([np.ones(n) if w is None else w for w, n in both])
        target = np.concatenate([target, pairs.target])
        probabilities = np.concatenate([probabilities, pairs.ours])
        theirs, added = np.concatenate([theirs, pairs.theirs]), len(pairs.target)
    _, _, differences = compare(target, probabilities, {"champion": theirs}, weights=weights)
    difference = differences["champion"]["log_loss"]
    return ChampionComparison(champion.run, difference, held_out=len(rows), out_of_fold=added)


def surely_below(differences: np.ndarray, weights: np.ndarray | None = None) -> bool:
    mean, standard_error = mean_and_error(differences, weights)
    return bool(mean + WIDTH / 2 * standard_error < 0)


def _ask(champion: Deployment, rows: pd.DataFrame) -> np.ndarray | str:
    """The champion's probabilities for held-out customers, or why there are none."""
    if champion.evaluated_on != "hold-out":
        return "it held nobody out, and was trained on them"
    try:
        asked = records(parse_features(rows, champion.contract))
    except ChurnError as error:
        return "; ".join(error.problems)
    return np.array(champion.scorer.many(asked))
