"""Number columns that others determine: found among many, quickly, and with missing values."""

import time

import numpy as np
import pytest

from churn.data.relations import find_relations


def numbers(rows, columns, seed=0):
    return np.round(np.random.default_rng(seed).gamma(2, 10, (rows, columns)) + 0.01, 2)


def found(values):
    return dict(find_relations([f"f{i}" for i in range(values.shape[1])], values))


def test_products_ratios_and_sums_are_found_and_nothing_else():
    x = numbers(1000, 40)
    x[:, 37], x[:, 38] = x[:, 0] * x[:, 1], x[:, 2] / x[:, 3]
    x[:, 39] = x[:, 4] + 2 * x[:, 5] - x[:, 6] + 3
    assert found(x) == {
        "f37": "f0 * f1",
        "f38": "f2 / f3",
        "f39": "a sum of multiples of f4, f5, f6",
    }
    assert found(numbers(1000, 40)) == {}


@pytest.mark.parametrize("share", [0.6, 0.95, 1.0])
def test_a_column_that_is_mostly_missing_hides_no_other(share):
    x = numbers(1000, 10)
    x[:, 8], x[:, 9] = x[:, 0] * x[:, 1], x[:, 2] + x[:, 3]
    x[np.random.default_rng(1).random(1000) < share, 5] = np.nan
    assert set(found(x)) == {"f8", "f9"}


def test_a_product_with_missing_values_is_found_in_the_rows_that_have_them_all():
    x = numbers(1000, 6)
    x[:, 5] = x[:, 0] * x[:, 1]
    x[:300, 0] = np.nan
    assert found(x) == {"f5": "f0 * f1"}


def test_one_row_that_differs_is_no_formula():
    x = numbers(1000, 6)
    x[:, 4], x[:, 5] = x[:, 0] * x[:, 1], x[:, 2] + x[:, 3]
    x[500, 4:] += 1
    assert found(x) == {}


def seconds(columns):
    x = numbers(3000, columns)
    start = time.process_time()
    found(x)
    return time.process_time() - start


@pytest.mark.slow
def test_the_time_grows_with_the_square_of_the_columns():
    few = max(min(seconds(60) for _ in range(3)), 0.02)
    assert min(seconds(480) for _ in range(2)) < 3 * 64 * few
