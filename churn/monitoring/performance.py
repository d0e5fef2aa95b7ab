"""Whether what was predicted happened: cohorts of customers whose horizon is over.

A cohort is the customers whom a run was asked about in a calendar month (UTC), each as when first
asked about. It has matured when the month is over, and the horizon of the last of them too: before,
those who leave early are known and those who stay are not, which makes every model look too
careful.

Customers who were called are not graded as if they had been left alone: they are left out, and the
control group of the same lists, who are like them but were not called, stands in for them with as
much more weight.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from churn.campaign.savings import ARMS
from churn.data.contract import Contract
from churn.data.ids import id_text
from churn.data.parsing import parse_ids
from churn.data.readers import load_table
from churn.errors import ChurnError
from churn.evaluation.segments import segments
from churn.monitoring.inputs import ScoredCustomers
from churn.scoring.deployment import Deployment
from churn.statistics.intervals import bootstrap
from churn.statistics.log_odds import row_losses
from churn.statistics.ranking import RankedRows, area_under_roc

HORIZON = 30
# A cohort judges if of so many of its customers it is known what they did, ...
COMPLETENESS = 0.5
# ... and so many left, and stayed.
LEAST_EACH = 50
# So much worse than promised is no trifle: points of ROC-AUC, nats, points of squared error.
MARGINS = {"roc_auc": 0.03, "log_loss": 0.03, "brier": 0.01}
# How far who left may be from who was expected to, as a factor.
OFF = 1.25

COLUMNS = [
    "cohort", "state", "customers", "known", "completeness", "contacted", "control", "left",
    "promised_left",
]  # fmt: skip
QUALITY = ("roc_auc", "log_loss", "brier", "observed_to_expected")


@dataclass(frozen=True)
class Quality:
    """How good a run's predictions were.

    Attributes
    ----------
    cohorts : DataFrame
        One row per month: cohort, state (`waiting`: not matured; `few`: it shows, but does not
        judge; `judged`), customers, known (of how many the label is), completeness (their share),
        contacted and control (shares who were called, and who were on a list and were not), left
        (share of those graded who left, weighted), promised_left (mean probability of the same);
        and of each of `QUALITY` the value, and _low and _high, the ends of its 95 % interval; NaN
        where it cannot be told.
    promise : dict of str to dict
        What the run's own hold-out said of the same metrics: value, low, high.
    worse : tuple of str
        In words, what of the latest cohort that judges is clearly worse than promised.
    segments : DataFrame
        Where the run was worse than elsewhere in that cohort, see
        `churn.evaluation.segments.segments`.
    """

    cohorts: pd.DataFrame
    promise: dict[str, dict]
    worse: tuple[str, ...]
    segments: pd.DataFrame

    @property
    def judged(self) -> str | None:
        """The cohort that `worse` and `segments` are about."""
        names = self.cohorts["cohort"][self.cohorts["state"] == "judged"]
        return names.iloc[-1] if len(names) else None


def month(time: datetime) -> str:
    """The calendar month of a time: `2026-03`."""
    return f"{time:%Y-%m}"


def month_end(name: str) -> datetime:
    """When a month is over."""
    year, number = map(int, name.split("-"))
    return datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC)


def labels(answers: pd.DataFrame, outcomes: pd.DataFrame, horizon: int) -> np.ndarray:
    """What happened to customers in the time that was predicted.

    Parameters
    ----------
    answers : DataFrame of n rows
        customer and time, see `churn.monitoring.inputs.ScoredCustomers`.
    outcomes : DataFrame
        customer (str), date, left (bool), one row per customer and day.
    horizon : int
        Days.

    Returns
    -------
    ndarray of float64, shape (n,)
        1 for customers who had left on a day after the prediction's and at most `horizon` days
        later; 0 for those who were still there so many days later, or left only after that. NaN
        for all others: of whom nothing is known, or who had left before.
    """
    told = pd.DataFrame(
        {
            "customer": outcomes["customer"].map(id_text).astype(object),
            "date": pd.to_datetime(outcomes["date"]),
            "left": outcomes["left"].astype(bool),
        }
    )
    asked = pd.DataFrame(
        {
            "customer": answers["customer"].to_numpy(),
            "start": pd.to_datetime(answers["time"], utc=True).dt.tz_localize(None).to_numpy(),
            "row": np.arange(len(answers)),
        }
    ).dropna(subset="customer")
    pairs = asked.merge(told, on="customer")
    day, left = pairs["date"], pairs["left"]
    start = pairs["start"].dt.normalize()
    end = start + timedelta(days=horizon)
    label = np.full(len(answers), np.nan)
    label[pairs["row"][day.ge(end) & ~left | day.gt(end) & left]] = 0
    label[pairs["row"][left & day.gt(start) & day.le(end)]] = 1
    label[pairs["row"][left & day.le(start)]] = np.nan
    return label


def read_call_days(paths: Sequence[str]) -> pd.DataFrame:
    """Read who was to be called, or in the control group, on which day.

    Parameters
    ----------
    paths : sequence of str
        Call lists as ScoreFlow writes them.

    Returns
    -------
    DataFrame
        customer (str), arm (`contact` or `control`), day (datetime).

    Raises
    ------
    ChurnError
        Naming every list that is none.
    """
    tables, problems = [pd.DataFrame({"customer": [], "arm": [], "day": []})], []
    for path in paths:
        table = load_table(path)
        absent = [name for name in ("arm", "as_of") if name not in table]
        if absent:
            problems.append(f"{path}: no call list, it lacks {', '.join(absent)}")
            continue
        table = table[table["arm"].isin(ARMS)]
        columns = {
            "customer": parse_ids(table.iloc[:, 0]).to_pandas().astype(object),
            "arm": table["arm"].astype(object).to_numpy(),
            "day": pd.to_datetime(table["as_of"]).to_numpy(),
        }
        tables.append(pd.DataFrame(columns))
    if problems:
        raise ChurnError("These call lists cannot be used:", problems)
    calls = pd.concat(tables, ignore_index=True)
    # Without a list there is nothing to tell what the columns are.
    kinds = {"customer": object, "arm": object, "day": "datetime64[ns]"}
    return calls.assign(day=pd.to_datetime(calls["day"])).astype(kinds)


def arms(answers: pd.DataFrame, calls: pd.DataFrame, horizon: int) -> np.ndarray:
    """Who was on a call list from the prediction's day on until the horizon.

    Returns
    -------
    ndarray of str, shape (n,)
        `contact`, `control`, or empty.
    """
    asked = answers[["customer", "time"]].assign(row=np.arange(len(answers)))
    asked = asked.dropna(subset="customer")
    pairs = asked.merge(calls, on="customer")
    start = pd.to_datetime(pairs["time"], utc=True).dt.tz_localize(None).dt.normalize()
    within = (pairs["day"] >= start) & (pairs["day"] <= start + timedelta(days=horizon))
    arm = np.full(len(answers), "", dtype=object)
    for name in reversed(ARMS):  # who was called once was called
        arm[pairs["row"][within & (pairs["arm"] == name)]] = name
    return arm


def grade(
    answered: ScoredCustomers,
    deployment: Deployment,
    outcomes: pd.DataFrame,
    calls: pd.DataFrame,
    as_of: datetime,
    horizon: int = HORIZON,
    completeness: float = COMPLETENESS,
    least: int = LEAST_EACH,
) -> Quality:
    """Grade a run's predictions, month by month; the latest cohort that can judges the run.

    Parameters
    ----------
    answered : ScoredCustomers
        Of whole months, by `month`.
    deployment : Deployment
        Of the run.
    outcomes : DataFrame
        See `labels`.
    calls : DataFrame
        See `read_call_days`.
    as_of : datetime
        Cohorts that have not matured by then are waiting.
    horizon : int
        Days.
    completeness : float
        A cohort of which a smaller share is known does not judge.
    least : int
        Nor does one of whom fewer left, or stayed.
    """
    label = labels(answered.answers, outcomes, horizon)
    arm = arms(answered.answers, calls, horizon)
    rows, judged = [], None
    for name in sorted(answered.answers["period"].unique()):
        inside = (answered.answers["period"] == name).to_numpy()
        last = answered.answers["time"][inside].max() + timedelta(days=horizon)
        ripe = max(month_end(name), last) <= as_of
        cohort = _Cohort(answered.answers["probability"][inside], label[inside], arm[inside])
        row = {"cohort": name, "state": "waiting", **cohort.counts(ripe)}
        if ripe:
            judges = cohort.judges(completeness, least)
            row |= {"state": "judged" if judges else "few", **cohort.quality()}
            judged = (row, inside, cohort) if judges else judged
        rows.append(row)
    names = [*COLUMNS, *(f"{name}{end}" for name in QUALITY for end in ("", "_low", "_high"))]
    table = pd.DataFrame(rows, columns=names)
    promise = {name: deployment.metrics[name] for name in MARGINS}
    if judged is None:
        return Quality(table, promise, (), pd.DataFrame())
    row, inside, cohort = judged
    where = _where(deployment.contract, answered.features[inside], cohort)
    return Quality(table, promise, tuple(_worse(row, promise)), where)


class _Cohort:
    """The customers of a month: probabilities, labels (NaN where not known), and arms."""

    def __init__(self, chance: pd.Series, label: np.ndarray, arm: np.ndarray):
        self.chance, self.label, self.arm = chance.to_numpy(), label, arm
        self.known = ~np.isnan(label)
        self.graded = self.known & (arm != "contact")
        control = self.graded & (arm == "control")
        listed = self.known & (arm != "")
        self.stands_in = control.any() or not (listed & ~control).any()
        # The control group stands for those of its lists who were called.
        self.weights = np.where(control, listed.sum() / max(control.sum(), 1), 1.0)[self.graded]

    def counts(self, ripe: bool) -> dict:
        found = {
            "customers": len(self.label),
            "known": int(self.known.sum()),
            "completeness": self.known.mean(),
            "contacted": (self.arm == "contact").mean(),
            "control": (self.arm == "control").mean(),
        }
        if ripe and self.graded.any():
            for name, values in (("left", self.label), ("promised_left", self.chance)):
                found[name] = np.average(values[self.graded], weights=self.weights)
        return found

    def judges(self, completeness: float, least: int) -> bool:
        left = self.label[self.graded].sum()
        stayed = self.graded.sum() - left
        return self.known.mean() >= completeness and min(left, stayed) >= least and self.stands_in

    def quality(self) -> dict:
        """Each metric with its interval; none where not both left and stayed."""
        label, chance = self.label[self.graded], self.chance[self.graded]
        if len(np.unique(label)) < 2:
            return {}
        found = bootstrap(_metrics(label, chance, self.weights), len(label), seed=0)
        return {
            name + end: value[key]
            for name, value in found.items()
            for end, key in (("", "value"), ("_low", "low"), ("_high", "high"))
        }


def _metrics(label: np.ndarray, chance: np.ndarray, weights: np.ndarray) -> Callable:
    """The metrics of weighted customers under any resample of them; see `intervals.bootstrap`."""
    ranked = RankedRows(label, chance)
    label, chance, weights = ranked.target, ranked.scores, weights[ranked.order]
    losses, squares = row_losses(label, chance), (label - chance) ** 2

    def metrics(drawn: np.ndarray) -> dict[str, np.ndarray]:
        w = drawn[:, ranked.order] * weights
        total, left = w.sum(axis=1), w @ label
        return {
            "roc_auc": area_under_roc(*ranked.cumulate(w)),
            "log_loss": w @ losses / total,
            "brier": w @ squares / total,
            "observed_to_expected": left / (w @ chance),
        }

    return metrics


def _worse(row: dict, promise: dict):
    """What a cohort did clearly worse: the intervals do not meet, and it is no trifle."""
    for name, margin in MARGINS.items():
        sign = -1 if name == "roc_auc" else 1
        now, then = row[name], promise[name]["value"]
        ends = (f"{name}_low", "high") if sign > 0 else (f"{name}_high", "low")
        apart = sign * (row[ends[0]] - promise[name][ends[1]])
        if apart > 0 and sign * (now - then) >= margin:
            yield f"{name.replace('_', ' ')} {now:.3f}, promised {then:.3f}"
    low, high = row["observed_to_expected_low"], row["observed_to_expected_high"]
    if low > OFF or high < 1 / OFF:
        yield (
            f"{row['left']:.1%} left, promised {row['promised_left']:.1%}: "
            f"{row['observed_to_expected']:.2f} times as many"
        )


def _where(contract: Contract, features: pd.DataFrame, cohort: _Cohort) -> pd.DataFrame:
    graded = cohort.graded
    label = cohort.label[graded].astype(np.int8)
    return segments(contract, features[graded], label, cohort.chance[graded])
