"""Evaluate predictions on outcomes: cohorts of scored customers whose horizon is over.

A cohort is the customers that a model scored in a calendar month (UTC), by their first prediction.
It has matured when the month and the horizon of its last customer are over. Before, only early
leavers have an outcome, so every model seems to underestimate the churn rate.

A call changes the outcome, so called customers are left out, and the control group of the same
lists gets their weight: it is a random sample of the same customers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pandas as pd

from churn.monitoring.cohort_metrics import METRICS, QUALITY, Cohort
from churn.monitoring.deterioration import Comparison, compare_with_expected
from churn.monitoring.labels import Labels, called, label_predictions
from churn.monitoring.predictions import ScoredCustomers
from churn.scoring.deployment import Deployment

HORIZON = 30
WAITING, INSUFFICIENT, EVALUATED = "waiting", "insufficient_labels", "evaluated"
# A cohort is evaluated if the outcome of this share of its customers is known, ...
COMPLETENESS = 0.5
# ... and at least so many were expected to leave, and to stay. The rule uses expected numbers,
# since one on observed leavers would leave out the very cohorts in which far fewer left.
MIN_PER_CLASS = 30

COLUMNS = [
    "cohort", "state", "customers", "known", "completeness", "contacted", "control", "left",
    "expected_left",
]  # fmt: skip


@dataclass(frozen=True)
class Quality:
    """The quality of a model's predictions by cohort.

    Attributes
    ----------
    cohorts : DataFrame
        One row per month: cohort, state (`waiting`: not matured; `insufficient_labels`: shown, not
        evaluated; `evaluated`), customers, known (customers with a label), completeness (their
        share), contacted and control (shares on a call list), left (share of the labelled
        customers who left, weighted), expected_left (their mean probability); and of each of
        `QUALITY` the value, and _low and _high, the ends of its 95 % interval, and for each of
        `METRICS` expected_, the value if the probabilities are true; NaN where there is none.
    holdout : dict of str to dict
        The same metrics on the model's own hold-out: value, low, high.
    comparisons : tuple of Comparison
        Observed against expected of the latest cohort that is evaluated.
    segments : DataFrame
        The segments of that cohort where the model was worse, see
        `churn.evaluation.segments.segments`.
    unused : mapping of str to int
        Outcomes that label no prediction, by reason; see `churn.monitoring.labels.Labels`.
    example : str
        The keys of the first outcome and the first prediction, where none match.
    """

    cohorts: pd.DataFrame
    holdout: dict[str, Mapping[str, float]]
    comparisons: tuple[Comparison, ...] = ()
    segments: pd.DataFrame = field(default_factory=pd.DataFrame)
    unused: Mapping[str, int] = field(default_factory=dict)
    example: str = ""

    @property
    def evaluated(self) -> str | None:
        """The cohort that `comparisons` and `segments` are about."""
        names = self.cohorts["cohort"][self.cohorts["state"] == EVALUATED]
        return names.iloc[-1] if len(names) else None

    @property
    def worse(self) -> tuple[str, ...]:
        """The metrics that are significantly worse than expected, in words."""
        return tuple(str(one) for one in self.comparisons if one.worse)


def month(time: datetime) -> str:
    """The calendar month of a time: `2026-03`."""
    return f"{time:%Y-%m}"


def month_end(name: str) -> datetime:
    """The end of a month."""
    year, number = map(int, name.split("-"))
    return datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC)


def evaluate_cohorts(
    scored: ScoredCustomers,
    deployment: Deployment,
    outcomes: pd.DataFrame,
    calls: pd.DataFrame,
    as_of: datetime,
    horizon: int = HORIZON,
    completeness: float = COMPLETENESS,
    min_per_class: int = MIN_PER_CLASS,
) -> Quality:
    """Evaluate a model's predictions month by month.

    Parameters
    ----------
    scored : ScoredCustomers
        Of whole months, by `month`.
    deployment : Deployment
        Of the model.
    outcomes : DataFrame
        See `churn.monitoring.labels.label_predictions`.
    calls : DataFrame
        See `churn.campaign.reading.read_call_lists`.
    as_of : datetime
        Cohorts that have not matured by then are waiting.
    horizon : int
        Days.
    completeness : float
        The smallest share of known outcomes with which a cohort is evaluated.
    min_per_class : int
        The smallest expected number of leavers, and of customers who stay, of an evaluated cohort.
    """
    answers = scored.answers
    labels = label_predictions(answers, outcomes, horizon)
    arm = called(answers, calls, horizon)
    rows, latest = [], None
    for name in sorted(answers["period"].unique()):
        inside = (answers["period"] == name).to_numpy()
        last = answers["time"][inside].max() + timedelta(days=horizon)
        matured = max(month_end(name), last) <= as_of
        cohort = Cohort(scored.probabilities[inside], labels.values[inside], arm[inside])
        row = {"cohort": name, "state": WAITING, **cohort.counts(matured)}
        if matured:
            enough = cohort.is_sufficient(completeness, min_per_class)
            row |= {"state": EVALUATED if enough else INSUFFICIENT, **cohort.quality()}
            latest = (cohort, inside) if enough else latest
        rows.append(row)
    names = [*COLUMNS, *(f"expected_{name}" for name in METRICS)]
    names += [f"{name}{end}" for name in QUALITY for end in ("", "_low", "_high")]
    comparisons: tuple[Comparison, ...] = ()
    where = pd.DataFrame()
    if latest:
        cohort, inside = latest
        comparisons = compare_with_expected(cohort, deployment.customers)
        where = cohort.segments(deployment.contract, scored.features[inside])
    return Quality(
        cohorts=pd.DataFrame(rows, columns=names),
        holdout={name: deployment.metrics[name] for name in METRICS},
        comparisons=comparisons,
        segments=where,
        unused=labels.unused,
        example=_example(labels, answers),
    )


def _example(labels: Labels, answers: pd.DataFrame) -> str:
    customer = next(iter(answers["customer"].dropna()), None)
    if labels.unknown is None or customer is None:
        return ""
    return f"{labels.unknown!r} in the outcomes, {customer!r} in the predictions"
