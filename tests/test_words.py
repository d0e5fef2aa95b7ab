"""A count agrees with what it counts."""

from churn.words import plural


def test_one_is_singular_and_every_other_number_plural():
    assert [plural(n, "row") for n in (0, 1, 2, 1_000)] == [
        "0 rows",
        "1 row",
        "2 rows",
        "1,000 rows",
    ]
    assert plural(1, "row is", "rows are") == "1 row is"
    assert plural(2, "row is", "rows are") == "2 rows are"
