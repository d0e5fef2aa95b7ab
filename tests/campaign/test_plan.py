"""A plan beside the profit of each customer, and the plan that ScoreFlow follows."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn.campaign.plan import Bin, PlanSettings, bins_of, make_plan
from churn.campaign.planned import read_plan
from churn.errors import ChurnError
from churn.evaluation.profit import best_threshold, expected_profit
from churn.evaluation.retention_costs import RetentionCosts
from churn.feedback.reports import PLAN, ReportStore

CHANCES = np.random.default_rng(0).beta(1, 3, 2_000)


@settings(max_examples=40, deadline=None)
@given(
    budget=st.integers(0, 3_000), contact=st.floats(0, 20), offer=st.floats(0, 100),
    acceptance=st.floats(0, 1), value=st.floats(0, 1_000),
)  # fmt: skip
def test_a_plan_is_the_sum_of_its_customers(budget, contact, offer, acceptance, value):
    bins = [Bin(1, p, p, p) for p in sorted(map(float, CHANCES), reverse=True)]
    plan = make_plan(bins, PlanSettings(budget, contact, offer, acceptance, value))
    table, costs = pd.DataFrame(index=range(len(CHANCES))), (contact, offer, acceptance, value)
    profits = np.sort(expected_profit(CHANCES, table, RetentionCosts(*costs)))[::-1][:budget]
    assert plan.money["value"] == pytest.approx(profits[profits > 0].sum(), abs=1e-6)
    assert plan.threshold == pytest.approx(best_threshold(CHANCES, table, RetentionCosts(*costs)))
    assert sum(band.customers for band in plan.bands) == pytest.approx(len(CHANCES))
    assert sum(band.called for band in plan.bands) == pytest.approx(plan.calls)


def test_a_histogram_of_a_sample_stands_for_all_customers():
    counts, _ = np.histogram(CHANCES, bins=200, range=(0, 1))
    sums, _ = np.histogram(CHANCES, bins=200, range=(0, 1), weights=CHANCES)
    histogram = [(int(n), total / n) for n, total in zip(counts, sums, strict=True) if n]
    plan = make_plan(bins_of(histogram, 20_000, []), PlanSettings(500, 1, 10, 0.3, 200))
    table = pd.DataFrame(index=range(len(CHANCES)))
    profits = np.sort(expected_profit(CHANCES, table, RetentionCosts()))[::-1]
    assert plan.calls == 500
    assert plan.money["value"] == pytest.approx(10 * profits[:50].sum(), rel=0.01)


def test_the_interval_is_the_reliabilitys():
    reliability = [
        {"predicted": 0.1, "low": 0.05, "high": 0.2}, {"predicted": 0.8, "low": 0.6, "high": 0.9},
    ]  # fmt: skip
    (one,) = bins_of([(10, 0.8)], 10, reliability)
    assert (one.low, one.high) == pytest.approx((0.6, 0.9))
    plan = make_plan([one], PlanSettings(10, 0, 0, 1, 100))
    assert plan.money == pytest.approx({"value": 800, "low": 600, "high": 900})


def test_the_latest_plan_of_the_campaign_is_followed(tmp_path):
    url = f"sqlite:///{tmp_path / 'log.db'}"
    with pytest.raises(ChurnError, match="no plan"):
        read_plan("spring", url)
    costs = {"contact_cost": 1.5, "offer_cost": 10.0, "acceptance": 0.25, "customer_value": 300.0}
    with ReportStore(url) as store:
        for campaign, budget in (("spring", 100), ("spring", 200), ("autumn", 300)):
            body = {"campaign": campaign, "budget": budget, "by": "Mia"} | costs
            store.add(PLAN, pd.Timestamp("2026-03-02").date(), body)
    found = read_plan("spring", url)
    assert (found.budget, found.costs["contact_cost"]) == (200, "1.5")
    assert "Mia saved" in found.words
