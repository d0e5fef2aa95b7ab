"""Customers who are never called."""

import pytest

from churn.campaign.do_not_contact import read_ids
from churn.errors import ChurnError


class TestDoNotContact:
    def test_they_are_in_neither_group(self, customers, listed, tmp_path):
        before, _ = listed(customers)
        ids = before.calls["customer_id"].to_pylist()
        path = tmp_path / "do_not_contact.txt"
        path.write_text("customer_id\n" + "\n".join(f' "{key}.0"' for key in ids[:30]) + "\n\n")
        after, everyone = listed(customers, do_not_contact=read_ids(str(path)))
        assert not set(ids[:30]) & set(after.calls["customer_id"].to_pylist())
        assert set(everyone[everyone["customer_id"].isin(ids[:30])]["arm"]) == {"none"}
        assert after.counts["do_not_contact"] == 30
        assert after.counts["contact"] == 100

    def test_a_line_that_is_no_id_is_named(self, tmp_path):
        path = tmp_path / "do_not_contact.csv"
        path.write_text("12\n13,Smith\n14\n15,Jones\n")
        with pytest.raises(ChurnError) as caught:
            read_ids(str(path))
        assert [problem[:6] for problem in caught.value.problems] == ["line 2", "line 4"]

    def test_a_list_that_is_not_there_stops_the_run(self, tmp_path):
        with pytest.raises(ChurnError, match="do-not-contact list"):
            read_ids(str(tmp_path / "none.txt"))
