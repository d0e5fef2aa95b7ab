"""The expected profit of a list by its length, merged from the rankings of shards."""

import numpy as np
import pytest

from churn.campaign.ranking import BLOCKS, blocks, compare_rankings, merge_ranking

NOBODY = blocks(np.array([]), np.array([]))


def curve(scores, benefits) -> tuple[np.ndarray, np.ndarray]:
    """How many are called, and what they bring, customer by customer."""
    order = np.argsort(-np.asarray(scores), kind="stable")
    return np.arange(len(order) + 1), np.append(0, np.cumsum(np.asarray(benefits)[order]))


def test_few_customers_have_a_block_each_the_highest_score_first():
    found = blocks(np.array([0.2, 0.9, 0.5]), np.array([1.0, 2.0, 3.0]))
    assert found.tolist() == [[0.9, 1, 2.0], [0.5, 1, 3.0], [0.2, 1, 1.0]]


def test_blocks_of_many_are_of_equal_size_and_hold_everybody():
    scores = np.random.default_rng(0).permutation(10 * BLOCKS) / (10 * BLOCKS)
    found = blocks(scores, 2 * scores)
    assert found.shape == (BLOCKS, 3)
    assert set(found[:, 1]) == {10}
    assert (np.diff(found[:, 0]) < 0).all()
    np.testing.assert_allclose(found[:, 2], 2 * found[:, 0] * found[:, 1])


def test_shards_are_merged_into_the_ranking_of_the_whole_table():
    rng = np.random.default_rng(1)
    scores, benefits = rng.random(900), rng.normal(size=900)
    parts = [blocks(scores[part::3], benefits[part::3]) for part in range(3)]
    for found, expected in zip(
        merge_ranking([*parts, NOBODY]), curve(scores, benefits), strict=True
    ):
        np.testing.assert_allclose(found, expected, atol=1e-9)


def test_equal_scores_stay_in_the_order_of_the_shards():
    first, second = (blocks(np.full(40, 0.5), np.full(40, value)) for value in (1.0, -1.0))
    assert merge_ranking([first, second])[1].max() == 40


def test_without_customers_the_curve_is_a_point():
    found = compare_rankings(merge_ranking([NOBODY]), merge_ranking([NOBODY]))
    assert found.to_dict("records") == [{"calls": 0, "best": 0, "riskiest": 0, "random": 0}]


class TestCurve:
    """Of 400 customers 100 are worth 3 each; the others cost 1. Risk ranks them the other way."""

    best = curve(np.arange(400, 0, -1), [3.0] * 100 + [-1.0] * 300)
    riskiest = curve(np.arange(400), [3.0] * 100 + [-1.0] * 300)

    @pytest.fixture
    def found(self):
        return compare_rankings(self.best, self.riskiest).set_index("calls")

    def test_it_goes_from_no_calls_to_half_as_many_again_as_pay(self, found):
        assert (found.index.min(), found.index.max()) == (0, 150)
        assert len(found) == 151  # 200 points, of which those of the same number of calls are one

    def test_it_has_both_rankings_and_calling_at_random(self, found):
        assert found.loc[0].tolist() == [0, 0, 0]
        assert found.loc[100].tolist() == [300, -100, 0]
        assert found.loc[150].tolist() == [250, -150, 0]

    def test_at_random_every_call_brings_the_mean(self):
        paid = compare_rankings(curve([4, 3, 2, 1], [8.0] * 4), curve([1, 2, 3, 4], [8.0] * 4))
        assert paid["random"].tolist() == [0, 8, 16, 24, 32]
        alone = compare_rankings(curve([1], [8.0]), curve([1], [8.0]))
        assert alone["random"].tolist() == [0, 8]

    def test_where_no_call_pays_it_goes_to_the_end(self):
        found = compare_rankings(curve([3, 2, 1], [-1.0] * 3), curve([3, 2, 1], [-1.0] * 3))
        assert found["calls"].tolist() == [0, 1, 2, 3]
        assert found["best"].tolist() == [0, -1, -2, -3]
