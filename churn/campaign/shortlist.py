"""The short list of a shard: the customers with the greatest net benefit, up to the budget.

The budget is a number of calls, so the customers with the greatest expected benefit are the list
with the greatest total that the budget allows. A customer whose call does not pay is not called,
even if budget is left.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from churn.campaign.chunks import Chunk, merge_problems
from churn.campaign.control_group import in_control
from churn.campaign.exploration import (
    Drawn,
    benefit_columns,
    benefits_of,
    candidates,
    merge_draws,
)
from churn.campaign.list_policy import ListPolicy
from churn.campaign.ranking import blocks
from churn.campaign.settings import Campaign
from churn.feedback.batch import Sample
from churn.modeling.model import ChurnModel

# All rejected rows are counted; at most so many of each shard are kept.
KEPT_REJECTED = 10_000
# A short list, see `shortlist`, and the features of its customers.
Top = tuple[pd.DataFrame, pd.DataFrame]


@dataclass(frozen=True)
class Part:
    """The results of a shard that the call list needs.

    Attributes
    ----------
    scores : DataFrame
        The candidates of the shard: id, probability, control, and the benefit of each action (see
        `benefit_columns`); the index is the row number in the table.
    customers : DataFrame
        Their features, and the columns that the offer names.
    problems, rejected : DataFrame
        See `churn.campaign.chunks.Chunk`; at most `KEPT_REJECTED` rejected rows.
    counts : dict of str to int
        customers, rejected, do_not_contact (on that list), resting, suppressed (by a rule of the
        campaign, or without an action that they may get), eligible (the others), and pays (those
        of them whose net benefit is positive).
    best, riskiest : ndarray
        The rankings in blocks, see `churn.campaign.ranking.blocks`.
    sample : DataFrame
        Customers for the prediction log, see `churn.feedback.batch.Sample`.
    drawn : tuple of DataFrame, optional
        Candidates of the exploration and their features, see `churn.campaign.exploration`.
    """

    scores: pd.DataFrame
    customers: pd.DataFrame
    problems: pd.DataFrame
    rejected: pd.DataFrame
    counts: dict[str, int]
    best: np.ndarray
    riskiest: np.ndarray
    sample: pd.DataFrame
    drawn: Drawn | None = None


def score_shard(
    chunks: Iterable[Chunk],
    model: ChurnModel,
    campaign: Campaign,
    policy: ListPolicy,
    do_not_contact: Sequence[str],
    everyone: bool = False,
    resting: Sequence[str] = (),
) -> tuple[Part, pa.Table | None]:
    """Score a shard, and keep the results that the list needs.

    Parameters
    ----------
    do_not_contact : sequence of str
        Ids that are scored and never called; see `churn.campaign.do_not_contact`.
    everyone : bool
        Whether the list is to contain all customers.
    resting : sequence of str
        Ids that are not called this time; see `churn.campaign.cooldown`.

    Returns
    -------
    Part, and the shard's customers as a Table: their row number and the columns of the list
    """
    excluded, rests = (pa.array(ids, pa.string()) for ids in (do_not_contact, resting))
    names = (
        "customers", "rejected", "do_not_contact", "resting", "suppressed", "eligible", "pays",
    )  # fmt: skip
    counts = dict.fromkeys(names, 0)
    top: list[Top] = []
    draws: list[Drawn] = []
    problems, rejected, chances, profits, others = [], [], [], [], []
    sample = Sample()
    for chunk in chunks:
        problems.append(chunk.problems)
        rejected.append(chunk.rejected[: max(0, KEPT_REJECTED - counts["rejected"])])
        chance, benefits = _score(chunk, model, policy)
        best = benefits.argmax(axis=1)
        profit = benefits[np.arange(len(best)), best]
        sample.add(chunk.ids.to_pylist(), chance, chunk.customers)
        blocked, rested = (
            pc.is_in(chunk.ids, ids).to_numpy(zero_copy_only=False) for ids in (excluded, rests)
        )
        may = np.isfinite(profit)  # there is an action that the customer may get
        free = ~blocked & ~rested & may
        chances.append(chance[free])
        profits.append(profit[free])
        worth = np.flatnonzero(free & (profit > 0))
        more = {
            "customers": len(chunk.ids) + len(chunk.rejected), "rejected": len(chunk.rejected),
            "do_not_contact": int(np.count_nonzero(blocked)),
            "resting": int(np.count_nonzero(rested & ~blocked)),
            "suppressed": int(np.count_nonzero(~may & ~blocked & ~rested)),
            "eligible": int(np.count_nonzero(free)), "pays": len(worth),
        }  # fmt: skip
        for name, rows in more.items():
            counts[name] += rows
        scores = _shortlist(chunk, chance, benefits, free, campaign)
        top = [
            merge_shortlists(
                [*top, (scores, chunk.customers.loc[scores.index])], campaign.shortlisted
            )
        ]
        if campaign.explore:
            draws = [
                merge_draws(
                    [*draws, _candidates(chunk, chance, benefits, free, campaign, policy)], campaign
                )
            ]
        if everyone:
            money = policy.money(chance, chunk.customers, best)
            places = chunk.customers.index.to_numpy()
            others.append(pa.table({"row": places, "id": chunk.ids, "probability": chance} | money))
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
        sample=sample.frame,
        drawn=draws[0] if draws else None,
    )
    return part, pa.concat_tables(others) if others else None


def _score(chunk: Chunk, model: ChurnModel, policy: ListPolicy) -> tuple[np.ndarray, np.ndarray]:
    if not len(chunk.ids):  # scikit-learn requires at least one row
        return np.zeros(0), np.zeros((0, len(policy.actions)))
    chance = model.predict_proba(chunk.customers)[:, 1]
    return chance, policy.benefits(chance, chunk.customers)


def _candidates(
    chunk: Chunk, chance: np.ndarray, benefits: np.ndarray, free: np.ndarray, campaign: Campaign,
    policy: ListPolicy,
) -> Drawn:  # fmt: skip
    some = np.flatnonzero(free)
    ids, index = chunk.ids.take(pa.array(some)).to_pylist(), chunk.customers.index[some]
    rankings = policy.rankings(chance[some], chunk.customers.iloc[some], benefits[some])
    scores = candidates(ids, chance[some], benefits[some], rankings, index, campaign)
    return scores, chunk.customers.loc[scores.index]


def merge_shortlists(tops: list[Top], budget: int) -> Top:
    """Merge several short lists and their customers; see `shortlist`."""
    scores = shortlist(pd.concat([scores for scores, _ in tops]), budget)
    return scores, pd.concat([customers for _, customers in tops]).loc[scores.index]


def _shortlist(
    chunk: Chunk, chance: np.ndarray, benefits: np.ndarray, free: np.ndarray, campaign: Campaign
) -> pd.DataFrame:
    """The short list of a chunk; the control group is computed for its candidates only."""
    found = []
    for profit in benefits.T:
        worth = np.flatnonzero(free & (profit > 0))
        most = min(len(worth), 2 * campaign.shortlisted)
        while True:
            top = worth[np.argsort(-profit[worth], kind="stable")[:most]]
            ids = chunk.ids.take(pa.array(top)).to_pylist()
            control = in_control(ids, campaign.campaign, campaign.control)
            if most == len(worth) or (~control).sum() >= campaign.shortlisted:
                break
            most = min(len(worth), 2 * most)
        found.append(top)
    every = np.unique(np.concatenate(found))
    ids = chunk.ids.take(pa.array(every)).to_pylist()
    scores = pd.DataFrame(
        {
            "id": np.array(ids, dtype=object),
            "probability": chance[every],
            "control": in_control(ids, campaign.campaign, campaign.control),
            **benefit_columns(benefits[every]),
        },
        index=chunk.customers.index[every],
    )
    return shortlist(scores, campaign.shortlisted)


def shortlist(scores: pd.DataFrame, budget: int) -> pd.DataFrame:
    """The candidates of a list: of each action, those with the greatest benefit.

    Whoever gets an action on the list is among the customers with its greatest benefits, up to the
    last call of the budget: otherwise all of those would be on the list. The control group does not
    use the budget: it is the control customers ranked above that last call. So the candidates of a
    table are those of its parts' candidates.

    Parameters
    ----------
    scores : DataFrame
        The benefit of each action (see `benefit_columns`), control (bool); the index is the row
        number, which breaks ties.

    Returns
    -------
    DataFrame
        The same columns, in the order of the table.
    """
    scores = scores.sort_index()
    control, keep = scores["control"].to_numpy(), np.zeros(len(scores), dtype=bool)
    for benefit in benefits_of(scores).T:
        worth = np.flatnonzero(benefit > 0)
        order = worth[np.argsort(-benefit[worth], kind="stable")]
        called = ~control[order]
        keep[order[np.cumsum(called) - called < budget]] = True
    top: pd.DataFrame = scores[keep]
    return top
