"""The day's list: whom to call, whom not, why, and for how much; and whether calling worked."""

import os
from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy import stats

from churn.__main__ import main
from churn.campaign.call_list import (
    CallList,
    everyone_else,
    listing_contract,
    make_list,
    score_shard,
)
from churn.campaign.chunks import clean_chunks, columns_needed, repeated_ids
from churn.campaign.export import list_schema, write_list
from churn.campaign.ranking import Campaign, in_control, probability_interval, read_ids, shortlist
from churn.campaign.savings import measure
from churn.campaign.shards import Source
from churn.data.contract import Contract
from churn.data.holdout import holdout_mask
from churn.data.ids import id_text
from churn.data.parsing import labels, parse_ids
from churn.data.readers import TELCO
from churn.data.synthetic import generate_sample_data
from churn.errors import ChurnError
from churn.evaluation.metrics import reliability, wilson
from churn.evaluation.profit import RetentionCosts, expected_profit
from churn.modeling.model import ChurnModel
from churn.modeling.search_space import BASELINE
from churn.scoring.deployment import Deployment
from churn.scoring.explanations import Explainer
from churn.scoring.export.models import compare, compile_model

CONTRACT = Contract.read(TELCO / "contract.toml")
DAY = "2026-03-02"


@pytest.fixture(scope="module")
def deployed() -> tuple[Deployment, ChurnModel]:
    """A model of a plain logistic regression, graded on customers it has not seen."""
    seen, unseen = generate_sample_data(4_000, seed=1), generate_sample_data(4_000, seed=2)
    model = ChurnModel(CONTRACT, BASELINE).fit(seen)
    scorer, chance = compile_model(model), model.predict_proba(unseen)[:, 1]
    deployment = Deployment(
        run="ChurnFlow/1", candidate="plain", contract=CONTRACT, scorer=scorer,
        agreement=compare(scorer, model, unseen), reasons=Explainer.of_model(model), metrics={},
        evaluated_on="hold-out",
        reliability=reliability(labels(unseen, CONTRACT), chance).to_dict("records"),
        importances=[], lineage={}, fingerprint="", customers=4_000, made=None,
    )  # fmt: skip
    return deployment, model


@pytest.fixture(scope="module")
def customers() -> pd.DataFrame:
    """3,000 customers of whom nobody knows yet whether they leave, each worth something else."""
    table = generate_sample_data(3_000, seed=3).drop(columns="churn")
    worth = np.random.default_rng(0).lognormal(5, 1, len(table)).round(2)
    return table.assign(worth=worth)


@pytest.fixture
def listed(deployed, tmp_path):
    """Makes the list of a table, as ScoreFlow does in several processes."""

    def make(table, offer=None, spared=(), shard_rows=10_000, contract=CONTRACT, **settings):
        deployment, model = deployed
        path = tmp_path / "customers.parquet"
        if isinstance(table, pd.DataFrame):
            pq.write_table(pa.Table.from_pandas(table), path, row_group_size=700)
        campaign, offer = told(offer or {}, **settings)
        contract = listing_contract(contract)
        source = Source.open(
            str(path) if isinstance(table, pd.DataFrame) else table,
            columns=columns_needed(contract, offer),
        )
        shards = source.shards(shard_rows)
        repeated = repeated_ids(source, shards, contract.id)
        parts, scored = zip(
            *(
                score_shard(
                    clean_chunks(source, shard, contract, offer, repeated),
                    model, campaign, offer, spared, deployment.reliability,
                )
                for shard in shards
            ),
            strict=True,
        )  # fmt: skip
        found = make_list(parts, deployment, contract, campaign, offer)
        rest = everyone_else(scored, found, deployment.run, campaign)
        return found, pa.concat_tables([found.calls, *rest]).to_pandas()

    return make


def told(offer, **settings):
    settings = {
        "campaign": "spring", "budget": 100, "control": 0.2, "as_of": DAY, "max_rejected": 0.05,
        "shard_rows": 1, "output": "calls.csv",
    } | settings  # fmt: skip
    return Campaign.check(offer, **settings)


def arm(found: CallList, name: str) -> pd.DataFrame:
    calls = found.calls.to_pandas()
    return calls[calls["arm"] == name]


BY_VALUE = {"customer_value": "worth"}


