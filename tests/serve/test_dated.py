"""The app around a model with dates, many towns, a category NA and a contradiction."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from werkzeug.serving import make_server

from churn.registry.runs import fetch_run
from serve import create_app

RECORD = {
    "customer": "C1", "joined": "31/01/2026", "town": "Town 7", "region": "NA",
    "has phone": True, "lines": "one", "fee": 40.5,
}  # fmt: skip
NO_PHONE = RECORD | {"has phone": False}


@pytest.fixture(scope="module")
def deployment(dated_run):
    return fetch_run(dated_run.pathspec)


@pytest.fixture(scope="module")
def app(deployment):
    return create_app({"SERVED": deployment, "LOG": "off"})


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture(scope="module")
def url(app):
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


def risk(client, **values) -> float:
    return client.post("/what-if", json=RECORD | values).json["probability"]


def test_the_run_tells_how_the_table_was_read(dated_run):
    for words in (
        "exited = 'yes' counts as left within 60 days",
        "region: a word for a missing value elsewhere, a category here",
        "Nothing is marked as changeable yet",
    ):
        assert words in dated_run.output


def test_a_category_called_NA_is_not_a_missing_one(client):
    assert client.post("/predict", json=RECORD).status_code == 200
    assert risk(client, region="NA") != risk(client, region=None)


def test_a_town_never_seen_is_named_and_scored_as_an_average_one(client):
    answer = client.post("/predict", json=RECORD | {"town": "Newtown"})
    assert answer.json["unseen"] == ["town"]
    risks = [risk(client, town=f"Town {i}") for i in range(20)]
    assert min(risks) < answer.json["probability"] < max(risks)


def test_a_customer_that_cannot_be_is_refused_at_the_field(client):
    answer = client.post("/predict", json=NO_PHONE)
    assert answer.status_code == 422
    assert answer.json["problems"] == [
        {
            "where": "lines",
            "expected": 'no customer with (`has phone` == 0) * (lines != "none")',
            "got": 'has phone = false, lines = "one"',
        }
    ]
    batch = client.post("/predict/batch", json={"customers": [RECORD, NO_PHONE]}).json
    assert [one is None for one in batch["predictions"]] == [False, True]
    assert batch["problems"][0]["where"] == "customers[1].lines"
    assert client.post("/predict/batch", json={"customers": [NO_PHONE]}).status_code == 422


def test_the_horizon_is_in_the_pages_and_in_the_api(client):
    assert client.get("/model/info").json["horizon_days"] == 60
    assert "within 60 days" in client.get("/openapi.json").json["info"]["description"]
    for path in ("/", "/model"):
        assert "within 60 days" in client.get(path).text


@pytest.fixture
def page(chromium, url):
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as p:
        browser = p.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(url)
        page.wait_for_selector("#result[data-probability]")
        yield page
        browser.close()


def test_the_form_takes_a_date_and_refuses_a_contradiction(page, client):
    def settled():
        page.wait_for_selector("#result[data-probability]")
        return float(page.get_attribute("#result", "data-probability"))

    assert page.get_by_text("Nothing is marked as changeable yet").count()
    day = page.locator("[name=joined]")
    assert day.get_attribute("type") == "date"
    seen = {}
    for days in (10, 600):
        joined = datetime.now(UTC).date() - timedelta(days=days)
        day.fill(joined.isoformat())
        page.wait_for_selector("#result:not([data-probability])", state="attached", timeout=5000)
        seen[days] = settled()
    assert seen[10] > seen[600]
    # The reason is in days, not in a number without a unit.
    assert page.locator("#reasons").get_by_text("Joined: 600 days").count()
    page.locator("[name=lines]").select_option("several")
    page.locator("[name='has phone']").uncheck()
    error = page.locator("[data-field=lines] .error")
    error.wait_for()
    page.wait_for_function("document.querySelector('[data-field=lines] .error').textContent")
    assert "no customer with" in error.text_content()
    page.locator("[name=lines]").select_option("none")
    settled()
    assert error.text_content() == ""


@pytest.mark.parametrize(
    ("sent", "customer"), [(7, 7), (7.0, 7), ("007", "007"), (2**60, 2**60), (" Zoë ", " Zoë ")]
)
def test_an_id_may_be_a_text_or_a_whole_number(client, sent, customer):
    assert client.post("/predict", json=RECORD | {"customer": sent}).json["customer"] == customer
    assert client.post("/predict", json=RECORD | {"customer": 7.5}).status_code == 422
