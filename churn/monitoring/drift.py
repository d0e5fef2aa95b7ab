"""Whether customers, and what is said of them, are still like those that the model knows.

Each feature is asked up to three questions: are its values distributed as before, is it missing as
often as before, are there categories that nobody has heard of. The scores are asked the first. All
questions of a period are one family: their p-values are adjusted by Holm (1979), so that unchanged
customers raise any alarm at all in 1 % of the periods at most, however the columns hang together.

What is significant among 100,000 customers may still be a trifle, so an alarm asks for an effect
as well. For values that is 0.1, as the Kolmogorov–Smirnov or the total variation distance: at
least a tenth of the customers have another value than they would have had, or, of a bell-shaped
column, a shift of a quarter of its standard deviation. Missing values and new categories are
faults of the data rather than moods of the market, and smaller shares of them are told.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from churn.data.contract import Contract
from churn.data.parsing import parse_features
from churn.monitoring.stattests import CHISQUARE, FISHER, KS, counts, p_value
from churn.scoring.deployment import Deployment
from churn.scoring.export.models import records
from churn.statistics.multiplicity import holm

SCORE = "score"
VALUES, MISSING, UNSEEN = "values", "missing", "new category"
# All periods share one reference, so an unlucky one would alarm again and again: hence not 5 %.
LEVEL = 0.01
LEAST_EFFECT = {VALUES: 0.1, MISSING: 0.05, UNSEEN: 0.01}
# Half of the customers have a value they would not have had: so fast no market moves, and a column
# that arrives in cents, or not at all, is beyond it.
BROKEN = 0.5
# Customers in a sample: Evidently takes a second for so many, and no effect of 0.1 escapes.
MOST = 20_000
LEAST = 200

COLUMNS = [
    "column", "what", "method", "reference", "current", "effect", "p", "adjusted", "alarm", "broken"
]  # fmt: skip


@dataclass(frozen=True)
class Reference:
    """The customers a model knows.

    Attributes
    ----------
    features : DataFrame of n rows
        Typed.
    probabilities : ndarray of float64, shape (n,)
        Of leaving, by models that were not fitted to the customer.
    """

    features: pd.DataFrame
    probabilities: np.ndarray

    @classmethod
    def of_run(
        cls,
        deployment: Deployment,
        frame: pd.DataFrame,
        split: np.ndarray,
        rows: np.ndarray,
        out_of_fold: np.ndarray,
    ) -> "Reference":
        """From the artifacts of a run of ChurnFlow; at most `MOST` customers of them.

        Parameters
        ----------
        frame, split, rows, out_of_fold
            The clean table, which part each row belongs to, the training rows that were
            cross-validated, and what was said of them out of fold. Held-out customers are asked
            about anew.
        """
        train = np.flatnonzero(split == "train")[rows]
        holdout = np.flatnonzero(split == "holdout")
        order = np.random.default_rng(0).permutation(len(train) + len(holdout))[:MOST]
        places = np.concatenate([train, holdout])[order]
        chance = np.concatenate([out_of_fold, np.full(len(holdout), np.nan)])[order]
        features = parse_features(frame.iloc[places], deployment.contract)
        unknown = np.isnan(chance)
        chance[unknown] = [deployment.scorer(record) for record in records(features[unknown])]
        return cls(features.reset_index(drop=True), chance)


@dataclass(frozen=True)
class Question:
    """One test: of which column, about what, by which method, and the two samples."""

    column: str
    what: str
    method: str
    reference: pd.Series
    current: pd.Series

    @property
    def name(self) -> str:
        """What it is called where there is one name for it."""
        return self.column if self.what == VALUES else f"{self.column}: {self.what}"

    def effect(self) -> float:
        """How large the difference is: 0 to 1, see the module."""
        if self.method == KS:
            return _distance(self.reference.to_numpy(), self.current.to_numpy())
        before, now = counts(self.reference, self.current)
        return float(np.abs(before / before.sum() - now / now.sum()).sum() / 2)

    def summaries(self) -> tuple[str, str]:
        """Both samples in a few words."""
        if self.method == KS:
            form = "{:.1%}".format if self.column == SCORE else "{:,.4g}".format
            return tuple(f"mean {form(sample.mean())}" for sample in (self.reference, self.current))
        if self.method == FISHER:
            return tuple(f"{sample.mean():.1%}" for sample in (self.reference, self.current))
        shares = [sample.value_counts(normalize=True) for sample in (self.reference, self.current)]
        level = shares[1].sub(shares[0], fill_value=0).abs().idxmax()
        return tuple(f"{level} {share.get(level, 0):.1%}" for share in shares)


@dataclass(frozen=True)
class Drift:
    """What the comparison of a period with the reference found.

    Attributes
    ----------
    customers : int
        In the period.
    least : int
        With fewer nothing was tested.
    table : DataFrame
        One row per question, the largest effect among alarms first: column, what (`values`,
        `missing`, `new category`), method, reference and current (in words), effect (0 to 1), p,
        adjusted (by Holm), alarm and broken (bool).
    """

    customers: int
    least: int
    table: pd.DataFrame

    @property
    def too_few(self) -> bool:
        """Whether there were too few customers to test anything."""
        return self.customers < self.least

    @property
    def alarms(self) -> pd.DataFrame:
        """The rows that raise an alarm."""
        return self.table[self.table["alarm"]]


def compare(
    reference: Reference,
    features: pd.DataFrame,
    probabilities: np.ndarray,
    contract: Contract,
    least: int = LEAST,
) -> Drift:
    """Set the customers of a period beside those that the model knows.

    Parameters
    ----------
    reference : Reference
    features : DataFrame of n rows
        Of the period, typed; each customer once.
    probabilities : ndarray of float64, shape (n,)
        What was said of them.
    contract : Contract
    least : int
        With fewer customers nothing is tested.
    """
    if len(features) < least:
        return Drift(len(features), least, pd.DataFrame(columns=COLUMNS).astype({"alarm": bool}))
    asked = list(questions(reference, features, probabilities, contract))
    p = np.array([p_value(one.method, one.reference, one.current) for one in asked])
    adjusted = holm(p)
    rows = []
    for question, raw, corrected in zip(asked, p, adjusted, strict=True):
        effect = question.effect()
        alarm = bool(corrected < LEVEL and effect >= LEAST_EFFECT[question.what])
        broken = alarm and effect >= BROKEN and question.column != SCORE
        row = (question.column, question.what, question.method, *question.summaries())
        rows.append((*row, effect, raw, corrected, alarm, broken))
    table = pd.DataFrame(rows, columns=COLUMNS)
    order = np.lexsort([-table["effect"], ~table["alarm"]])
    return Drift(len(features), least, table.iloc[order].reset_index(drop=True))


def questions(
    reference: Reference, features: pd.DataFrame, probabilities: np.ndarray, contract: Contract
) -> Iterator[Question]:
    """What is asked: see `compare`. A question whose answer can only be no is not asked."""
    some = slice(None, None, -(-len(features) // MOST))
    current, chance = features.iloc[some], probabilities[some]
    yield Question(SCORE, VALUES, KS, pd.Series(reference.probabilities), pd.Series(chance))
    for name, feature in contract.features.items():
        columns = [reference.features[name], current[name]]
        absent = [column.isna() for column in columns]
        if any(gone.any() for gone in absent):
            yield Question(name, MISSING, FISHER, *absent)
        columns = [column[~gone] for column, gone in zip(columns, absent, strict=True)]
        if feature.kind == "category":
            columns = [column.astype(object) for column in columns]
            known = [column.isin(feature.categories) for column in columns]
            if not all(seen.all() for seen in known):
                yield Question(name, UNSEEN, FISHER, *(~seen for seen in known))
            columns = [column[seen] for column, seen in zip(columns, known, strict=True)]
        if all(len(column) for column in columns):
            method = {"number": KS, "flag": FISHER, "category": CHISQUARE}[feature.kind]
            yield Question(name, VALUES, method, *columns)


def _distance(reference: np.ndarray, current: np.ndarray) -> float:
    """Kolmogorov's and Smirnov's: the largest gap between the two distribution functions."""
    every = np.concatenate([reference, current])
    below = [
        np.searchsorted(np.sort(part), every, side="right") / len(part)
        for part in (reference, current)
    ]
    return float(np.abs(below[0] - below[1]).max())
