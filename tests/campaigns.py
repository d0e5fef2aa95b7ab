"""Helpers for tests of call lists: the contract, a day, and a campaign's settings."""

from dataclasses import asdict

import pandas as pd

from churn.campaign.call_list import CallList
from churn.campaign.settings import Campaign, list_costs
from churn.data.contract import Contract
from churn.data.readers import TELCO
from churn.evaluation.retention_costs import RetentionCosts

CONTRACT = Contract.read(TELCO / "contract.toml")
DAY = "2026-03-02"
BY_VALUE = {"customer_value": "worth"}


def settle(offer, **settings):
    settings = {
        "campaign": "spring", "budget": 100, "control": 0.2, "as_of": DAY, "max_rejected": 0.05,
        "shard_rows": 1, "output": "calls.csv",
    } | settings  # fmt: skip
    return Campaign.check(offer, **settings), list_costs(asdict(RetentionCosts()), offer)


def arm(found: CallList, name: str) -> pd.DataFrame:
    calls = found.calls.to_pandas()
    return calls[calls["arm"] == name]
