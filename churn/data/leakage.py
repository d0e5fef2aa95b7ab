"""Target leakage: features that reveal the label, and features without information of their own."""

from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
import pandas as pd

from churn.data.contract import Contract
from churn.data.kinds import few_levels
from churn.data.relations import find_relations
from churn.errors import ChurnError
from churn.statistics.bins import MISSING, quantile_edges, to_bins
from churn.statistics.log_odds import row_losses
from churn.statistics.roc_auc import roc_auc

Action = Literal["drop", "stop", "warn"]

# The ROC-AUC of a single feature without leakage is rarely above 0.8.
MAX_AUC_ALONE = 0.9
# Features without leakage are strongest where they are the time since an event.
MAX_AUC_DATE = 0.95
# Whether a cell is missing should carry next to no information about the label.
MAX_AUC_MISSING = 0.7
# A text that differs between nearly all customers is a key.
MIN_ID_LEVELS = 0.99
# A category of many levels must lower the log loss by so many standard errors, by itself and out of
# fold, with one of these weights (in customers) by which a level's rate is shrunk to the overall.
MIN_GAIN_Z = 2.0
SHRINKAGE = (10.0, 40.0, 160.0)
USELESS = "no signal"
BINS = 64
FOLDS = 3
SEARCH_ROWS = 200_000


@dataclass(frozen=True)
class Finding:
    """A column that should not be trained on, the check that found it, and the reason."""

    column: str
    check: str
    score: float
    why: str

    @property
    def harmless(self) -> bool:
        """Whether the column is only useless: it is dropped, and never stops a run."""
        return self.check == USELESS


