"""A model is loaded in one line, and its predictions are those of every other path."""

import json
import os
import subprocess
import sys
from datetime import date

import numpy as np
import pytest

import churn
from churn.data.readers import load_table
from churn.errors import ChurnError
from churn.scoring.request_schema import RequestSchema
from dated import dated_table
from running import ROOT, STORE

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model(telco_run):
    return churn.load(telco_run.pathspec)


def test_it_scores_a_raw_table_as_its_document_does(model):
    customers = load_table("telco").head(20)
    risk = model.predict_proba(customers)
    assert risk.shape == (20, 2)
    record = {name: customers[name].iloc[0] for name in model.contract.features}
    typed = {
        name: float(value) if model.contract.features[name].kind == "number" else value
        for name, value in record.items()
    }
    assert model.deployment.scorer(typed) == pytest.approx(risk[0, 1], abs=1e-9)
    assert model.predict(customers).tolist() == (risk[:, 1] >= model.threshold).tolist()


def test_it_explains_each_customer_by_each_feature(model):
    customers = load_table("telco").head(3)
    reasons = model.explain(customers)
    assert len(reasons) == 3 * len(model.contract.features)
    assert np.abs(reasons["contribution"]).max() > 0.01


def test_it_says_what_it_is(model, telco_run):
    assert telco_run.pathspec in repr(model)
    assert "ROC-AUC 0.8" in repr(model)
    assert 0.8 < model.metrics["roc_auc"]["value"] < 0.9


def test_a_run_that_is_not_there_is_an_error():
    with pytest.raises(ChurnError, match="ChurnFlow/7"):
        churn.load("ChurnFlow/7")


def test_the_example_runs(telco_run):
    script = (ROOT / "examples" / "score.py").read_text().replace('"champion"', "RUN")
    done = subprocess.run(
        [sys.executable, "-c", f"RUN = {telco_run.pathspec!r}\n{script}"], cwd=STORE,
        env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 6


def test_dates_count_days_to_the_day_of_asking_as_in_the_app(dated_run):
    model = churn.load(dated_run.pathspec)
    customers = dated_table(20).replace({"": None})
    records = json.loads(customers.drop(columns="exited").to_json(orient="records"))
    for record in records:
        record["fee"] = float(record["fee"])
    deployment, day = model.deployment, date(2026, 5, 4)
    for today in (None, day):
        model.as_of = today
        reader = RequestSchema(deployment.contract, 1, today=today and (lambda: day))
        expected = [
            deployment.scorer(reader.read_record(json.dumps(one).encode())) for one in records
        ]
        assert model.predict_proba(customers)[:, 1] == pytest.approx(expected, abs=1e-9)
    assert deployment.contract.as_of not in (None, day)
