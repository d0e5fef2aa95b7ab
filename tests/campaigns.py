"""Helpers for tests of call lists: the contract, a day, and a campaign's settings."""

from dataclasses import asdict

import pandas as pd

from churn.campaign.actions import Actions
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
    campaign = Campaign.check(offer, **settings)
    return campaign, Actions.one(list_costs(asdict(RetentionCosts()), offer))


def arm(found: CallList, name: str) -> pd.DataFrame:
    calls = found.calls.to_pandas()
    return calls[calls["arm"] == name]


# Two offers: a dear one by phone for whom the contract does not bind, and a cheap one for all.
TWO_ACTIONS = """
campaign = "spring"
currency = "EUR"
customer_value = 300
control_share = 0.2
exploration_share = 0.25
suppress = ['payment_method == "Mailed check"']

[[actions]]
name = "discount"
offer = "20 % off for a year"
channel = "phone"
contact_cost = 4
offer_cost = 30
acceptance = 0.4
capacity = 60
eligible = ['contract == "Month-to-month"']

[[actions]]
name = "mail"
offer = "a month of streaming"
channel = "e-mail"
contact_cost = 0.2
offer_cost = 5
acceptance = 0.1
capacity = 100
"""
