"""The page as a retention agent sees it, in a real browser."""

import json
from urllib.request import Request, urlopen

import pytest

playwright = pytest.importorskip("playwright.sync_api")


@pytest.fixture(scope="module")
def browser(chromium):
    with playwright.sync_playwright() as p:
        browser = p.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(params=[(1200, 900), (390, 844)], ids=["desktop", "phone"])
def page(browser, server, request):
    width, height = request.param
    context = browser.new_context(viewport={"width": width, "height": height})
    page = context.new_page()
    page.errors = []
    outside = page.errors.append
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on("request", lambda asked: asked.url.startswith(server.url) or outside(asked.url))
    page.goto(server.url)
    yield page
    context.close()


def test_form_gives_the_apis_probability(page, server, records):
    record = next(one for one in records if one["total_charges"] is None)
    for name, value in record.items():
        field = page.locator(f"[name='{name}']")
        if field.get_attribute("type") == "checkbox":
            field.set_checked(value == 1)
        elif field.evaluate("e => e.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill("" if value is None else str(value))
    page.keyboard.press("Enter")
    page.wait_for_selector("#result[data-probability]")
    body = json.dumps(record).encode()
    asked = Request(f"{server.url}/predict", body, {"Content-Type": "application/json"})
    with urlopen(asked) as answer:
        expected = json.load(answer)["probability"]
    assert float(page.get_attribute("#result", "data-probability")) == expected
    assert page.text_content("#percent") == f"{100 * expected:.1f} %"
    assert record["customer_id"] in page.inner_text("#verdict")
    assert page.locator("#reasons li").count() >= 1
    assert page.errors == []


def test_typical_customer_scores_at_once(page):
    page.click("button[type=submit]")
    page.wait_for_selector("#result[data-probability]")
    assert page.errors == []


def test_problems_are_shown_beside_their_fields(page):
    page.fill("[name=tenure]", "-3")
    page.fill("[name=monthly_charges]", "")
    page.click("button[type=submit]")
    page.wait_for_selector("[aria-invalid]")
    assert "0 to 120" in page.inner_text("[data-field=tenure] .error")
    assert "nothing" in page.inner_text("[data-field=monthly_charges] .error")
    assert page.locator("[aria-invalid]").count() == 2
    assert page.evaluate("document.activeElement.name") == "tenure"
    assert page.get_attribute("#result", "data-probability") is None


def test_nothing_is_wider_than_the_screen(page):
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_every_input_has_a_label(page):
    unnamed = page.evaluate(
        "[...document.querySelectorAll('[data-kind]')].filter(e => !e.labels.length).length"
    )
    assert unnamed == 0
