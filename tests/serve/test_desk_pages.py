"""The desk as a team sees it, in a real browser."""

import re
import threading

import pytest
from werkzeug.serving import make_server

import desk
from churn.campaign.stored import CallListStore
from desk import ANNA, BEN, KEYS, LIST
from serve import create_app

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect

DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
PAGES = [
    "/calls",
    "/calls?list=big&state=all",
    "/customers?q=zo",
    "/customers/C0001",
    "/customers/X/what-if",
]


@pytest.fixture(scope="module")
def browser(chromium):
    with playwright.sync_playwright() as p:
        browser = p.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    url = f"sqlite:///{tmp_path_factory.mktemp('desk') / 'log.db'}"
    desk.fill_big(url)
    desk.fill_reports(url, months=11)
    return url


@pytest.fixture(scope="module")
def site(served, log, tmp_path_factory):
    """The desk's app as a URL."""
    settings = {"SERVED": served, "LOG": log, "STATE": tmp_path_factory.mktemp("state")}
    app = create_app(settings | {"KEYS": ",".join(KEYS)})
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def open_desk(browser, site, log):
    """Sign in, and open a page; at the end no script may have failed."""
    desk.fill(log)
    opened, wrong = [], []

    def begin(key=ANNA, path="/calls", size=DESKTOP, **options):
        context = browser.new_context(viewport=size, **options)
        opened.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: wrong.append(request.url)
                if not request.url.startswith(site) else None)  # fmt: skip
        page.goto(site + path)
        page.fill("[name=key]", desk.secret(key))
        page.press("[name=key]", "Enter")
        page.wait_for_url(f"{site}{path}")
        return page

    yield begin
    for context in opened:
        context.close()
    assert wrong == []


def row(page, customer):
    return page.locator(f"[data-customer={customer}]")


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_a_call_is_recorded(open_desk, log, script):
    page = open_desk(java_script_enabled=script)
    row(page, "C0001").get_by_role("button", name="Accepted").click()
    if script:
        expect(row(page, "C0001").get_by_role("status")).to_have_text("Recorded: accepted.")
        expect(row(page, "C0001").locator(".state")).to_contain_text("Accepted by Anna")
        expect(row(page, "C0001").get_by_role("button", name="Accepted")).to_be_focused()
    else:
        expect(row(page, "C0001")).to_have_count(0)
    with CallListStore(log) as store:
        assert store.find(LIST, "C0001").state == "accepted"


def test_by_keyboard_a_later_call_with_a_note(open_desk, log):
    page = open_desk(size=PHONE)
    one = row(page, "C0004")
    one.get_by_text("Later, or a note").focus()
    page.keyboard.press("Enter")
    one.get_by_label("Note").fill("asked for Monday")
    one.get_by_role("button", name="Call later").focus()
    page.keyboard.press("Enter")
    expect(one.get_by_role("status")).to_have_text("Recorded: call later.")
    with CallListStore(log) as store:
        assert store.events("C0004")[0].note == "asked for Monday"


def test_two_agents_on_one_customer(open_desk, log):
    anna, ben = open_desk(ANNA), open_desk(BEN)
    row(anna, "C0001").get_by_role("button", name="Called").click()
    expect(row(anna, "C0001").get_by_role("status")).to_have_text("Recorded: called.")
    row(ben, "C0001").get_by_role("button", name="Refused").click()
    told = row(ben, "C0001").get_by_role("status")
    expect(told).to_contain_text("Anna has set C0001 to called in the meantime")
    expect(row(ben, "C0001").locator(".state")).to_contain_text("Called by Anna")
    row(ben, "C0001").get_by_role("button", name="Refused").click()  # having seen it
    expect(told).to_have_text("Recorded: refused.")
    with CallListStore(log) as store:
        assert [event.by for event in store.events("C0001")] == ["Ben", "Anna"]


def test_a_lost_connection_is_said_and_nothing_is_lost(open_desk, log):
    page = open_desk()
    page.context.set_offline(True)
    row(page, "C0001").get_by_role("button", name="Called").click()
    expect(row(page, "C0001").get_by_role("status")).to_contain_text("cannot be reached")
    page.context.set_offline(False)
    row(page, "C0001").get_by_role("button", name="Called").click()
    expect(row(page, "C0001").get_by_role("status")).to_have_text("Recorded: called.")


def test_a_session_that_ended_is_said(open_desk):
    page = open_desk()
    # A late answer would bring the cookie back.
    page.wait_for_load_state("networkidle")
    page.context.clear_cookies()
    row(page, "C0001").get_by_role("button", name="Called").click()
    expect(row(page, "C0001").get_by_role("status")).to_contain_text("not of this session")


def test_a_list_of_100_000_is_searched_and_turned(open_desk):
    page = open_desk(path="/calls?list=big&agent=everybody")
    expect(page.locator(".count")).to_have_text("1 to 50 of 100,000 customers")
    page.get_by_role("link", name="Next").click()
    expect(page.locator(".count")).to_have_text("51 to 100 of 100,000 customers")
    page.get_by_label("Search").fill("ZOË B77777")
    page.keyboard.press("Enter")
    expect(page.locator(".count")).to_have_text("1 to 1 of 1 customer")
    assert row(page, "B77777").is_visible()
    page.get_by_label("Order").select_option("risk")
    page.wait_for_url(re.compile("sort=risk"))


def test_an_order_chosen_before_the_script_is_here_counts(open_desk, site):
    page, held = open_desk(), []
    page.route("**/calls.js", lambda route: route.continue_() if held else held.append(route))
    page.goto(f"{site}/calls", wait_until="commit")
    page.get_by_label("Order").select_option("risk")
    assert "sort=risk" not in page.url
    while not held:
        page.wait_for_timeout(20)
    held[0].continue_()
    page.wait_for_url(re.compile("sort=risk"))


def test_a_file_is_given_and_comes_back(open_desk, customers, served, tmp_path):
    table = customers[[served.contract.id, *served.contract.features]]
    table.to_csv(tmp_path / "mine.csv", index=False)
    page = open_desk(path="/score-file")
    failed = []

    def lose_one(route):
        if failed:
            route.continue_()
        else:
            failed.append(route.abort())

    page.route("**/part?**", lose_one)
    page.set_input_files("#file", tmp_path / "mine.csv")
    expect(page.locator(".job")).to_contain_text(
        f"{len(table)} customers are scored", timeout=60_000
    )
    assert failed
    with page.expect_download() as download:
        page.get_by_role("link", name="Scored customers").click()
    assert len(download.value.path().read_text().splitlines()) == len(table) + 1
    page.get_by_role("button", name="Delete").click()
    expect(page.locator(".job")).to_have_count(0)


def test_results_print_on_one_page(open_desk):
    page = open_desk(path="/results", color_scheme="dark")
    printed = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page[^s]", printed)) == 1


@pytest.mark.parametrize(
    ("size", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")], ids=["desktop", "phone"]
)
def test_pages_fit_and_have_no_violation_that_axe_finds(open_desk, site, size, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = open_desk(desk.EVE, size=size, color_scheme=scheme, bypass_csp=True)
    found = {}
    for path in PAGES:
        page.goto(site + path)
        wider = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        violations = axe.run(page).response["violations"]
        named = [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in violations]
        if wider > 0 or named:
            found[path] = wider, named
    assert found == {}
