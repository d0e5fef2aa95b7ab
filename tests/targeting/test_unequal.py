"""Experiments whose customers were drawn with unequal probabilities, with known effects."""

import numpy as np
import pandas as pd
import pytest

from churn.targeting.effects import Effects
from churn.targeting.experiment import Experiment, check_experiment
from churn.targeting.learners import Hybrid
from churn.targeting.linear import LinearEffect
from churn.targeting.outcomes import doubly_robust, outcome_bounds, within
from churn.targeting.policies import A_YEAR, ONE_LOOK, PolicyValue, _errors, compare_policies

BASE, BUDGET = 20_000, 0.1


def base(seed: int = 0) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Customers, their probability of leaving, and the true effect of a call on it."""
    rng = np.random.default_rng(seed)
    features = pd.DataFrame(rng.normal(size=(BASE, 4)), columns=list("abcd"))
    risk = 1 / (1 + np.exp(2 - features["a"].to_numpy() - 0.5 * features["b"].to_numpy()))
    kept = np.where(features["c"].to_numpy() > 0, 0.6 * risk, -0.1 * (1 - risk))
    return features.assign(risk=risk), risk, kept


FEATURES, RISK, KEPT = base()


def drawn(seed: int, called_with: float | None = None) -> tuple[Experiment, np.ndarray]:
    """2,000 customers, the risky ones more often; calls with a probability that rises with risk.

    `called_with` is the probability with which all were called, whatever is stated.
    """
    rng = np.random.default_rng(seed)
    size = np.where(np.quantile(RISK, 0.8) < RISK, 1.0, 0.1)
    chosen = rng.random(BASE) < 2_000 * size / size.sum()
    rows = np.flatnonzero(chosen)
    stated = 0.3 + 0.4 * RISK[rows]
    action = (rng.random(len(rows)) < (stated if called_with is None else called_with)).astype(int)
    stayed = rng.random(len(rows)) < 1 - RISK[rows] + action * KEPT[rows]
    return Experiment(
        FEATURES.iloc[rows].reset_index(drop=True), action, stayed.astype(float),
        np.column_stack([1 - stated, stated]), ("no", "call"), RISK[rows],
        np.full(len(rows), 200.0), 1 / (2_000 * size / size.sum())[rows], 1 - RISK[rows],
    ), rows  # fmt: skip


def test_the_interval_of_a_gain_holds_the_truth_of_the_whole_base():
    """Two rankings that are fixed beforehand: by the true effect, and by risk."""
    costs, held, gains = np.array([10.0]), 0, []
    by_risk = np.argsort(-RISK)[: int(BUDGET * BASE)]
    order = np.argsort(-KEPT)[: int(BUDGET * BASE)]
    money = 200 * KEPT - 10
    truth = (money[order].sum() - money[by_risk].sum()) / BASE
    for seed in range(120):
        experiment, rows = drawn(seed)
        outcomes = np.column_stack([1 - RISK[rows], 1 - 0.8 * RISK[rows]])  # of a poor model
        scores = doubly_robust(experiment, outcomes)
        effects = Effects(outcomes, {"hybrid": KEPT[rows][:, None]}, scores)
        (found,) = (
            one
            for one in compare_policies(experiment, effects, costs, (BUDGET,))
            if one.policy == "hybrid"
        )
        gains.append(found.gain)
        held += abs(found.gain - truth) <= 1.96 * found.gain_se
        assert 0 < found.effective < found.differs * 10 * len(rows)
    assert np.mean(gains) == pytest.approx(truth, abs=3.5 * np.std(gains) / np.sqrt(120))
    assert held >= 106  # of 95 % intervals fewer hold it in 0.3 % of such tests


def test_probabilities_that_are_not_what_they_say_are_found():
    sound = [all(check.passed for check in check_experiment(drawn(seed)[0])) for seed in range(20)]
    assert all(sound)
    # As many calls as stated in all, but not more of them for the risky.
    for seed in range(5):
        stated = drawn(seed)[0].propensity[:, 1].mean()
        wrong, _ = drawn(seed, called_with=stated)
        failed = {check.name for check in check_experiment(wrong) if not check.passed}
        assert "balance" in failed
        more, _ = drawn(seed, called_with=stated + 0.1)
        failed = {check.name for check in check_experiment(more) if not check.passed}
        assert "sample ratio" in failed


def test_rows_of_one_customer_do_not_pass_as_independent_ones():
    """Ten copies of each of 300 customers tell as much as these customers."""
    values = np.random.default_rng(0).normal(size=(300, 2))
    copies, clusters = np.repeat(values, 10, axis=0), np.repeat(np.arange(300), 10)
    _, alone = _errors(values, np.arange(300))
    assert alone == pytest.approx(values.std(axis=0, ddof=1) / np.sqrt(300))
    assert _errors(copies, clusters)[1] == pytest.approx(alone)


def test_no_action_keeps_more_than_would_leave():
    experiment, _ = drawn(0)
    assert outcome_bounds(experiment) == (0.0, 1.0)
    effects = within(np.full((3, 1), 0.5), np.array([0.9, 0.2, 1.0]), (0.0, 1.0))
    assert effects[:, 0] == pytest.approx([0.1, 0.5, 0.0])
    assert within(np.full((1, 1), -0.5), np.array([0.3]), (0.0, 1.0))[0, 0] == pytest.approx(-0.3)
    no_offset = Experiment(
        experiment.features, experiment.action, experiment.outcome, experiment.propensity,
        experiment.names,
    )  # fmt: skip
    assert outcome_bounds(no_offset) == (-np.inf, np.inf)


@pytest.mark.slow
def test_the_hybrid_finds_whom_a_call_keeps_from_two_thousand_outcomes():
    experiment, _ = drawn(1)
    effects = Hybrid.fit(experiment).predict(FEATURES, 1 - RISK)[:, 0]
    assert (effects <= RISK + 1e-9).all()
    first = np.argsort(-effects)[: int(BUDGET * BASE)]
    best, riskiest = (np.argsort(-by)[: int(BUDGET * BASE)] for by in (KEPT, RISK))
    assert KEPT[first].mean() > KEPT[riskiest].mean() + 0.5 * (
        KEPT[best].mean() - KEPT[riskiest].mean()
    )


def test_a_line_finds_an_effect_in_proportion_to_risk_and_a_feature():
    rng = np.random.default_rng(0)
    kind = pd.Categorical(np.where(rng.random(BASE) < 0.5, "new", "old"))
    features = FEATURES.assign(kind=kind)
    effect = 0.5 * RISK * (np.asarray(kind) == "new")
    noisy = effect + rng.normal(0, 0.5, BASE)
    line = LinearEffect.fit(features, 1 - RISK, noisy, np.ones(BASE), 0)
    found = line.predict(features, 1 - RISK)
    assert np.corrcoef(found, effect)[0, 1] > 0.95
    unseen = features.assign(kind=pd.Categorical(["other"] * BASE), a=np.nan)
    assert np.isfinite(line.predict(unseen, 1 - RISK)).all()


def test_a_gain_that_is_looked_at_every_month_must_be_surer():
    def proven(proof: float) -> bool:
        return PolicyValue("hybrid", 0.1, 0.1, 2.0, 1.0, 2.0, 1.0, 0.0, 4.0, proof=proof).is_proven

    assert proven(ONE_LOOK)
    assert not proven(A_YEAR)
    # The greatest of twelve looks at growing information is above it in 5 % of the years.
    looks = np.random.default_rng(0).standard_normal((40_000, 12)).cumsum(axis=1)
    greatest = (looks / np.sqrt(np.arange(1, 13))).max(axis=1)
    assert (greatest > A_YEAR).mean() == pytest.approx(0.05, abs=0.004)
