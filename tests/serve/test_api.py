"""The responses of the API: the model's own probabilities, or every reason why not."""

import json
import resource
from contextlib import contextmanager
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from churn.errors import ChurnError
from serve import create_app


def problems_of(answer, status):
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/problem+json"
    body = json.loads(answer.data)
    assert body["status"] == status
    assert {"type", "title", "detail"} <= set(body)
    return {problem["where"]: problem for problem in body["problems"]}


def answer_of(response):
    """An answer without the id that each has for itself."""
    assert response.status_code == 200, response.text
    return {name: value for name, value in response.json.items() if name != "prediction"}


def test_probability_is_the_models(client, served, telco_run, customers, records):
    probabilities = telco_run.model.predict_proba(customers)[:, 1]
    for record, probability in zip(records, probabilities, strict=True):
        answer = client.post("/predict", json=record).json
        assert answer["probability"] == pytest.approx(probability, abs=1e-9)
        assert answer["churn"] is bool(probability >= served.scorer.threshold)
        assert answer["customer"] == record["customer_id"]
        assert answer["run"] == served.run


def test_batch_is_the_models_in_order(client, served, telco_run, customers, records):
    answer = client.post("/predict/batch", json={"customers": records}).json["predictions"]
    probabilities = telco_run.model.predict_proba(customers)[:, 1]
    assert [one["probability"] for one in answer] == pytest.approx(list(probabilities), abs=1e-9)
    assert [one["customer"] for one in answer] == [one["customer_id"] for one in records]


@pytest.mark.parametrize("spelling", [True, 1, 1.0, "yes", "True", " Y "])
def test_flags_may_be_spelled_as_in_tables(client, records, spelling):
    plain = answer_of(client.post("/predict", json=records[0] | {"partner": 1}))
    spelled = client.post("/predict", json=records[0] | {"partner": spelling})
    assert answer_of(spelled) == plain


def test_missing_value_may_be_null_or_left_out(client, records):
    null = records[0] | {"total_charges": None}
    left_out = {name: value for name, value in null.items() if name != "total_charges"}
    answers = [answer_of(client.post("/predict", json=sent)) for sent in (null, left_out)]
    assert answers[0] == answers[1]


def test_id_may_be_left_out(client, records):
    record = {name: value for name, value in records[0].items() if name != "customer_id"}
    assert client.post("/predict", json=record).json["customer"] is None


def test_reasons_are_the_models(client, telco_run, customers, records):
    answer = client.post("/predict?explain=1", json=records[0]).json
    expected = telco_run.model.explain(customers.head(1)).head(5)
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


def test_batch_answers_for_the_good_and_names_the_bad(client, records):
    batch = [records[0] | {"tenure": -1}, records[1], records[2] | {"contract": None}]
    answer = client.post("/predict/batch", json={"customers": batch}).json
    first, second, third = answer["predictions"]
    assert (first, third) == (None, None)
    alone = client.post("/predict", json=records[1]).json
    assert second["probability"] == alone["probability"]
    found = [problem["where"] for problem in answer["problems"]]
    assert found == ["customers[0].tenure", "customers[2].contract"]


def test_batch_of_nobody_good_is_refused_with_all_problems(client, records):
    batch = [records[0] | {"tenure": -1}, records[2] | {"contract": None}, 3]
    found = problems_of(client.post("/predict/batch", json={"customers": batch}), 422)
    assert set(found) == {"customers[0].tenure", "customers[1].contract", "customers[2]"}


def test_no_two_predictions_have_the_same_id(client, records):
    answers = [client.post("/predict", json=records[0]).json for _ in range(3)]
    batch = client.post("/predict/batch", json={"customers": records[:5]}).json["predictions"]
    assert len({one["prediction"] for one in [*answers, *batch]}) == 8


def test_what_if_is_the_same_and_no_prediction(client, records):
    explained = answer_of(client.post("/predict?explain=1", json=records[0]))
    supposed = answer_of(client.post("/what-if", json=records[0]))
    assert supposed == {name: explained[name] for name in supposed}
    assert "prediction" not in client.post("/what-if", json=records[0]).json


def test_category_that_the_contract_lets_pass_is_flagged(served, records):
    contract = served.contract
    open_minded = contract.model_copy(
        update={
            "features": contract.features
            | {"contract": contract.features["contract"].model_copy(update={"unseen": "flag"})}
        }
    )
    other = replace(served, contract=open_minded)
    client = create_app({"SERVED": other, "LOG": "off"}).test_client()
    odd = records[0] | {"contract": "Ten year"}
    assert client.post("/predict", json=odd).json["unseen"] == ["contract"]
    assert client.post("/predict", json=records[0]).json["unseen"] == []
    batch = client.post("/predict/batch", json={"customers": [records[0], odd]}).json
    assert [one["unseen"] for one in batch["predictions"]] == [[], ["contract"]]


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
    app = create_app({"SERVED": served, "MAX_CONTENT_LENGTH": 100, "LOG": "off"})
    answer = app.test_client().post("/predict", json=records[0])
    problems_of(answer, 413)
    assert "100 bytes" in json.loads(answer.data)["detail"]


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


