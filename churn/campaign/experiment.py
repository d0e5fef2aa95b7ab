"""The experiment that a campaign's lists are: who was called at random, and what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd

from churn.campaign.control_group import CONTACT, CONTROL
from churn.campaign.savings import outcomes_of
from churn.campaign.stored import DONE, OPEN, CallListStore, ListedCustomer, StoredList
from churn.data.contract import Contract
from churn.data.parsing import parse_features
from churn.errors import ChurnError
from churn.feedback.outcomes import OutcomeStore, frame_of
from churn.targeting.experiment import Check, Experiment, check_experiment
from churn.words import plural

NOBODY, CALL = "no call", "call"
# Above this share of customers whom another list called too, nothing is learned.
MAX_CONTAMINATED = 0.1
RISK = "probability of leaving"


@dataclass(frozen=True)
class CampaignExperiment:
    """A campaign as an experiment.

    Attributes
    ----------
    known : Experiment
        The customers with a known outcome: 1 for one who stayed; its value is the customer's, in
        money.
    costs : ndarray of float, shape (n, 1)
        What a call costs on average, of these.
    checks : list of Check
        Of the experiment, and of the lists.
    budget : float
        The share of eligible customers that the lists called, on average.
    notes : list of str
        How many customers were drawn, and what does not count, in words.
    reached : float or None
        The share of the customers to be called whom somebody spoke to, weighted; None where nothing
        is recorded about the calls.
    """

    known: Experiment
    costs: np.ndarray
    checks: list[Check]
    budget: float
    notes: list[str]
    reached: float | None = None


def read_experiment(
    url: str, campaign: str, contract: Contract, horizon: int, as_of: date | None = None,
    days: int = 365,
) -> CampaignExperiment:  # fmt: skip
    """Read the lists of a campaign and the outcomes of their customers.

    A customer counts from the first list on. Only days that are at least a horizon ago count.

    Parameters
    ----------
    url : str
        The database of the prediction log.
    campaign : str
    contract : Contract
        Of the model, whose features the lists keep.
    horizon : int
        Days after which the outcome of a call is known.
    as_of : date, optional
        The day of the examination; today, in UTC.
    days : int
        How far back lists are read.

    Raises
    ------
    ChurnError
        If the campaign has no list with known probabilities of a call, in which enough time has
        passed.
    """
    end = (as_of or datetime.now(UTC).date()) - timedelta(days=horizon)
    with CallListStore(url) as lists:
        rows = list(lists.between(end - timedelta(days=days), end + timedelta(days=horizon)))
    mine = [(of, row) for of, row in rows if of.campaign == campaign and of.as_of < end]
    drawn, dropped = _first(mine, contract)
    if not drawn:
        problem = (
            f"no list of it before {end} has customers whose call was drawn with a known "
            "probability; the app's database keeps the lists of ScoreFlow"
        )
        summary = f"Nothing can be learned from the campaign {campaign!r}:"
        raise ChurnError(summary, [problem, *dropped])
    frame = pd.DataFrame(
        {
            "customer": [row.customer for _, row in drawn],
            "arm": [row.action for _, row in drawn],
            "day": pd.to_datetime([of.as_of for of, _ in drawn]),
            "probability": [row.probability for _, row in drawn],
            "value_at_risk": [row.value_at_risk for _, row in drawn],
        }
    )
    with OutcomeStore(url) as store:
        left, notes = outcomes_of(frame, frame_of(store.of(frame["customer"])))
    called = (frame["arm"] == CONTACT).to_numpy().astype(np.int64)
    drawn_with = np.array([row.propensity for _, row in drawn], dtype=np.float64)
    of_call = np.where(called == 1, drawn_with, 1 - drawn_with)
    chance = frame["probability"].to_numpy()
    experiment = Experiment(
        features=_features(drawn, contract, chance),
        action=called,
        outcome=1 - left,
        propensity=np.column_stack([1 - of_call, of_call]),
        names=(NOBODY, CALL),
        risk=np.array([row.benefit_by_risk for _, row in drawn], dtype=np.float64),
        value=frame["value_at_risk"].to_numpy() / chance,
        weight=np.array([row.weight for _, row in drawn]),
        offset=1 - chance,
    )
    costs = np.array([[row.call_cost] for _, row in drawn], dtype=np.float64)
    lists_of = {of.list_id: of for of, _ in mine}.values()
    eligible = sum(of.counts.get("eligible", 0) for of in lists_of)
    contacts = sum(of.counts.get("contact", 0) for of in lists_of)
    known = experiment.known()
    return CampaignExperiment(
        reached=_reached([row for _, row in drawn], np.isfinite(experiment.outcome)),
        known=known,
        costs=costs[np.isfinite(experiment.outcome)],
        checks=[*check_experiment(experiment), _contamination(drawn, rows, horizon)],
        budget=contacts / max(eligible, 1),
        notes=[
            f"{plural(len(drawn), 'customer was', 'customers were')} drawn with a known probability"
            " of a call.",
            *dropped,
            *notes,
        ],
    )


def _first(
    rows: Sequence[tuple[StoredList, ListedCustomer]], contract: Contract
) -> tuple[list[tuple[StoredList, ListedCustomer]], list[str]]:
    """The first assignment of each customer that counts, and how many have none, in sentences.

    It counts if both arms were possible with a known probability, and the model that ranked the
    list has these features.
    """
    first: dict[str, tuple[StoredList, ListedCustomer]] = {}
    unknown, other = set(), set()
    for of, row in rows:
        if row.propensity is None or not 0 < row.propensity < 1 or row.features is None:
            unknown.add(row.customer)
        elif set(contract.features) - set(row.features):
            other.add(row.customer)
        else:
            first.setdefault(row.customer, (of, row))
    reasons = {
        "whether they are called was not drawn with a known probability": unknown,
        "the model of their list had other features": other - unknown,
    }
    dropped = [
        f"{plural(len(some - set(first)), 'customer does', 'customers do')} not count: {why}."
        for why, some in reasons.items()
        if some - set(first)
    ]
    return list(first.values()), dropped


def _features(
    rows: Sequence[tuple[StoredList, ListedCustomer]], contract: Contract, chance: np.ndarray
) -> pd.DataFrame:
    """The features that the model was given, typed, and its probability."""
    texts = pd.DataFrame([row.features for _, row in rows])
    days = pd.Series([of.as_of for of, _ in rows])
    parts = [
        parse_features(part, contract.model_copy(update={"as_of": day}))
        for day, part in texts.groupby(days, sort=False)
    ]
    return experiment_features(pd.concat(parts).sort_index(), contract, chance)


def experiment_features(
    customers: pd.DataFrame, contract: Contract, chance: np.ndarray
) -> pd.DataFrame:
    """The features from which effects are learned: those of the model, and its probability.

    Parameters
    ----------
    customers : DataFrame of n rows
        Typed; other columns are left out.
    contract : Contract
    chance : ndarray of float64, shape (n,)
        The model's probability of leaving.

    Returns
    -------
    DataFrame of n rows
        float64 and category columns.
    """
    typed = customers[[*contract.features]]
    flags = typed.select_dtypes("bool").columns
    return typed.astype(dict.fromkeys(flags, np.float64)).assign(**{RISK: chance})


def _reached(rows: Sequence[ListedCustomer], known: np.ndarray) -> float | None:
    called = [row for row, use in zip(rows, known, strict=True) if use and not row.control]
    if all(row.state == OPEN for row in called):
        return None
    total = sum(row.weight or 1.0 for row in called)
    return sum(row.weight or 1.0 for row in called if row.state in DONE) / total


def _contamination(
    drawn: Sequence[tuple[StoredList, ListedCustomer]],
    rows: Sequence[tuple[StoredList, ListedCustomer]],
    horizon: int,
) -> Check:
    """Whether the experiment's customers were on other lists to be called, in the time that counts.

    A control customer whom a later list calls, or a called one whom another campaign calls too,
    is no longer what was drawn.
    """
    calls: dict[str, list[tuple[str, date]]] = {}
    for of, row in rows:
        if not row.control:
            calls.setdefault(row.customer, []).append((of.campaign, of.as_of))

    def touched(of: StoredList, row: ListedCustomer) -> bool:
        end = of.as_of + timedelta(days=horizon)
        return any(
            of.as_of <= day < end and (row.control or campaign != of.campaign)
            for campaign, day in calls.get(row.customer, ())
        )

    counts = dict.fromkeys((CONTACT, CONTROL), 0)
    for of, row in drawn:
        counts[CONTROL if row.control else CONTACT] += touched(of, row)
    share = sum(counts.values()) / len(drawn)
    finding = (
        f"{plural(counts[CONTACT], 'called customer', 'called customers')} and "
        f"{counts[CONTROL]:,} not to be called ({share:.1%} in all; at most "
        f"{MAX_CONTAMINATED:.0%}) were called by another list within {horizon} days"
    )
    return Check("contamination", share <= MAX_CONTAMINATED, finding)
