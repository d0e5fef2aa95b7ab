"""Behaviour of a real run's model: invariances, directional expectations, and clear cases."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn.data.contract import Contract
from churn.data.parsing import labels
from churn.data.readers import TELCO
from churn.modeling.model import ChurnModel
from churn.modeling.search_space import DEFAULT_CANDIDATES
from churn.statistics.roc_auc import roc_auc

CONTRACT = Contract.read(TELCO / "contract.toml")
BOUND = ("Month-to-month", "One year", "Two year")
PACKAGES = (
    "online_security", "online_backup", "device_protection", "tech_support", "streaming_tv",
    "streaming_movies",
)  # fmt: skip

# Three months in, on the expensive line, without help, free to leave on any day.
ABOUT_TO_LEAVE = {
    "female": True, "senior_citizen": False, "partner": False, "dependents": False, "tenure": 3,
    "phone_service": True, "multiple_lines": "No", "internet_service": "Fiber optic",
    **dict.fromkeys(PACKAGES, "No"), "contract": "Month-to-month", "paperless_billing": True,
    "payment_method": "Electronic check", "monthly_charges": 70.0, "total_charges": 210.0,
}  # fmt: skip
# Nearly six years with the company and bound for two, a telephone only, paid by itself.
STAYS = {
    "female": True, "senior_citizen": False, "partner": True, "dependents": True, "tenure": 70,
    "phone_service": True, "multiple_lines": "No", "internet_service": "No",
    **dict.fromkeys(PACKAGES, "No internet service"), "contract": "Two year",
    "paperless_billing": False, "payment_method": "Credit card (automatic)",
    "monthly_charges": 20.0, "total_charges": 1400.0,
}  # fmt: skip


def changed(customer, **values):
    """The same customer, but for `values`; what has been paid so far follows."""
    other = customer | values
    return other | {"total_charges": other["tenure"] * other["monthly_charges"]}


@pytest.fixture(scope="module")
def model(telco_run):
    return telco_run.model


@pytest.fixture(scope="module")
def train(telco_run):
    data = telco_run.data
    return data.frame[data.split == "train"]


@pytest.fixture(scope="module")
def held_out(telco_run):
    data = telco_run.data
    return data.frame[data.split == "holdout"]


@pytest.fixture(scope="module")
def chance(model, held_out):
    return model.predict_proba(held_out)


class TestInvariance:
    def test_to_the_id(self, model, held_out, chance):
        others = held_out.assign(customer_id=held_out["customer_id"].to_numpy()[::-1])
        assert np.array_equal(model.predict_proba(others), chance)
        assert np.array_equal(model.predict_proba(held_out.drop(columns="customer_id")), chance)

    def test_to_the_answer(self, model, held_out, chance):
        assert np.array_equal(model.predict_proba(held_out.assign(churn="Yes")), chance)

    def test_to_columns_that_the_contract_does_not_know(self, model, held_out, chance):
        more = held_out.assign(shoe_size=np.arange(len(held_out)), note="will leave")
        assert np.array_equal(model.predict_proba(more[sorted(more)]), chance)

    def test_to_the_order_of_customers(self, model, held_out, chance):
        order = np.random.default_rng(0).permutation(len(held_out))
        shuffled = model.predict_proba(held_out.iloc[order])
        # A linear model's sums may differ in the last bit with a row's place in the matrix.
        assert np.abs(shuffled - chance[order]).max() < 1e-14

    @pytest.mark.parametrize("name", ["splines, 5 knots", "boosting, 4 leaves", "oblivious trees"])
    def test_to_the_units_that_a_contract_is_written_in(self, train, held_out, name):
        """Years for months, cents for dollars: the same customers, the same probabilities."""
        (candidate,) = [c for c in DEFAULT_CANDIDATES if c.name == name]
        usual = ChurnModel(CONTRACT, candidate, seed=0).fit(train)
        other = ChurnModel(in_other_units(CONTRACT), candidate, seed=0).fit(converted(train))
        ours, theirs = usual.predict_proba(held_out), other.predict_proba(converted(held_out))
        assert np.abs(ours - theirs).max() < 1e-6
        # And the unit matters: months read as years make another customer.
        assert np.abs(ours - other.predict_proba(held_out)).max() > 0.2


def in_other_units(contract):
    values = contract.model_dump(mode="json")
    values["features"]["tenure"] |= {"unit": "years", "integer": False, "max": 10}
    values["features"]["monthly_charges"] |= {"unit": "cents per month", "max": 20_000}
    values["derived"]["price_change"] = "total_charges / (12 * tenure * monthly_charges / 100)"
    return Contract.parse(values)


def converted(frame):
    return frame.assign(
        tenure=frame["tenure"] / 12, monthly_charges=(frame["monthly_charges"] * 100).round()
    )


class TestDirection:
    def test_a_longer_contract_does_not_raise_the_risk(self, model, held_out):
        risks = [model.predict_proba(held_out.assign(contract=c))[:, 1] for c in BOUND]
        falls = (risks[1] <= risks[0]) & (risks[2] <= risks[1])
        assert falls.mean() >= 0.95
        assert risks[0].mean() > 1.3 * risks[1].mean()
        assert risks[1].mean() > risks[2].mean()

    def test_longer_tenure_lowers_the_risk_of_new_customers(self, model, held_out):
        """From the first month to the second year, having paid for each month."""
        months = [
            held_out.assign(tenure=n, total_charges=n * held_out["monthly_charges"])
            for n in (1, 24)
        ]
        new, settled = (model.predict_proba(frame)[:, 1] for frame in months)
        assert (settled <= new).mean() >= 0.95


class TestMinimumFunctionality:
    def test_clear_customers(self, model):
        leaves, stays = model.predict_proba(pd.DataFrame([ABOUT_TO_LEAVE, STAYS]))[:, 1]
        assert leaves > 0.5
        assert stays < 0.05

    def test_customers_in_their_order(self, model):
        customers = [
            ABOUT_TO_LEAVE,
            changed(ABOUT_TO_LEAVE, tenure=40),
            changed(
                ABOUT_TO_LEAVE, tenure=40, contract="One year", tech_support="Yes",
                online_security="Yes", monthly_charges=80.0, payment_method="Mailed check",
            ),
            changed(STAYS, contract="One year"),
            STAYS,
        ]  # fmt: skip
        risk = model.predict_proba(pd.DataFrame(customers))[:, 1]
        assert (np.diff(risk) < 0).all(), risk

    def test_ranks_the_held_out_customers(self, held_out, chance):
        assert roc_auc(labels(held_out, CONTRACT), chance[:, 1]) > 0.8

    @settings(max_examples=40, deadline=None)
    @given(data=st.data())
    def test_any_customer_that_the_contract_permits_gets_a_probability(self, model, data):
        records = data.draw(st.lists(records_of(model.contract), min_size=1, max_size=20))
        found = model.predict_proba(pd.DataFrame(records))
        assert found.shape == (len(records), 2)
        assert np.isfinite(found).all()
        assert ((found >= 0) & (found <= 1)).all()
        assert np.allclose(found.sum(axis=1), 1)


def records_of(contract):
    """Customers as odd as the contract allows; the ends of bounds more often than not."""
    return st.fixed_dictionaries({name: values(f) for name, f in contract.features.items()})


def values(feature):
    if feature.kind == "category":
        chosen = st.sampled_from(feature.categories)
    elif feature.kind == "flag":
        chosen = st.booleans()
    else:
        ends = st.sampled_from([feature.min, feature.max])
        inner = st.integers(int(feature.min), int(feature.max))
        chosen = ends | (inner if feature.integer else st.floats(feature.min, feature.max))
    return st.none() | chosen if feature.nullable else chosen
