"""Two-sample tests: whether the distribution of a column has changed, and by how much.

The p-values are scipy's. Each test also has an effect size between 0 and 1, the largest difference
of the two distributions in probability: the Kolmogorov-Smirnov statistic for numbers, the total
variation distance for categories and flags.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import chi2_contingency, fisher_exact, ks_2samp

KS, CHI_SQUARE, FISHER = "ks", "chi_square", "fisher"
METHODS = {
    KS: "Kolmogorov-Smirnov",
    CHI_SQUARE: "chi-square",
    FISHER: "Fisher's exact",
}
VALUES = "values"
# Below this expected count the chi-square distribution is a poor approximation (Cochran 1954), so
# rarer categories are merged.
MIN_EXPECTED = 5


@dataclass(frozen=True)
class TwoSampleTest:
    """One test of a column, reference against current.

    Attributes
    ----------
    column : str
    what : str
        What is compared: `values`, `missing` or `new category`.
    method : str
        One of `METHODS`.
    reference, current : Series
        Neither empty, without missing values: numbers for `ks`, categories for `chi_square`, True
        and False for `fisher`.
    """

    column: str
    what: str
    method: str
    reference: pd.Series
    current: pd.Series

    @property
    def name(self) -> str:
        """The column, followed by `what` unless that is `values`."""
        return self.column if self.what == VALUES else f"{self.column}: {self.what}"

    def run(self) -> tuple[float, float]:
        """The p-value, and the effect, 0 to 1."""
        if self.method == KS:
            found = ks_2samp(self.reference, self.current, method="asymp")
            return float(found.pvalue), float(found.statistic)
        table = self._counts()
        shares = table / table.sum(axis=1, keepdims=True)
        effect = float(np.abs(shares[0] - shares[1]).sum() / 2)
        if self.method == FISHER:
            return (float(fisher_exact(table).pvalue) if table.shape[1] == 2 else 1.0), effect
        table = _merge_rare(table)
        p = chi2_contingency(table, correction=False).pvalue if table.shape[1] > 1 else 1.0
        return float(p), effect

    def summaries(self, percent: bool = False) -> tuple[str, str]:
        """Both samples in a few words; with `percent`, the mean of numbers as a percentage."""
        samples = self.reference, self.current
        if self.method == KS:
            form = "{:.1%}".format if percent else "{:,.4g}".format
            before, now = (f"mean {form(sample.mean())}" for sample in samples)
            return before, now
        if self.method == FISHER:
            before, now = (f"{sample.mean():.1%}" for sample in samples)
            return before, now
        shares = [sample.value_counts(normalize=True) for sample in samples]
        level = shares[1].sub(shares[0], fill_value=0).abs().idxmax()
        before, now = (f"{level} {share.get(level, 0):.1%}" for share in shares)
        return before, now

    def _counts(self) -> np.ndarray:
        """How often each value occurs in both samples: (2, n) float64."""
        counted = [sample.value_counts() for sample in (self.reference, self.current)]
        return pd.concat(counted, axis=1).fillna(0).to_numpy(dtype=np.float64).T


def _merge_rare(table: np.ndarray) -> np.ndarray:
    table = table[:, table.sum(axis=0) > 0]
    rare = table.sum(axis=0) * table.sum(axis=1).min() / table.sum() < MIN_EXPECTED
    if not rare.any():
        return table
    return np.column_stack([table[:, ~rare], table[:, rare].sum(axis=1)])
