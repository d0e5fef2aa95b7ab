"""The call list of a table, merged from the short lists of its shards."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from churn.campaign.actions import Actions
from churn.campaign.assignment import Options, action_columns, assign, options_of
from churn.campaign.benefit import MONEY
from churn.campaign.chunks import check_share, key_of, merge_problems
from churn.campaign.control_group import CONTACT, CONTROL
from churn.campaign.exploration import EXPLORATION, Drawn, merge_draws
from churn.campaign.export import REASONS, explain, list_schema, list_table
from churn.campaign.list_policy import ListPolicy
from churn.campaign.ranking import compare_rankings, merge_ranking
from churn.campaign.settings import Campaign
from churn.campaign.shortlist import Part, Top, merge_shortlists
from churn.data.console import SHOWN
from churn.data.contract import NOTHING_ACTIONABLE, Contract
from churn.data.validation import in_words
from churn.errors import ChurnError
from churn.feedback.batch import Sample, records_of
from churn.scoring.deployment import Deployment
from churn.words import plural


def listing_contract(contract: Contract, id_name: str = "", named: bool = False) -> Contract:
    """The model's contract with the customer's key, which the list needs.

    Parameters
    ----------
    contract : Contract
    id_name : str
        The column with the key, if it is not the contract's.
    named : bool
        Whether the campaign names its actions.

    Raises
    ------
    ChurnError
        If there is no key, or its name is one of the list's own columns.
    """
    key = id_name or contract.id
    if not key:
        hint = "say which column is the customer's key: --id"
        raise ChurnError("Nobody can be listed:", [hint])
    if key in list_schema("", named).names:
        raise ChurnError("Nobody can be listed:", [f"the list has a column {key} of its own"])
    others = {
        role: [name for name in getattr(contract, role) if name != key]
        for role in ("ignore", "keep")
    }
    return Contract.parse(contract.model_dump() | {"id": key} | others)


@dataclass(frozen=True)
class CallList:
    """The call list, and the results that it follows from.

    Attributes
    ----------
    calls : Table
        See `list_schema`; contact and control, the greatest net benefit first.
    policy : ListPolicy
        That of its ranking.
    rows : ndarray of int64
        Their row numbers in the table.
    features : list of dict
        The values that the model was given, as values of JSON.
    options : list of dict
        For each row the actions that were possible, and `control`; see `options_of`.
    by_action : DataFrame
        A row per action: `action`, `capacity`, `contact` and `control` customers, and how many of
        the contacts are `explored`.
    counts : dict of str to int
        Those of a `Part` for the whole table; contact, and how many of these are explored (drawn
        at random); control, explored_control, and held (of the control group, and in the draw).
    expected : dict
        The expected money that calling the list brings: value, low and high. The ends are the sums
        of the rows' ends, as if the model's errors all had the same sign.
    problems, rejected : DataFrame
        See `Part`.
    sample : DataFrame
        Customers for the prediction log, see `churn.feedback.batch.Sample`.
    curve : DataFrame
        See `churn.campaign.ranking.compare_rankings`, with the control group as if it were called.
    """

    calls: pa.Table
    policy: ListPolicy
    rows: np.ndarray
    features: list[dict[str, Any]]
    options: list[Options]
    by_action: pd.DataFrame
    counts: dict[str, int]
    expected: dict[str, float]
    problems: pd.DataFrame
    rejected: pd.DataFrame
    sample: pd.DataFrame
    curve: pd.DataFrame

    @property
    def scored(self) -> int:
        """How many customers were scored."""
        return self.counts["customers"] - self.counts["rejected"]

    def __str__(self) -> str:
        count, expected = self.counts, self.expected
        drawn = (
            f" {count['explored']:,} of the calls are drawn at random, with "
            f"{count['explored_control']:,} like them who are not called, most of them "
            f"near the edge of the list; {count['held']:,} of the control group were in the draw."
            if count["explored"]
            else ""
        )
        return (
            f"{count['contact']:,} to call, and {count['control']:,} like them in the control "
            f"group, of {count['pays']:,} whom it pays to call among {count['customers']:,} "
            f"customers. The calls bring {expected['value']:,.2f} on average "
            f"({expected['low']:,.2f} to {expected['high']:,.2f}).{drawn}"
        )

    def describe_actions(self) -> list[str]:
        """How many customers get each action, and who gets none, where the campaign names them."""
        if not self.policy.actions.named:
            return []
        count, waiting = self.counts, self.counts["pays"] - self.counts["contact"]
        lines = [
            f"{row['action']}: {plural(row['contact'], 'customer')} of at most "
            f"{row['capacity']:,}, of whom {row['explored']:,} drawn at random; "
            f"{row['control']:,} like them in the control group."
            for row in self.by_action.to_dict("records")
        ]
        left_out = {
            "by a rule of the campaign, or without an action that they may get": "suppressed",
            "on the do-not-contact list": "do_not_contact",
            "resting after an earlier list": "resting",
        }
        words = ", ".join(f"{count[name]:,} {why}" for why, name in left_out.items())
        outside = max(waiting - self.by_action["control"].sum() + count["explored"], 0)
        lines.append(f"Left out: {words}; {outside:,} whom it pays to call, beyond the capacity.")
        return lines


def make_list(
    parts: Iterable[Part], deployment: Deployment, contract: Contract, campaign: Campaign,
    policy: ListPolicy,
) -> CallList:  # fmt: skip
    """Merge the shards, and explain the risk of the customers on the list.

    Raises
    ------
    ChurnError
        If more rows are rejected than may be, with every problem of the table.
    """
    top: list[Top] = []
    draws: list[Drawn] = []
    counts: Counter[str] = Counter()
    found, rejected, rankings = [], [], []
    sample = Sample()
    for part in parts:
        top = [merge_shortlists([*top, (part.scores, part.customers)], campaign.shortlisted)]
        if part.drawn:
            draws = [merge_draws([*draws, part.drawn], campaign)]
        found.append(part.problems)
        rejected.append(part.rejected)
        rankings.append((part.best, part.riskiest))
        counts.update(part.counts)
        sample.merge(part.sample)
    scores, customers, chances = assign(
        top[0], draws[0] if draws else None, counts["eligible"], campaign, policy.actions
    )
    problems, key = merge_problems(found), key_of(contract)
    check_share(problems, counts["customers"], counts["rejected"], campaign.max_rejected)
    chance, control = scores["probability"].to_numpy(), scores["control"].to_numpy(dtype=bool)
    action = scores["action"].to_numpy(dtype=np.int64)
    money = policy.money(chance, customers, action)
    reasons, actions = explain(deployment, customers, policy.reasons(chance, customers, action))
    options = options_of(policy, chance, customers, chances)
    columns: dict[str, Any] = {
        key: scores["id"].to_numpy(),
        "arm": np.where(control, CONTROL, CONTACT).astype(object),
        **{name: scores[name].to_numpy() for name in ("stratum", "propensity", "weight")},
        "probability": chance,
        **money,
        **{f"reason_{i + 1}": [words[i] for words in reasons] for i in range(REASONS)},
        "action": actions,
        **action_columns(policy.actions, scores, options),
    }
    expected = zip(("value", "low", "high"), MONEY[1:4], strict=True)
    best, riskiest = (merge_ranking(ranking) for ranking in zip(*rankings, strict=True))
    return CallList(
        calls=list_table(columns, key, campaign, policy),
        policy=policy,
        rows=scores.index.to_numpy(dtype=np.int64),
        features=records_of(customers, contract, campaign.as_of),
        options=options,
        by_action=_by_action(policy.actions, campaign, action, control, scores["stratum"]),
        counts=dict(counts) | _arms(control, scores),
        expected={end: float(money[name][~control].sum()) for end, name in expected},
        problems=problems,
        rejected=pd.concat(rejected),
        sample=sample.frame,
        curve=compare_rankings(best, riskiest),
    )


def _by_action(
    actions: Actions, campaign: Campaign, action: np.ndarray, control: np.ndarray,
    stratum: pd.Series,
) -> pd.DataFrame:  # fmt: skip
    explored = (stratum == EXPLORATION).to_numpy()
    rows = []
    for number, (one, capacity) in enumerate(
        zip(actions, np.minimum(actions.capacities, campaign.budget).tolist(), strict=True)
    ):
        mine = action == number
        counts = (mine & ~control, mine & control & ~explored, mine & ~control & explored)
        rows.append((one.name, capacity, *(int(np.count_nonzero(some)) for some in counts)))
    return pd.DataFrame(rows, columns=["action", "capacity", "contact", "control", "explored"])


def _arms(control: np.ndarray, scores: pd.DataFrame) -> dict[str, int]:
    explored = scores["stratum"].to_numpy() == EXPLORATION
    held = explored & (scores["weight"].to_numpy() == 0)
    masks = {
        "contact": ~control, "control": control & ~explored, "explored": ~control & explored,
        "explored_control": control & explored & ~held, "held": held,
    }  # fmt: skip
    return {name: int(np.count_nonzero(mask)) for name, mask in masks.items()}


def list_message(found: CallList, campaign: Campaign, where: str) -> dict[str, Any]:
    """The message to a webhook about a new list, as plain values.

    Parameters
    ----------
    where : str
        The run of ScoreFlow.
    """
    return {
        "list": campaign.campaign,
        "as_of": campaign.as_of.isoformat(),
        "score": where,
        "calls": found.counts["contact"],
        "expected": found.expected,
        "text": f"The call list of {campaign.as_of}, campaign {campaign.campaign}: {found}",
    }


def describe_list(contract: Contract) -> list[str]:
    """When the customers on a list leave, and why it has no actions where it has none."""
    lines = []
    if contract.within:
        lines.append(f"The probabilities are of leaving{contract.within}.")
    if not contract.any_actionable:
        lines.append(f"{NOTHING_ACTIONABLE}.")
    return lines


def describe_problems(problems: pd.DataFrame, most: int = SHOWN) -> list[str]:
    """Why rows are rejected, and what else was found in the table, a sentence each."""
    words = [f"{text[:200]}." for text in in_words(problems)]
    more = len(words) - most
    return words[:most] + ([f"… {more} more in the card."] if more > 0 else [])


def everyone_else(
    scored: Iterable[pa.Table], found: CallList, campaign: Campaign
) -> Iterator[pa.Table]:
    """The customers that are not on the list, in the table's order, without arm and reasons."""
    listed = pa.array(found.rows)
    id_name = found.calls.column_names[0]
    for table in scored:
        rest = table.filter(pc.invert(pc.is_in(table["row"], listed)))
        columns = {name: rest[name] for name in ("probability", *MONEY, "benefit_by_risk")}
        arm = pa.repeat("none", len(rest))
        columns |= {id_name: rest["id"], "arm": arm}
        yield list_table(columns, id_name, campaign, found.policy)
