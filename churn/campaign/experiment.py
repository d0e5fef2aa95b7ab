"""The experiment that a campaign's lists are: who was called at random, and what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd

from churn.campaign.control_group import CONTACT, CONTROL
from churn.campaign.exploration import EXPLORATION
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
    costs : ndarray of float, shape (n, n_actions)
        What each action costs on average, of these; 0 where it was not possible.
    checks : list of Check
        Of the experiment, and of the lists.
    budget : float
        The share of eligible customers that the lists called, on average.
    notes : list of str
        How many customers were drawn, and what does not count, in words.
    reached : dict of str to float
        By action, the share of its customers whom somebody spoke to, weighted; empty where nothing
        is recorded about the calls.
    eligible : float
        How many customers might get an action on a list, on average.
    days : ndarray of datetime64[D], shape (n,)
        When each was drawn.
    """

    known: Experiment
    costs: np.ndarray
    checks: list[Check]
    budget: float
    notes: list[str]
    reached: dict[str, float]
    eligible: float
    days: np.ndarray


def action_label(name: str) -> str:
    """The name of an action in the experiment: a campaign without a file has `call`."""
    return CALL if name == CONTACT else name


def read_experiment(
    url: str, campaign: str, contract: Contract, horizon: int, as_of: date | None = None,
    days: int = 365,
) -> CampaignExperiment:  # fmt: skip
    """Read the lists of a campaign and the outcomes of their customers.

    If some customers were drawn from all who are eligible, only these count, each time that they
    were drawn, as each draw is a new one; else a customer of the lists counts from the first day
    on. Only days that are at least a horizon ago count, and who leaves later than a horizon after
    the list has stayed.

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
            "day": pd.to_datetime([of.as_of for of, _ in drawn]),
            "probability": [row.probability for _, row in drawn],
            "value_at_risk": [row.value_at_risk for _, row in drawn],
        }
    )
    with OutcomeStore(url) as store:
        left, notes = outcomes_of(frame, frame_of(store.of(frame["customer"])), horizon)
    options = [row.options for _, row in drawn]
    actions = _actions(options)
    propensity, costs, benefit = _options_table(options, actions)
    chance = frame["probability"].to_numpy()
    experiment = Experiment(
        features=_features(drawn, contract, chance),
        action=_drawn([row for _, row in drawn], actions),
        outcome=1 - left,
        propensity=propensity,
        names=(NOBODY, *map(action_label, actions)),
        value=frame["value_at_risk"].to_numpy() / chance,
        weight=np.array([row.weight for _, row in drawn]),
        offset=1 - chance,
        benefit=benefit,
        cluster=pd.factorize(frame["customer"])[0],
    )
    lists_of = {of.list_id: of for of, _ in mine}.values()
    eligible = sum(of.counts.get("eligible", 0) for of in lists_of)
    contacts = sum(of.counts.get("contact", 0) for of in lists_of)
    known = experiment.known()
    return CampaignExperiment(
        reached=_reached([row for _, row in drawn], experiment),
        known=known,
        costs=costs[np.isfinite(experiment.outcome)],
        days=frame["day"].to_numpy("datetime64[D]")[np.isfinite(experiment.outcome)],
        checks=[*check_experiment(experiment), _contamination(drawn, rows, horizon)],
        budget=contacts / max(eligible, 1),
        eligible=eligible / max(len(lists_of), 1),
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
    """The assignments of each customer that count, and how many have none, in sentences.

    One counts if an action and none were possible with a known probability, and the model that
    ranked the list has these features.
    """
    first: dict[tuple[str, str], tuple[StoredList, ListedCustomer]] = {}
    unknown, other, listed, held = set(), set(), set(), set()
    explored = any(row.stratum == EXPLORATION for _, row in rows)
    for of, row in rows:
        if explored and row.stratum != EXPLORATION:
            listed.add(row.customer)
        elif row.control and row.propensity == 1:
            held.add(row.customer)
        elif not row.options or row.features is None:
            unknown.add(row.customer)
        elif set(contract.features) - set(row.features):
            other.add(row.customer)
        else:
            first.setdefault((row.customer, of.list_id if explored else ""), (of, row))
    reasons = {
        "whether they are called was not drawn with a known probability": unknown,
        "the model of their list had other features": other - unknown,
        "they are in the control group, and the draw found them": held - unknown - other,
        "they are on the list, and those who were drawn stand for all": listed
        - unknown
        - other
        - held,
    }
    counted = {customer for customer, _ in first}
    dropped = [
        f"{plural(len(some - counted), 'customer does', 'customers do')} not count: {why}."
        for why, some in reasons.items()
        if some - counted
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


def _actions(options: Sequence[Mapping[str, Mapping[str, float]]]) -> tuple[str, ...]:
    """The actions that were possible for any customer."""
    return tuple(sorted({name for of in options for name in of} - {CONTROL}))


def _options_table(
    options: Sequence[Mapping[str, Mapping[str, float]]], actions: Sequence[str]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Probabilities, costs and benefits by risk of all actions, 0 where one was not possible."""
    names = [CONTROL, *actions]
    found = [
        np.array([[of.get(name, {}).get(key, 0.0) for name in names] for of in options])
        for key in ("propensity", "cost", "benefit_by_risk")
    ]
    return found[0], found[1][:, 1:], found[2][:, 1:]


