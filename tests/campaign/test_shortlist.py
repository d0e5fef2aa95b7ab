"""The list of a table is the list of its parts."""

import numpy as np
import pandas as pd
import pytest

from churn.campaign.shortlist import shortlist


@pytest.mark.parametrize("budget", [1, 7, 50, 1_000])
def test_the_list_of_a_table_is_that_of_its_parts(budget):
    rng = np.random.default_rng(budget)
    scores = pd.DataFrame({"benefit": rng.integers(1, 30, 400), "control": rng.random(400) < 0.3})
    whole = shortlist(scores, budget)
    parts = [shortlist(scores.iloc[at], budget) for at in np.array_split(np.arange(400), 7)]
    assert shortlist(pd.concat(parts), budget).equals(whole)
    assert (~whole["control"]).sum() == min(budget, (~scores["control"]).sum())
