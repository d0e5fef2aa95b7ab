"""Customers by what a call does to them: kept, lost, stays anyway, or better left alone."""

import numpy as np
import pandas as pd

KEPT, ANYWAY, LOST, ALONE = (
    "can be kept by a call", "stays anyway", "leaves anyway", "better left alone",
)  # fmt: skip
# From this probability of leaving on, a customer whom a call does not keep counts as lost.
LIKELY = 0.5


def quarters(
    chance: np.ndarray, effects: np.ndarray, benefit: np.ndarray, weights: np.ndarray
) -> pd.DataFrame:
    """How many customers are of each kind.

    In uplift modelling they are persuadables, sure things, lost causes and sleeping dogs.
    A customer is better left alone where a call is expected to make them leave, can be kept where
    it is expected to bring more than it costs, and of the others leaves or stays anyway.

    Parameters
    ----------
    chance : ndarray of float, shape (n,)
        Of leaving without a call.
    effects : ndarray of float, shape (n,)
        Of a call on staying.
    benefit : ndarray of float, shape (n,)
        Of a call, in money.
    weights : ndarray of float, shape (n,)

    Returns
    -------
    DataFrame
        A row per kind: `kind`, `share` of the customers, mean `risk` and mean `effect` in it.
    """
    kind = np.select([effects < 0, benefit > 0, chance >= LIKELY], [ALONE, KEPT, LOST], ANYWAY)
    rows = []
    for name in (KEPT, ANYWAY, LOST, ALONE):
        own = weights * (kind == name)
        total = own.sum()
        means = [float(own @ values / total) if total else float("nan")
                 for values in (chance, effects)]  # fmt: skip
        rows.append((name, float(total / weights.sum()), *means))
    return pd.DataFrame(rows, columns=["kind", "share", "risk", "effect"])
