"""The tabular net: its gradients, what it learns, and when it stops."""

import numpy as np
import pytest

from churn.modeling.estimators.net_training import Training, predict_log_odds
from churn.modeling.estimators.tabular_net import TabularNetClassifier
from churn.modeling.families import build
from churn.modeling.search_space import MAX_EMBEDDED_LEVELS, Candidate
from churn.statistics.log_odds import row_losses, sigmoid

CATEGORICAL = np.array([False, False, True])


def table(n=1500, seed=0):
    """A curve of the first column, in which gaps matter, and a level that turns the second."""
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(n, 3))
    matrix[:, 2] = rng.integers(0, 3, n)
    odds = 2 * np.cos(2 * matrix[:, 0]) + matrix[:, 1] * np.where(matrix[:, 2] == 1, 2, -2)
    gaps = rng.random(n) < 0.1
    matrix[gaps, 0], odds[gaps] = np.nan, 2.0
    return matrix, (rng.random(n) < sigmoid(odds)).astype(int), sigmoid(odds)


def small(**settings):
    return TabularNetClassifier(CATEGORICAL, **{"hidden": (24, 24), "nets": 4} | settings)


@pytest.fixture(scope="module")
def stopped():
    """Nets that stop early, and the rows by which they do."""
    matrix, target, _ = table()
    rows = slice(1000, None)
    model = small(max_iter=60, early_stopping=True, n_iter_no_change=4, learning_rate=0.02)
    model.fit(matrix[:1000], target[:1000], X_val=matrix[rows], y_val=target[rows])
    return model, matrix[rows], target[rows]


def test_the_gradients_are_those_of_the_mean_loss():
    rng = np.random.default_rng(0)
    inputs, target = rng.normal(size=(6, 3)), np.array([0, 1, 1, 0, 1, 0])
    row_weights = rng.uniform(1, 3, 6)
    training = Training(
        inputs, target, row_weights, hidden=(5, 4), nets=2, learning_rate=0.1, weight_decay=0.0,
        dropout=0.0, batch_size=6, average=1.0, seed=1,
    )  # fmt: skip
    found = []
    training._descend = found.extend
    for layer in training.layers:  # in double precision, for small differences
        layer.parameters = [
            part.astype(float) + rng.normal(0, 0.3, part.shape) for part in layer.parameters
        ]
    training.weights = [layer.weights_of_nets() for layer in training.layers]
    training.inputs = inputs
    training._step(np.arange(6))

    def loss():
        """The sum over nets of the mean weighted loss."""
        total = 0.0
        for net in range(2):
            values = inputs
            for place, layer in enumerate(training.layers):
                values = values @ layer.weights_of_nets()[net] + layer.parameters[-1][net]
                values = np.maximum(values, 0) if place < 2 else values
            losses = row_losses(target, sigmoid(values[:, 0]))
            total += np.mean(losses * row_weights / row_weights.mean())
        return total

    parts = [part for layer in training.layers for part in layer.parameters]
    for part, gradient in zip(parts, found, strict=True):
        where = tuple(rng.integers(part.shape))
        before = part[where]
        sides = []
        for step in (1e-6, -1e-6):
            part[where] = before + step
            sides.append(loss())
        part[where] = before
        assert gradient[where] == pytest.approx((sides[0] - sides[1]) / 2e-6, abs=2e-6)


def test_learns_curves_gaps_and_what_a_level_turns():
    matrix, target, _ = table(2500)
    fresh, _, truth = table(1000, seed=1)
    model = small(max_iter=12, learning_rate=0.02).fit(matrix, target)
    assert np.abs(model.predict_proba(fresh)[:, 1] - truth).mean() < 0.08


