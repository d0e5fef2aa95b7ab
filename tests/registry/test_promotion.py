"""A promotion as tags of a run, written and read without a store."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from churn.data.contract import Contract
from churn.errors import ChurnError
from churn.registry.promotion import (
    LONGEST_WHY,
    PROMOTED,
    Promotion,
    describe_promotion,
    project_of,
    read_promotions,
    read_why,
    unchanged,
    why_foreign,
)

RUN, OTHER = "ChurnFlow/1", "ChurnFlow/2"
AT = datetime(2026, 3, 2, 9, 30, 0, 123_000, tzinfo=UTC)
REASONS = st.text(min_size=1, max_size=60).map(lambda text: " ".join(text.split())).filter(
    lambda text: text and text.isprintable()
)  # fmt: skip


def contract(features=("a", "b", "c", "d"), project="", target="left") -> Contract:
    return Contract.parse(
        {
            "target": target, "positive": "1", "negative": ["0"], "project": project,
            "features": {name: {"kind": "number"} for name in features},
        }
    )  # fmt: skip


@given(
    number=st.integers(1, 10**6),
    why=REASONS,
    restores=st.none() | st.integers(1, 10**6),
    project=st.none() | st.sampled_from(["bank", "a: b"]),
    others=st.lists(st.sampled_from(["user:anna", "promoted", "nightly"]), max_size=2),
)
def test_tags_read_back_as_they_were_written(number, why, restores, project, others):
    made = Promotion(number, RUN, AT, why, restores, project)
    assert made.tags[0] == PROMOTED
    assert made.own_tags == [tag for tag in made.tags if str(number) in tag and ":" in tag][:2]
    assert read_promotions(RUN, {*made.tags, *others}) == ([made], [])


def test_the_tags_are_these():
    made = Promotion(7, RUN, AT, "fewer complaints", 3, "bank")
    assert made.tags == [
        "promoted",
        "champion:7",
        "promotion:7 at 2026-03-02T09:30:00.123+00:00 restoring 3: fewer complaints",
        "churn-project:bank",
    ]
    with pytest.raises(ValueError, match="by hand"):
        _ = Promotion(7, RUN, None, "").tags


def test_a_run_may_be_promoted_more_than_once():
    """Two machines that gave it the same number promoted it once, at the earlier moment."""
    first, again = Promotion(1, RUN, AT, "first"), Promotion(4, RUN, AT, "again", restores=1)
    late = Promotion(4, RUN, AT + timedelta(seconds=1), "late")
    found, bad = read_promotions(RUN, [*late.tags, *first.tags, *again.tags])
    assert sorted(found, key=lambda one: one.order) == [first, again]
    assert bad == []


def test_a_number_alone_is_a_promotion_by_hand():
    found, bad = read_promotions(RUN, ["champion:12", "churn-project:bank"])
    assert found == [Promotion(12, RUN, None, "", None, "bank")]
    assert bad == []
    # Of two projects it is neither's, so that it counts for both.
    found, _ = read_promotions(RUN, ["champion:12", "churn-project:bank", "churn-project:gym"])
    assert found[0].project is None


@pytest.mark.parametrize(
    ("tag", "problem"),
    [
        ("champion:0", "no number from 1 up"),
        ("champion:x", "no number from 1 up"),
        ("promotion:5 at noon: mine", "not: promotion:N at TIME: WHY"),
        ("promotion:5 at 2026-03-02T09:30:00: no zone", "not: promotion:N at TIME: WHY"),
        ("promotion:5", "not: promotion:N at TIME: WHY"),
    ],
)
def test_a_tag_that_cannot_be_read_is_named_and_does_not_count(tag, problem):
    """Nor does the number beside it; what else the run has does."""
    good = Promotion(2, RUN, AT, "good")
    found, (bad,) = read_promotions(RUN, [*good.tags, tag, "champion:5"])
    assert (bad.run, bad.tag, bad.problem) == (RUN, tag, problem)
    numbers = {one.number for one in found}
    assert numbers == ({2, 5} if tag.startswith("champion") else {2})


def test_evidence_without_its_number_does_not_count():
    tags = [tag for tag in Promotion(3, RUN, AT, "half").tags if tag != "champion:3"]
    assert read_promotions(RUN, tags) == ([], [])


def test_the_champion_has_the_highest_number_then_the_latest_time_then_the_last_name():
    by_hand = Promotion(2, RUN, None, "")
    early, late = Promotion(2, OTHER, AT, "a"), Promotion(2, RUN, AT + timedelta(1), "b")
    highest, same = Promotion(3, RUN, AT, "c"), Promotion(2, "ChurnFlow/3", AT, "d")
    every = [highest, late, early, by_hand, same]
    assert sorted(every, key=lambda one: one.order) == [by_hand, early, same, late, highest]


def test_a_promotion_is_described():
    made = Promotion(2, RUN, AT, "why")
    assert describe_promotion(made) == "ChurnFlow/1 is the champion now (promotion 2)."
    again = Promotion(3, RUN, AT, "why", restores=1)
    assert describe_promotion(again).endswith("(promotion 3, taking up 1 again).")


@pytest.mark.parametrize("now", [None, Promotion(2, RUN, AT, "why")])
def test_promoting_the_champion_again_changes_nothing(now):
    found = unchanged(Promotion(2, RUN, AT, "why"), now)
    assert found == Promotion(2, RUN, AT, "why")
    assert describe_promotion(found) == (
        "ChurnFlow/1 is the champion already (promotion 2); nothing is changed."
    )


def test_promoting_a_former_champion_by_a_retry_names_the_champion():
    found = unchanged(Promotion(2, RUN, AT, "why"), Promotion(5, OTHER, AT, "newer"))
    assert describe_promotion(found) == (
        "ChurnFlow/1 was promoted before (promotion 2), and ChurnFlow/2 is the champion since "
        "(promotion 5); nothing is changed."
    )


def test_a_business_is_its_project_or_its_target():
    assert project_of(contract(project="bank")) == "bank"
    assert project_of(contract()) == "left"
    assert why_foreign(contract(project="gym"), contract(project="bank")) == (
        "it is of the project 'gym', not 'bank'"
    )
    assert why_foreign(contract(project="bank"), contract("xyz", project="bank")) == ""


@pytest.mark.parametrize(("features", "shared"), [("abxy", 2), ("axyz", 1), ("ab", 2), ("axy", 1)])
def test_contracts_that_share_less_than_half_of_the_features_are_foreign(features, shared):
    why = why_foreign(contract(features), contract())
    if 2 * shared >= min(len(features), 4):
        assert why == ""
    else:
        assert f"only {shared} of the 4 features" in why


def test_a_reason_is_one_line():
    assert read_why("  fewer\n\tcomplaints\x00 ") == "fewer complaints"
    assert read_why("x" * LONGEST_WHY) == "x" * LONGEST_WHY
    with pytest.raises(ChurnError, match=f"{LONGEST_WHY + 1} characters; at most {LONGEST_WHY}"):
        read_why("x" * (LONGEST_WHY + 1))
    with pytest.raises(ChurnError, match="A reason is needed"):
        read_why(" \n")
