"""The customers of a list by the learned effect of a call, from which the app's plan is made."""

import numpy as np
import pandas as pd

from churn.campaign.call_list import CallList
from churn.campaign.experiment import action_label
from churn.campaign.list_policy import ListPolicy
from churn.campaign.plan import Bin
from churn.campaign.settings import Campaign
from churn.campaign.stored.listing import list_name
from churn.feedback.prediction_log import OFF, database_url
from churn.feedback.reports import PLAN_BINS, ReportStore

# So many groups of equal size by the effect, each in so many by the risk.
BY_EFFECT, BY_RISK = 60, 5


def effect_bins(sample: pd.DataFrame, customers: int, policy: ListPolicy) -> list[Bin]:
    """A sample of customers in groups of about the same effect and risk.

    Parameters
    ----------
    sample : DataFrame of n rows
        `probability`, and the features; see `churn.feedback.batch.Sample`.
    customers : int
        How many they stand for.
    policy : ListPolicy
        A learned one, with one action.
    """
    chance = sample["probability"].to_numpy(dtype=np.float64)
    effect = policy.effects(chance, sample)[:, 0]
    (name,) = policy.actions.names
    assert policy.learned is not None
    low, high = policy.learned.interval(effect, action_label(name))
    table = pd.DataFrame({"chance": chance, "effect": effect, "low": low, "high": high})
    table["group"] = pd.qcut(effect, BY_EFFECT, labels=False, duplicates="drop")
    rank = table.groupby("group")["chance"].rank(pct=True, method="first")
    table["part"] = np.minimum((rank * BY_RISK).astype(int), BY_RISK - 1)
    scale = customers / max(len(table), 1)
    means = table.groupby(["group", "part"])[["chance", "effect", "low", "high"]].mean()
    sizes = scale * table.groupby(["group", "part"]).size()
    return [
        Bin(float(many), chance, chance, chance, (effect, least, most))
        for many, (chance, effect, least, most) in zip(sizes, means.to_numpy(), strict=True)
    ]


def store_bins(found: CallList, campaign: Campaign, url: str) -> None:
    """Keep them for the app, where the list goes by a learned policy with one action."""
    url, policy = database_url(url), found.policy
    if url == OFF or policy.learned is None or len(policy.actions) > 1 or found.sample.empty:
        return
    bins = effect_bins(found.sample, found.scored, policy)
    body = {
        "list": list_name(campaign),
        "policy": policy.version,
        "bins": [list(one) for one in bins],
    }
    with ReportStore(url) as store:
        store.add(PLAN_BINS, campaign.as_of, body)
