"""Which cohorts are evaluated, and on which customers."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from churn.campaign.reading import read_call_lists
from churn.evaluation.metrics import evaluate
from churn.monitoring.cohorts import evaluate_cohorts
from watching import APRIL, JANUARY, NOBODY, happened


def listed(customers, arms, day="2026-01-12") -> pd.DataFrame:
    calls = pd.DataFrame({"customer": customers, "arm": arms, "day": pd.Timestamp(day)})
    return pd.concat([NOBODY, calls]).astype(read_call_lists([]).dtypes.to_dict())


class TestCohorts:
    @pytest.mark.slow
    def test_a_model_that_is_still_right_is_not_worse(self, watched, january):
        asked, left, _ = january
        quality = evaluate_cohorts(asked, watched[0], happened(asked, left), NOBODY, APRIL)
        assert quality.evaluated == "2026-01"
        assert quality.worse == ()
        row = quality.cohorts.iloc[0]
        assert (row["known"], row["completeness"], row["contacted"]) == (2_000, 1, 0)
        observed = evaluate(left, asked.probabilities)
        for name in ("roc_auc", "log_loss", "brier"):
            assert row[name] == pytest.approx(observed[name]["value"])
            assert row[f"expected_{name}"] == pytest.approx(row[name], rel=0.05)

    @pytest.mark.heavy
    def test_a_model_that_is_not_is_worse_in_words(self, watched, january):
        asked, left, _ = january
        shuffled = left[np.random.default_rng(0).permutation(len(left))]
        quality = evaluate_cohorts(asked, watched[0], happened(asked, shuffled), NOBODY, APRIL)
        assert any("ROC-AUC 0." in text for text in quality.worse)
        everyone = (np.arange(len(left)) % 2 == 0) | (left == 1)
        quality = evaluate_cohorts(asked, watched[0], happened(asked, everyone), NOBODY, APRIL)
        assert any("times as many" in text for text in quality.worse)

    def test_a_cohort_waits_until_its_last_customer_had_the_horizon_to_leave(
        self, watched, january
    ):
        asked, left, _ = january
        outcomes = happened(asked, left)
        matured = asked.answers["time"].max() + timedelta(days=30)
        for now, state in ((matured - timedelta(seconds=1), "waiting"), (matured, "evaluated")):
            quality = evaluate_cohorts(asked, watched[0], outcomes, NOBODY, now)
            assert quality.cohorts["state"].tolist() == [state]
        assert evaluate_cohorts(asked, watched[0], outcomes, NOBODY, JANUARY).evaluated is None

    def test_insufficient_labels_are_shown_and_not_evaluated(self, watched, january):
        asked, left, _ = january
        some = happened(asked, 1 - left).head(800)
        quality = evaluate_cohorts(asked, watched[0], some, NOBODY, APRIL)
        row = quality.cohorts.iloc[0]
        assert (row["state"], row["completeness"]) == ("insufficient_labels", 0.4)
        assert row["roc_auc"] < 0.3
        assert (quality.evaluated, quality.worse) == (None, ())
        assert evaluate_cohorts(asked, watched[0], some, NOBODY, APRIL, completeness=0.3).worse

    def test_a_cohort_of_which_nobody_left_is_evaluated_all_the_same(self, watched, january):
        """How many were expected to leave decides, not how many did."""
        asked, left, _ = january
        quality = evaluate_cohorts(asked, watched[0], happened(asked, 0 * left), NOBODY, APRIL)
        assert quality.evaluated == "2026-01"
        (only,) = quality.worse
        assert only.startswith("0.0% left, expected")

    def test_the_control_group_is_weighted_for_the_called_customers(self, watched, january):
        asked, left, _ = january
        first = np.argsort(-asked.probabilities)[:600]
        arm = np.where(np.arange(600) % 3 == 0, "control", "contact")
        calls = listed(asked.answers["customer"].to_numpy()[first], arm)
        kept = left.copy()
        kept[first[arm == "contact"]] = 0  # every call worked
        outcomes = happened(asked, kept)
        blind = evaluate_cohorts(asked, watched[0], outcomes, NOBODY, APRIL)
        assert blind.worse
        seen = evaluate_cohorts(asked, watched[0], outcomes, calls, APRIL)
        row = seen.cohorts.iloc[0]
        assert (row["contacted"], row["control"]) == (0.2, 0.1)
        assert seen.worse == ()
        assert row["left"] == pytest.approx(left.mean(), abs=0.04)
        nobody_else = calls[calls["arm"] == "contact"]
        alone = evaluate_cohorts(asked, watched[0], outcomes, nobody_else, APRIL)
        assert alone.cohorts["state"].tolist() == ["insufficient_labels"]

    def test_outcomes_that_label_no_prediction_are_counted(self, watched, january):
        asked, left, _ = january
        outcomes = happened(asked, left)
        early = outcomes.head(5).assign(date=pd.Timestamp("2026-01-10"))
        soon = outcomes.tail(4).assign(date=pd.Timestamp("2026-01-12"), left=False)
        others = outcomes.head(3).assign(customer=["0001", "0002", "0003"])
        every = pd.concat([outcomes, early, soon, others], ignore_index=True)
        quality = evaluate_cohorts(asked, watched[0], every, NOBODY, APRIL)
        assert sorted(quality.unused.values()) == [3, 4, 5]
        assert quality.example == "'0001' in the outcomes, 'c0' in the predictions"
