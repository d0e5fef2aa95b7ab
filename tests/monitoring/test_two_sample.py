"""The tests of two samples, on counts whose p-values and effects are known."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2, kstwo

from churn.monitoring.two_sample import CHI_SQUARE, FISHER, KS, TwoSampleTest


def sample(**counts: int) -> pd.Series:
    return pd.Series(np.repeat(list(counts), list(counts.values())))


def compared(method: str, reference: pd.Series, current: pd.Series) -> TwoSampleTest:
    return TwoSampleTest("column", "values", method, reference, current)


class TestCategories:
    def test_the_effect_is_the_share_that_has_moved_whatever_the_sizes(self):
        test = compared(CHI_SQUARE, sample(a=60, b=40), sample(a=300, b=500, c=200))
        assert test.run()[1] == pytest.approx(0.3)

    def test_the_p_value_is_pearson_s(self):
        """Two categories have no correction of Yates, which would make it larger."""
        p, _ = compared(CHI_SQUARE, sample(a=60, b=40), sample(a=40, b=60)).run()
        assert p == pytest.approx(chi2.sf(8.0, df=1))
        p, _ = compared(CHI_SQUARE, sample(a=40, b=30, c=30), sample(a=30, b=30, c=40)).run()
        assert p == pytest.approx(chi2.sf(2 * 100 / 70, df=2))

    def test_rare_categories_are_one(self):
        """Those of which fewer than five are expected in the smaller sample."""
        apart = compared(
            CHI_SQUARE, sample(a=90, x=1, y=2, z=7), sample(a=170, x=5, y=4, z=3, b=18)
        )
        together = compared(CHI_SQUARE, sample(a=90, x=10), sample(a=170, b=18, x=12))
        assert apart.run()[0] == pytest.approx(together.run()[0])
        merged, apart = (
            compared(CHI_SQUARE, sample(a=91, x=3, y=n), sample(a=91, x=n, y=3)).run()[0]
            for n in (6, 7)
        )
        assert merged == pytest.approx(1.0)  # nine of each, so 4.5 are expected; together no change
        assert apart == pytest.approx(chi2.sf(3.2, df=2))  # ten of each, so five

    def test_one_category_alone_has_not_changed(self):
        assert compared(CHI_SQUARE, sample(a=30), sample(a=50)).run() == (1.0, 0.0)

    def test_the_summary_names_the_category_that_has_moved_most(self):
        test = compared(CHI_SQUARE, sample(a=50, b=50), sample(a=45, b=25, c=30))
        assert test.summaries() == ("c 0.0%", "c 30.0%")
        assert compared(CHI_SQUARE, sample(a=9, b=1), sample(a=10)).summaries() in (
            ("a 90.0%", "a 100.0%"),
            ("b 10.0%", "b 0.0%"),
        )


class TestFlags:
    def test_the_p_value_is_fisher_s_and_the_effect_the_difference_of_shares(self):
        few, most = (pd.Series([True] * n + [False] * (8 - n)) for n in (1, 7))
        p, effect = compared(FISHER, few, most).run()
        assert p == pytest.approx(2 * (64 + 1) / 12_870)  # of 16 over 8 tables, those as rare
        assert effect == pytest.approx(6 / 8)
        assert compared(FISHER, few, most).summaries() == ("12.5%", "87.5%")

    def test_where_all_are_alike_nothing_has_changed(self):
        alike = pd.Series([True] * 9)
        assert compared(FISHER, alike, alike).run() == (1.0, 0.0)


class TestNumbers:
    numbers = compared(KS, pd.Series(np.arange(100.0)), pd.Series(np.arange(100.0) + 40))

    def test_the_effect_is_the_largest_difference_in_probability(self):
        p, effect = self.numbers.run()
        assert effect == pytest.approx(0.4)
        assert p == pytest.approx(kstwo.sf(0.4, 50))

    def test_the_p_value_is_the_asymptotic_one_also_for_few(self):
        few = compared(KS, pd.Series([1.0, 2, 3]), pd.Series([4.0, 5, 6]))
        assert few.run()[0] != pytest.approx(0.1)  # the exact one

    def test_the_summary_has_the_means(self):
        assert self.numbers.summaries() == ("mean 49.5", "mean 89.5")
        chances = compared(KS, pd.Series([0.1, 0.2]), pd.Series([0.5, 0.5]))
        assert chances.summaries(percent=True) == ("mean 15.0%", "mean 50.0%")
        assert chances.summaries() == ("mean 0.15", "mean 0.5")
