"""The interval of a probability, and the interval of the money that follows from it."""

import numpy as np
import pandas as pd
import pytest

from churn.campaign.benefit import probability_interval
from churn.data.synthetic import generate_sample_data
from churn.evaluation.calibration import reliability
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

    def test_it_covers_the_truth_of_most(self, deployed):
        deployment, model = deployed
        others, truth = generate_sample_data(20_000, seed=9, return_probability=True)
        chance = model.predict_proba(others)[:, 1]
        low, high = probability_interval(chance, deployment.reliability)
        # It is about the share who leave among customers with such a probability.
        bins = pd.qcut(chance, 20, labels=False)
        mean = pd.DataFrame({"truth": truth, "low": low, "high": high}).groupby(bins).mean()
        assert mean["truth"].between(mean["low"], mean["high"]).mean() >= 0.9
