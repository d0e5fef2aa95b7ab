"""Target leakage of single columns: values that are known only after customers have left.

A column leaks by its ranking (alone it orders the customers too well), by what is missing, by cells
that hold leavers only (a reason for leaving that some of them gave, a status code, the days since a
last log-in that nobody who stayed can reach), or by dates after the observation.
"""

from collections.abc import Iterable, Iterator

import numpy as np

from churn.data.contract import Category, Feature
from churn.data.findings import BINS, FOLDS, Columns, Finding
from churn.statistics.bins import MISSING, quantile_edges, to_bins
from churn.statistics.intervals import wilson
from churn.statistics.roc_auc import roc_auc

__all__ = ["alone", "dates_after", "leavers_only", "missing"]

# The ROC-AUC of a single feature without leakage is rarely above 0.8.
MAX_AUC_ALONE = 0.9
# Features without leakage are strongest where they are the time since an event.
MAX_AUC_DATE = 0.95
# Whether a cell is missing should carry next to no information about the label, and so should
# whether a date is after the observation.
MAX_AUC_MISSING = MAX_AUC_AFTER = 0.7
# Cells of leavers: the lower bound of their churn rate, the same where next to nobody stayed, and
# the share of all leavers in them.
NEARLY_ALL, ONLY, MIN_OF_LEAVERS = 0.95, 0.9, 0.1
# The one-sided 95 % bound.
Z_LOWER = 1.645
# Cells hold leavers only if at most this share of their customers, or this number, stayed.
STAYED_SHARE, STAYED = 0.001, 2
# A value with fewer customers is no cell by itself.
MIN_CELL = 3
# A finding names the most frequent values if they are most of them.
SHOWN, MOST = 3, 0.8


def missing(columns: Columns, names: Iterable[str]) -> Iterator[Finding]:
    """Columns whose missing cells rank the customers."""
    target = columns.target
    for name in names:
        empty = np.isnan(columns[name])
        if empty.any():
            auc = roc_auc(target, empty.astype(np.float64))
            auc = max(auc, 1 - auc)
            if auc >= MAX_AUC_MISSING:
                why = (
                    f"leaks by what is missing: {target[empty].mean():.0%} of those without it "
                    f"left, {target[~empty].mean():.0%} of those with it"
                )
                yield Finding(name, "target leakage by missing values", auc, why)


def alone(columns: Columns, names: Iterable[str]) -> Iterator[Finding]:
    """Columns that by themselves rank the customers too well."""
    for name in names:
        auc = columns.auc_alone[name]
        date = columns.contract.features[name].kind == "date"
        if auc >= (MAX_AUC_DATE if date else MAX_AUC_ALONE):
            why = f"alone ranks {auc:.1%} of the pairs of customers the right way round"
            yield Finding(name, "target leakage", auc, why)


def dates_after(columns: Columns, names: Iterable[str]) -> Iterator[Finding]:
    """Dates of which the part after the observation, unknown on that day, ranks the customers.

    The end of a contract is after the observation too, and known; but then it is so for customers
    who left and for those who stayed.
    """
    for name in names:
        if columns.contract.features[name].kind != "date":
            continue
        days = columns[name]
        known = ~np.isnan(days)
        target, after = columns.target[known], days[known] < 0
        if not after.any() or after.all() or len(np.unique(target)) < 2:
            continue
        auc = roc_auc(target, after.astype(np.float64))
        auc = max(auc, 1 - auc)
        if auc >= MAX_AUC_AFTER:
            left, stayed = after[target == 1].mean(), after[target == 0].mean()
            why = (
                "is after the observation, when it was not known, for "
                f"{left:.0%} of those who left and {stayed:.0%} of those who stayed"
            )
            yield Finding(name, "date after the observation", auc, why)


def leavers_only(columns: Columns, names: Iterable[str]) -> Iterator[Finding]:
    """Columns with cells of which all, or nearly all, customers left.

    Cells are chosen on two thirds of the rows and measured on the third, so chance does not make
    them pure. Cells where some customers stayed may be those of a column without leakage, which is
    only suspected then. A date that is never after the observation was known on that day.
    """
    left = columns.target.sum()
    for name in names:
        column = columns[name]
        if columns.known_then(name):
            continue
        best, found = (False, 0), None
        for rows in _cells(columns, column):
            customers, leavers = int(rows.sum()), int(columns.target[rows].sum())
            if leavers < MIN_OF_LEAVERS * left:
                continue
            lower = wilson(leavers, customers, Z_LOWER)[0]
            only = customers - leavers <= max(STAYED, STAYED_SHARE * customers)
            if lower >= (ONLY if only else NEARLY_ALL) and (only, leavers) > best:
                best, found = (only, leavers), (rows, customers, lower)
        if found:
            yield _finding(columns, name, *found, suspected=not best[0])


def _finding(
    columns: Columns, name: str, rows: np.ndarray, customers: int, lower: float, suspected: bool
) -> Finding:
    leavers = int(columns.target[rows].sum())
    why = (
        f"is {_in_words(columns, name, rows)} for {customers:,} customers, of which {leavers:,} "
        f"left (at least {lower:.1%}, one-sided 95 % bound), {leavers / columns.target.sum():.0%} "
        "of all who left"
    )
    return Finding(name, "cells of leavers", lower, why, suspected)


def _cells(columns: Columns, column: np.ndarray) -> Iterator[np.ndarray]:
    """Rows in cells of leavers, each row by the customers of other folds: (n,) bool."""
    for cells in _partitions(column):
        counts, left = columns.of_others(cells)
        yield (left == counts) & (counts >= MIN_CELL)
        yield (left + columns.base_rate) / (counts + 1) >= ONLY
    stayed, beyond = columns.target == 0, np.zeros(len(column), dtype=bool)
    for fold in range(FOLDS):
        others = column[stayed & (columns.fold != fold)]
        known = others[~np.isnan(others)]
        if len(known):
            here = columns.fold == fold
            beyond |= here & ((column < known.min()) | (column > known.max()))
    yield beyond


def _partitions(column: np.ndarray) -> Iterator[np.ndarray]:
    """The rows in cells: filled or not, in few and in many bins, and by their values."""
    empty = np.isnan(column)
    if empty.any():
        yield empty.astype(np.int64)
    for bins in (BINS // 8, BINS):
        edges = quantile_edges(column, np.linspace(0, 1, bins + 1)[1:-1].tolist())
        yield to_bins(column, edges) - MISSING
    _, value, count = np.unique(column, return_inverse=True, return_counts=True)
    if len(count) > BINS:
        yield np.where(count[value] >= MIN_CELL, value + 1, 0)


def _in_words(columns: Columns, name: str, rows: np.ndarray) -> str:
    feature, column = columns.contract.features[name], columns[name]
    inside, empty = column[rows], np.isnan(column)
    if np.array_equal(rows, ~empty):
        return "filled"
    values, counts = np.unique(inside, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:SHOWN]
    if counts[order].sum() < MOST * len(inside) and feature.numeric:
        return f"from {feature.say(np.nanmin(inside))} to {feature.say(np.nanmax(inside))}"
    levels = [_say(feature, values[place]) for place in order]
    return ", ".join(levels) + (" …" if len(values) > SHOWN else "")


def _say(feature: Feature, code: float) -> str:
    if isinstance(feature, Category) and not np.isnan(code):
        return feature.categories[int(code)]
    return feature.say(code)
