"""What a program gets: the model's own numbers, or every reason why not."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serve import create_app


def problems_of(answer, status):
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/problem+json"
    body = json.loads(answer.data)
    assert body["status"] == status
    assert {"type", "title", "detail"} <= set(body)
    return {problem["where"]: problem for problem in body["problems"]}


def test_probability_is_the_models(client, served, telco_run, customers, records):
    probabilities = telco_run.data.model.predict_proba(customers)[:, 1]
    for record, probability in zip(records, probabilities, strict=True):
        answer = client.post("/predict", json=record).json
        assert answer["probability"] == pytest.approx(probability, abs=1e-9)
        assert answer["churn"] is bool(probability >= served.scorer.threshold)
        assert answer["customer"] == record["customer_id"]
        assert answer["run"] == served.run


def test_batch_is_the_models_in_order(client, served, telco_run, customers, records):
    answer = client.post("/predict/batch", json={"customers": records}).json["predictions"]
    probabilities = telco_run.data.model.predict_proba(customers)[:, 1]
    assert [one["probability"] for one in answer] == pytest.approx(list(probabilities), abs=1e-9)
    assert [one["customer"] for one in answer] == [one["customer_id"] for one in records]


@pytest.mark.parametrize("spelling", [True, 1, 1.0, "yes", "True", " Y "])
def test_flags_may_be_spelled_as_in_tables(client, records, spelling):
    plain = client.post("/predict", json=records[0] | {"partner": 1}).json
    assert client.post("/predict", json=records[0] | {"partner": spelling}).json == plain


def test_missing_value_may_be_null_or_left_out(client, records):
    null = records[0] | {"total_charges": None}
    left_out = {name: value for name, value in null.items() if name != "total_charges"}
    assert client.post("/predict", json=null).json == client.post("/predict", json=left_out).json


def test_id_may_be_left_out(client, records):
    record = {name: value for name, value in records[0].items() if name != "customer_id"}
    assert client.post("/predict", json=record).json["customer"] is None


def test_reasons_are_the_models(client, telco_run, customers, records):
    answer = client.post("/predict?explain=1", json=records[0]).json
    expected = telco_run.data.model.explain(customers.head(1)).head(5)
    assert [one["feature"] for one in answer["reasons"]] == list(expected["feature"])
    found = [one["contribution"] for one in answer["reasons"]]
    assert found == pytest.approx(list(expected["contribution"]), abs=1e-9)
    assert all(
        one["actionable"] == telco_run.data.contract.features[one["feature"]].actionable
        for one in answer["reasons"]
    )


def test_best_change_is_the_best_that_the_business_can_make(client, served, records):
    for record in records[:10]:
        answer = client.post("/predict?explain=1", json=record).json
        change = answer["best_change"]
        assert served.contract.features[change["feature"]].actionable
        assert change["probability"] < answer["probability"]
        made = client.post("/predict", json=record | {change["feature"]: change["value"]}).json
        assert made["probability"] == change["probability"]
        assert change["probability"] <= min(
            client.post("/predict", json=record | {"contract": other}).json["probability"]
            for other in served.contract.features["contract"].categories
        )


def test_info_says_what_the_model_is(client, served):
    info = client.get("/model/info").json
    assert info["run"] == served.run
    assert info["metrics"]["roc_auc"] == served.metrics["roc_auc"]
    assert info["lineage"]["data"] == served.lineage["data"]
    assert list(info["features"]) == list(served.contract.features)
    assert info["features"]["tenure"]["max"] == 120
    assert "Two year" in info["features"]["contract"]["categories"]


def test_every_problem_of_a_record_is_named(client, records):
    bad = {
        "tenure": "3", "monthly_charges": -1, "partner": "perhaps", "contract": "Ten year",
        "dependents": 2, "total_charges": True, "customer_id": [1], "tenur": 3,
    }  # fmt: skip
    record = records[0] | bad
    del record["female"]
    found = problems_of(client.post("/predict", json=record), 422)
    assert set(found) == {*bad, "female"}
    assert found["tenure"]["got"] == '"3"'
    assert "0 to 120" in found["tenure"]["expected"]
    assert "'Two year'" in found["contract"]["expected"]
    assert "tenure" in found["tenur"]["expected"]
    assert found["female"]["got"] == "nothing"


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "34.5", "1" * 400])
def test_numbers_that_are_none_are_refused(client, records, number):
    text = json.dumps(records[0] | {"tenure": "HERE"}).replace('"HERE"', number)
    answer = client.post("/predict", data=text, content_type="application/json")
    assert set(problems_of(answer, 422)) == {"tenure"}


def test_batch_is_refused_with_all_problems(client, records):
    batch = [records[0] | {"tenure": -1}, records[1], records[2] | {"contract": None}]
    found = problems_of(client.post("/predict/batch", json={"customers": batch}), 422)
    assert set(found) == {"customers[0].tenure", "customers[2].contract"}


@pytest.mark.parametrize("body", [{}, [], 3, None, {"customers": []}, {"customers": 3}])
def test_what_is_no_batch_is_refused(client, body):
    answer = client.post("/predict/batch", data=json.dumps(body), content_type="application/json")
    assert problems_of(answer, 422)


def test_batch_has_a_limit(client, records):
    batch = {"customers": [records[0]] * 101}
    found = problems_of(client.post("/predict/batch", json=batch), 422)
    assert "100" in found["customers"]["expected"]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"tenure=3", b"\xff\xfe", b"[" * 100_000, b'"\\ud800"']
)
def test_what_is_no_json_is_refused(client, body):
    answer = client.post("/predict", data=body, content_type="application/json")
    assert set(problems_of(answer, 400)) == {"the body"}


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_other_content_types_are_refused(client, records, kind):
    answer = client.post("/predict", data=json.dumps(records[0]), content_type=kind)
    assert set(problems_of(answer, 415)) == {"Content-Type"}


def test_explain_must_be_yes_or_no(client, records):
    assert problems_of(client.post("/predict?explain=perhaps", json=records[0]), 422)


def test_body_has_a_limit(served, records):
    app = create_app({"SERVED": served, "MAX_CONTENT_LENGTH": 100})
    problems_of(app.test_client().post("/predict", json=records[0]), 413)


def test_unknown_places_and_methods(client):
    problems_of(client.get("/nowhere"), 404)
    answer = client.get("/predict")
    problems_of(answer, 405)
    assert "POST" in answer.headers["Allow"]


@pytest.mark.parametrize("path", ["/", "/health", "/predict", "/static/page.js"])
def test_answers_are_guarded(client, path):
    with client.get(path) as answer:
        headers = answer.headers
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=12,
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_no_json_is_too_odd(client, records, data):
    names = st.sampled_from([*records[0], "customers"])
    body = data.draw(anything | st.dictionaries(names, anything, max_size=4))
    if isinstance(body, dict) and data.draw(st.booleans()):
        body = records[0] | body
    for path, sent in [("/predict", body), ("/predict/batch", {"customers": [body]})]:
        for payload in (body, sent):
            answer = client.post(path, data=json.dumps(payload), content_type="application/json")
            assert answer.status_code in (200, 400, 422), answer.text
            if answer.status_code == 200:
                one = answer.json if path == "/predict" else answer.json["predictions"][0]
                assert 0 <= one["probability"] <= 1


def test_without_a_run_it_says_what_to_do(records):
    client = create_app({"RUN": None}).test_client()
    health = client.get("/health")
    assert (health.status_code, health.json["model"]) == (200, None)
    for answer in (
        client.post("/predict", json=records[0]),
        client.post("/predict/batch", json={}),
        client.get("/model/info"),
        client.get("/"),
    ):
        problems_of(answer, 503)
        assert "make serve RUN=" in json.loads(answer.data)["detail"]
    page = client.get("/", headers={"Accept": "text/html"})
    assert page.status_code == 503
    assert "make run" in page.text


def test_run_that_is_not_there_is_no_crash(telco_run, caplog):
    client = create_app({"RUN": "ChurnFlow/1"}).test_client()
    assert "ChurnFlow/1" in caplog.text
    problems_of(client.get("/model/info"), 503)
    assert "ChurnFlow/1" in client.get("/health").json["reason"]