class TestWhomToCall:
    def test_nobody_could_be_swapped_for_more_money(self, deployed, customers, listed):
        found, _ = listed(customers, BY_VALUE)
        chance = deployed[1].predict_proba(customers)[:, 1]
        profit = expected_profit(chance, customers, RetentionCosts(customer_value="worth"))
        keys = customers["customer_id"].astype(str)
        control = in_control(keys, "spring", 0.2)
        best = np.sort(profit[~control & (profit > 0)])[::-1][:100].sum()
        called = arm(found, "contact")
        assert len(called) == 100
        assert called["net_benefit"].sum() == pytest.approx(best)
        assert found.expected["value"] == pytest.approx(best)
        assert called["net_benefit"].is_monotonic_decreasing

    def test_nobody_is_called_at_a_loss_however_much_budget_is_left(self, customers, listed):
        found, everyone = listed(customers, BY_VALUE, budget=100_000)
        assert (arm(found, "contact")["net_benefit"] > 0).all()
        assert (everyone[everyone["arm"] == "none"]["net_benefit"] <= 0).all()
        assert found.counts["contact"] + found.counts["control"] == found.counts["pays"] < 3_000

    def test_it_may_pay_to_call_nobody(self, customers, listed):
        found, everyone = listed(customers, {"customer_value": "worth", "contact_cost": "1e6"})
        assert found.calls.num_rows == 0
        assert set(everyone["arm"]) == {"none"}
        assert found.expected == {"value": 0, "low": 0, "high": 0}

    def test_a_dearer_customer_is_called_before_a_riskier_one(self, customers, listed):
        found, _ = listed(customers, BY_VALUE)
        called = arm(found, "contact")
        assert not called["probability"].is_monotonic_decreasing
        curve = found.curve
        assert (curve["best"] >= curve["riskiest"] - 1e-6).all()
        assert (curve["riskiest"] > curve["random"]).iloc[1:100].all()
        at = np.interp(found.calls.num_rows, curve["calls"], curve["best"])
        assert at == pytest.approx(found.calls["net_benefit"].to_numpy().sum(), rel=1e-3)

    def test_how_the_table_is_cut_changes_nothing(self, customers, listed):
        whole, everyone = listed(customers, BY_VALUE)
        parts, everyone_of_parts = listed(customers, BY_VALUE, shard_rows=700)
        assert parts.calls.select([0, 1]).equals(whole.calls.select([0, 1]))
        pd.testing.assert_frame_equal(everyone_of_parts, everyone)

    @pytest.mark.parametrize("budget", [1, 7, 50, 1_000])
    def test_the_list_of_a_table_is_that_of_its_parts(self, budget):
        rng = np.random.default_rng(budget)
        scores = pd.DataFrame(
            {"benefit": rng.integers(1, 30, 400), "control": rng.random(400) < 0.3}
        )
        whole = shortlist(scores, budget)
        parts = [shortlist(scores.iloc[at], budget) for at in np.array_split(np.arange(400), 7)]
        assert shortlist(pd.concat(parts), budget).equals(whole)
        assert (~whole["control"]).sum() == min(budget, (~scores["control"]).sum())


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

    def test_without_one_as_many_are_called(self, customers, listed):
        found, _ = listed(customers, control=0.0)
        assert found.counts["contact"] == found.calls.num_rows == 100


class TestDoNotContact:
    def test_they_are_in_neither_group(self, customers, listed, tmp_path):
        before, _ = listed(customers)
        ids = before.calls["customer_id"].to_pylist()
        path = tmp_path / "spared.txt"
        path.write_text("customer_id\n" + "\n".join(f' "{key}.0"' for key in ids[:30]) + "\n\n")
        after, everyone = listed(customers, spared=read_ids(str(path)))
        assert not set(ids[:30]) & set(after.calls["customer_id"].to_pylist())
        assert set(everyone[everyone["customer_id"].isin(ids[:30])]["arm"]) == {"none"}
        assert after.counts["spared"] == 30
        assert after.counts["contact"] == 100

    def test_a_line_that_is_no_id_is_named(self, tmp_path):
        path = tmp_path / "spared.csv"
        path.write_text("12\n13,Smith\n14\n15,Jones\n")
        with pytest.raises(ChurnError) as caught:
            read_ids(str(path))
        assert [problem[:6] for problem in caught.value.problems] == ["line 2", "line 4"]

    def test_a_list_that_is_not_there_stops_the_run(self, tmp_path):
        with pytest.raises(ChurnError, match="do-not-contact list"):
            read_ids(str(tmp_path / "none.txt"))


