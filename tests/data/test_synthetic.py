"""Customers generated from a known model."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from churn.data.parsing import labels
from churn.data.synthetic import generate_sample_data
from churn.data.validation import validate_data


@pytest.fixture(scope="module")
def sample():
    """A hundred thousand customers, and how likely each was to leave."""
    return generate_sample_data(100_000, seed=3, return_probability=True)


def test_the_same_seed_gives_the_same_customers():
    pd.testing.assert_frame_equal(generate_sample_data(500, 7), generate_sample_data(500, 7))


def test_another_seed_gives_other_customers():
    a, b = generate_sample_data(500, 7), generate_sample_data(500, 8)
    assert (a["monthly_charges"] != b["monthly_charges"]).mean() > 0.9


def test_returning_the_probability_does_not_change_the_customers():
    frame, probability = generate_sample_data(500, 7, return_probability=True)
    pd.testing.assert_frame_equal(frame, generate_sample_data(500, 7))
    assert probability.shape == (500,)


@pytest.mark.parametrize("n", [0, -1])
def test_fewer_than_one_customer_cannot_be_made(n):
    with pytest.raises(ValueError, match="at least 1"):
        generate_sample_data(n)


def test_one_customer_can_be_made():
    assert len(generate_sample_data(1)) == 1


def test_the_customers_keep_the_telco_contract_with_nothing_set_aside(
    sample, telco_contract, telco_table
):
    result = validate_data(sample[0], telco_contract, max_rejected=0)
    assert len(result.problems) == 0
    assert len(result.frame) == 100_000
    assert list(sample[0].columns) == list(telco_table.columns)


def test_every_category_of_the_telco_contract_occurs(sample, telco_contract):
    for name, feature in telco_contract.features.items():
        if feature.kind == "category":
            assert set(sample[0][name].unique()) == set(feature.categories), name


def test_the_customers_make_sense(sample):
    frame, _ = sample
    offline = frame["internet_service"] == "No"
    for name in ("online_security", "online_backup", "tech_support", "streaming_tv"):
        assert ((frame[name] == "No internet service") == offline).all()
    assert ((frame["multiple_lines"] == "No phone service") == (frame["phone_service"] == 0)).all()
    product = frame["tenure"] * frame["monthly_charges"]
    assert np.corrcoef(product, frame["total_charges"])[0, 1] > 0.98
    assert frame["customer_id"].is_unique


def test_as_many_customers_leave_as_the_probabilities_say(sample, telco_contract):
    frame, probability = sample
    left = labels(frame, telco_contract)
    assert 0.1 < left.mean() < 0.4
    order = np.argsort(probability)
    for rows in np.array_split(order, 20):
        p = probability[rows]
        z = (left[rows].sum() - p.sum()) / np.sqrt((p * (1 - p)).sum())
        assert abs(z) < 4


def test_the_true_probabilities_rank_customers_well(sample, telco_contract):
    frame, probability = sample
    assert 0.8 < roc_auc_score(labels(frame, telco_contract), probability) < 0.95
    assert probability.min() > 0
    assert probability.max() < 1


def test_what_the_model_states_shows_among_customers_otherwise_alike(sample):
    frame, probability = sample
    monthly = (frame["contract"] == "Month-to-month") & (frame["internet_service"] == "Fiber optic")
    new, old = frame["tenure"] <= 6, frame["tenure"] >= 40
    unsupported = frame["tech_support"] == "No"
    assert probability[monthly & new].mean() > 1.5 * probability[monthly & old].mean()
    assert probability[monthly & unsupported].mean() > probability[monthly & ~unsupported].mean()
    bound = new & (frame["contract"] == "Two year")
    assert probability[monthly & new].mean() > 2 * probability[bound].mean()


def test_a_million_customers_take_little_memory():
    tracemalloc.start()
    try:
        frame = generate_sample_data(1_000_000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(frame) == 1_000_000
    assert peak < 250e6  # what the docstring says of ten million, divided by ten
