"""Customers who are never called."""

import pytest

from churn.campaign.do_not_contact import check_matches, read_ids
from churn.errors import ChurnError


class TestDoNotContact:
    @pytest.mark.slow
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

    @pytest.mark.parametrize(
        ("content", "ids"),
        [
            ("007\n08\n", {"007", "08"}),
            ("007\n", {"007"}),
            ("", set()),
            ("\n007\n\n08\n", {"007", "08"}),
            ("id\n007\n", {"007"}),
            ("customer_key\n007\n08\n", {"007", "08"}),
            ("customer_key;when\n007;2024-01-01\n08;2024-01-01\n", {"007", "08"}),
            ("when,customer_key\n2024-01-01,007\n2024-01-02,08\n", {"007", "08"}),
            ("customer_key\twhen\n007\tx\n08\ty\n", {"007", "08"}),
        ],
    )
    def test_separators_and_headers_are_recognised(self, tmp_path, content, ids):
        path = tmp_path / "do_not_contact.txt"
        path.write_text(content)
        assert set(read_ids(str(path), "customer_key")) == ids

    @pytest.mark.parametrize("content", ["12\n13,Smith\n14\n15,Jones\n", "a;b\n1;2\n3;4\n"])
    def test_a_list_whose_ids_are_not_certain_is_refused(self, tmp_path, content):
        path = tmp_path / "do_not_contact.csv"
        path.write_text(content)
        with pytest.raises(ChurnError, match="do-not-contact list"):
            read_ids(str(path), "customer_key")

    def test_a_list_of_other_ids_stops_the_run_unless_it_may(self):
        assert check_matches((), 0, 100) == ""
        assert "3 of 100 customers" in check_matches(("1", "2", "3", "4"), 3, 100)
        with pytest.raises(ChurnError, match="No customer is on") as error:
            check_matches(("A-1", "A-2"), 0, 100)
        assert "'A-1'" in str(error.value)
        assert "0 of 100" in check_matches(("A-1",), 0, 100, required=False)

    def test_a_list_that_is_not_there_stops_the_run(self, tmp_path):
        with pytest.raises(ChurnError, match="do-not-contact list"):
            read_ids(str(tmp_path / "none.txt"))