class TestWhatIsSaid:
    def test_the_probabilities_are_the_model_s_and_the_app_s(self, deployed, customers, listed):
        deployment, model = deployed
        _, everyone = listed(customers)
        table = customers.set_index(customers["customer_id"].astype(str))
        table = table.loc[everyone["customer_id"]]
        np.testing.assert_allclose(
            everyone["probability"], model.predict_proba(table)[:, 1], rtol=0, atol=1e-9
        )
        records = table.head(50).astype(object).to_dict("records")
        served = [deployment.scorer(record) for record in records]
        np.testing.assert_allclose(everyone["probability"].head(50), served, rtol=0, atol=1e-9)

    def test_money_follows_from_the_probability(self, customers, listed):
        _, everyone = listed(customers, {**BY_VALUE, "acceptance": "0.4"})
        worth = customers.set_index(customers["customer_id"].astype(str))["worth"]
        worth = worth.loc[everyone["customer_id"]].to_numpy()
        np.testing.assert_allclose(everyone["value_at_risk"], everyone["probability"] * worth)
        gain = 0.4 * (worth - 10) + 10
        np.testing.assert_allclose(everyone["net_benefit"], everyone["probability"] * gain - 11)
        assert (everyone["net_benefit_low"] <= everyone["net_benefit"]).all()
        assert (everyone["net_benefit"] <= everyone["net_benefit_high"]).all()

    def test_reasons_are_what_the_risk_would_lose(self, deployed, customers, listed):
        _, model = deployed
        found, _ = listed(customers)
        first = found.calls.slice(0, 1).to_pandas().iloc[0]
        row = customers[customers["customer_id"].astype(str) == first["customer_id"]]
        told = model.explain(row)
        told = told[told["contribution"] > 0].reset_index(drop=True)
        for number in range(3):
            feature, points = told["feature"][number], 100 * told["contribution"][number]
            label = feature.replace("_", " ").capitalize()
            assert first[f"reason_{number + 1}"].startswith(f"{label}: ")
            assert first[f"reason_{number + 1}"].endswith(f"({points:+.1f} points)")

    def test_the_action_is_one_the_business_has_with_the_risk_after_it(
        self, deployed, customers, listed
    ):
        _, model = deployed
        found, _ = listed(customers)
        for call in found.calls.slice(0, 20).to_pylist():
            row = customers[customers["customer_id"].astype(str) == call["customer_id"]]
            label, _, said = call["action"].partition(": ")
            feature = label.lower().replace(" ", "_")
            assert CONTRACT.features[feature].actionable
            value = said.split(" instead of ")[0].removesuffix(" dollars per month")
            after = model.predict_proba(row.assign(**{feature: value}))
            assert f"(risk {after[0, 1]:.1%} instead of {call['probability']:.1%})" in said

    def test_reasons_and_actions_are_for_those_on_the_list(self, customers, listed):
        _, everyone = listed(customers)
        rest = everyone[everyone["arm"] == "none"]
        assert rest[["reason_1", "reason_2", "reason_3", "action"]].isna().all(axis=None)
        assert everyone[everyone["arm"] != "none"]["reason_1"].notna().all()
        assert len(everyone) == len(customers)

    def test_every_row_says_by_which_model_and_when(self, customers, listed):
        found, everyone = listed(customers)
        assert found.calls.schema.equals(list_schema("customer_id"))
        assert set(everyone["run"]) == {"ChurnFlow/1"}
        assert set(everyone["as_of"]) == {date.fromisoformat(DAY)}
        assert set(everyone["campaign"]) == {"spring"}


class TestInterval:
    BINS = reliability(
        np.repeat([0, 1, 0, 1], [90, 10, 40, 60]), np.repeat([0.1, 0.9], 100), bins=2
    ).to_dict("records")

    def test_at_a_bin_it_is_wilson_s_of_those_who_left(self):
        low, high = probability_interval(np.array([0.1]), self.BINS)
        assert (low[0], high[0]) == pytest.approx(wilson(10, 100))

    def test_a_promise_that_was_not_kept_is_seen(self):
        low, high = probability_interval(np.array([0.9]), self.BINS)
        assert low[0] == pytest.approx(wilson(60, 100)[0])
        assert high[0] == 0.9

    def test_it_holds_the_probability_and_stays_one(self):
        chance = np.linspace(0, 1, 101)
        low, high = probability_interval(chance, self.BINS)
        assert ((low >= 0) & (low <= chance) & (chance <= high) & (high <= 1)).all()

    def test_it_covers_the_truth_of_most(self, deployed):
        deployment, model = deployed
        others, truth = generate_sample_data(20_000, seed=9, return_probability=True)
        chance = model.predict_proba(others)[:, 1]
        low, high = probability_interval(chance, deployment.reliability)
        # It is about the share who leave among customers with such a probability.
        bins = pd.qcut(chance, 20, labels=False)
        mean = pd.DataFrame({"truth": truth, "low": low, "high": high}).groupby(bins).mean()
        assert mean["truth"].between(mean["low"], mean["high"]).mean() >= 0.9


