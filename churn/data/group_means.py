"""Means of the target by groups of customers, with the customer's own label in the mean.

A churn rate by city, agent or tariff is a good feature where it comes from other customers, and a
leak where the customer's own label is in it. The difference shows in the leave-one-out mean, that
of the group's other customers. Given the feature, other customers who left make an honest feature's
customers leave as much or more; but where the own label is in the feature, the feature is fixed by
the sum of both, so the more of the others left, the less the customer can have left.
"""

from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd

from churn.data.findings import Columns, Finding

__all__ = ["group_means"]

# In standard errors. The errors of customers of one group are dependent, which widens the
# distribution of the statistic by at most the root of 2; then this is five of them.
MIN_Z = 7.0
MIN_GROUPS, MAX_GROUP_SIZE = 20, 100
# The maximum number of rows, and of columns that groups are made of.
MAX_ROWS, MAX_GROUPINGS = 50_000, 100
# Without the column that the groups were made of, a mean is known by its ends and by a variance
# below that of any probability: at most this part of the binomial one.
MAX_VARIANCE = 0.6
# How many leavers the base rate must expect among the customers whose mean is 0.
MIN_EXPECTED = 10


def group_means(columns: Columns, names: Iterable[str]) -> Iterator[Finding]:
    """Number columns that hold the mean of the target by groups, the own label included."""
    names = list(names)
    rows = np.arange(min(len(columns), MAX_ROWS))
    target = columns.target[rows].astype(np.float64)
    groupings = _groupings(columns, names, rows)
    for name in names:
        if columns.contract.features[name].kind != "number":
            continue
        values = columns[name][rows]
        levels = len(np.unique(values))
        if levels < 3 or levels > len(rows) / 1.5:
            continue
        for by, (group, first) in groupings.items():
            if by == name or not np.array_equal(values[first][group], values, equal_nan=True):
                continue
            z = _own_label(values, target, group)
            if z <= -MIN_Z:
                why = (
                    f"holds a mean over groups of customers with the same {by}, the customer's own "
                    f"label among them: given it, who else of the group left counts against the "
                    f"customer's leaving (z = {z:.0f})"
                )
                yield Finding(name, "mean of the target", -z, why)
                break
        else:
            if why := _exact(values, target):
                yield Finding(name, "mean of the target", columns.auc_alone[name], why)


def _groupings(
    columns: Columns, names: Iterable[str], rows: np.ndarray
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """For each column of groups of some customers: the group of each row, and its first row."""
    found = {}
    for name in names:
        group, levels = pd.factorize(columns[name][rows], use_na_sentinel=False)
        if len(levels) >= MIN_GROUPS and 1.2 <= len(rows) / len(levels) <= MAX_GROUP_SIZE:
            found[name] = group, np.unique(group, return_index=True)[1]
        if len(found) == MAX_GROUPINGS:
            break
    return found


def _own_label(values: np.ndarray, target: np.ndarray, group: np.ndarray) -> float:
    """The z value of the leave-one-out mean in a regression of the target on it and on `values`."""
    size = np.bincount(group)[group]
    some = (size > 1) & ~np.isnan(values)
    if some.sum() < MIN_GROUPS:
        return 0.0
    others = ((np.bincount(group, target)[group] - target) / np.maximum(size - 1, 1))[some]
    x, y = values[some], target[some]
    design = np.column_stack([np.ones(len(x)), x - x.mean(), others])
    gram = design.T @ design
    if np.linalg.matrix_rank(gram) < 3:
        return 0.0
    weights = np.linalg.solve(gram, design.T @ y)
    variance = max(((y - design @ weights) ** 2).mean(), 1e-12)
    return float(weights[2] / np.sqrt(variance * np.linalg.inv(gram)[2, 2]))


def _exact(values: np.ndarray, target: np.ndarray) -> str:
    """Why values are the churn rates of their own customers, more exactly than chance allows."""
    known = ~np.isnan(values)
    top = np.max(values[known], initial=0)
    scale = 100.0 if top > 1 else 1.0
    rates, left = values[known] / scale, target[known]
    if not len(rates) or rates.min() != 0 or rates.max() > 1:
        return ""
    never, always = rates == 0, rates == 1
    between = ~never & ~always
    if never.sum() * target.mean() < MIN_EXPECTED or left[never].any() or not left[always].all():
        return ""
    levels, at = np.unique(rates[between], return_inverse=True)
    if not len(levels):
        return ""
    off = np.bincount(at, left[between]) - np.bincount(at) * levels
    variance = (off**2).sum() / (rates[between] * (1 - rates[between])).sum()
    if variance > MAX_VARIANCE:
        return ""
    return (
        f"is the churn rate of its own customers: none of {never.sum():,} with 0 left, all of "
        f"{always.sum():,} with {scale:g} did, and between them the rates agree better than chance "
        f"allows (variance {variance:.2f} of the binomial one)"
    )
