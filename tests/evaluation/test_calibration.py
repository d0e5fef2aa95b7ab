"""Calibration: the line, the bins, and the error with the coverage of its interval."""

import numpy as np
import pytest

from churn.evaluation.calibration import calibration_error, calibration_line, reliability


def customers(n, seed=0, sharpness=1.0, shift=0.0):
    """Outcomes, predicted probabilities, and true ones; 1 and 0 make the former the latter."""
    rng = np.random.default_rng(seed)
    logit = rng.normal(-1.2, 1.3, n)
    true = 1 / (1 + np.exp(-logit))
    target = (rng.random(n) < true).astype(int)
    return target, 1 / (1 + np.exp(-(sharpness * logit + shift))), true


def true_error(predicted, true):
    """Of ten bins of equally many customers."""
    order = np.argsort(predicted, kind="stable")
    gaps = [(predicted[at] - true[at]).sum() for at in np.array_split(order, 10)]
    return np.abs(gaps).sum() / len(predicted)


def test_true_probabilities_are_calibrated_and_sharpened_ones_are_not():
    target, chance, _ = customers(20_000)
    true = calibration_line(target, chance)["calibration_slope"]
    assert true["low"] < 1 < true["high"]
    assert calibration_error(target, chance)["low"] == 0
    target, chance, _ = customers(20_000, sharpness=2.0)
    sharp = calibration_line(target, chance)["calibration_slope"]
    assert sharp["value"] == pytest.approx(0.5, abs=0.03)
    error = calibration_error(target, chance)
    assert error["low"] > 0.05
    assert error["value"] == pytest.approx(error["observed"], abs=0.002)


def test_reliability_covers_everybody_and_true_probabilities_are_in_its_intervals():
    target, chance, _ = customers(50_000)
    bins = reliability(target, chance)
    assert bins["count"].sum() == 50_000
    inside = (bins["low"] <= bins["predicted"]) & (bins["predicted"] <= bins["high"])
    assert inside.sum() >= 8


@pytest.mark.slow
@pytest.mark.parametrize(("sharpness", "shift"), [(1.0, 0.0), (1.3, 0.2), (1.0, 0.25)])
def test_the_interval_holds_the_true_calibration_error(sharpness, shift):
    """That of a bootstrap lies above it: resampling adds the noise of the sample once more."""
    held = 0
    for seed in range(25):
        target, predicted, true = customers(1_400, seed, sharpness, shift)
        found = calibration_error(target, predicted, seed=seed)
        held += found["low"] <= true_error(predicted, true) <= found["high"]
        assert found["low"] <= found["value"] <= found["high"]
    assert held >= 20  # of 25; fewer has a chance of one in a thousand at 95 %


@pytest.mark.slow
def test_a_perfect_model_shows_what_the_report_says_it_shows():
    target, chance, _ = customers(1_400)
    promised = calibration_error(target, chance)["perfect"]
    shown = [calibration_error(*customers(1_400, seed)[:2])["observed"] for seed in range(1, 20)]
    assert promised == pytest.approx(np.median(shown), rel=0.2)


def test_customers_with_one_probability_are_in_one_bin():
    target = np.repeat([1, 0], [30, 70])
    assert reliability(target, np.full(100, 0.3))["count"].tolist() == [100]
    found = calibration_error(target, np.full(100, 0.3))
    assert found["low"] == 0
    assert 0 < found["high"] < 0.3
