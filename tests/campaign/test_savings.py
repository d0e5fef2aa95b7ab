"""The estimated effect of calling."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from campaigns import DAY
from churn.__main__ import main
from churn.campaign.export import write_list
from churn.campaign.savings import measure, one_campaign
from churn.errors import ChurnError


def drawn(contact, control, chance=0.5, value=200.0, day=DAY) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Calls and outcomes of two groups, each (how many, of whom left)."""
    arms = np.repeat(["contact", "control"], [contact[0], control[0]])
    left = np.concatenate([np.arange(size) < gone for size, gone in (contact, control)])
    ids = [f"{day} {number}" for number in range(len(arms))]
    calls = pd.DataFrame(
        {
            "customer": ids, "arm": arms, "day": pd.Timestamp(day), "probability": chance,
            "value_at_risk": chance * value, "campaign": "spring", "key": "id", "stratum": "list",
        }
    )  # fmt: skip
    return calls, known(ids, left)


def known(ids, left) -> pd.DataFrame:
    recorded = pd.Timestamp("2026-06-01", tz="UTC")
    return pd.DataFrame({"customer": ids, "date": pd.NaT, "left": left, "recorded": recorded})


def together(*parts) -> list[pd.DataFrame]:
    return [pd.concat(tables, ignore_index=True) for tables in zip(*parts, strict=True)]


