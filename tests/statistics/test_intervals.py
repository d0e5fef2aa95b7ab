"""Intervals: published values, and coverage where the truth is known."""

import numpy as np
import pytest

from churn.statistics.intervals import bootstrap, wilson


def test_wilson_reproduces_a_published_interval():
    # Newcombe 1998, table I: 81 of 263, method 3.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)


@pytest.mark.slow
def test_the_bootstrap_covers_a_mean_about_as_often_as_it_claims():
    rng, hits = np.random.default_rng(0), 0
    for seed in range(200):
        values = rng.exponential(size=300)
        found = bootstrap(lambda w, v=values: {"mean": w @ v / w.sum(axis=1)}, 300, seed)["mean"]
        assert found["value"] == pytest.approx(values.mean())
        hits += found["low"] <= 1 <= found["high"]
    assert 180 <= hits <= 199  # of 200; outside has a chance below one in a hundred at 95 %


def test_resamples_where_a_metric_is_undefined_are_left_out_of_its_interval():
    def share_of_the_first(weights):
        return {"share": np.where(weights[:, 0] > 0, weights[:, 0] / weights[:, 0], np.nan)}

    found = bootstrap(share_of_the_first, 5, seed=0)["share"]
    assert (found["low"], found["high"]) == (1, 1)
