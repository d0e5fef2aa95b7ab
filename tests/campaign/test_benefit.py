"""The interval of a probability, and the interval of the money that follows from it."""

import numpy as np
import pandas as pd
import pytest

from churn.campaign.benefit import MONEY, money_columns, probability_interval
from churn.data.synthetic import generate_sample_data
from churn.evaluation.calibration import reliability
from churn.evaluation.profit import expected_profit
from churn.evaluation.retention_costs import RetentionCosts
from churn.statistics.intervals import wilson


class TestInterval:
    BINS = reliability(
        np.repeat([0, 1, 0, 1], [90, 10, 40, 60]), np.repeat([0.1, 0.9], 100), bins=2
    ).to_dict("records")

    def test_at_a_bin_it_is_wilson_s_of_those_who_left(self):
        low, high = probability_interval(np.array([0.1]), self.BINS)
        assert (low[0], high[0]) == pytest.approx(wilson(10, 100))

    def test_a_promise_that_was_not_kept_is_seen(self):
        low, high = probability_interval(np.array([0.9]), self.BINS)
        assert low[0] == pytest.approx(wilson(60, 100)[0])
        assert high[0] == 0.9

    def test_it_holds_the_probability_and_stays_one(self):
        chance = np.linspace(0, 1, 101)
        low, high = probability_interval(chance, self.BINS)
        assert ((low >= 0) & (low <= chance) & (chance <= high) & (high <= 1)).all()

    def test_beyond_the_bins_it_stays_within_zero_and_one(self):
        low, high = probability_interval(np.array([0.0, 1.0]), self.BINS)
        assert low[0] == 0.0
        assert high[1] == 1.0

    def test_a_share_above_the_prediction_leaves_the_low_end_alone(self):
        bins = [{"predicted": 0.5, "low": 0.6, "high": 0.8}]
        low, high = probability_interval(np.array([0.5, 0.9]), bins)
        assert low == pytest.approx([0.5, 0.9])
        assert high == pytest.approx([0.8, 1.0])

    def test_money_is_that_of_the_probability_and_of_both_ends(self):
        customers = pd.DataFrame({"worth": [100.0, 400.0]})
        offer = RetentionCosts(customer_value="worth")
        chance = np.array([0.1, 0.9])
        found = money_columns(chance, customers, offer, self.BINS)
        assert tuple(found) == MONEY
        value, benefit, *ends, spent = found.values()
        assert value == pytest.approx([10, 360])
        assert benefit == pytest.approx(expected_profit(chance, customers, offer))
        assert spent == pytest.approx(offer.spending(chance, customers))
        for end, bound in zip(ends, probability_interval(chance, self.BINS), strict=True):
            assert end == pytest.approx(expected_profit(bound, customers, offer))
        assert spent == pytest.approx(offer.spending(chance, customers))

    def test_it_covers_the_truth_of_most(self, deployed):
        deployment, model = deployed
        others, truth = generate_sample_data(20_000, seed=9, return_probability=True)
        chance = model.predict_proba(others)[:, 1]
        low, high = probability_interval(chance, deployment.reliability)
        # It is about the share who leave among customers with such a probability.
        bins = pd.qcut(chance, 20, labels=False)
        mean = pd.DataFrame({"truth": truth, "low": low, "high": high}).groupby(bins).mean()
        assert mean["truth"].between(mean["low"], mean["high"]).mean() >= 0.9
