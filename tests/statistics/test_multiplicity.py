"""Adjusted p-values."""

import numpy as np
import pytest

from churn.statistics.multiplicity import holm


def test_holm_adjusts_as_worked_by_hand():
    # 0.01 * 3; 0.02 * 2; then 0.03 may not be below the one before it.
    assert holm(np.array([0.03, np.nan, 0.01, 0.02])) == pytest.approx(
        [0.04, np.nan, 0.03, 0.04], nan_ok=True
    )
    assert holm(np.array([0.6, 1.4])).tolist() == [1, 1]
    assert np.isnan(holm(np.array([np.nan]))).all()
