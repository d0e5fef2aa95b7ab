"""The call list: shards scored and cut short, then put together as one list."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from churn.campaign.chunks import Chunk, check_share, merge_problems
from churn.campaign.export import MONEY, REASONS, explain, list_schema, list_table
from churn.campaign.ranking import (
    Campaign,
    blocks,
    compare_rankings,
    in_control,
    merge_ranking,
    probability_interval,
    shortlist,
)
from churn.data.contract import Contract
from churn.errors import ChurnError
from churn.evaluation.profit import RetentionCosts, expected_profit
from churn.modeling.model import ChurnModel
from churn.scoring.deployment import Deployment

# So many rejected rows are kept per shard, for the user to read; all are counted.
KEPT_REJECTED = 10_000


def listing_contract(contract: Contract, id_name: str = "") -> Contract:
    """The model's contract with the customer's key, which the list needs.

    Parameters
    ----------
    contract : Contract
    id_name : str
        The column with the key, if it is not the contract's.

    Raises
    ------
    ChurnError
        If there is no key, or it has a name of the list's own.
    """
    key = id_name or contract.id
    if not key:
        hint = "say which column is the customer's key: --id"
        raise ChurnError("Nobody can be listed:", [hint])
    if key in list_schema("").names:
        raise ChurnError("Nobody can be listed:", [f"the list has a column {key} of its own"])
    ignore = [name for name in contract.ignore if name != key]
    return Contract.parse(contract.model_dump() | {"id": key, "ignore": ignore})


@dataclass(frozen=True)
class Part:
    """What the list needs of a shard.

    Attributes
    ----------
    scores : DataFrame
        Of the shard's own short list: id, probability, benefit, control; the index is the row
        number in the table.
    customers : DataFrame
        Their features, and the columns that the offer names.
    problems, rejected : DataFrame
        See `churn.campaign.chunks.Chunk`; of the rejected rows not all, see `KEPT_REJECTED`.
    counts : dict of str to int
        customers, rejected, spared (on the do-not-contact list), and pays: of the others, those
        whose net benefit is positive.
    best, riskiest : ndarray
        The rankings in short, see `churn.campaign.ranking.blocks`.
    """

    scores: pd.DataFrame
    customers: pd.DataFrame
    problems: pd.DataFrame
    rejected: pd.DataFrame
    counts: dict[str, int]
    best: np.ndarray
    riskiest: np.ndarray


def score_shard(
    chunks: Iterable[Chunk],
    model: ChurnModel,
    campaign: Campaign,
    offer: RetentionCosts,
    spared: Sequence[str],
    reliability: Sequence[Mapping] | None = None,
) -> tuple[Part, pa.Table | None]:
    """Score a shard, and keep what the list needs of it.

    Parameters
    ----------
    spared : sequence of str
        The do-not-contact list.
    reliability : sequence of mapping, optional
        Of the model, if the list is to have everyone.

    Returns
    -------
    Part, and the shard's customers as a Table, their row number beside the numbers of the list
    """
    spared = pa.array(spared, pa.string())
    counts = {"customers": 0, "rejected": 0, "spared": 0, "pays": 0}
    top, problems, rejected, chances, profits, everyone = [], [], [], [], [], []
    for chunk in chunks:
        problems.append(chunk.problems)
        rejected.append(chunk.rejected[: max(0, KEPT_REJECTED - counts["rejected"])])
        chance, profit = _score(chunk, model, offer)
        free = ~pc.is_in(chunk.ids, spared).to_numpy(zero_copy_only=False)
        chances.append(chance[free])
        profits.append(profit[free])
        worth = np.flatnonzero(free & (profit > 0))
        for name, rows in {
            "customers": len(chunk.ids) + len(chunk.rejected), "rejected": len(chunk.rejected),
            "spared": np.count_nonzero(~free), "pays": len(worth),
        }.items():  # fmt: skip
            counts[name] += rows
        scores = _shortlist(chunk, chance, profit, worth, campaign)
        top = [_together([*top, (scores, chunk.customers.loc[scores.index])], campaign.budget)]
        if reliability is not None:
            money = _money(chance, chunk.customers, offer, reliability)
            rows = chunk.customers.index.to_numpy()
            everyone.append(pa.table({"row": rows, "id": chunk.ids, "probability": chance} | money))
    ((scores, customers),) = top
    chance, profit = np.concatenate(chances), np.concatenate(profits)
    part = Part(
        scores=scores,
        customers=customers,
        problems=merge_problems(problems),
        rejected=pd.concat(rejected),
        counts=counts,
        best=blocks(profit, profit),
        riskiest=blocks(chance, profit),
    )
    return part, pa.concat_tables(everyone) if everyone else None


def _score(chunk: Chunk, model: ChurnModel, offer: RetentionCosts) -> tuple[np.ndarray, np.ndarray]:
    if not len(chunk.ids):  # scikit-learn predicts for no less than one
        return np.zeros(0), np.zeros(0)
    chance = model.predict_proba(chunk.customers)[:, 1]
    return chance, expected_profit(chance, chunk.customers, offer)


def _together(tops: list[tuple[pd.DataFrame, pd.DataFrame]], budget: int):
    """Several short lists and their customers as one."""
    scores = shortlist(pd.concat([scores for scores, _ in tops]), budget)
    return scores, pd.concat([customers for _, customers in tops]).loc[scores.index]


def _shortlist(chunk, chance, profit, worth, campaign: Campaign) -> pd.DataFrame:
    """The short list of a chunk; the control group is only looked up for who may be on it."""
    most = min(len(worth), 2 * campaign.budget)
    while True:
        top = worth[np.argsort(-profit[worth], kind="stable")[:most]]
        ids = chunk.ids.take(pa.array(top)).to_pylist()
        scores = pd.DataFrame(
            {
                "id": np.array(ids, dtype=object),
                "probability": chance[top],
                "benefit": profit[top],
                "control": in_control(ids, campaign.campaign, campaign.control),
            },
            index=chunk.customers.index[top],
        )
        if most == len(worth) or (~scores["control"]).sum() >= campaign.budget:
            return shortlist(scores, campaign.budget)
        most = min(len(worth), 2 * most)


def _money(
    chance, customers: pd.DataFrame, offer: RetentionCosts, reliability
) -> dict[str, np.ndarray]:
    low, high = probability_interval(chance, reliability)
    benefits = (expected_profit(one, customers, offer) for one in (chance, low, high))
    return dict(zip(MONEY, (chance * offer.values(customers), *benefits), strict=True))


@dataclass(frozen=True)
class CallList:
    """The list, and what is behind it.

    Attributes
    ----------
    calls : Table
        See `list_schema`; contact and control, the greatest net benefit first.
    rows : ndarray of int64
        Their row numbers in the table.
    counts : dict of str to int
        As a `Part` has them, of the whole table, and contact and control.
    expected : dict
        Money that calling the list brings on average: value, low and high, the sums of its rows'
        ends, as if the model were as wrong about each of them in the same direction.
    problems, rejected : DataFrame
        See `Part`.
    curve : DataFrame
        See `churn.campaign.ranking.compare_rankings`, with the control group as if it were called.
    """

    calls: pa.Table
    rows: np.ndarray
    counts: dict[str, int]
    expected: dict[str, float]
    problems: pd.DataFrame
    rejected: pd.DataFrame
    curve: pd.DataFrame

    def __str__(self) -> str:
        count, expected = self.counts, self.expected
        return (
            f"{count['contact']:,} to call, and {count['control']:,} like them in the control "
            f"group, of {count['pays']:,} whom it pays to call among {count['customers']:,} "
            f"customers. The calls bring {expected['value']:,.2f} on average "
            f"({expected['low']:,.2f} to {expected['high']:,.2f})."
        )


def make_list(
    parts: Iterable[Part], deployment: Deployment, contract: Contract, campaign: Campaign,
    offer: RetentionCosts,
) -> CallList:  # fmt: skip
    """Put the shards together, and say why and what to do about those who are on the list.

    Raises
    ------
    ChurnError
        If more rows are rejected than may be, with every problem of the table.
    """
    top, problems, rejected, rankings, counts = [], [], [], [], Counter()
    for part in parts:
        top = [_together([*top, (part.scores, part.customers)], campaign.budget)]
        problems.append(part.problems)
        rejected.append(part.rejected)
        rankings.append((part.best, part.riskiest))
        counts.update(part.counts)
    ((scores, customers),) = top
    problems = merge_problems(problems)
    check_share(problems, counts["customers"], counts["rejected"], campaign.max_rejected)
    chance, control = scores["probability"].to_numpy(), scores["control"].to_numpy(dtype=bool)
    money = _money(chance, customers, offer, deployment.reliability)
    reasons, actions = explain(deployment, customers)
    columns = {
        contract.id: scores["id"].to_numpy(),
        "arm": np.where(control, "control", "contact").astype(object),
        "probability": chance,
        **money,
        **{f"reason_{i + 1}": [said[i] for said in reasons] for i in range(REASONS)},
        "action": actions,
    }
    expected = zip(("value", "low", "high"), MONEY[1:], strict=True)
    best, riskiest = (merge_ranking(ranking) for ranking in zip(*rankings, strict=True))
    return CallList(
        calls=list_table(columns, contract.id, deployment.run, campaign),
        rows=scores.index.to_numpy(dtype=np.int64),
        counts=dict(counts) | {"contact": int((~control).sum()), "control": int(control.sum())},
        expected={end: float(money[name][~control].sum()) for end, name in expected},
        problems=problems,
        rejected=pd.concat(rejected),
        curve=compare_rankings(best, riskiest),
    )


def everyone_else(
    scored: Iterable[pa.Table], found: CallList, run: str, campaign: Campaign
) -> Iterator[pa.Table]:
    """Those who are not on the list, in the order of the table, with neither arm nor reasons."""
    listed = pa.array(found.rows)
    id_name = found.calls.column_names[0]
    for table in scored:
        rest = table.filter(pc.invert(pc.is_in(table["row"], listed)))
        columns = {name: rest[name] for name in ("probability", *MONEY)}
        arm = pa.repeat("none", len(rest))
        yield list_table({id_name: rest["id"], "arm": arm, **columns}, id_name, run, campaign)
