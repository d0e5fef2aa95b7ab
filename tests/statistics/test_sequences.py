"""Intervals that hold at every look: they miss in at most 5 of 100 campaigns."""

import numpy as np

from churn.statistics.intervals import Z
from churn.statistics.sequences import always_valid, always_valid_factor

FIRST, LOOKS, CAMPAIGNS = 20, 200, 4_000


def test_looking_every_day_finds_no_effect_that_is_not_there():
    days = FIRST * np.arange(1, LOOKS + 1)
    steps = np.random.default_rng(0).normal(size=(CAMPAIGNS, LOOKS)) * np.sqrt(FIRST)
    errors = np.abs(np.cumsum(steps, axis=1)) / np.sqrt(days)  # in standard errors
    factors = np.array([always_valid_factor(day / (5 * FIRST)) for day in days])
    ever = (errors > factors).any(axis=1).mean()
    assert ever < 0.05
    assert (errors > Z).any(axis=1).mean() > 0.3  # a fixed interval, looked at every day


def test_an_interval_keeps_its_value_and_its_skew():
    wide = always_valid({"value": 10.0, "low": 4.0, "high": 13.0}, 3.0)
    factor = always_valid_factor(3.0) / Z
    assert wide["value"] == 10
    assert np.allclose([10 - wide["low"], wide["high"] - 10], [6 * factor, 3 * factor])
    assert 1.5 < factor < 2
