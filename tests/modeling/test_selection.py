"""The choice: the cheapest of about the best; stacks are evaluated out of fold."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from churn.data.contract import Contract
from churn.data.readers import TELCO
from churn.data.synthetic import generate_sample_data
from churn.data.validation import validate_data
from churn.modeling.cross_validation import Trial, cross_validate
from churn.modeling.model import ChurnModel
from churn.modeling.sample import draw_search_sample
from churn.modeling.search_space import BASELINE, Candidate, rescale_iterations
from churn.modeling.selection import choose, leaderboard, rank
from churn.modeling.stack_weights import (
    MEAN_SCALE,
    WEIGHT_C,
    fit_stack_weights,
    forward_order,
    predict_forward,
    predict_out_of_fold,
)
from churn.modeling.stacking import stack
from churn.statistics.log_odds import row_losses

CONTRACT = Contract.read(TELCO / "contract.toml")
CANDIDATES = (
    BASELINE,
    Candidate("splines", "splines"),
    Candidate("trees", "boosting", {"max_leaf_nodes": 4, "learning_rate": 0.1}),
)


@pytest.fixture(scope="module")
def frame():
    return validate_data(generate_sample_data(4000, seed=6), CONTRACT).frame


@pytest.fixture(scope="module")
def sample(frame):
    return draw_search_sample(frame, CONTRACT, n_folds=4, max_rows=3000, seed=0)


@pytest.fixture(scope="module")
def trials(sample):
    return [cross_validate(candidate, sample) for candidate in CANDIDATES]


def loss(trial, sample):
    return row_losses(sample.labels, trial.probabilities).mean()


def stack_of_all(trials, sample):
    (found,) = [t for t in stack(trials, sample) if t.candidate.name == f"stack of {len(trials)}"]
    return found


def made_up(sample, name, noise, microseconds, seed=1):
    """A trial that knows the answers, as far as the noise lets it."""
    rng = np.random.default_rng(seed)
    logit = 2 * sample.labels - 1 + noise * rng.normal(size=len(sample.labels))
    return Trial(
        Candidate(name, "logistic"), 1 / (1 + np.exp(-logit)), (0.0,) * 4, 1.0, microseconds
    )


@pytest.mark.slow
def test_a_stack_is_not_worse_than_its_members_and_costs_their_sum(trials, sample):
    every = stack_of_all(trials, sample)
    assert loss(every, sample) < min(loss(trial, sample) for trial in trials) + 0.001
    assert every.microseconds == sum(trial.microseconds for trial in trials)
    assert len(every.fold_losses) == 4


@pytest.mark.slow
def test_a_stack_is_judged_by_weights_that_have_not_seen_the_fold(trials, sample):
    (before, *_) = stack(trials[:2], sample)
    flipped = replace(sample, labels=np.where(sample.fold == 2, 1 - sample.labels, sample.labels))
    (after, *_) = stack(trials[:2], flipped)
    by_name = dict(zip([m.name for m in after.candidate.params["members"]], range(2), strict=True))
    assert set(by_name) == {m.name for m in before.candidate.params["members"]}
    kept, changed = sample.fold == 2, sample.fold != 2
    assert np.allclose(before.probabilities[kept], after.probabilities[kept])
    assert not np.allclose(before.probabilities[changed], after.probabilities[changed])


def test_a_stack_of_the_few_that_look_best_promises_no_more_than_it_gives(sample):
    """Of twenty who know nothing the best four look as if they knew something."""
    rng, n = np.random.default_rng(0), len(sample.labels)
    logits = rng.normal(scale=0.2, size=(n, 20)) - 1
    few = forward_order(logits, sample.labels, 4)
    share = sample.labels.mean()
    nothing = row_losses(sample.labels, np.full(n, share)).mean()
    naive = predict_out_of_fold(logits[:, few], sample.labels, sample.fold)
    honest = predict_forward(logits, sample.labels, sample.fold, 4)
    assert row_losses(sample.labels, naive).mean() < nothing
    assert honest.shape == (n, 4)
    assert row_losses(sample.labels, honest[:, 3]).mean() > nothing


def test_weights_differ_as_far_as_the_rows_say_and_their_sum_is_free():
    rng = np.random.default_rng(1)

    def learned(n):
        truth = rng.normal(size=n)
        target = (rng.random(n) < 1 / (1 + np.exp(-3 * truth))).astype(int)
        good, bad = truth + rng.normal(scale=0.1, size=n), truth + rng.normal(scale=0.5, size=n)
        return fit_stack_weights(np.column_stack([good, bad]), target)[0]

    few, many = learned(200), learned(200_000)
    assert few[0] == pytest.approx(few[1], rel=0.3)
    assert many[0] > 10 * abs(many[1])
    # What they say is a third of the truth, which holds nothing back.
    assert many.sum() == pytest.approx(3, rel=0.1)
    assert few.sum() > 2


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 6), st.sampled_from([0.01, 0.3, 1.0, 6.0]))
def test_weights_are_those_of_a_regression_by_scikit_learn(seed, members, scale):
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=(300, 1))
    target = (rng.random(300) < 1 / (1 + np.exp(-truth[:, 0]))).astype(int)
    logits = np.clip(scale * (truth + rng.normal(size=(300, members))), -14, 14)
    weights, intercept = fit_stack_weights(logits, target)
    mean = logits.mean(axis=1, keepdims=True)
    terms = np.column_stack([MEAN_SCALE * mean, logits - mean])
    theirs = LogisticRegression(C=WEIGHT_C, solver="newton-cholesky", tol=1e-9).fit(terms, target)
    assert logits @ weights + intercept == pytest.approx(theirs.decision_function(terms), abs=2e-3)


@pytest.mark.slow
def test_a_chosen_stack_becomes_a_model(trials, sample, frame):
    every = stack_of_all(trials, sample)
    candidate = sample.rescale(every.candidate, len(frame))
    model = ChurnModel(CONTRACT, candidate).fit(frame)
    chance = model.predict_proba(frame)[:, 1]
    members = [
        ChurnModel(CONTRACT, member).fit(frame).predict_proba(frame)[:, 1]
        for member in candidate.params["members"]
    ]
    logits = np.log(np.column_stack(members) / (1 - np.column_stack(members)))
    expected = logits @ candidate.params["weights"] + candidate.params["intercept"]
    assert np.allclose(np.log(chance / (1 - chance)), expected)


@pytest.mark.slow
def test_boosting_grows_with_the_rows_inside_a_stack_too(trials, sample):
    every = stack_of_all(trials, sample)
    (before,) = [m for m in every.candidate.params["members"] if m.family == "boosting"]
    grown = sample.rescale(every.candidate, 16 * 2250)
    (after,) = [m for m in grown.params["members"] if m.family == "boosting"]
    assert after.params["max_iter"] == round(2 * before.params["max_iter"])


@pytest.mark.slow
def test_weights_are_learned_anew_where_there_are_far_more_rows(trials, sample):
    """One member is bad: the weights that were learned when it was not are of no use."""
    fresh, chance = generate_sample_data(20_000, seed=7, return_probability=True)
    many = validate_data(generate_sample_data(12_000, seed=8), CONTRACT).frame
    every = stack_of_all(trials, sample).candidate
    wrong = replace(every, params=every.params | {"weights": [0.0, 0.0, 3.0], "intercept": 1.0})
    losses = {}
    for growth in (3.0, 5.0):
        model = ChurnModel(CONTRACT, rescale_iterations(wrong, growth)).fit(many)
        predicted = model.predict_proba(fresh)[:, 1]
        losses[growth] = np.mean(
            chance * row_losses(np.ones(20_000), predicted)
            + (1 - chance) * row_losses(np.zeros(20_000), predicted)
        )
        again = ChurnModel(CONTRACT, rescale_iterations(wrong, growth)).fit(many)
        assert (again.predict_proba(fresh)[:, 1] == predicted).all()
    truth = np.mean(chance * -np.log(chance) - (1 - chance) * np.log(1 - chance))
    assert losses[3.0] > truth + 0.05
    assert losses[5.0] < truth + 0.005


@pytest.mark.heavy
def test_no_stack_is_made_of_one(trials, sample):
    assert stack(trials[:1], sample) == []


def test_of_two_as_good_the_cheaper_is_taken(sample):
    best = made_up(sample, "best", 1.0, 50)
    cheap = replace(best, candidate=Candidate("cheap", "logistic"), microseconds=20)
    cheap = replace(cheap, probabilities=np.clip(best.probabilities - 1e-6, 0, 1))
    clearly = made_up(sample, "clearly worse", 1.6, 1)
    assert rank([cheap, best, clearly], sample)[0].candidate.name in ("best", "cheap")
    chosen = choose([best, cheap, clearly], sample, margin=1)
    assert chosen.candidate.name == "cheap"


def test_each_halving_of_the_cost_makes_up_for_as_much(sample):
    trials = made_up(sample, "one", 1.0, 50), made_up(sample, "other", 1.01, 50, seed=2)
    best, other = rank(trials, sample)
    gaps = row_losses(sample.labels, other.probabilities) - row_losses(
        sample.labels, best.probabilities
    )
    behind = gaps.mean() / (gaps.std(ddof=1) / np.sqrt(len(gaps)))
    for halvings, taken in ((-5, best), (1, best), (1.9, best), (2.1, other), (6, other)):
        cheaper = replace(other, microseconds=best.microseconds / 2**halvings)
        chosen = choose([best, cheaper], sample, margin=behind / 2)
        assert chosen.candidate.name == taken.candidate.name


def test_a_margin_of_nothing_takes_the_best_whatever_it_costs(sample):
    trials = [made_up(sample, str(i), 1 + i / 100, 100 / (i + 1), seed=i) for i in range(5)]
    assert choose(trials, sample, margin=0) is rank(trials, sample)[0]


@pytest.mark.slow
def test_the_leaderboard_is_ranked_and_has_what_was_stopped_at_its_end(sample, trials):
    stopped = cross_validate(Candidate("flat", "logistic", {"C": 1e-6}), sample, baseline=trials[0])
    assert stopped.stopped
    every = [*trials, *stack(trials, sample)]
    chosen = choose(every, sample)
    rows = leaderboard(every, [stopped], chosen, sample)
    assert [row["rank"] for row in rows] == [*range(1, len(every) + 1), None]
    losses = [row["log_loss"] for row in rows[:-1]]
    assert losses == sorted(losses)
    assert rows[0]["behind"] == 0
    assert rows[2]["behind"] == pytest.approx(losses[2] - losses[0])
    assert [row["candidate"] for row in rows if row["chosen"]] == [chosen.candidate.name]
    assert rows[-1]["stopped"] == stopped.stopped
    (widest,) = [row for row in rows if row["candidate"] == "stack of 3"]
    assert set(widest["members"]) == {candidate.name for candidate in CANDIDATES}


@pytest.mark.slow
def test_stacks_leave_out_who_may_be_no_member(trials, sample):
    alone = [*trials[:2], replace(trials[2], candidate=replace(trials[2].candidate, member=False))]
    stacks = stack(alone, sample)
    assert [trial.candidate.name for trial in stacks] == ["stack of 2", "stack of 2, two levels"]
    assert "trees" not in {member.name for member in stacks[0].candidate.params["members"]}
