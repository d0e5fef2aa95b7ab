"""Which models are found worse than expected, by simulation with known truth."""

import numpy as np
import pytest

from churn.monitoring.cohort_metrics import Cohort
from churn.monitoring.deterioration import compare_with_expected

TRAINED_ON = 5_000


def cohort(rng, change=lambda chance: chance, n=4_000) -> Cohort:
    """Customers of whom three in a hundred leave, if the probabilities are true."""
    chance = 1 / (1 + np.exp(4.05 - 1.2 * rng.normal(size=n)))
    left = rng.random(n) < change(chance)
    return Cohort(chance, left.astype(float), np.full(n, "", dtype=object))


def alarms(change, times: int, seed: int) -> float:
    rng = np.random.default_rng(seed)
    found = [
        any(one.worse for one in compare_with_expected(cohort(rng, change), TRAINED_ON))
        for _ in range(times)
    ]
    return float(np.mean(found))


@pytest.mark.slow
def test_a_model_that_is_still_right_raises_no_alarm():
    assert alarms(lambda chance: chance, 12, seed=0) <= 0.1


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        lambda chance: np.minimum(2 * chance, 1),
        lambda chance: chance / 2,
        lambda chance: chance[::-1],
    ],
    ids=["all risks twice as high", "all risks half as high", "risks of other customers"],
)
def test_a_changed_world_is_noticed_where_leaving_is_rare(change):
    """An absolute margin of 0.03 nats is never reached where the loss is 0.12."""
    assert alarms(change, 6, seed=1) >= 0.8


def test_riskier_customers_are_no_worse_model():
    """Their log loss is twice as high, as was expected of them."""
    rng = np.random.default_rng(2)
    chance = rng.beta(2, 8, 3_000)
    left = (rng.random(3_000) < chance).astype(float)
    found = compare_with_expected(Cohort(chance, left, np.full(3_000, "")), TRAINED_ON)
    assert not any(one.worse for one in found)


@pytest.mark.slow
def test_the_stated_limit_is_noticed_four_times_in_five():
    rng = np.random.default_rng(3)
    more = 1 + compare_with_expected(cohort(rng), TRAINED_ON)[0].detectable
    assert 1.2 < more < 2
    assert alarms(lambda chance: np.minimum(more * chance, 1), 10, seed=4) >= 0.6
