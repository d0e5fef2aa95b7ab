"""A second level learns where each member is accurate, and does no harm elsewhere."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from churn.data.contract import Contract
from churn.data.validation import validate_data
from churn.modeling.cross_validation import cross_validate
from churn.modeling.model import ChurnModel
from churn.modeling.sample import draw_search_sample
from churn.modeling.search_space import SECOND_LEVEL, Candidate
from churn.modeling.selection import choose
from churn.modeling.stack_weights import (
    FIRST_LEVEL_C,
    SECOND_LEVEL_C,
    fit_second_level_weights,
)
from churn.modeling.stacking import stack
from churn.scoring.export.models import compare, compile_model
from churn.statistics.log_odds import row_losses

TOWNS = [f"t{i}" for i in range(30)]
CONTRACT = Contract.parse(
    {
        "target": "left", "positive": "1", "negative": ["0"],
        "features": {
            "spend": {"kind": "number", "nullable": True},
            "visits": {"kind": "number", "nullable": True},
            "town": {"kind": "category", "categories": TOWNS, "nullable": True},
            "member": {"kind": "flag"},
        },
    }
)  # fmt: skip
CANDIDATES = (
    Candidate("linear", "logistic"),
    Candidate("trees", "boosting", {"max_leaf_nodes": 3, "max_iter": 20, "learning_rate": 0.1}),
)


def customers(n, seed):
    """For members spending counts and for others visits: no sum of columns says it."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "spend": rng.normal(size=n),
            "visits": rng.normal(size=n),
            "town": rng.choice(TOWNS, n).astype(object),
            "member": rng.integers(0, 2, n),
        }
    )
    odds = 3 * np.where(frame["member"] == 1, frame["spend"], -frame["visits"])
    frame["left"] = (rng.random(n) < 1 / (1 + np.exp(-odds))).astype(int)
    for name in ("spend", "town"):
        frame.loc[rng.random(n) < 0.05, name] = None
    return frame


@pytest.fixture(scope="module")
def frame():
    return validate_data(customers(3000, seed=1), CONTRACT).frame


@pytest.fixture(scope="module")
def sample(frame):
    return draw_search_sample(frame, CONTRACT, n_folds=4, max_rows=5000, seed=0)


@pytest.fixture(scope="module")
def trials(sample):
    return [cross_validate(candidate, sample) for candidate in CANDIDATES]


@pytest.fixture(scope="module")
def lines():
    """What the stacks report while they are made."""
    return []


@pytest.fixture(scope="module")
def stacks(trials, sample, lines):
    return {trial.candidate.name: trial for trial in stack(trials, sample, 0, lines.append)}


@pytest.fixture(scope="module")
def model(stacks, sample, frame):
    candidate = sample.rescale(stacks["stack of 2, two levels"].candidate, len(frame))
    return ChurnModel(CONTRACT, candidate).fit(frame)


@pytest.mark.slow
def test_what_takes_long_is_told_before_it_begins(stacks, lines):
    assert stacks
    names = [candidate.name for candidate in SECOND_LEVEL]
    assert lines == [f"cross-validating {name} as a second level of 2 members" for name in names]


@pytest.mark.slow
def test_it_is_better_where_members_are_right_about_different_customers(stacks, trials, sample):
    losses = {
        name: row_losses(sample.labels, trial.probabilities).mean()
        for name, trial in stacks.items()
    }
    assert losses["stack of 2, two levels"] < losses["stack of 2"] - 0.01
    assert choose([*trials, *stacks.values()], sample).candidate.name == "stack of 2, two levels"


@pytest.mark.slow
def test_it_keeps_on_new_customers_what_it_promised(stacks, model, sample):
    promised = row_losses(sample.labels, stacks["stack of 2, two levels"].probabilities)
    fresh = customers(6000, seed=2)
    given = row_losses(fresh["left"].to_numpy(), model.predict_proba(fresh)[:, 1])
    error = np.hypot(promised.std() / len(promised) ** 0.5, given.std() / len(given) ** 0.5)
    assert abs(given.mean() - promised.mean()) < 4 * error


@pytest.mark.slow
def test_it_stands_where_a_fold_knows_nothing_of_a_column(sample, trials):
    matrix = sample.matrix.copy()
    matrix[sample.fold > 0, 0] = np.nan
    poorer = replace(sample, matrix=matrix)
    *_, above = stack([cross_validate(trial.candidate, poorer) for trial in trials], poorer)
    assert above.candidate.name == "stack of 2, two levels"
    assert np.isfinite(above.probabilities).all()


@pytest.mark.slow
def test_its_scorer_says_what_it_says(model):
    agreement = compare(compile_model(model), model, customers(2000, seed=3))
    assert agreement.holds, agreement
    assert agreement.gap < 1e-12


def test_it_leaves_the_first_as_it_is_where_it_has_nothing_to_say():
    rng = np.random.default_rng(0)
    first = 1.5 * rng.normal(size=4000)
    target = (rng.random(4000) < 1 / (1 + np.exp(-first))).astype(int)
    said = np.column_stack([first, first + rng.normal(size=4000), rng.normal(size=4000)])
    weights, intercept = fit_second_level_weights(said, target)
    assert weights == pytest.approx([1, 0, 0], abs=0.1)
    assert intercept == pytest.approx(0, abs=0.1)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 4), st.sampled_from([0.1, 1.0, 4.0]))
def test_its_weights_are_those_of_the_loss_that_they_minimise(seed, models, scale):
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=300)
    target = (rng.random(300) < 1 / (1 + np.exp(-truth))).astype(int)
    said = scale * (truth[:, None] + rng.normal(size=(300, 1 + models)))
    first, changes = said[:, 0], said[:, 1:] - said[:, :1]

    def loss(free):
        stretch, weights, intercept = free[0], free[1:-1], free[-1]
        odds = (1 + stretch) * first + changes @ weights + intercept
        held = stretch**2 / FIRST_LEVEL_C + weights @ weights / SECOND_LEVEL_C
        return np.logaddexp(0, (1 - 2 * target) * odds).sum() + held / 2

    weights, intercept = fit_second_level_weights(said, target)
    found = loss(np.array([weights.sum() - 1, *weights[1:], intercept]))
    assert found <= minimize(loss, np.zeros(models + 2)).fun + 1e-4
