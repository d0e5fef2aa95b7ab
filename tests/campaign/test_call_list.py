"""The list of a day: the customers to call, why, and for how much."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from campaigns import BY_VALUE, CONTRACT, DAY, arm
from churn.campaign.call_list import listing_contract
from churn.campaign.control_group import in_control
from churn.campaign.export import list_schema
from churn.data.contract import Contract
from churn.errors import ChurnError
from churn.evaluation.profit import expected_profit
from churn.evaluation.retention_costs import RetentionCosts

pytestmark = pytest.mark.heavy


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

    @pytest.mark.slow
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

    @pytest.mark.slow
    def test_a_dearer_customer_is_called_before_a_riskier_one(self, customers, listed):
        found, _ = listed(customers, BY_VALUE)
        called = arm(found, "contact")
        assert not called["probability"].is_monotonic_decreasing
        curve = found.curve
        assert (curve["best"] >= curve["riskiest"] - 1e-6).all()
        assert (curve["riskiest"] > curve["random"]).iloc[1:100].all()
        at = np.interp(found.calls.num_rows, curve["calls"], curve["best"])
        assert at == pytest.approx(found.calls["net_benefit"].to_numpy().sum(), rel=1e-3)

    @pytest.mark.slow
    def test_how_the_table_is_cut_changes_nothing(self, customers, listed):
        whole, everyone = listed(customers, BY_VALUE)
        parts, everyone_of_parts = listed(customers, BY_VALUE, shard_rows=700)
        assert parts.calls.select([0, 1]).equals(whole.calls.select([0, 1]))
        pd.testing.assert_frame_equal(everyone_of_parts, everyone)


class TestColumns:
    @pytest.mark.slow
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

    @pytest.mark.slow
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


def test_a_table_without_a_key_can_be_given_one():
    bare = Contract.parse(CONTRACT.model_dump() | {"id": None, "ignore": ["number"]})
    with pytest.raises(ChurnError, match="--id"):
        listing_contract(bare)
    assert listing_contract(bare, "number").id == "number"
    with pytest.raises(ChurnError, match="column arm of its own"):
        listing_contract(bare, "arm")
