"""Strata of days, and the weights of their groups."""

import numpy as np
import pandas as pd
import pytest

from churn.campaign.stratified import MIN_STRATUM_SIZE, groups_of, strata_of_days, weighted_share

FEW, ENOUGH = MIN_STRATUM_SIZE - 1, MIN_STRATUM_SIZE


def campaign(*days: tuple[int, int]) -> pd.DataFrame:
    """Days in order, each with so many who were called and so many in the control group."""
    arms = [np.repeat(["contact", "control"], day) for day in days]
    numbers = np.repeat(np.arange(len(days)), [sum(day) for day in days])
    return pd.DataFrame({"day": numbers, "arm": np.concatenate(arms)})


@pytest.mark.parametrize(
    ("days", "strata"),
    [
        ([(ENOUGH, ENOUGH)] * 3, [0, 1, 2]),
        ([(90, FEW), (90, 1), (90, ENOUGH)], [0, 0, 1]),
        ([(FEW, 90), (1, 90), (ENOUGH, 90)], [0, 0, 1]),
        ([(ENOUGH, ENOUGH), (90, FEW)], [0, 0]),  # the last day joins those before
        ([(ENOUGH, ENOUGH), (90, FEW), (1, 1)], [0, 1, 1]),
        ([(3, 2), (2, 3)], [0, 0]),
        ([(ENOUGH, 0), (5, ENOUGH), (ENOUGH, ENOUGH)], [0, 0, 1]),
        ([(ENOUGH, 0), (5, 0)], [0, 0]),
    ],
)
def test_days_are_joined_until_both_groups_are_large_enough(days, strata):
    known = campaign(*days)
    assert strata_of_days(known).tolist() == np.array(strata)[known["day"]].tolist()


def test_both_groups_have_the_weights_of_the_calls():
    known = campaign((30, 20), (90, 10))
    for arm, sizes in (("contact", [30, 90]), ("control", [20, 10])):
        groups = list(groups_of(known, known["day"].to_numpy(), arm))
        assert [rows.sum() for rows, _ in groups] == sizes
        assert [weight for _, weight in groups] == [0.25, 0.75]
        assert all(set(known["arm"][rows]) == {arm} for rows, _ in groups)


def test_a_weighted_share_has_the_interval_of_its_effective_size():
    known = campaign((0, 40), (0, 10))
    left = pd.Series([True] * 10 + [False] * 30 + [True] * 5 + [False] * 5)
    rows = [(known["day"] == day).to_numpy() for day in (0, 1)]
    share, low, high = weighted_share(left, list(zip(rows, [0.5, 0.5], strict=True)))
    assert share == pytest.approx(0.375)
    n, z = 1 / (0.25 / 40 + 0.25 / 10), 1.959963985  # 32 customers rather than 50
    half = z * np.sqrt(share * (1 - share) / n + z**2 / 4 / n**2)
    centre = share + z**2 / 2 / n
    assert [low, high] == pytest.approx(
        [(centre - half) / (1 + z**2 / n), (centre + half) / (1 + z**2 / n)]
    )
