"""Broken experiments are named, and nothing is learned from them."""

import numpy as np
import pandas as pd
import pytest

from churn.errors import ChurnError
from churn.targeting.experiment import (
    Experiment,
    check_experiment,
    constant_propensity,
    require_sound,
)
from churn.targeting.reading import read_experiment

N = 4_000


def experiment(rng, **changed) -> Experiment:
    action = changed.pop("action", rng.integers(0, 2, N))
    features = pd.DataFrame(
        {
            "tenure": rng.integers(0, 72, N).astype(float),
            "plan": pd.Categorical(rng.choice(["a", "b", "c"], N)),
        }
    )
    outcome = changed.pop("outcome", rng.random(N))
    shares = changed.pop("shares", np.array([0.5, 0.5]))
    features = changed.pop("features", features)
    propensity = constant_propensity(action, shares)
    return Experiment(features, action, outcome, propensity, ("no", "call"))


def failed(found: Experiment) -> set[str]:
    return {check.name for check in check_experiment(found) if not check.passed}


def test_sound_experiments_raise_no_alarm():
    alarms = sum(bool(failed(experiment(np.random.default_rng(seed)))) for seed in range(100))
    assert alarms <= 1


def test_shares_that_are_not_those_of_the_draw_are_a_mismatch():
    rng = np.random.default_rng(1)
    assert failed(experiment(rng, shares=np.array([0.55, 0.45]))) >= {"sample ratio"}


def test_an_assignment_that_follows_a_feature_is_unbalanced():
    rng = np.random.default_rng(2)
    sound = experiment(rng)
    chosen = (sound.features["tenure"].to_numpy() + rng.normal(0, 60, N) > 36).astype(int)
    assert "balance" in failed(experiment(rng, action=chosen, features=sound.features))


def test_outcomes_that_are_missing_more_often_after_a_call_are_survivorship():
    rng = np.random.default_rng(3)
    action = rng.integers(0, 2, N)
    outcome = np.where((rng.random(N) < 0.1) & (action == 1), np.nan, rng.random(N))
    assert failed(experiment(rng, action=action, outcome=outcome)) == {"missing outcomes"}


def test_an_action_that_hardly_anybody_had_has_no_support():
    rng = np.random.default_rng(4)
    action = (rng.random(N) < 0.01).astype(int)
    found = experiment(rng, action=action, shares=np.array([0.99, 0.01]))
    assert failed(found) == {"support"}


def test_every_failed_check_is_in_one_error():
    rng = np.random.default_rng(5)
    action = rng.integers(0, 2, N)
    outcome = np.where(action == 1, np.nan, 1.0)
    found = experiment(rng, action=action, outcome=outcome, shares=np.array([0.7, 0.3]))
    with pytest.raises(ChurnError) as caught:
        require_sound(check_experiment(found))
    text = str(caught.value)
    assert all(name in text for name in ("support", "sample ratio", "missing outcomes"))


class TestReading:
    TABLE = pd.DataFrame(
        {
            "customer": [f"C{i}" for i in range(40)],
            "plan": ["a", "b"] * 20,
            "tenure": range(40),
            "arm": ["none", "none", "call", "mail"] * 10,
            "spend": ["1.5", ""] * 20,
            "visits": range(40),
        }
    )

    def test_features_are_what_was_known_before(self):
        found = read_experiment(
            self.TABLE, "arm", "none", "spend", id="customer", ignore=["visits"]
        )
        assert list(found.features) == ["plan", "tenure"]
        assert found.names == ("none", "call", "mail")
        assert np.bincount(found.action).tolist() == [20, 10, 10]
        assert np.isnan(found.outcome[1::2]).all()
        assert (found.outcome[::2] == 1.5).all()
        assert np.allclose(found.propensity, 1 / 3)

    @pytest.mark.parametrize(
        ("changed", "words"),
        [
            ({"action": "gone"}, "gone: there is no such column"),
            ({"none": "nobody"}, "'nobody' is none of its values, which are call, mail, none"),
            ({"outcome": "plan"}, "plan: 40 cells are no number, the first 'a'"),
            ({"risk": "spend"}, "spend: 20 cells are empty or no number"),
            ({"shares": {"none": 0.5, "call": 0.2}}, "mail: its share is not given"),
            ({"shares": {"none": 0.5, "call": 0.2, "mail": 0.2}}, "add up to 0.9, not to 1"),
        ],
    )
    def test_what_cannot_be_read_is_named(self, changed, words):
        settings = {"action": "arm", "none": "none", "outcome": "spend"} | changed
        with pytest.raises(ChurnError) as caught:
            read_experiment(self.TABLE, **settings)
        assert words in str(caught.value)
