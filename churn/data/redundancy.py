"""Columns without information of their own: constants, ids, copies, formulas, and noise."""

from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd

from churn.data.findings import USELESS, Columns, Finding
from churn.data.kinds import few_levels
from churn.data.relations import find_relations
from churn.statistics.log_odds import row_losses

__all__ = ["constants", "copies", "formulas", "ids", "without_signal"]

# A text that differs between nearly all customers is a key.
MIN_ID_LEVELS = 0.99
# A category of many levels must lower the log loss by so many standard errors, by itself and out of
# fold, with one of these weights (in customers) by which a level's rate is shrunk to the overall.
MIN_GAIN_Z = 2.0
SHRINKAGE = (10.0, 40.0, 160.0)


def constants(columns: Columns, names: Iterable[str]) -> Iterator[Finding]:
    """Columns with one value only."""
    for name in names:
        if len(np.unique(columns[name])) < 2:
            yield Finding(name, "constant", 1.0, "has the same value for every customer")


def ids(columns: Columns, names: Iterable[str]) -> Iterator[Finding]:
    """Columns that identify the customer."""
    for name in names:
        feature = columns.contract.features[name]
        if feature.kind in ("flag", "date") or (feature.kind == "number" and not feature.integer):
            continue
        share = columns.codes[name].nunique() / len(columns)
        # Amounts in whole numbers may nearly all differ too, while keys all differ.
        if share >= (MIN_ID_LEVELS if feature.kind == "category" else 1):
            why = f"has a value of its own for {share:.1%} of the customers: an id in disguise"
            yield Finding(name, "id in disguise", share, why)


def copies(columns: Columns, names: Iterable[str]) -> Iterator[Finding]:
    """Columns with the same information as an earlier one, also recoded."""
    seen: dict[bytes, str] = {}
    for name in names:
        recoded, levels = pd.factorize(columns[name], use_na_sentinel=False)
        if len(levels) > len(columns) / 2:
            # Hardly a value occurs twice, so such columns differ in their order only.
            recoded = np.unique(columns[name], return_inverse=True)[1]
        first = seen.setdefault(recoded.tobytes(), name)
        if first != name:
            why = f"has the same information as {first!r}"
            yield Finding(name, "copy", 1.0, why)


def formulas(columns: Columns, names: Iterable[str]) -> Iterator[Finding]:
    """Number columns that others determine; see `churn.data.relations`."""
    numbers = [name for name in names if columns.contract.features[name].kind == "number"]
    for name, how in find_relations(numbers, columns.codes[numbers].to_numpy()):
        yield Finding(name, "formula", 1.0, f"is {how}, in every row that has them all")


def without_signal(columns: Columns, names: Iterable[str]) -> Iterator[Finding]:
    """Categories of many levels whose levels tell nothing about the label out of fold."""
    target = columns.target
    for name in names:
        levels, known = columns.codes[name].nunique(), int(columns.codes[name].notna().sum())
        if columns.contract.features[name].kind != "category" or levels <= few_levels(known):
            continue
        level = columns.levels(name)
        without = row_losses(target, columns.rates_of_others(np.zeros_like(level)))
        z = max(
            _z_score(without - row_losses(target, columns.rates_of_others(level, weight)))
            for weight in SHRINKAGE
        )
        if z < MIN_GAIN_Z:
            why = f"has {levels:,} levels that do not predict who leaves (out of fold, z = {z:.1f})"
            yield Finding(name, USELESS, z, why)


def _z_score(gains: np.ndarray) -> float:
    """The mean in standard errors."""
    return float(gains.mean() / (gains.std() / np.sqrt(len(gains)) + 1e-12))
