"""Bins at quantiles."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from churn.statistics.bins import MISSING, quantile_edges, to_bins


def test_quarters_of_numbers_and_what_is_missing():
    numbers = np.array([1.0, 2, 3, 4, 5, 6, 7, 8, np.nan])
    edges = quantile_edges(numbers)
    assert edges.tolist() == [2, 4, 6]
    assert to_bins(numbers, edges).tolist() == [0, 0, 1, 1, 2, 2, 3, 3, MISSING]


def test_a_column_without_values_has_no_edges():
    assert len(quantile_edges(np.full(3, np.nan))) == 0


@given(arrays(np.float64, st.integers(1, 50), elements=st.integers(-3, 3) | st.just(np.nan)))
def test_edges_are_values_that_occur_and_bins_keep_the_order(numbers):
    edges = quantile_edges(numbers)
    assert np.isin(edges, numbers).all()
    known = numbers[~np.isnan(numbers)]
    bins = to_bins(known, edges)
    assert (np.diff(bins[np.argsort(known, kind="stable")]) >= 0).all()
    assert bins.max(initial=0) <= len(edges)