class TestSavings:
    def test_the_interval_is_newcombe_s(self):
        """Newcombe's own example: 56 of 70 and 48 of 80, by method 10 from 0.0524 to 0.3339."""
        found = measure(*drawn(contact=(80, 48), control=(70, 56)))
        assert found.kept["value"] == pytest.approx(80 * 0.2)
        assert found.kept["low"] / 80 == pytest.approx(0.0524, abs=5e-5)
        assert found.kept["high"] / 80 == pytest.approx(0.3339, abs=5e-5)

    def test_money_has_the_interval_that_the_probabilities_imply_times_the_dispersion(self):
        rng = np.random.default_rng(0)
        values, chance = rng.lognormal(5, 1, 700), rng.uniform(0.04, 0.06, 700)
        calls, outcomes = drawn((500, 100), (200, 60), chance, values)
        found = measure(calls, outcomes, spent=1_000)
        residual = (outcomes["left"].to_numpy() - chance) * values
        # The variances that the probabilities imply, times how much wider the residuals spread.
        groups, implied = (residual[500:], residual[:500]), values**2 * chance * (1 - chance)
        pooled = sum(((group - group.mean()) ** 2).sum() for group in groups) / 698
        assert pooled > 3 * implied.mean()  # the model expects a fifth of those who left
        errors = [
            pooled / implied.mean() * part.mean() / len(part)
            for part in (implied[500:], implied[:500])
        ]
        freedom = sum(errors) ** 2 / (errors[0] ** 2 / 199 + errors[1] ** 2 / 499)
        half = stats.t.ppf(0.975, freedom) * np.sqrt(sum(errors))
        gap = groups[0].mean() - groups[1].mean()
        assert found.saved["value"] == pytest.approx(
            500 * (residual[500:].mean() - residual[:500].mean()) - 1_000
        )
        assert found.saved["low"] == pytest.approx(500 * (gap - half) - 1_000)
        assert found.saved["high"] == pytest.approx(500 * (gap + half) - 1_000)

    @pytest.mark.slow
    def test_the_intervals_cover_what_is_true_though_a_few_are_worth_most(self):
        rng, covered = np.random.default_rng(1), []
        for _ in range(100):
            values, chance = rng.lognormal(5, 1.5, 680), rng.beta(4, 6, 680)
            calls, outcomes = drawn((600, 0), (80, 0), chance, values)
            contact = (calls["arm"] == "contact").to_numpy()
            left = rng.random(680) < np.where(contact, 0.7 * chance, chance)
            found = measure(calls, outcomes.assign(left=left))
            true = (0.3 * chance * values)[contact].sum()
            covered.append(
                (
                    found.kept["low"] <= 0.3 * chance[contact].sum() <= found.kept["high"],
                    found.saved["low"] <= true <= found.saved["high"],
                    true > found.saved["high"],
                )
            )
        kept, saved, above = np.mean(covered, axis=0)
        assert kept > 0.92
        assert saved > 0.92
        assert above < 0.07  # without the adjustment it is a sixth

    def test_a_control_share_that_changes_with_the_season_makes_no_effect(self):
        """Half of the calls of a bad month, a twentieth of a good one: the shares differ."""
        bad, good = (
            drawn((500, 250), (500, 250), day="2026-03-01"),
            drawn((950, 95), (50, 5), day="2026-04-01"),
        )
        calls, outcomes = (
            pd.concat(pair, ignore_index=True) for pair in zip(bad, good, strict=True)
        )
        found = measure(calls, outcomes)
        assert found.strata == 2
        assert found.kept["value"] == pytest.approx(0, abs=1e-9)
        assert found.saved["value"] == pytest.approx(0, abs=1e-6)
        assert "within 2 periods" in str(found)

    def test_days_with_few_customers_are_compared_together(self):
        days = [drawn((20, 5), (2, 1), day=f"2026-03-{day:02}") for day in range(1, 24)]
        calls, outcomes = together(*days)
        found = measure(calls, outcomes)
        assert found.strata == 4  # of five days at least, the last three with those before
        assert found.kept["value"] == pytest.approx(20 * 23 * 0.25)

    def test_few_customers_say_nothing(self):
        found = measure(*drawn(contact=(500, 100), control=(12, 6)))
        assert found.kept is None
        assert found.saved is None
        assert "of 12 in control the outcome is known, 30 are needed" in str(found)

    def test_few_expected_leavers_say_nothing_however_many_left(self):
        """A rule on those who left would speak of the lucky only."""
        for gone in (0, 3, 40):
            found = measure(*drawn((500, 9), (60, gone), chance=0.02))
            assert found.kept is None
            assert "in control 1.2 were expected to leave, 5 are needed" in str(found)
        for gone in (0, 3, 40):
            assert measure(*drawn((500, gone), (60, gone))).saved

    def test_the_rules_hold_at_their_boundaries(self):
        assert measure(*drawn(contact=(30, 6), control=(30, 12))).saved
        assert measure(*drawn(contact=(30, 6), control=(29, 12))).saved is None
        assert measure(*drawn(contact=(100, 6), control=(40, 12), chance=0.125)).saved
        assert measure(*drawn(contact=(100, 6), control=(39, 12), chance=0.125)).saved is None

    def test_what_is_said_has_every_number(self):
        calls, outcomes = drawn(contact=(1_000, 200), control=(500, 250))
        text = str(measure(calls, outcomes, spent=1_000.0)).splitlines()
        assert text[0] == (
            "contact  1,000 customers, outcome known of 1,000, of whom 200 left (20.0%; 50.0% "
            "expected)"
        )
        assert text[1].startswith("control  500 customers, outcome known of 500, of whom 250 left")
        assert text[2].startswith("Kept by calling 1,000: 300.0 (")
        assert text[3].startswith("Saved: 59,000.00 (")
        assert text[3].endswith("less 1,000.00 spent")
        assert text[4].startswith("Those intervals hold for one look")
        assert len(text) == 5
        assert "before the costs of calling" in str(measure(calls, outcomes))
        nothing = str(measure(calls, outcomes.iloc[:0])).splitlines()
        assert nothing[0] == "contact  1,000 customers, outcome known of 0"

    def test_money_spent_moves_the_interval_and_not_its_width(self):
        calls, outcomes = drawn(contact=(1_000, 200), control=(500, 250))
        free, dear = measure(calls, outcomes), measure(calls, outcomes, spent=1_000.0)
        for end in ("value", "low", "high"):
            assert dear.saved[end] == pytest.approx(free.saved[end] - 1_000)
            assert dear.kept[end] == free.kept[end]
        assert free.always["saved"]["low"] < free.saved["low"]
        assert free.always["kept"]["high"] > free.kept["high"]
        assert (free.spent, dear.spent, free.strata) == (0.0, 1_000.0, 1)

    def test_an_outcome_on_the_day_of_the_list_does_not_count(self):
        calls, outcomes = drawn(contact=(80, 48), control=(70, 56))
        same = measure(calls, outcomes.assign(date=pd.Timestamp(DAY)))
        assert same.contact.known == 0
        next_day = pd.Timestamp(DAY) + pd.Timedelta(days=1)
        assert measure(calls, outcomes.assign(date=next_day)).contact.known == 80

    def test_no_effect_is_called_chance(self):
        found = measure(*drawn(contact=(500, 100), control=(50, 11)))
        assert "this may be chance" in str(found)

    def test_customers_without_an_outcome_are_counted(self):
        calls, outcomes = drawn(contact=(80, 48), control=(70, 56))
        found = measure(calls, outcomes.iloc[10:])
        assert (found.contact.drawn, found.contact.known) == (80, 70)
        assert "80 customers, outcome known of 70" in str(found)

    def test_outcomes_that_do_not_count_are_counted_and_explained(self):
        calls, outcomes = drawn(contact=(80, 48), control=(70, 56))
        before = outcomes.assign(date=pd.Timestamp("2026-03-01"), left=False)
        strangers = known(["x", "y"], [True, False])
        after = outcomes.assign(date=pd.Timestamp("2026-03-20"))
        found = measure(calls, pd.concat([before, strangers, after], ignore_index=True))
        assert found.contact.left == 48
        assert "2 outcomes do not count: they are of customers who are on no list." in str(found)
        assert "150 outcomes do not count: they are dated on or before the day" in str(found)

    def test_the_last_state_after_the_call_counts(self):
        calls, outcomes = drawn(contact=(80, 0), control=(70, 0))
        first = outcomes.assign(date=pd.Timestamp("2026-03-10"))
        last = outcomes.assign(date=pd.Timestamp("2026-03-30"), left=True)
        found = measure(calls, pd.concat([last, first], ignore_index=True))
        assert (found.contact.left, found.control.left) == (80, 70)