def test_the_kept_epoch_is_the_one_of_that_number(stopped):
    model, matrix, target = stopped
    losses = -model.validation_score_
    best = int(losses.argmin())
    assert 0 < best == len(losses) - 1 - 4
    stages = model.validation_probabilities_
    for stage, loss in zip(stages, losses[1:], strict=True):
        assert row_losses(target, stage).mean() == pytest.approx(loss)
    # Watching the validation rows changes nothing: so many epochs without them give the same nets.
    rows, labels, _ = table()
    again = small(max_iter=best, learning_rate=0.02).fit(rows[:1000], labels[:1000])
    assert again.predict_proba(matrix)[:, 1] == pytest.approx(stages[best - 1], abs=1e-12)


def test_many_rows_are_predicted_in_parts(monkeypatch):
    matrix, target, _ = table(600)
    model = small(max_iter=2).fit(matrix, target)
    at_once = model.predict_proba(matrix)
    monkeypatch.setattr("churn.modeling.estimators.net_training.PREDICT_ROWS", 256)
    assert model.predict_proba(matrix) == pytest.approx(at_once, abs=1e-12)


def test_the_same_seed_gives_the_same_nets_and_they_differ_from_each_other():
    matrix, target, _ = table(400)
    one, same, other = (
        small(max_iter=2, random_state=seed).fit(matrix, target).predict_proba(matrix)
        for seed in (0, 0, 1)
    )
    assert (one == same).all()
    assert (one != other).any()
    model = small(max_iter=2).fit(matrix, target)
    inputs = model.terms_.transform(matrix)
    first, second = (
        predict_log_odds([type(part)(part.weights[[net]], part.biases[[net]]) for part in
                          model.layers_], inputs)
        for net in (0, 1)
    )  # fmt: skip
    assert np.abs(first - second).max() > 0.01


def test_a_row_of_more_weight_counts_more():
    matrix, target, _ = table(600)
    even = small(max_iter=5).fit(matrix, target).predict_proba(matrix)[:, 1]
    weights = np.where(target == 1, 4.0, 1.0)
    more = small(max_iter=5).fit(matrix, target, weights).predict_proba(matrix)[:, 1]
    assert more.mean() == pytest.approx(np.average(target, weights=weights), abs=0.06)
    assert even.mean() == pytest.approx(target.mean(), abs=0.06)


def test_every_parameter_out_of_its_range_is_named():
    model = small(hidden=(), nets=0, dropout=1.0, n_knots=1, learning_rate=-1)
    with pytest.raises(ValueError, match=r"nets .* n_knots .* learning_rate .* dropout .* hidden"):
        model.fit(*table(50)[:2])
    with pytest.raises(ValueError, match="both classes"):
        small().fit(table(50)[0], np.ones(50))


def turned_by_level(n_levels, n=4000):
    """A number whose effect each of many levels turns; no level leaves more often than another."""
    rng = np.random.default_rng(1)
    level = rng.integers(0, n_levels, n)
    number = rng.normal(size=n)
    odds = 3 * number * np.where(level % 2, 1, -1)
    matrix = np.column_stack([number, level.astype(float)])
    return matrix, (rng.random(n) < sigmoid(odds)).astype(int), odds


@pytest.mark.parametrize(
    ("n_levels", "learns"), [(MAX_EMBEDDED_LEVELS, True), (MAX_EMBEDDED_LEVELS + 1, False)]
)
def test_levels_are_embedded_up_to_the_limit_and_rates_beyond_it(n_levels, learns):
    matrix, target, odds = turned_by_level(n_levels)
    candidate = Candidate("net", "tabular_net", {"max_iter": 25, "learning_rate": 0.01})
    model = build(candidate, np.array([0, n_levels]), 0).fit(matrix[:3000], target[:3000])
    loss = row_losses(target[3000:], model.predict_proba(matrix[3000:])[:, 1]).mean()
    # By the levels' churn rates, all the same, nobody can tell which way the number works.
    truth, blind = row_losses(target[3000:], sigmoid(odds[3000:])).mean(), np.log(2)
    assert (loss < (truth + blind) / 2) == learns
