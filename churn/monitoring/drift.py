"""Drift: whether customers and their scores have the same distribution as the reference.

Each feature has up to three tests: of its values, of the share of missing values, and of the share
of categories that are not in the contract. The scores have the first. All tests of a period are one
family: Holm's (1979) correction keeps the probability of any false alarm in a period of unchanged
customers at 1 %, however the columns depend on each other.

Among 100,000 customers even a negligible change is significant, so an alarm requires a minimum
effect too. For values that is 0.1: a tenth of the customers have another value than before, or a
normally distributed column has shifted by a quarter of its standard deviation. Missing values and
new categories are faults of the data rather than changes of the market, and have lower minima.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from churn.data.contract import Contract
from churn.data.holdout import CALLED, HOLDOUT, TRAIN
from churn.data.parsing import parse_features
from churn.data.rows import Rows, rows_of
from churn.monitoring.two_sample import CHI_SQUARE, FISHER, KS, VALUES, TwoSampleTest
from churn.scoring.deployment import Deployment
from churn.scoring.export.models import records
from churn.statistics.multiplicity import holm

SCORE = "score"
MISSING, UNSEEN = "missing", "new category"
# All periods share one reference, so a chance deviation of it would repeat: hence not 5 %.
LEVEL = 0.01
MIN_EFFECT = {VALUES: 0.1, MISSING: 0.05, UNSEEN: 0.01}
# Half of the customers have another value than before: no market changes so fast, while a column
# whose unit changes, or that is missing, exceeds it.
BROKEN = 0.5
# The maximum number of customers in a sample, which is enough to detect any effect of 0.1.
MOST = 20_000
MIN_CUSTOMERS = 200

COLUMNS = [
    "column", "what", "method", "reference", "current", "effect", "p", "adjusted", "alarm", "broken"
]  # fmt: skip

METHODS = {"number": KS, "date": KS, "flag": FISHER, "category": CHI_SQUARE}


@dataclass(frozen=True)
class Reference:
    """The customers that a model was trained and evaluated on.

    Attributes
    ----------
    features : DataFrame of n rows
        Typed.
    probabilities : ndarray of float64, shape (n,)
        Of leaving, by models that were not fitted to these customers.
    """

    features: pd.DataFrame
    probabilities: np.ndarray

    @classmethod
    def of_run(
        cls,
        deployment: Deployment,
        table: "pd.DataFrame | Rows",
        split: "pd.Categorical | np.ndarray",
        rows: np.ndarray,
        out_of_fold: np.ndarray,
    ) -> "Reference":
        """Make the reference from the artifacts of a run of ChurnFlow; at most `MOST` customers.

        Parameters
        ----------
        table, split, rows, out_of_fold
            The clean table, the part of each row, the training rows that were cross-validated, and
            their out-of-fold probabilities. Held-out customers are scored here, and those who were
            left out because they were called: they are among the customers that are scored later.
        """
        train = np.flatnonzero(split == TRAIN)[rows]
        others = np.flatnonzero((split == HOLDOUT) | (split == CALLED))
        order = np.random.default_rng(0).permutation(len(train) + len(others))[:MOST]
        places = np.concatenate([train, others])[order]
        chance = np.concatenate([out_of_fold, np.full(len(others), np.nan)])[order]
        features = parse_features(rows_of(table).read(places), deployment.contract)
        unknown = np.isnan(chance)
        chance[unknown] = deployment.scorer.many(records(features[unknown]))
        return cls(features.reset_index(drop=True), chance)


@dataclass(frozen=True)
class Drift:
    """The comparison of a period with the reference.

    Attributes
    ----------
    customers : int
        In the period.
    min_customers : int
        The smallest number of customers with which a period is tested.
    table : DataFrame
        One row per test, the largest effect among alarms first: column, what (`values`,
        `missing`, `new category`), method, reference and current (in words), effect (0 to 1), p,
        adjusted (by Holm), alarm and broken (bool).
    """

    customers: int
    min_customers: int
    table: pd.DataFrame

    @property
    def too_few(self) -> bool:
        """Whether the period has too few customers to test anything."""
        return self.customers < self.min_customers

    @property
    def alarms(self) -> pd.DataFrame:
        """The rows that raise an alarm."""
        return self.table[self.table["alarm"]]


def compare(
    reference: Reference,
    features: pd.DataFrame,
    probabilities: np.ndarray,
    contract: Contract,
    min_customers: int = MIN_CUSTOMERS,
) -> Drift:
    """Test the customers of a period against the reference.

    Parameters
    ----------
    reference : Reference
    features : DataFrame of n rows
        Of the period, typed; each customer once.
    probabilities : ndarray of float64, shape (n,)
        Predicted for them.
    contract : Contract
    min_customers : int
        The smallest number of customers with which a period is tested.
    """
    if len(features) < min_customers:
        nothing = pd.DataFrame(columns=COLUMNS).astype({"alarm": bool})
        return Drift(len(features), min_customers, nothing)
    tests = list(two_sample_tests(reference, features, probabilities, contract))
    p, effects = np.array([test.run() for test in tests]).T
    adjusted = holm(p)
    rows = []
    for test, effect, raw, corrected in zip(tests, effects, p, adjusted, strict=True):
        alarm = bool(corrected < LEVEL and effect >= MIN_EFFECT[test.what])
        broken = alarm and effect >= BROKEN and test.column != SCORE
        summaries = test.summaries(percent=test.column == SCORE)
        row = (test.column, test.what, test.method, *summaries)
        rows.append((*row, effect, raw, corrected, alarm, broken))
    table = pd.DataFrame(rows, columns=COLUMNS)
    order = np.lexsort([-table["effect"], ~table["alarm"]])
    return Drift(len(features), min_customers, table.iloc[order].reset_index(drop=True))


def two_sample_tests(
    reference: Reference, features: pd.DataFrame, probabilities: np.ndarray, contract: Contract
) -> Iterator[TwoSampleTest]:
    """The tests of a period, see `compare`, without those that cannot find a difference."""
    some = slice(None, None, -(-len(features) // MOST))
    current, chance = features.iloc[some], probabilities[some]
    yield TwoSampleTest(SCORE, VALUES, KS, pd.Series(reference.probabilities), pd.Series(chance))
    for name, feature in contract.features.items():
        columns = [reference.features[name], current[name]]
        absent = [column.isna() for column in columns]
        if any(gone.any() for gone in absent):
            yield TwoSampleTest(name, MISSING, FISHER, *absent)
        columns = [column[~gone] for column, gone in zip(columns, absent, strict=True)]
        if feature.kind == "category":
            columns = [column.astype(object) for column in columns]
            known = [column.isin(feature.categories) for column in columns]
            if not all(seen.all() for seen in known):
                yield TwoSampleTest(name, UNSEEN, FISHER, *(~seen for seen in known))
            columns = [column[seen] for column, seen in zip(columns, known, strict=True)]
        if all(len(column) for column in columns):
            method = METHODS[feature.kind]
            yield TwoSampleTest(name, VALUES, method, *columns)
