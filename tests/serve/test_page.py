"""The pages as a retention agent sees them, in a real browser."""

import json
import re
import shutil
import subprocess
import threading
import time
from dataclasses import replace
from urllib.request import urlopen

import pytest
from werkzeug.serving import make_server

from churn.data.contract import Contract
from serve import create_app

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect

DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 375, "height": 812}
PATHS = ["/", "/model", "/docs"]
KEY = "a key of the retention team"


# One for the module, which is as good as one for the session: nobody else wants it, and until it
# is closed no other test could run an event loop.
@pytest.fixture(scope="module")
def browser(chromium):
    with playwright.sync_playwright() as p:
        # One process draws all pages, without a graphics card to imitate.
        options = ["--no-sandbox", "--disable-gpu", "--renderer-process-limit=1"]
        browser = p.chromium.launch(executable_path=chromium, args=options)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser):
    """Open a page; at the end nothing may have gone wrong in it but the statuses in `refused`."""
    opened = []

    def begin(url, path="/", size=DESKTOP, refused=(), **options):
        context = browser.new_context(viewport=size, **options)
        page = context.new_page()
        page.wrong, page.asked = [], []
        opened.append(page)
        statuses = [f"status of {status}" for status in refused]

        def hear(message):
            if message.type == "error" and not any(one in message.text for one in statuses):
                page.wrong.append(message.text)

        def watch(request):
            page.asked.append(request.url.removeprefix(url))
            if not request.url.startswith(url):
                page.wrong.append(request.url)

        page.on("console", hear)
        page.on("request", watch)
        page.on("pageerror", lambda error: page.wrong.append(str(error)))
        page.goto(url + path)
        return page

    yield begin
    wrong = [page.wrong for page in opened]
    for page in opened:
        page.context.close()
    assert wrong == [[]] * len(opened)


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def page(open_page, server, request):
    page = open_page(server.url, size=request.param)
    settle(page)
    return page


@pytest.fixture
def desktop(open_page, server):
    page = open_page(server.url)
    settle(page)
    return page


@pytest.fixture(scope="module")
def guarded(server, telco_run, tmp_path_factory):
    """A server that wants a key and keeps no log."""
    log = tmp_path_factory.mktemp("guarded") / "log"
    other = type(server)(log, CHURN_RUN=telco_run.pathspec, CHURN_KEYS=KEY, CHURN_LOG="off")
    yield other.wait(path="/ready")
    other.stop()