class TestTable:
    def test_broken_rows_are_set_aside_and_told(self, customers, listed, tmp_path):
        table = customers.astype(object)
        table.loc[3, "tenure"] = "long"
        table.loc[5, "customer_id"] = None
        table.loc[2_000, "customer_id"] = 8
        table.loc[9, "contract"] = "forever"
        table.loc[10, "worth"] = -1
        table.to_csv(tmp_path / "broken.csv", index=False)
        found, everyone = listed(str(tmp_path / "broken.csv"), BY_VALUE, shard_rows=600)
        assert found.counts["rejected"] == 5
        assert found.rejected.index.tolist() == [4, 6, 10, 11, 2001]
        assert found.rejected["reason"].tolist() == [
            "tenure: not a number", "customer_id: missing", "contract: a category never seen",
            "worth: not a number of 0 or more", "customer_id: an id seen before",
        ]  # fmt: skip
        problems = found.problems.set_index("check")
        assert problems.loc["not a number", "examples"] == "row 4: 'long'"
        assert problems["count"].tolist() == [1] * 5
        assert len(everyone) == 2_995

    def test_too_many_broken_rows_stop_the_run_with_every_problem(self, customers, listed):
        table = customers.assign(tenure=500).astype({"contract": object})
        table.loc[:9, "contract"] = "forever"
        with pytest.raises(ChurnError, match=r"100\.0% of the rows break the contract") as caught:
            listed(table, shard_rows=700)
        assert "tenure: above 120 (3000 rows; row 1: '500'" in str(caught.value)
        assert "contract: a category never seen (10 rows; row 1: 'forever'" in str(caught.value)

    def test_columns_that_are_missing_are_all_named(self, customers, listed):
        with pytest.raises(ChurnError) as caught:
            listed(customers.drop(columns=["tenure", "partner"]), {"customer_value": "lifetime"})
        named = {problem.split(":")[0] for problem in caught.value.problems}
        assert named == {"tenure", "partner", "lifetime"}

    def test_a_category_that_may_be_new_is_scored_as_the_app_does(self, deployed, listed):
        values = CONTRACT.model_dump()
        values["features"]["payment_method"]["unseen"] = "flag"
        table = generate_sample_data(200, seed=4).astype({"payment_method": object})
        table.loc[:4, "payment_method"] = "Shells"
        found, everyone = listed(table, contract=Contract.parse(values))
        assert found.counts["rejected"] == 0
        assert found.problems["check"].tolist() == ["a category never seen, scored as unknown"]
        first = everyone[everyone["customer_id"] == "1"]["probability"].item()
        record = table.iloc[0].to_dict()
        assert first == pytest.approx(deployed[0].scorer(record), abs=1e-9)

    def test_a_file_that_is_replaced_during_the_run_stops_it(self, customers, tmp_path):
        path = tmp_path / "customers.parquet"
        customers.to_parquet(path)
        source = Source.open(str(path))
        (shard,) = source.shards(10_000)
        customers.head(1_000).to_parquet(path)
        with pytest.raises(ChurnError, match="changed during the run"):
            list(source.chunks(shard, ["tenure"]))

    def test_a_folder_is_one_table_of_at_most_as_many_shards_as_a_run_may_have(self, tmp_path):
        for number in range(120):
            table = pa.table({"id": [2 * number, 2 * number + 1]})
            folder = tmp_path / f"month={number % 2}"
            folder.mkdir(exist_ok=True)
            pq.write_table(table, folder / f"{number:03d}.parquet")
        source = Source.open(str(tmp_path), columns=["id", "month"])
        shards = source.shards(1)
        assert len(shards) <= 90
        read = [
            (first, batch.to_pandas()) for s in shards for first, batch in source.chunks(s, ["id"])
        ]
        assert [first for first, _ in read] == sorted(first for first, _ in read)
        assert sorted(pd.concat([rows for _, rows in read])["id"]) == list(range(240))
        assert repeated_ids(source, shards, "month").tolist() == [
            row for row in range(1, 241) if row not in (1, 121)
        ]

    @pytest.mark.parametrize(
        "cells",
        [
            pd.Series([7, 12, 2**62 + 1]),
            pd.Series([7.0, 12.5, np.nan]),
            pd.Series(["7", " 8 ", "9.0", "NA", "", "Zoë", "a.b", None], dtype="str"),
            pd.Series(["7", "C-8", "x_9"], dtype="str"),
            pd.Series(["7", "nan", "x_9"], dtype="str"),
            pd.Series([7, "7", 8.0, None, True], dtype=object),
            pd.Series(["b", "a", None], dtype="category"),
        ],
    )
    def test_ids_are_read_as_everywhere(self, cells):
        wanted = [id_text(cell) for cell in cells.tolist()]
        assert parse_ids(cells).to_pylist() == wanted
        if cells.dtype != object:
            assert parse_ids(pa.array(cells)).to_pylist() == wanted

    def test_ids_that_come_twice_are_found_from_the_second_on(self, tmp_path):
        ids = ["a", "b", "a ", None, "b", None, "a"]
        pq.write_table(pa.table({"id": ids}), tmp_path / "t.parquet", row_group_size=2)
        source = Source.open(str(tmp_path / "t.parquet"))
        assert repeated_ids(source, source.shards(2), "id").tolist() == [3, 5, 7]

    def test_an_id_of_zero_is_not_the_one_of_who_has_none(self, tmp_path):
        path = tmp_path / "customers.parquet"
        pd.DataFrame({"id": pd.array([None, 0, 2, 1, None, 2, 0], "Int64")}).to_parquet(path)
        source = Source.open(str(path), columns=["id"])
        assert repeated_ids(source, source.shards(100), "id").tolist() == [6, 7]


