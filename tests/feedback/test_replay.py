"""`python -m churn replay`: a logged prediction is reproduced."""

import json
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from churn.__main__ import main
from churn.feedback.prediction_log import Prediction, PredictionLog, ship_all
from churn.registry.runs import fetch_run
from serve import create_app

ODD = {"partner": "Yes", "paperless_billing": 0, "customer_id": 10**30}


@pytest.fixture(scope="module")
def logged(telco_run, tmp_path_factory):
    """The URL of a log, and the ids of what an app answered: alone and in a batch."""
    state = tmp_path_factory.mktemp("state")
    url = f"sqlite:///{state / 'log.db'}"
    deployment = fetch_run(telco_run.pathspec)
    client = create_app({"SERVED": deployment, "STATE": state, "LOG": url}).test_client()
    frame = telco_run.data.frame
    frame = pd.concat([frame[frame["total_charges"].isna()].head(2), frame.head(6)])
    names = [deployment.contract.id, *deployment.contract.features]
    records = json.loads(frame[names].to_json(orient="records", double_precision=15))
    left_out = {name: value for name, value in records[0].items() if value is not None}
    answers = [
        client.post("/predict", json=one).json for one in (left_out, records[-1] | ODD, records[2])
    ]
    batch = client.post("/predict/batch", json={"customers": [{}, *records]}).json
    answers += filter(None, batch["predictions"])
    with PredictionLog(url) as log:
        ship_all(state / "spool", log)
    return url, [one["prediction"] for one in answers]


def change(logged, **news) -> str:
    """Log the first prediction with something changed; its new id."""
    url, ids = logged
    with PredictionLog(url) as log:
        row: Prediction = log.find(ids[0])
        name = "-".join([*news, ids[0]])  # no id of another test begins with ids[0]
        log.add([row._replace(prediction=name, **news)])
    return name


def test_every_answer_comes_out_the_same(logged, capsys, telco_run):
    url, ids = logged
    assert len(ids) == 11
    for prediction in ids:
        assert main(["replay", prediction, "--log", url]) == 0
        said = capsys.readouterr().out
        assert said.endswith("It comes out the same.\n")
        assert f"by {telco_run.pathspec} (" in said
    lines = [line.split() for line in said.splitlines()]
    assert [line[0] for line in lines[2:5]] == ["logged", "scorer", "model"]
    assert lines[2][1] == lines[3][1]  # to the last bit: it is the scorer that answered
    assert abs(float(lines[4][2])) < 1e-9


def test_what_is_not_as_it_was_logged_is_said(logged, capsys):
    with PredictionLog(logged[0]) as log:
        row = log.find(logged[1][0])
    other = change(logged, probability=row.probability + 2e-9)
    assert main(["replay", other, "--log", logged[0]]) == 1
    said = capsys.readouterr()
    assert "less logged" in said.out
    assert "the scorer's probability is -2e-09 away" in said.err
    assert "the model's probability is -2e-09 away" in said.err
    assert "decision" not in said.err
    other = change(logged, churn=not row.churn)
    assert main(["replay", other, "--log", logged[0]]) == 1
    said = capsys.readouterr().err
    assert "the scorer's decision is the other one" in said
    assert "probability" not in said


def test_a_prediction_is_named_by_the_beginning_of_its_id_or_as_the_latest(logged, capsys):
    url, ids = logged
    shortest = next(n for n in range(1, 99) if sum(one.startswith(ids[0][:n]) for one in ids) == 1)
    assert main(["replay", ids[0][:shortest], "--log", url]) == 0
    assert capsys.readouterr().out.startswith(f"{ids[0]} for customer")
    assert main(["replay", "latest", "--log", url]) == 0
    assert capsys.readouterr().out.endswith("It comes out the same.\n")
    assert main(["replay", ids[0][:4], "--log", url]) == 1
    assert f"Several predictions begin with {ids[0][:4]!r}" in capsys.readouterr().err


def test_a_prediction_that_is_not_there(logged, capsys):
    assert main(["replay", "nothing", "--log", logged[0]]) == 1
    said = capsys.readouterr().err
    assert "No prediction 'nothing' in sqlite:///" in said
    assert "python -m churn log ship" in said


def test_a_run_that_is_gone(logged, capsys):
    assert main(["replay", change(logged, run="ChurnFlow/1"), "--log", logged[0]]) == 1
    assert "There is no run ChurnFlow/1" in capsys.readouterr().err


def test_inputs_that_the_run_does_not_take(logged, capsys):
    other = change(logged, inputs={"tenure": -1})
    assert main(["replay", other, "--log", logged[0]]) == 1
    said = capsys.readouterr().err
    assert f"does not take the inputs of {other}" in said
    assert "tenure: a whole number from 0 to 120, not -1" in said
    assert "contract: one of" in said


def test_a_date_counts_days_to_the_day_of_the_prediction(dated_run, tmp_path, capsys):
    deployment = fetch_run(dated_run.pathspec)
    url = f"sqlite:///{tmp_path / 'log.db'}"
    client = create_app({"SERVED": deployment, "STATE": tmp_path, "LOG": url}).test_client()
    record = {
        "customer": "C1", "joined": "31/01/2026", "town": "Town 7", "region": "NA",
        "has phone": True, "lines": "one", "fee": 40.5,
    }  # fmt: skip
    asked = client.post("/predict", json=record).json
    with PredictionLog(url) as log:
        ship_all(tmp_path / "spool", log)
        row = log.find(asked["prediction"])
        # As if it had been asked for 100 days ago, about a customer who joined 100 days earlier.
        joined = datetime(2026, 1, 31, tzinfo=UTC) - timedelta(days=100)
        inputs = row.inputs | {"joined": f"{joined:%d/%m/%Y}"}
        log.add(
            [row._replace(prediction="old", time=row.time - timedelta(days=100), inputs=inputs)]
        )
    for prediction in (asked["prediction"], "old"):
        assert main(["replay", prediction, "--log", url]) == 0
        assert capsys.readouterr().out.endswith("It comes out the same.\n")
