"""How much one column adds to what all others tell about the target.

Two columns may leak only together, as a balance before and one after the account was closed; and a
column with a moderate ranking may still tell what no other does.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import threadpool_limits

from churn.data.findings import FOLDS, Columns, Finding
from churn.statistics.log_odds import row_losses

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier

__all__ = ["added_information"]

# The share of the loss of all other columns that a column takes off. On five public tables the most
# is 0.15; days since a last log-in that are counted after customers left take off 0.24 and more.
MAX_ADDED = 0.2
MAX_ROWS, MAX_COLUMNS, MIN_ROWS = 6_000, 40, 200
# The columns that are left out in turn: those whose shuffling costs most.
TRIED, SHUFFLED = 2, 1_000
# Below every number: trees take missing values as the smallest.
MISSING_CODE = -1e30


def added_information(columns: Columns, names: Iterable[str]) -> Iterator[Finding]:
    """Columns that add more than a column without leakage does, one after another."""
    names = sorted(names, key=lambda name: -columns.auc_alone[name])[:MAX_COLUMNS]
    step = -(-len(columns) // MAX_ROWS)
    rows = slice(None, None, step)
    target, fold = columns.target[rows], columns.fold[rows]
    if len(target) < MIN_ROWS:
        return
    matrix = np.nan_to_num(columns.codes[names].to_numpy()[rows], nan=MISSING_CODE)
    nothing = row_losses(target, np.full(len(target), target.mean())).mean()
    # More threads than free cores take many times as long; only what is loaded can be bounded.
    import sklearn.ensemble  # noqa: F401

    with threadpool_limits(1, "openmp"):
        # All columns together must take that much off before one of them can.
        while len(names) > 1:
            loss, models = _cross_validate(matrix, target, fold)
            if loss > (1 - MAX_ADDED) * nothing:
                return
            without = {
                column: _cross_validate(np.delete(matrix, column, axis=1), target, fold)[0]
                for column in _costliest(models, matrix, target, fold)
            }
            most = max(without, key=lambda column: without[column])
            added = 1 - loss / without[most]
            if added < MAX_ADDED:
                return
            why = (
                "adds too much to all other columns: the cross-validated log loss is "
                f"{loss:.3f} nats with it and {without[most]:.3f} without it"
            )
            name = names.pop(most)
            if not columns.known_then(name):
                yield Finding(name, "adds too much", float(added), why, suspected=True)
            matrix = np.delete(matrix, most, axis=1)


def _cross_validate(
    matrix: np.ndarray, target: np.ndarray, fold: np.ndarray
) -> "tuple[float, list[HistGradientBoostingClassifier]]":
    """The out-of-fold log loss of boosting, and its model for each fold."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    losses, models = np.empty(len(target)), []
    for number in range(FOLDS):
        test = fold == number
        model = HistGradientBoostingClassifier(
            max_iter=30, learning_rate=0.2, max_leaf_nodes=12, early_stopping=False, random_state=0
        )
        models.append(model.fit(matrix[~test], target[~test]))
        losses[test] = row_losses(target[test], model.predict_proba(matrix[test])[:, 1])
    return float(losses.mean()), models


def _costliest(
    models: "list[HistGradientBoostingClassifier]",
    matrix: np.ndarray,
    target: np.ndarray,
    fold: np.ndarray,
) -> np.ndarray:
    """The columns that raise the loss of one fold most when they are shuffled."""
    rng, seen = np.random.default_rng(0), np.flatnonzero(fold == 0)[:SHUFFLED]
    rises = []
    for column in range(matrix.shape[1]):
        shuffled = matrix[seen]
        shuffled[:, column] = rng.permutation(shuffled[:, column])
        losses = row_losses(target[seen], models[0].predict_proba(shuffled)[:, 1])
        rises.append(losses.mean())
    return np.argsort(-np.array(rises), kind="stable")[:TRIED]