class TestOneCampaign:
    CALLS = drawn(contact=(3, 1), control=(2, 1))[0]

    def test_a_customer_counts_from_the_first_list_on(self):
        later = self.CALLS.assign(day=pd.Timestamp("2026-04-01"))
        found = one_campaign(pd.concat([self.CALLS, later], ignore_index=True))
        pd.testing.assert_frame_equal(found, self.CALLS)

    def test_calls_at_random_are_left_out(self):
        drawn_too = self.CALLS.assign(stratum=["exploration", *["list"] * 4])
        assert len(one_campaign(drawn_too)) == 4
        with pytest.raises(ChurnError) as error:
            one_campaign(self.CALLS.assign(stratum="exploration"))
        assert error.value.problems == ["nobody is on them"]

    def test_every_mixture_is_named(self):
        other = self.CALLS.assign(campaign="autumn", key="number")
        with pytest.raises(ChurnError) as error:
            one_campaign(pd.concat([self.CALLS, other]))
        assert error.value.problems == [
            "they are of different campaigns: autumn, spring",
            "they are of different id columns: id, number",
        ]

    def test_customers_in_both_groups_are_named_up_to_five(self):
        many = drawn(contact=(7, 1), control=(0, 0))[0]
        for count, more in ((1, ""), (5, ""), (6, ", …")):
            both = many.head(count).assign(arm="control")
            with pytest.raises(ChurnError) as error:
                one_campaign(pd.concat([many, both]))
            (problem,) = error.value.problems
            named = ", ".join(both["customer"].head(5))
            verb = "customer is" if count == 1 else "customers are"
            assert problem == f"{count} {verb} in both groups: {named}{more}"


class TestSavingsCommand:
    @pytest.fixture
    def files(self, tmp_path, customers, listed):
        """The lists of two days, and what became of the customers: whoever was called stayed."""
        paths = []
        for day in ("2026-03-02", "2026-03-03"):
            found, _ = listed(customers, as_of=day, budget=400)
            paths.append(str(tmp_path / f"{day}.csv"))
            write_list([found.calls], paths[-1])
        calls = found.calls.to_pandas()
        # Some of the control group, in no order.
        gone = (calls["arm"] == "control") & (calls.index % 5 > 0)
        outcomes = calls[["customer_id"]].assign(
            churn=gone.map({True: "Yes", False: "No"}), note="-"
        )
        outcomes.to_csv(tmp_path / "outcomes.csv", index=False)
        return paths, str(tmp_path / "outcomes.csv")

    @pytest.mark.slow
    def test_says_what_calling_came_to(self, files, capsys):
        paths, outcomes = files
        assert main(["savings", *paths, outcomes, "--left", "churn", "--spent", "100"]) == 0
        said = capsys.readouterr().out
        assert "contact  400 customers, outcome known of 400, of whom 0 left" in said
        assert "Kept by calling 400: " in said
        assert "Saved: " in said
        assert "less 100.00 spent" in said

    @pytest.mark.slow
    def test_outcomes_that_cannot_be_read_are_told(self, files, capsys, tmp_path):
        paths, outcomes = files
        assert main(["savings", *paths, outcomes]) == 1
        assert "say which column tells who left among churn, note" in capsys.readouterr().err
        assert main(["savings", *paths, outcomes, "--left", "note"]) == 1
        assert (
            "cells are not yes or no; say which value means left, the first in row 1: '-'"
            in capsys.readouterr().err
        )
        assert main(["savings", *paths, outcomes, "--left", "churn", "--positive", "Gone"]) == 1
        assert "nobody has 'Gone'" in capsys.readouterr().err
        twice = pd.concat([pd.read_csv(outcomes)] * 2)
        twice["churn"] = np.repeat(["Yes", "No"], len(twice) // 2)
        twice.to_csv(tmp_path / "twice.csv", index=False)
        assert main(["savings", *paths, str(tmp_path / "twice.csv"), "--left", "churn"]) == 1
        assert "times a customer both left and stayed" in capsys.readouterr().err

    @pytest.mark.slow
    def test_lists_of_different_campaigns_are_not_mixed(
        self, files, customers, listed, tmp_path, capsys
    ):
        paths, outcomes = files
        other, _ = listed(customers, campaign="autumn")
        write_list([other.calls], str(tmp_path / "other.parquet"))
        assert main(["savings", *paths, str(tmp_path / "other.parquet"), outcomes]) == 1
        assert "different campaigns: autumn, spring" in capsys.readouterr().err
        _, nobody = listed(customers, {"contact_cost": "1e6", "customer_value": "worth"})
        nobody.to_parquet(tmp_path / "nobody.parquet")
        assert main(["savings", str(tmp_path / "nobody.parquet"), outcomes]) == 1
        assert "nobody is on them" in capsys.readouterr().err
        assert main(["savings", outcomes, outcomes]) == 1
        assert "no call list, it lacks arm" in capsys.readouterr().err
