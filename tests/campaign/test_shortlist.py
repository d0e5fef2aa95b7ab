"""The list of a table is the list of its parts."""

import numpy as np
import pandas as pd
import pytest

from churn.campaign.allocation import allocate
from churn.campaign.exploration import benefits_of
from churn.campaign.shortlist import shortlist


def scores(seed, actions, rows=400):
    rng = np.random.default_rng(seed)
    benefits = rng.integers(-5, 30, (rows, actions)).astype(float)
    benefits[rng.random((rows, actions)) < 0.2] = -np.inf
    columns = {f"benefit_{number}": column for number, column in enumerate(benefits.T)}
    return pd.DataFrame({"control": rng.random(rows) < 0.3, **columns, "drawn": rng.random(rows)})


def allocated(table, budget, capacity, share=0.0):
    """The row numbers and actions of a list."""
    found = allocate(
        benefits_of(table), table["control"].to_numpy(), table["drawn"].to_numpy(),
        np.array(capacity), budget, share,
    )  # fmt: skip
    return list(zip(table.index[found.rows], found.action.tolist(), strict=True)), found


@pytest.mark.parametrize("budget", [1, 7, 50, 1_000])
@pytest.mark.parametrize("actions", [1, 3])
def test_the_list_of_a_table_is_that_of_its_parts(budget, actions):
    table = scores(budget, actions)
    whole = shortlist(table, budget)
    parts = [shortlist(table.iloc[at], budget) for at in np.array_split(np.arange(400), 7)]
    assert shortlist(pd.concat(parts), budget).equals(whole)
    for capacity in ([1_000] * actions, [budget // 2 + 1] * actions, [3, 1_000, 2][:actions]):
        expected, found = allocated(table, budget, capacity)
        assert allocated(whole, budget, capacity)[0] == expected
        called = ~table["control"].to_numpy()[found.rows]
        used = np.bincount(found.action[called], minlength=actions)
        assert (used <= capacity).all()
        assert called.sum() <= budget


def test_of_one_action_the_list_is_the_customers_with_the_greatest_benefit():
    table = scores(0, 1)
    called = table[~table["control"] & (table["benefit_0"] > 0)]["benefit_0"]
    rows, _ = allocated(table, 50, [1_000])
    mine = [row for row, _ in rows if not table["control"][row]]
    assert sorted(table["benefit_0"][mine]) == sorted(called.nlargest(50))