@pytest.fixture(scope="module")
def odd(served):
    """An app whose contract has what Telco's has not, as a URL."""
    values = served.contract.model_dump()
    values["id"] = None
    values["features"]["partner"]["nullable"] = True
    values["features"]["contract"]["unseen"] = "flag"
    values["features"]["contract"]["description"] = "<i>\"How' long"
    values["features"]["monthly_charges"] |= {"min": None, "max": None}
    run = replace(served, contract=Contract.parse(values))
    server = make_server("127.0.0.1", 0, create_app({"SERVED": run, "LOG": "off"}), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


def settle(page) -> float:
    """Wait for the risk of the form as it is."""
    page.wait_for_selector("#result[data-probability]")
    return float(page.get_attribute("#result", "data-probability"))


def slide(page, name, value):
    """Move the slider of a field to a value, as a finger does."""
    page.locator(f"[data-field={name}] [type=range]").fill(str(value))


def fill(page, record):
    for name, value in record.items():
        field = page.locator(f"[name='{name}']")
        if field.get_attribute("type") == "checkbox":
            field.set_checked(value == 1)
        elif field.evaluate("e => e.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill("" if value is None else str(value))


def typical_of(served):
    return dict(served.explainer.typical)


def percent(share):
    return f"{100 * share:.1f}\u00a0%"


def test_form_shows_the_models_risk(page, served, records):
    record = next(one for one in records if one["total_charges"] is None)
    fill(page, record)
    expected = served.scorer(record)
    assert settle(page) == expected
    assert page.text_content("#percent") == percent(expected)
    assert page.get_attribute("#gauge", "aria-label") == f"Risk of leaving: {percent(expected)}"
    assert record["customer_id"] in page.inner_text("#verdict")
    called = expected >= served.scorer.threshold
    assert ("worth a call" if called else "no call needed") in page.inner_text("#verdict")
    assert page.inner_text("#threshold") == percent(served.scorer.threshold)


def test_typical_customers_risk_is_there_without_a_script(open_page, server, served):
    page = open_page(server.url, java_script_enabled=False)
    expected = percent(served.scorer(typical_of(served)))
    assert page.text_content("#percent") == expected
    assert "needs JavaScript" in page.inner_text("body")


def test_slider_moves_the_gauge_by_keyboard(page, served):
    slider = page.locator("[data-field=monthly_charges] [type=range]")
    slider.focus()
    for _ in range(12):
        page.keyboard.press("ArrowRight")
    value = float(page.input_value("[name=monthly_charges]"))
    assert value == float(slider.input_value()) == 82
    assert slider.get_attribute("aria-valuetext") == "82 dollars per month"
    expected = served.scorer(typical_of(served) | {"monthly_charges": value})
    assert settle(page) == expected
    drawn = page.get_attribute("#arc", "stroke-dasharray").split()[0]
    assert float(drawn) == pytest.approx(100 * expected)
    # Nothing of that is a prediction.
    assert not [url for url in page.asked if url.startswith("/predict")]


def test_gauge_follows_while_the_slider_moves(desktop):
    seen = desktop.evaluate(
        """async () => {
          const arc = document.getElementById("arc"), seen = new Set();
          const watch = new MutationObserver(() => seen.add(arc.getAttribute("stroke-dasharray")));
          watch.observe(arc, { attributes: true });
          const slider = document.querySelector("[data-field=monthly_charges] [type=range]");
          for (let i = 0; i < 50; i++) {
            slider.value = 50 + 2 * i;
            slider.dispatchEvent(new Event("input", { bubbles: true }));
            await new Promise((done) => setTimeout(done, 30));
          }
          return seen.size;
        }"""
    )
    assert seen >= 4


def test_number_moves_its_slider(desktop):
    desktop.fill("[name=monthly_charges]", "33")
    assert desktop.input_value("[data-field=monthly_charges] [type=range]") == "33"


def test_only_the_latest_answer_is_shown(desktop, served):
    held = []
    desktop.route("**/what-if", lambda route: held.append(route) if not held else route.continue_())
    with desktop.expect_request("**/what-if"):
        slide(desktop, "monthly_charges", 30)
    slide(desktop, "monthly_charges", 110)
    expected = served.scorer(typical_of(served) | {"monthly_charges": 110.0})
    assert settle(desktop) == expected
    late = {"probability": 0.999, "churn": True, "threshold": 0.5, "run": "", "unseen": []}
    held[0].fulfill(json=late | {"reasons": [], "best_change": None})
    desktop.wait_for_timeout(300)
    assert settle(desktop) == expected
    assert desktop.text_content("#percent") == percent(expected)


def test_problems_are_beside_their_fields_and_summed_up(open_page, server, served):
    page = open_page(server.url, refused=[422])
    settle(page)
    page.fill("[name=tenure]", "-3")
    page.fill("[name=monthly_charges]", "")
    page.wait_for_selector("[name=monthly_charges][aria-invalid]")
    assert "0 to 120" in page.inner_text("[data-field=tenure] .error")
    assert "nothing" in page.inner_text("[data-field=monthly_charges] .error")
    assert page.locator("[aria-invalid]").count() == 2
    beside = page.locator("[data-field=tenure] .error").get_attribute("id")
    assert beside in page.get_attribute("[name=tenure]", "aria-describedby").split()
    told = page.locator("#alert")
    assert told.get_attribute("role") == "status"
    assert "Tenure, Monthly charges" in told.inner_text()
    assert page.get_attribute("#result", "data-probability") is None
    page.click("#save")
    expect(page.locator("[name=tenure]")).to_be_focused()
    page.fill("[name=tenure]", "3")
    page.fill("[name=monthly_charges]", "80.5")
    mended = typical_of(served) | {"tenure": 3.0, "monthly_charges": 80.5}
    assert settle(page) == served.scorer(mended)
    assert page.locator("[aria-invalid]").count() == 0
    assert told.inner_text() == ""


def test_server_that_is_away_is_said(open_page, server):
    page = open_page(server.url)
    settle(page)
    page.route("**/what-if", lambda route: route.abort())
    slide(page, "monthly_charges", 30)
    expect(page.locator("#alert")).to_contain_text("cannot be reached")
    page.wrong.clear()
    page.unroute("**/what-if")
    slide(page, "monthly_charges", 31)
    settle(page)
    assert page.inner_text("#alert") == ""


def test_saving_gives_an_id_and_keeps_the_answer(page, server):
    customer = f"page-{page.viewport_size['width']}"
    page.fill("[name=customer_id]", customer)
    slide(page, "monthly_charges", 101)
    risk = settle(page)
    page.click("#save")
    page.wait_for_selector("#saved code")
    prediction = page.inner_text("#saved code")
    assert page.inner_text("#saved") == f"Saved: {percent(risk)}, prediction {prediction}"
    logged = wait_for_prediction(server, prediction)
    assert (logged["customer"], logged["probability"]) == (customer, risk)
    page.click("nav >> text=Model")
    page.wait_for_selector(f"#latest td:text-is('{customer}')")
    row = page.locator("#latest tbody tr", has_text=customer).first
    assert percent(risk) in row.inner_text()


def wait_for_prediction(server, prediction):
    end = time.monotonic() + 20
    while time.monotonic() < end:
        with urlopen(f"{server.url}/predictions?limit=20") as answer:
            for one in json.load(answer)["predictions"]:
                if one["prediction"] == prediction:
                    return one
        time.sleep(0.2)
    raise AssertionError(f"{prediction} is not in the log")


def test_difference_to_what_was_saved_is_said_and_undone(desktop):
    assert desktop.inner_text("#difference") == ""
    slide(desktop, "monthly_charges", 110)
    first = settle(desktop)
    assert "a typical customer's" in desktop.inner_text("#difference")
    assert desktop.is_hidden("#back")
    desktop.click("#save")
    desktop.wait_for_selector("#saved code")
    assert desktop.inner_text("#difference") == ""
    desktop.select_option("[name=contract]", "Two year")
    second = settle(desktop)
    points = f"{abs(100 * (second - first)):.1f}"
    assert desktop.inner_text("#difference") == f"{points} points below the saved {percent(first)}"
    desktop.click("#back")
    assert settle(desktop) == first
    assert desktop.input_value("[name=contract]") == "Month-to-month"


def test_an_id_alone_has_no_risk(desktop, served):
    desktop.fill("[name=customer_id]", "X 99")
    expect(desktop.locator("#verdict")).to_have_text("Fill in what you know about X 99")
    assert desktop.is_hidden("#gauge")
    assert desktop.is_disabled("#save")
    link = desktop.locator("#customer-known a")
    assert link.evaluate("e => e.pathname") == "/customers/X%2099"
    slide(desktop, "monthly_charges", 110)
    assert settle(desktop) == served.scorer(typical_of(served) | {"monthly_charges": 110.0})
    assert "X 99" in desktop.inner_text("#verdict")
    assert desktop.is_enabled("#save")


def test_new_customer_starts_over(desktop, served):
    desktop.fill("[name=customer_id]", "somebody")
    slide(desktop, "monthly_charges", 110)
    settle(desktop)
    desktop.click("#save")
    desktop.wait_for_selector("#saved code")
    desktop.click("text=New customer")
    expect(desktop.locator("#saved")).to_be_empty()
    assert settle(desktop) == served.scorer(typical_of(served))
    assert desktop.input_value("[name=customer_id]") == ""


def test_best_change_is_tried_by_a_button(page, served):
    best = served.explainer.best_change(served.scorer, typical_of(served))
    assert percent(best.probability) in page.inner_text("#change-words")
    page.click("#try")
    assert settle(page) == best.probability
    assert page.input_value(f"[name={best.feature}]") == str(best.value)


def test_reasons_are_split_by_what_can_be_changed(desktop, served, records):
    record = records[0]
    fill(desktop, record)
    settle(desktop)
    shown = served.explainer.explain(served.scorer, record, 5)
    for actionable in (True, False):
        items = desktop.locator(f"[data-actionable={str(actionable).lower()}] li").all_inner_texts()
        mine = [one for one in shown if one.actionable == actionable]
        assert len(items) == len(mine)
        for item, reason in zip(items, mine, strict=True):
            assert item.lower().startswith(reason.feature.replace("_", " "))
            assert ("raises" if reason.contribution > 0 else "lowers") in item
            assert f"{abs(100 * reason.contribution):.1f} points" in item


def test_key_is_asked_for_kept_and_asked_for_again(open_page, guarded):
    page = open_page(guarded.url, refused=[401, 503])
    assert page.is_visible("#key")
    assert "/what-if" not in page.asked
    field = page.locator("#key-value")
    assert (field.get_attribute("type"), field.get_attribute("autocomplete")) == ("password", "off")
    field.fill("another key, not the team's")
    page.keyboard.press("Enter")
    expect(page.locator("#key-error")).to_have_text("This key is not accepted.")
    expect(field).to_be_focused()
    field.fill(KEY)
    page.keyboard.press("Enter")
    settle(page)
    assert page.is_hidden("#key")
    page.click("nav >> text=Model")
    expect(page.locator("#latest-words")).to_have_text("The prediction log is off.")
    assert page.is_hidden("#key")
    page.click("nav >> text=API")
    assert "X-API-Key: $CHURN_KEY" in page.locator("pre").first.inner_text()


def test_model_page_has_the_runs_figures(open_page, server, served):
    page = open_page(server.url, "/model")
    text = page.inner_text("main")
    for name, form in [
        ("roc_auc", "{:.4f}"), ("pr_auc", "{:.4f}"), ("log_loss", "{:.4f}"), ("brier", "{:.4f}"),
        ("top_decile_lift", "{:.2f}"), ("calibration_slope", "{:.2f}"),
        ("expected_calibration_error", "{:.4f}"), ("calibration_intercept", "{:+.2f}"),
    ]:  # fmt: skip
        metric = {
            part: form.format(x).replace("-", "−") for part, x in served.metrics[name].items()
        }
        row = page.locator("tr", has_text=f"{metric['low']} to {metric['high']}")
        assert metric["value"] in row.inner_text()
    lead = page.inner_text(".lead")
    assert served.candidate in lead.lower()
    assert served.created_at.strftime("%-d %B %Y, %H:%M") in lead
    assert f"{served.customers:,} customers" in lead
    for value in (served.run, served.fingerprint, served.lineage["data"]):
        assert value in text
    ranks = page.locator(".ranks li").all_inner_texts()
    expected = [one["feature"].replace("_", " ") for one in served.importances]
    assert [rank.split("\n")[0].lower() for rank in ranks] == expected[: len(ranks)]


def test_reliability_curve_is_drawn_where_the_bins_are(open_page, server, served):
    page = open_page(server.url, "/model")
    points = page.eval_on_selector_all(
        ".plot .point", "all => all.map(e => [e.cx.baseVal.value, e.cy.baseVal.value])"
    )
    diagonal = page.eval_on_selector(
        ".plot .diagonal", "e => ['x1', 'y1', 'x2', 'y2'].map(k => e[k].baseVal.value)"
    )
    left, bottom, right, top = diagonal
    top_share = float(page.locator(".plot text").nth(-4).text_content()) / 100
    assert len(points) == len(served.reliability)
    for (x, y), one in zip(points, served.reliability, strict=True):
        assert (x - left) / (right - left) * top_share == pytest.approx(one["predicted"], abs=1e-3)
        assert (y - bottom) / (top - bottom) * top_share == pytest.approx(one["observed"], abs=1e-3)
    page.click("text=The values")
    rows = page.locator("details tbody tr").all_inner_texts()
    assert all(
        percent(one["predicted"]) in row and percent(one["observed"]) in row
        for row, one in zip(rows, served.reliability, strict=True)
    )


def test_docs_have_every_operation_and_every_field(open_page, server, served):
    page = open_page(server.url, "/docs")
    with urlopen(f"{server.url}/openapi.json") as answer:
        spec = json.load(answer)
    headings = page.locator("h2").all_inner_texts()
    for path, item in spec["paths"].items():
        for method in item:
            assert f"{method.upper()} {path}" in headings
    for name, feature in served.contract.features.items():
        row = page.locator("#schema-Customer tr", has=page.locator(f"th code:text-is('{name}')"))
        assert feature.description in row.inner_text()
        assert ("optional" if feature.nullable else "required") in row.inner_text()
        for choice in getattr(feature, "categories", ()):
            assert json.dumps(choice) in row.inner_text()
    assert "0 to 120" in page.locator("#schema-Customer tr", has_text="tenure").inner_text()
    ids = page.eval_on_selector_all("[id]", "all => all.map(e => e.id)")
    links = page.eval_on_selector_all("a[href^='#']", "all => all.map(e => e.hash.slice(1))")
    assert len(ids) == len(set(ids))
    assert set(links) <= set(ids)


@pytest.mark.skipif(not shutil.which("curl"), reason="no curl on PATH")
def test_examples_of_the_docs_work(open_page, server):
    page = open_page(server.url, "/docs")
    examples = page.locator("pre").all_text_contents()
    assert len(examples) == len(set(examples)) >= 5
    for example in examples:
        done = subprocess.run(
            ["sh", "-c", f"{example} --silent --show-error --fail"], capture_output=True, text=True
        )
        assert done.returncode == 0, example + done.stderr


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("path", PATHS)
def test_pages_fit_the_screen_and_lead_to_each_other(open_page, server, path, size):
    page = open_page(server.url, path, size=size)
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    links = page.eval_on_selector_all("header nav a", "all => all.map(e => e.pathname)")
    assert set(PATHS) <= set(links)
    current = page.locator("header nav [aria-current=page]")
    assert current.evaluate("e => e.pathname") == path
    assert page.locator("h1").count() == 1
    unnamed = "input:not([aria-label])"
    assert (
        page.eval_on_selector_all(unnamed, "all => all.filter(e => !e.labels.length).length") == 0
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PATHS)
def test_texts_stand_out_in_both_schemes(open_page, server, path, scheme):
    page = open_page(server.url, path, color_scheme=scheme, reduced_motion="reduce")
    if path == "/":
        slide(page, "monthly_charges", 110)
        settle(page)
    page.wait_for_load_state("networkidle")
    assert page.evaluate(FAINT) == []
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    light = sum(map(int, re.findall(r"\d+", ground))) > 3 * 128
    assert light == (scheme == "light")


# The texts whose contrast with what is behind them is below WCAG 2's AA.
FAINT = """() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = (rgb) => {
    const [r, g, b] = rgb.map((x) => x / 255)
      .map((x) => (x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const [r, g, b, a = 1] = parse(getComputedStyle(e).backgroundColor);
      if (a === 1) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const faint = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const element = walk.currentNode.parentElement, style = getComputedStyle(element);
    if (!walk.currentNode.data.trim() || !element.checkVisibility()) continue;
    if (element.closest("script, noscript, option")) continue;
    const ink = parse(element.closest("svg") ? style.fill : style.color).slice(0, 3);
    const pair = [light(ink), light(behind(element))].sort((a, b) => b - a);
    const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.6 && style.fontWeight >= 600);
    if (ratio < (large ? 3 : 4.5)) faint.push([walk.currentNode.data.trim(), ratio]);
  }
  return faint;
}"""


def test_everything_is_done_by_keyboard_alone(desktop, served):
    def tab_to(selector):
        for _ in range(80):
            desktop.keyboard.press("Tab")
            if desktop.evaluate("s => document.activeElement.matches(s)", selector):
                style = desktop.evaluate("getComputedStyle(document.activeElement).outlineStyle")
                assert style != "none", selector
                return
        raise AssertionError(f"{selector} is out of reach")

    tab_to("[name=customer_id]")
    desktop.keyboard.type("by keyboard")
    tab_to("[name=tenure]")
    desktop.keyboard.type("4")
    tab_to("[name=phone_service]")
    desktop.keyboard.press("Space")
    tab_to("[type=range]")
    desktop.keyboard.press("ArrowRight")
    tab_to("#save")
    desktop.keyboard.press("Enter")
    desktop.wait_for_selector("#saved code")
    tab_to("#try")
    desktop.keyboard.press("Enter")
    value = float(desktop.input_value("[name=monthly_charges]"))
    record = typical_of(served) | {"tenure": 4.0, "phone_service": 0.0}
    best = served.explainer.best_change(served.scorer, record | {"monthly_charges": value})
    assert settle(desktop) == best.probability


def test_enter_in_a_field_saves_nothing(desktop):
    desktop.focus("[name=tenure]")
    desktop.keyboard.press("Enter")
    desktop.wait_for_timeout(300)
    assert desktop.inner_text("#saved") == ""


def test_risk_stays_in_sight_on_a_phone(open_page, server):
    page = open_page(server.url, size=PHONE)
    slide(page, "monthly_charges", 110)
    risk = settle(page)
    shown = page.locator("#now")
    assert shown.inner_text() == percent(risk)
    for name in ("tenure", "monthly_charges", "paperless_billing"):
        page.locator(f"[name={name}]").scroll_into_view_if_needed()
        box = shown.bounding_box()
        assert 0 <= box["y"] <= PHONE["height"] - box["height"]


def test_nothing_moves_for_those_who_want_no_motion(open_page, server):
    page = open_page(server.url, reduced_motion="reduce")
    moving = "[...document.querySelectorAll('*')].filter(e => " \
        "parseFloat(getComputedStyle(e).transitionDuration) > 0).length"  # fmt: skip
    assert page.evaluate(moving) == 0


def test_newer_model_is_said(desktop):
    def promoted(route):
        answer = route.fetch()
        route.fulfill(
            response=answer, json=answer.json() | {"run": "ChurnFlow/2", "threshold": 0.9}
        )

    desktop.route("**/what-if", promoted)
    assert desktop.is_hidden("#newer")
    slide(desktop, "monthly_charges", 110)
    desktop.wait_for_selector("#newer")
    assert desktop.inner_text("#threshold") == percent(0.9)


def test_fields_follow_from_any_contract(open_page, odd, served):
    page = open_page(odd)
    settle(page)
    assert page.locator("[name=customer_id]").count() == 0
    slider = page.locator("[data-field=monthly_charges] [type=range]")
    usual = served.explainer.actionable["monthly_charges"]
    assert float(slider.get_attribute("min")) == usual[0]
    assert float(slider.get_attribute("max")) == usual[-1]
    assert "<i>\"How' long" in page.inner_text("[data-field=contract]")
    page.select_option("[name=partner]", "")
    page.fill("[name=contract]", "Ten year")
    page.wait_for_selector("#unseen")
    assert "Contract" in page.inner_text("#unseen")
    unknown = typical_of(served) | {"partner": None, "contract": "Ten year"}
    assert settle(page) == served.scorer(unknown)
    page.select_option("[name=partner]", "yes")
    assert settle(page) == served.scorer(unknown | {"partner": 1.0})


@pytest.mark.parametrize("path", PATHS)
def test_without_a_model_every_page_says_what_to_do(path):
    client = create_app({"RUN": None, "LOG": "off"}).test_client()
    answer = client.get(path, headers={"Accept": "text/html"})
    assert answer.status_code == 503
    assert "make run" in answer.text
    for other in PATHS:
        assert f'href="{other}"' in answer.text
