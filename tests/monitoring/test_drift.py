"""Which changes raise an alarm about drift, and which do not."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from churn.data.parsing import parse_features
from churn.monitoring.drift import LEVEL, MIN_EFFECT, MOST, Reference, compare, two_sample_tests
from churn.monitoring.evidently_report import evidently_report
from churn.monitoring.inputs import reference_of
from churn.monitoring.two_sample import CHI_SQUARE, FISHER, TwoSampleTest
from churn.registry.runs import fetch_run
from churn.registry.training_run import TrainingRun
from watching import (
    CONTRACT,
    period,
    score,
)


@pytest.fixture(scope="session")
def look(watched):
    """Compares a period's customers with those that the model knows."""

    def compared(table: pd.DataFrame, **settings):
        deployment, reference = watched
        typed = parse_features(table, CONTRACT)
        return compare(reference, typed, score(deployment, typed), CONTRACT, **settings)

    return compared


def alarms(drift) -> set[tuple[str, str]]:
    return set(zip(drift.alarms["column"], drift.alarms["what"], strict=True))


class TestDrift:
    @pytest.mark.slow
    def test_unchanged_customers_raise_no_alarm(self, look):
        for seed in range(10, 18):
            assert alarms(look(period(seed=seed))) == set()

    @pytest.mark.parametrize("column", ["tenure", "monthly_charges", "total_charges"])
    def test_a_shift_of_one_standard_deviation_is_noticed(self, look, column):
        table = period()
        shifted = table.assign(**{column: table[column] + table[column].std()})
        assert (column, "values") in alarms(look(shifted))

    def test_a_new_category_is_noticed_and_the_known_ones_are_as_before(self, look):
        table = period()
        chosen = np.arange(len(table)) % 20 == 0
        new = table.assign(contract=table["contract"].astype(object).mask(chosen, "Weekly"))
        assert alarms(look(new)) == {("contract", "new category")}

    @pytest.mark.parametrize("column", ["tenure", "contract", "partner"])
    def test_a_column_that_is_all_missing_is_broken(self, look, column):
        drift = look(period().assign(**{column: None}))
        broken = drift.table[drift.table["broken"]]
        assert set(broken["column"]) == {column}
        assert broken["current"].tolist() == ["100.0%"]

    @pytest.mark.parametrize("factor", [100, 0.01])
    def test_a_wrong_unit_is_broken(self, look, factor):
        table = period()
        drift = look(table.assign(monthly_charges=table["monthly_charges"] * factor))
        assert set(drift.table["column"][drift.table["broken"]]) == {"monthly_charges"}

    def test_too_few_customers_raise_no_alarm_whatever_they_are(self, look):
        drift = look(period(199).assign(tenure=None))
        assert drift.too_few
        assert drift.alarms.empty
        assert not look(period(199), min_customers=100).too_few

    def test_as_many_customers_as_are_needed_are_tested(self, look):
        assert not look(period(200), min_customers=200).too_few
        assert len(look(period(200), min_customers=200).table) > 10

    def test_alarms_come_first_and_among_them_the_largest_change(self, look):
        table = period()
        drift = look(
            table.assign(tenure=None, monthly_charges=table["monthly_charges"] + 30),
            min_customers=100,
        ).table
        alarms = drift["alarm"].to_numpy()
        assert 2 <= alarms.sum() < len(alarms)
        assert not alarms[alarms.sum() :].any()
        assert (np.diff(drift["effect"][alarms]) <= 0).all()
        assert (drift["column"][0], drift["current"][0]) == ("tenure", "100.0%")

    def test_of_new_and_missing_values_the_share_is_shown(self, look):
        table = period(400)
        some = np.arange(len(table)) % 4 == 0
        drift = look(
            table.assign(
                contract=table["contract"].astype(object).mask(some, "Weekly"),
                tenure=table["tenure"].mask(some),
            )
        ).table.set_index(["column", "what"])
        for test in (("contract", "new category"), ("tenure", "missing")):
            assert drift.loc[test, ["reference", "current"]].tolist() == ["0.0%", "25.0%"]
            assert drift.loc[test, "effect"] == pytest.approx(0.25)

    def test_of_very_many_customers_every_second_is_tested(self, watched):
        _, reference = watched
        typed = parse_features(period(300), CONTRACT)
        many = typed.iloc[np.arange(2 * MOST) % len(typed)].reset_index(drop=True)
        chance = np.linspace(0, 1, len(many))
        score_test, *others = two_sample_tests(reference, many, chance, CONTRACT)
        assert score_test.current.tolist() == chance[::2].tolist()
        assert {len(test.current) for test in others} == {MOST}

    def test_a_trifle_among_very_many_is_significant_and_no_alarm(self, look):
        table = period(20_000)
        drift = look(table.assign(monthly_charges=table["monthly_charges"] + 2))
        row = drift.table[drift.table["column"] == "monthly_charges"].iloc[0]
        assert row["adjusted"] < LEVEL
        assert ("monthly_charges", "values") not in alarms(drift)

    def test_customers_of_another_kind_are_noticed_in_categories_flags_and_scores(self, look):
        table = period(4_000)
        some = table[(table["contract"] == "Month-to-month") & (table["partner"] == 0)]
        assert {("contract", "values"), ("partner", "values"), ("score", "values")} <= alarms(
            look(some)
        )

    @pytest.mark.slow
    def test_the_p_values_are_corrected_for_the_number_of_tests(self, look):
        """Without the correction one of 20 tests at 1 % alarms in every fifth period."""
        alarmed = uncorrected = 0
        for seed in range(100, 112):
            table = look(period(250, seed)).table
            large = table["effect"] >= [MIN_EFFECT[what] for what in table["what"]]
            uncorrected += (large & (table["p"] < LEVEL)).any()
            alarmed += table["alarm"].any()
        assert uncorrected >= 1
        assert alarmed == 0

    def test_a_p_value_below_the_level_alone_is_no_alarm(self, look):
        """Holm's: the smallest of m p-values is multiplied by m."""
        table = look(period()).table
        smallest = table["p"].min()
        assert table["adjusted"].min() == pytest.approx(min(1, smallest * len(table)))

    @pytest.mark.slow
    def test_the_tests_of_two_samples_keep_their_level(self):
        rng, levels = np.random.default_rng(0), ["a", "b", "c"]
        for method, make in (
            (CHI_SQUARE, lambda n: pd.Series(rng.choice(levels, n, p=[0.5, 0.3, 0.2]))),
            (FISHER, lambda n: pd.Series(rng.random(n) < 0.3)),
        ):
            found = [TwoSampleTest("", "values", method, make(300), make(300)) for _ in range(400)]
            assert 0.01 <= np.mean([test.run()[0] < 0.05 for test in found]) <= 0.09

    @pytest.mark.slow
    def test_evidently_s_report_has_every_test(self, watched):
        deployment, reference = watched
        typed = parse_features(period(), CONTRACT).assign(tenure=np.nan)
        tests = list(two_sample_tests(reference, typed, score(deployment, typed), CONTRACT))
        page = evidently_report(tests)
        for name in ("score", "tenure: missing", "contract", "partner"):
            assert f"Drift in column '{name}'" in page.replace("\\u0027", "'").replace("&#39;", "'")