def find_leaks(frame: pd.DataFrame, target: np.ndarray, contract: Contract) -> list[Finding]:
    """Find features that a model must not be trained on.

    Parameters
    ----------
    frame : DataFrame
        Clean training rows, as `validate_data` returns them; of more than 200,000 rows an evenly
        spaced sample is checked.
    target : ndarray of int, shape (n,)
        1 for customers who left.

    Returns
    -------
    list of Finding
        At most one per column, in the order of the contract.
    """
    step = -(-len(frame) // SEARCH_ROWS)
    frame, target = frame.iloc[::step], target[::step]
    codes = pd.DataFrame({name: _codes(frame[name]) for name in contract.features})
    found = {}
    for check in (_constants, _ids, _copies, _formulas, _missing, _alone, _levels):
        rest = [name for name in contract.features if name not in found]
        for finding in check(codes[rest], target, contract):
            found.setdefault(finding.column, finding)
    return [found[name] for name in contract.features if name in found]


def act_on(findings: list[Finding], contract: Contract, action: Action) -> Contract:
    """Drop the findings' columns from the contract, or stop, or keep them with a warning.

    Raises
    ------
    ChurnError
        With `stop`, if anything was found; with `drop`, if no feature would be left.
    """
    lines = [f"{finding.column}: {finding.why}" for finding in findings]
    leaks = [line for line, one in zip(lines, findings, strict=True) if not one.harmless]
    if action == "stop" and leaks:
        raise ChurnError("These columns must not be trained on:", leaks)
    if action == "warn" or not findings:
        return contract
    if len(findings) == len(contract.features):
        raise ChurnError("No feature is left: each of them is to be dropped:", lines)
    return contract.without([finding.column for finding in findings])


def findings_table(findings: list[Finding]) -> pd.DataFrame:
    """The findings as a table: column, check, score, why."""
    columns = list(Finding.__dataclass_fields__)
    return pd.DataFrame([asdict(finding) for finding in findings], columns=columns)


def _codes(column: pd.Series) -> np.ndarray:
    if isinstance(column.dtype, pd.CategoricalDtype):
        codes = column.cat.codes.to_numpy(dtype=np.float64)
        return np.where(codes < 0, np.nan, codes)
    return column.to_numpy(dtype=np.float64)


def _constants(codes, target, contract):
    for name in codes:
        levels = len(np.unique(codes[name]))
        if levels < 2:
            yield Finding(name, "constant", 1.0, "has the same value for every customer")


def _ids(codes, target, contract):
    for name in codes:
        feature = contract.features[name]
        if feature.kind == "flag" or (feature.kind == "number" and not feature.integer):
            continue
        share = codes[name].nunique() / len(codes)
        # Amounts in whole numbers may nearly all differ too, while keys all differ.
        if share >= (MIN_ID_LEVELS if feature.kind == "category" else 1):
            why = f"has a value of its own for {share:.1%} of the customers: an id in disguise"
            yield Finding(name, "id in disguise", share, why)


def _copies(codes, target, contract):
    seen = {}
    for name in codes:
        recoded, levels = pd.factorize(codes[name], use_na_sentinel=False)
        if len(levels) > len(codes) / 2:
            # Hardly a value occurs twice, so such columns differ in their order only.
            recoded = np.unique(codes[name], return_inverse=True)[1]
        first = seen.setdefault(recoded.tobytes(), name)
        if first != name:
            why = f"has the same information as {first!r}"
            yield Finding(name, "copy", 1.0, why)


def _formulas(codes, target, contract):
    numbers = [name for name in codes if contract.features[name].kind == "number"]
    for name, how in find_relations(numbers, codes[numbers].to_numpy()):
        yield Finding(name, "formula", 1.0, f"is {how}, in every row that has them all")


def _missing(codes, target, contract):
    for name in codes:
        empty = np.isnan(codes[name].to_numpy())
        if empty.any():
            auc = roc_auc(target, empty.astype(np.float64))
            auc = max(auc, 1 - auc)
            if auc >= MAX_AUC_MISSING:
                rates = f"{target[empty].mean():.0%} of those without it left, "
                rates += f"{target[~empty].mean():.0%} of those with it"
                yield Finding(name, "target leakage by missing values", auc, rates)


def _alone(codes, target, contract):
    fold = np.random.default_rng(0).permutation(len(target)) % FOLDS
    for name in codes:
        many = contract.features[name].kind == "category" and codes[name].nunique() > BINS
        # Neighbouring codes of a category have nothing in common.
        bins = codes[name].fillna(MISSING) - MISSING if many else _bins(codes[name].to_numpy())
        bins = np.asarray(bins, dtype=np.int64)
        auc = roc_auc(target, _rates_of_others(bins, target, fold))
        most = MAX_AUC_DATE if contract.features[name].kind == "date" else MAX_AUC_ALONE
        if auc >= most:
            why = f"alone ranks {auc:.1%} of the pairs of customers the right way round"
            yield Finding(name, "target leakage", auc, why)


def _levels(codes, target, contract):
    """Categories of many levels whose levels tell nothing about the label out of fold."""
    fold = np.random.default_rng(0).permutation(len(target)) % FOLDS
    for name in codes:
        levels, known = codes[name].nunique(), int(codes[name].notna().sum())
        if contract.features[name].kind != "category" or levels <= few_levels(known):
            continue
        bins = (codes[name].fillna(MISSING) - MISSING).to_numpy(dtype=np.int64)
        without = row_losses(target, _rates_of_others(np.zeros_like(bins), target, fold))
        z = max(
            _z_score(without - row_losses(target, _rates_of_others(bins, target, fold, weight)))
            for weight in SHRINKAGE
        )
        if z < MIN_GAIN_Z:
            why = f"its {levels:,} levels do not predict who leaves (out of fold, z = {z:.1f})"
            yield Finding(name, USELESS, z, why)


def _z_score(gains: np.ndarray) -> float:
    """The mean in standard errors."""
    return float(gains.mean() / (gains.std() / np.sqrt(len(gains)) + 1e-12))


def _bins(column: np.ndarray) -> np.ndarray:
    """Bins of about equally many customers; missing values are a bin of their own."""
    edges = quantile_edges(column, np.linspace(0, 1, BINS + 1)[1:-1])
    return to_bins(column, edges) - MISSING


def _rates_of_others(
    bins: np.ndarray, target: np.ndarray, fold: np.ndarray, weight: float = 1.0
) -> np.ndarray:
    """For each customer, the churn rate of the bin among customers of other folds.

    It is shrunk to the overall rate with the weight of so many customers: a bin may be empty.
    """
    cell = bins * FOLDS + fold
    size = (bins.max() + 1) * FOLDS
    count = np.bincount(cell, minlength=size).reshape(-1, FOLDS)
    left = np.bincount(cell, target, minlength=size).reshape(-1, FOLDS)
    count, left = count.sum(1, keepdims=True) - count, left.sum(1, keepdims=True) - left
    return ((left + weight * target.mean()) / (count + weight)).ravel()[cell]