KEY, OTHER = "a-key-of-some-length", "another-key-altogether"


@pytest.fixture(scope="module")
def guarded(served, tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    (folder / "keys").write_text(f"{OTHER}\n\n")
    settings = {"KEYS": KEY, "KEYS_FILE": folder / "keys", "STATE": folder}
    return create_app({"SERVED": served} | settings).test_client()


@pytest.mark.parametrize("key", [None, "", "a-key", KEY[:-1], KEY + "x", "schlüssel", "\xff" * 20])
@pytest.mark.parametrize("path", ["/predict", "/predict/batch", "/what-if"])
def test_without_its_key_nobody_is_answered(guarded, records, path, key):
    headers = {} if key is None else {"X-API-Key": key}
    found = problems_of(guarded.post(path, json=records[0], headers=headers), 401)
    assert set(found) == {"X-API-Key"}
    problems_of(guarded.get("/predictions", headers=headers), 401)


@pytest.mark.parametrize("key", [KEY, OTHER])
def test_each_key_opens(guarded, records, key):
    headers = {"X-API-Key": key}
    assert guarded.post("/predict", json=records[0], headers=headers).status_code == 200
    assert guarded.get("/predictions", headers=headers).status_code == 200


def test_what_tells_of_no_customer_needs_no_key(guarded):
    for path in ("/", "/health", "/ready", "/metrics", "/model/info", "/openapi.json"):
        assert guarded.get(path).status_code == 200, path


def test_keys_that_are_none_are_named_and_not_shown(served, tmp_path):
    with pytest.raises(ChurnError) as caught:
        create_app({"SERVED": served, "KEYS": "short", "KEYS_FILE": tmp_path / "none"})
    assert len(caught.value.problems) == 2
    assert "'short'" not in str(caught.value)


@contextmanager
def full_disk():
    """No file of this process can grow."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_log_that_cannot_be_written_stops_answers_and_says_so(served, records, tmp_path):
    client = create_app({"SERVED": served, "STATE": tmp_path}).test_client()
    assert client.post("/predict", json=records[0]).status_code == 200
    assert client.get("/ready").json == {"status": "ready"}
    before = figures(client)["churn_log_failures_total",]
    with full_disk():
        problems_of(client.post("/predict", json=records[0]), 503)
        assert figures(client)["churn_log_failures_total",] == before + 1
        problems_of(client.get("/ready"), 503)
        assert client.get("/health").status_code == 200
    assert client.post("/predict", json=records[0]).status_code == 200


def figures(client):
    """What /metrics says, by name and labels."""
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(client.get("/metrics").text)
        for sample in family.samples
    }


def test_metrics_count_what_was_answered(served, records, tmp_path):
    client = create_app({"SERVED": served, "STATE": tmp_path}).test_client()

    before = figures(client)
    client.post("/predict", json=records[0])
    client.post("/predict/batch", json={"customers": records[:7]})
    client.post("/predict", json={})
    client.get("/nowhere/at/all")
    after = figures(client)

    def risen(name, **labels):
        key = (name, *sorted(labels.items()))
        return after.get(key, 0) - before.get(key, 0)

    count = "churn_request_seconds_count"
    assert risen(count, route="/predict", status="200") == 1
    assert risen(count, route="/predict", status="422") == 1
    assert risen(count, route="/predict/batch", status="200") == 1
    assert risen(count, route="other", status="404") == 1
    predicted = [key for key in after if key[0] == "churn_predictions_total"]
    assert sum(after[key] - before.get(key, 0) for key in predicted) == 8
    assert after["churn_model_info", ("candidate", served.candidate), ("run", served.run)] == 1
    assert after["churn_model_stale",] == 0


@pytest.mark.parametrize("limit", ["0", "-1", "x", "1001", "00000000199999", "²", ""])
def test_limit_of_predictions_is_kept(client, limit):
    assert set(problems_of(client.get("/predictions", query_string={"limit": limit}), 422)) == {
        "?limit"
    }


def test_document_describes_every_route_and_field(client, app, served):
    document = client.get("/openapi.json").json
    assert document["openapi"].startswith("3.1")
    routes = {rule.rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("api.")}
    assert set(document["paths"]) == routes - {"/openapi.json"}
    customer = document["components"]["schemas"]["Customer"]
    assert set(customer["properties"]) == {served.contract.id, *served.contract.features}


def test_without_a_run_it_says_what_to_do(records):
    client = create_app({"RUN": None, "LOG": "off"}).test_client()
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
    client = create_app({"RUN": "ChurnFlow/1", "LOG": "off"}).test_client()
    assert "ChurnFlow/1" in caplog.text
    problems_of(client.get("/model/info"), 503)
    assert "ChurnFlow/1" in client.get("/health").json["problem"]
