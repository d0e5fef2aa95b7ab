"""Log odds and losses, also of probabilities of 0 and 1."""

import numpy as np
import pytest
from scipy import special

from churn.statistics.log_odds import CLIP, clipped, logit, row_losses, sigmoid

CHANCE = np.array([0.0, 1e-9, 0.2, 0.5, 0.9, 1.0])


def test_certainty_is_kept_off_and_the_rest_is_as_it_was():
    assert clipped(CHANCE).tolist() == [CLIP, CLIP, 0.2, 0.5, 0.9, 1 - CLIP]


def test_log_odds_are_scipy_s_and_there_is_a_way_back():
    inside = np.linspace(0.01, 0.99, 99)
    np.testing.assert_allclose(logit(inside), special.logit(inside))
    np.testing.assert_allclose(sigmoid(logit(inside)), inside)
    assert np.isfinite(logit(CHANCE)).all()


def test_a_row_s_loss_is_that_of_the_class_it_has():
    losses = row_losses(np.array([1, 0, 1, 0]), np.array([0.2, 0.2, 1.0, 1.0]))
    assert losses == pytest.approx([-np.log(0.2), -np.log(0.8), 0, -np.log(CLIP)], abs=1e-5)
