"""The control group: assigned by a hash, marked, and not called."""

import numpy as np
import pandas as pd
import pytest

from campaigns import CONTRACT, arm
from churn.campaign.control_group import in_control
from churn.data.holdout import holdout_mask


class TestControl:
    def test_it_is_the_same_for_years(self):
        """Whoever changes these lets customers change sides in the middle of a campaign."""
        ids = [f"C{number:04d}" for number in range(60)]
        chosen = [key for key, out in zip(ids, in_control(ids, "spring", 0.2), strict=True) if out]
        assert chosen == [
            "C0017",
            "C0025",
            "C0033",
            "C0037",
            "C0042",
            "C0049",
            "C0054",
            "C0057",
            "C0058",
            "C0059",
        ]

    def test_it_depends_on_nobody_else_and_grows_with_its_share(self):
        ids = np.array([f"C{number}" for number in range(20_000)], dtype=object)
        tenth, fifth = in_control(ids, "spring", 0.1), in_control(ids, "spring", 0.2)
        assert tenth.mean() == pytest.approx(0.1, abs=0.01)
        assert fifth[tenth].all()
        assert (in_control(ids[::-7], "spring", 0.1) == tenth[::-7]).all()
        assert not in_control(ids, "spring", 0.0).any()

    def test_campaigns_and_the_hold_out_draw_independently(self):
        ids = np.array([f"C{number}" for number in range(20_000)], dtype=object)
        spring, autumn = in_control(ids, "spring", 0.2), in_control(ids, "autumn", 0.2)
        frame = pd.DataFrame({"customer_id": pd.Series(ids, dtype="str")})
        for other in (autumn, holdout_mask(frame, CONTRACT, 0.2)):
            assert other[spring].mean() == pytest.approx(0.2, abs=0.02)

    def test_who_would_have_been_called_is_marked_and_not_called(self, customers, listed):
        found, _ = listed(customers)
        control, called = arm(found, "control"), arm(found, "contact")
        assert in_control(control["customer_id"], "spring", 0.2).all()
        assert not in_control(called["customer_id"], "spring", 0.2).any()
        assert 5 <= len(control) <= 50
        assert control["net_benefit"].min() >= called["net_benefit"].min()

    @pytest.mark.slow
    def test_without_one_as_many_are_called(self, customers, listed):
        found, _ = listed(customers, control=0.0)
        assert found.counts["contact"] == found.calls.num_rows == 100
