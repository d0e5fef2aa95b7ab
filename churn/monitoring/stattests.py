"""The statistical tests that drift is looked for with: Evidently's, by name.

Of Evidently's own tests only Kolmogorov's and Smirnov's is one of two samples of any sizes: its
`chisquare` takes the reference's shares as known for certain, which makes false alarms, and its
`fisher_exact` and `g_test` want samples of one size. So two more are added to its register.
"""

import os
import warnings
from functools import cache

import numpy as np
import pandas as pd
from scipy.stats import chi2_contingency, fisher_exact

KS = "ks"
CHISQUARE = "chisquare_two_samples"
FISHER = "fisher_two_samples"
METHODS = {
    KS: "Kolmogorov–Smirnov",
    CHISQUARE: "chi-square of two samples",
    FISHER: "Fisher's exact",
}
# Below such an expected count the chi-square distribution is no good approximation.
LEAST_EXPECTED = 5


def p_value(method: str, reference: pd.Series, current: pd.Series) -> float:
    """The p-value of one test, by Evidently.

    Parameters
    ----------
    method : str
        One of `METHODS`.
    reference, current : Series
        Without missing values, neither empty: numbers for `ks`; categories for the others, which
        for `fisher_two_samples` are True and False.
    """
    test, kind = registered()[method]
    found = test(reference_data=reference, current_data=current, feature_type=kind, threshold=None)
    return float(found.drift_score)


@cache
def registered() -> dict:
    """Evidently's tests and the kinds of columns they take, by name, ours among them."""
    os.environ["DO_NOT_TRACK"] = "1"  # Evidently reports its use otherwise
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about what its own imports are called by now
        # Here, not above: it takes four seconds and 300 MB.
        from evidently.legacy.calculations.stattests import registry
        from evidently.legacy.core import ColumnType

    kinds = {KS: ColumnType.Numerical, CHISQUARE: ColumnType.Categorical}
    kinds[FISHER] = ColumnType.Categorical
    for name, function in ((CHISQUARE, _chisquare), (FISHER, _fisher)):
        test = registry.StatTest(name, METHODS[name], [kinds[name]])
        registry.register_stattest(test, function)
    return {
        name: (registry.get_registered_stattest(name, kinds[name]), kinds[name]) for name in kinds
    }


def counts(reference: pd.Series, current: pd.Series) -> np.ndarray:
    """How often each value is there in both: (2, n) float64."""
    both = pd.concat([reference.value_counts(), current.value_counts()], axis=1)
    return both.fillna(0).to_numpy(dtype=np.float64).T


def _chisquare(reference, current, _kind, threshold) -> tuple[float, bool]:
    table = counts(reference, current)
    table = table[:, table.sum(axis=0) > 0]
    expected = table.sum(axis=0) * table.sum(axis=1).min() / table.sum()
    rare = expected < LEAST_EXPECTED
    if rare.any():
        table = np.column_stack([table[:, ~rare], table[:, rare].sum(axis=1)])
    p = chi2_contingency(table, correction=False).pvalue if table.shape[1] > 1 else 1.0
    return p, p < threshold


def _fisher(reference, current, _kind, threshold) -> tuple[float, bool]:
    hits = [column.astype(bool).sum() for column in (reference, current)]
    sizes = [len(reference), len(current)]
    p = fisher_exact([[hit, size - hit] for hit, size in zip(hits, sizes, strict=True)]).pvalue
    return p, p < threshold