class TestReference:
    """Of a run the customers that it cross-validated, and those that it held out."""

    def test_training_rows_have_their_out_of_fold_probability_and_the_others_are_scored(
        self, watched
    ):
        deployment, _ = watched
        frame = period(40).reset_index(drop=True)
        split = np.array((["train"] * 3 + ["holdout"] + ["copy"]) * 8)
        rows = np.arange(20)[::-1]  # of the 24 training rows, in an order of their own
        out_of_fold = np.arange(20) / 100
        found = Reference.of_run(deployment, frame, split, rows, out_of_fold)
        typed = parse_features(frame, CONTRACT)
        train = np.flatnonzero(split == "train")[rows]
        held = np.flatnonzero(split == "holdout")
        expected = dict(zip(train, out_of_fold, strict=True)) | dict(
            zip(held, score(deployment, typed.iloc[held]), strict=True)
        )
        assert len(found.features) == len(found.probabilities) == 28
        keys = ["tenure", "monthly_charges", "total_charges"]
        place = {tuple(row): number for number, row in enumerate(typed[keys].to_numpy())}
        places = [place[tuple(row)] for row in found.features[keys].to_numpy()]
        assert sorted(places) == sorted(expected)
        assert found.features.index.tolist() == list(range(28))
        assert found.probabilities == pytest.approx([expected[number] for number in places])

    def test_stored_with_a_run_is_the_one_that_an_earlier_version_made_of_its_table(
        self, telco_run
    ):
        """A run of an earlier version has its clean table, and the parts as texts."""
        data, deployment = telco_run.data, fetch_run(telco_run.pathspec)
        earlier = SimpleNamespace(
            frame=data.frame, split=np.asarray(data.split).astype(str), sample=data.sample,
            trial=data.trial,
        )  # fmt: skip
        made, stored = (
            reference_of(TrainingRun(artifacts), deployment)
            for artifacts in (earlier, SimpleNamespace(reference=data.reference))
        )
        pd.testing.assert_frame_equal(made.features, stored.features)
        np.testing.assert_allclose(made.probabilities, stored.probabilities, rtol=1e-12)
