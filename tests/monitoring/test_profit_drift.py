"""The expected profit of customers, before and now."""

import numpy as np
import pytest

from churn.data.parsing import parse_features
from churn.evaluation.retention_costs import RetentionCosts
from churn.monitoring.profit_drift import appraise, terms
from watching import (
    CONTRACT,
    period,
    score,
)


class TestMoney:
    def test_unchanged_customers_are_worth_what_they_were(self, watched):
        deployment, reference = watched
        typed = parse_features(period(2_000), CONTRACT)
        money = appraise(reference, typed, score(deployment, typed), CONTRACT, RetentionCosts())
        assert not money.changed
        assert not money.segments["changed"].any()
        assert money.top.now == pytest.approx(0.1, abs=0.03)
        assert money.mix < 0.2
        for _, rows in money.segments.groupby("feature"):
            for column in ("share", "share_before", "top", "top_before"):
                assert rows[column].sum() == pytest.approx(1)

    def test_customers_who_stay_are_worth_no_call_and_it_is_said_where(self, watched):
        deployment, reference = watched
        table = period(4_000)
        loyal = parse_features(table[table["tenure"] > 24], CONTRACT)
        money = appraise(reference, loyal, score(deployment, loyal), CONTRACT, RetentionCosts())
        assert money.changed
        assert money.profit.high < 0
        assert money.calls.now < money.calls.before
        assert money.segments["changed"].iloc[0]

    def test_a_value_that_is_not_known_leaves_the_customer_out(self, watched):
        deployment, reference = watched
        offer = terms(RetentionCosts(), {"customer_value": "monthly_charges", "contact_cost": ""})
        typed = parse_features(period(), CONTRACT)
        chance = score(deployment, typed)
        some = typed.assign(monthly_charges=typed["monthly_charges"].where(typed.index >= 100))
        money = appraise(reference, some, chance, CONTRACT, offer)
        assert (money.customers, money.missing_amount) == (700, 100)
        none = appraise(reference, typed.assign(monthly_charges=np.nan), chance, CONTRACT, offer)
        assert none.profit is None
        assert not none.changed