class TestFile:
    TABLE = pa.table({"id": ["a", "b"], "probability": [0.1 + 0.2, None]})

    @pytest.mark.parametrize("name", ["calls.csv", "calls.csv.gz", "calls.parquet"])
    def test_the_same_list_gives_the_same_bytes(self, tmp_path, name):
        for folder in ("one", "two"):
            (tmp_path / folder).mkdir()
            write_list([self.TABLE, self.TABLE], str(tmp_path / folder / name))
        one, two = (tmp_path / folder / name for folder in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()
        if name.endswith("parquet"):
            read = pd.read_parquet(one)
        else:
            read = pd.read_csv(one, float_precision="round_trip")
        assert read["probability"].tolist()[::2] == [0.1 + 0.2] * 2
        assert os.listdir(tmp_path / "one") == [name]

    def test_what_fails_halfway_leaves_the_old_list(self, tmp_path):
        path = tmp_path / "calls.parquet"
        write_list([self.TABLE], str(path))
        before = path.read_bytes()

        def halfway():
            yield self.TABLE
            raise RuntimeError("as it was told")

        with pytest.raises(RuntimeError):
            write_list(halfway(), str(path))
        assert path.read_bytes() == before
        assert os.listdir(tmp_path) == ["calls.parquet"]

    def test_a_folder_that_is_not_there_is_named(self, tmp_path):
        with pytest.raises(ChurnError, match="cannot be written"):
            write_list([self.TABLE], str(tmp_path / "none" / "calls.csv"))


def test_settings_out_of_range_are_all_named():
    with pytest.raises(ChurnError) as caught:
        told(
            {"acceptance": "2"}, budget=0, control=0.9, as_of="tomorrow", output="calls.xlsx",
            campaign="",
        )  # fmt: skip
    named = {problem.split(" ")[0] for problem in caught.value.problems}
    assert named == {"--acceptance", "--budget", "--control", "--as-of", "--output", "--campaign"}


def test_a_table_without_a_key_can_be_given_one():
    bare = Contract.parse(CONTRACT.model_dump() | {"id": None, "ignore": ["number"]})
    with pytest.raises(ChurnError, match="--id"):
        listing_contract(bare)
    assert listing_contract(bare, "number").id == "number"
    with pytest.raises(ChurnError, match="column arm of its own"):
        listing_contract(bare, "arm")


def drawn(contact, control, value=200.0) -> tuple[pd.DataFrame, pd.Series]:
    """Calls and outcomes of two groups, each (how many, of whom left)."""
    arms = np.repeat(["contact", "control"], [contact[0], control[0]])
    left = np.concatenate([np.arange(size) < gone for size, gone in (contact, control)])
    ids = [f"C{number}" for number in range(len(arms))]
    calls = pd.DataFrame({"arm": arms, "value": value}, index=pd.Index(ids, name="customer_id"))
    return calls, pd.Series(left.astype(float), index=ids)


class TestSavings:
    def test_the_interval_is_newcombe_s(self):
        """His own example: 56 of 70 and 48 of 80, by method 10 from 0.0524 to 0.3339."""
        found = measure(*drawn(contact=(80, 48), control=(70, 56)))
        assert found.kept["value"] == pytest.approx(80 * 0.2)
        assert found.kept["low"] / 80 == pytest.approx(0.0524, abs=5e-5)
        assert found.kept["high"] / 80 == pytest.approx(0.3339, abs=5e-5)

    def test_money_has_welch_s_interval(self):
        values = np.random.default_rng(0).lognormal(5, 1, 700)
        calls, left = drawn(contact=(500, 100), control=(200, 60), value=values)
        found = measure(calls, left, spent=1_000)
        losses = left.to_numpy() * values
        test = stats.ttest_ind(losses[500:], losses[:500], equal_var=False)
        span = test.confidence_interval()
        gap = losses[500:].mean() - losses[:500].mean()
        assert found.saved["value"] == pytest.approx(500 * gap - 1_000)
        assert found.saved["low"] == pytest.approx(500 * span.low - 1_000)
        assert found.saved["high"] == pytest.approx(500 * span.high - 1_000)

    def test_the_intervals_cover_what_is_true(self):
        rng, covered = np.random.default_rng(1), []
        for _ in range(300):
            gone = rng.binomial([400, 80], [0.3, 0.4])
            found = measure(*drawn((400, gone[0]), (80, gone[1])))
            covered.append(
                (
                    found.kept["low"] <= 400 * 0.1 <= found.kept["high"],
                    found.saved["low"] <= 400 * 0.1 * 200 <= found.saved["high"],
                )
            )
        assert (np.mean(covered, axis=0) > 0.92).all()

    def test_few_customers_say_nothing(self):
        found = measure(*drawn(contact=(500, 100), control=(12, 6)))
        assert found.kept is None
        assert found.saved is None
        assert "of 12 in control the outcome is known, 30 are needed" in str(found)

    def test_few_who_left_put_no_money_on_it(self):
        found = measure(*drawn(contact=(500, 100), control=(60, 2)))
        assert found.kept
        assert found.saved is None
        assert "2 left in control, 5 are needed" in str(found)

    def test_no_effect_is_called_chance(self):
        found = measure(*drawn(contact=(500, 100), control=(50, 11)))
        assert "this may be chance" in str(found)

    def test_who_is_not_known_is_left_out_and_told(self):
        calls, left = drawn(contact=(80, 48), control=(70, 56))
        found = measure(calls, left.iloc[10:])
        assert (found.contact.drawn, found.contact.known) == (80, 70)
        assert "80 customers, outcome known of 70" in str(found)


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

    def test_says_what_calling_came_to(self, files, capsys):
        paths, outcomes = files
        assert main(["savings", *paths, outcomes, "--left", "churn", "--spent", "100"]) == 0
        said = capsys.readouterr().out
        assert "contact  400 customers, outcome known of 400, of whom 0 left" in said
        assert "Kept by calling 400: " in said
        assert "0 left in contact, 5 are needed" in said

    def test_outcomes_that_cannot_be_read_are_told(self, files, capsys, tmp_path):
        paths, outcomes = files
        assert main(["savings", *paths, outcomes]) == 1
        assert "say which column says who left: churn, note" in capsys.readouterr().err
        assert main(["savings", *paths, outcomes, "--left", "note"]) == 1
        assert "'-' is neither yes nor no" in capsys.readouterr().err
        assert main(["savings", *paths, outcomes, "--left", "churn", "--positive", "Gone"]) == 1
        assert "nobody has 'Gone'" in capsys.readouterr().err
        twice = pd.concat([pd.read_csv(outcomes)] * 2)
        twice["churn"] = np.repeat(["Yes", "No"], len(twice) // 2)
        twice.to_csv(tmp_path / "twice.csv", index=False)
        assert main(["savings", *paths, str(tmp_path / "twice.csv"), "--left", "churn"]) == 1
        assert "customers both left and stayed" in capsys.readouterr().err

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
