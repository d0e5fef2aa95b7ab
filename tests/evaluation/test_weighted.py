"""Evaluation of rows that stand for several customers each: as of so many, but less certain."""

import numpy as np
import pandas as pd
import pytest

from churn.evaluation.calibration import calibration_error, calibration_line, reliability
from churn.evaluation.metrics import compare, evaluate, gains
from churn.evaluation.profit_report import expected_maximum_profit, profit_report
from churn.evaluation.retention_costs import RetentionCosts
from churn.statistics.roc_auc import delong
from churn.statistics.weighting import mean_and_error

METRICS = ("roc_auc", "pr_auc", "log_loss", "brier", "top_decile_lift", "calibration_slope")


@pytest.fixture(scope="module")
def customers():
    """Probabilities of 1,500 customers that are right, of whom the risky ones stand for three."""
    rng = np.random.default_rng(0)
    chance = rng.beta(1, 3, 1_500)
    target = (rng.random(1_500) < chance).astype(int)
    return target, chance, np.where(chance > 0.4, 3, 1)


def repeated(times: np.ndarray) -> np.ndarray:
    return np.repeat(np.arange(len(times)), times)


def test_metrics_are_those_of_repeated_rows_and_their_intervals_are_wider(customers):
    target, chance, times = customers
    again = repeated(times)
    weighted = evaluate(target, chance, weights=times.astype(float))
    copied = evaluate(target[again], chance[again])
    for name in METRICS:
        assert weighted[name]["value"] == pytest.approx(copied[name]["value"]), name
        widths = [found[name]["high"] - found[name]["low"] for found in (weighted, copied)]
        assert widths[0] > 1.1 * widths[1], name


@pytest.mark.heavy
def test_a_pair_of_models_is_compared_by_the_weights(customers):
    target, chance, times = customers
    worse, again = np.sqrt(chance), repeated(times)
    found = compare(target, chance, {"other": worse}, weights=times.astype(float))[2]["other"]
    copied = compare(target[again], chance[again], {"other": worse[again]})[2]["other"]
    for name in METRICS[:5]:
        assert found[name]["value"] == pytest.approx(copied[name]["value"]), name


@pytest.mark.heavy
def test_weights_of_one_change_nothing(customers):
    target, chance, times = customers
    ones = np.ones(len(times))
    assert (
        evaluate(target, chance, weights=ones)["log_loss"] == evaluate(target, chance)["log_loss"]
    )
    frame = pd.DataFrame(index=range(len(target)))
    reports = [
        profit_report(target, chance, frame, RetentionCosts(), 0.2, weights=weights)
        for weights in (None, ones)
    ]
    assert reports[0].profit == reports[1].profit
    pd.testing.assert_frame_equal(reports[0].curve, reports[1].curve)


def test_money_gains_and_ranking_are_those_of_repeated_rows(customers):
    target, chance, times = customers
    again, weights = repeated(times), times.astype(float)
    frame = pd.DataFrame(index=range(len(target)))
    found = profit_report(target, chance, frame, RetentionCosts(), 0.2, weights=weights)
    copied = profit_report(target[again], chance[again], frame.iloc[again], RetentionCosts(), 0.2)
    for name in ("profit", "everybody", "advantage"):
        assert getattr(found, name)["value"] == pytest.approx(getattr(copied, name)["value"])
    assert (found.called, found.expected) == pytest.approx((copied.called, copied.expected))
    assert expected_maximum_profit(target, chance, weights=weights) == pytest.approx(
        expected_maximum_profit(target[again], chance[again])
    )
    last = gains(target, chance, weights=weights).iloc[-1]
    assert (last["called"], last["reached"]) == pytest.approx((1, 1))
    order = np.argsort(chance, kind="stable")
    value, _ = delong(chance[order], target[order], weights[order])
    assert value == pytest.approx(evaluate(target, chance, weights=weights)["roc_auc"]["value"])


def test_calibration_is_that_of_the_weighted_customers(customers):
    target, chance, _ = customers
    # Where risky leavers were lost, and those who are left stand for them, the rest is calibrated.
    lost = (target == 1) & (chance > 0.4) & (np.arange(len(target)) % 2 == 0)
    kept = ~lost
    stands = np.where((target == 1) & (chance > 0.4), 2.0, 1.0)[kept]
    plain, right = (calibration_line(target[kept], chance[kept], w) for w in (None, stands))
    assert plain["calibration_slope"]["high"] < 1
    slope = right["calibration_slope"]
    assert slope["low"] < 1 < slope["high"]
    assert calibration_error(target[kept], chance[kept])["low"] > 0
    assert calibration_error(target[kept], chance[kept], weights=stands)["low"] == 0
    bins = reliability(target[kept], chance[kept], weights=stands)
    assert (bins["low"] <= bins["observed"]).all()
    assert (bins["observed"] < bins["high"]).all()


def test_the_error_of_a_weighted_mean_is_its_spread_over_samples():
    rng = np.random.default_rng(1)
    found = []
    for _ in range(300):
        weights = np.where(rng.random(200) < 0.1, 10.0, 1.0)
        found.append(mean_and_error(rng.normal(size=200), weights))
    means, errors = np.transpose(found)
    assert errors.mean() == pytest.approx(means.std(), rel=0.12)