def _drawn(rows: Sequence[ListedCustomer], actions: Sequence[str]) -> np.ndarray:
    numbers = {name: number for number, name in enumerate(actions, start=1)}
    return np.array([0 if row.control else numbers[str(row.action)] for row in rows])


def _reached(rows: Sequence[ListedCustomer], experiment: Experiment) -> dict[str, float]:
    known = np.isfinite(experiment.outcome)
    called = [
        (row, weight)
        for row, use, weight in zip(rows, known, experiment.weights, strict=True)
        if use and not row.control
    ]
    if all(row.state == OPEN for row, _ in called):
        return {}
    total, spoken = dict.fromkeys(experiment.names[1:], 0.0), dict.fromkeys(experiment.names, 0.0)
    for row, weight in called:
        name = action_label(str(row.action))
        total[name] += weight
        spoken[name] += weight * (row.state in DONE)
    return {name: spoken[name] / weight for name, weight in total.items() if weight}


def _contamination(
    drawn: Sequence[tuple[StoredList, ListedCustomer]],
    rows: Sequence[tuple[StoredList, ListedCustomer]],
    horizon: int,
) -> Check:
    """Whether the experiment's customers were on other lists to be called, in the time that counts.

    A control customer whom a later list calls, or a called one whom another campaign calls too, or
    this one with another action, is no longer what was drawn.
    """
    calls: dict[str, list[tuple[tuple[str, str | None], date]]] = {}
    for of, row in rows:
        if not row.control:
            calls.setdefault(row.customer, []).append(((of.campaign, row.action), of.as_of))

    def touched(of: StoredList, row: ListedCustomer) -> bool:
        end = of.as_of + timedelta(days=horizon)
        return any(
            of.as_of <= day < end and (row.control or done != (of.campaign, row.action))
            for done, day in calls.get(row.customer, ())
        )

    labels = [NOBODY if row.control else action_label(str(row.action)) for _, row in drawn]
    counts = dict.fromkeys(labels, 0)
    for name, (of, row) in zip(labels, drawn, strict=True):
        counts[name] += touched(of, row)
    share = sum(counts.values()) / len(drawn)
    finding = (
        ", ".join(
            f"{count:,} of {labels.count(name):,} with {name}" for name, count in counts.items()
        )
        + f" ({share:.1%} in all; at most {MAX_CONTAMINATED:.0%}) were called by another list, or "
        f"with another action, within {horizon} days"
    )
    return Check("contamination", share <= MAX_CONTAMINATED, finding)
