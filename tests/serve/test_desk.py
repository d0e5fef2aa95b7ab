"""The desk's routes: who may see what, what is recorded, and the list as a file."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta

import pytest
from python_calamine import load_workbook

import desk
from campaigns import TWO_ACTIONS
from churn.campaign.planned import read_plan
from churn.campaign.stored import CallListStore
from churn.errors import ChurnError
from churn.feedback.outcomes import Outcome, OutcomeStore
from churn.feedback.prediction_log import Prediction, PredictionLog
from churn.feedback.reports import PLAN_BINS, ReportStore
from churn.registry.runs import champion, fetch_run, promote
from desk import ANNA, BEN, CONTROL, KEYS, LIST, MIA, TODAY, Browser
from running import reading_from
from serve import create_app
from tiny import copy_store, tiny_runs

NOW = datetime.now(UTC)


@pytest.fixture
def url(tmp_path):
    url = f"sqlite:///{tmp_path / 'log.db'}"
    desk.fill(url)
    return url


@pytest.fixture
def app(served, url, tmp_path):
    return create_app({"SERVED": served, "LOG": url, "STATE": tmp_path, "KEYS": ",".join(KEYS)})


@pytest.fixture
def anna(app):
    return Browser(app, ANNA)


def row_of(page: str, customer: str) -> str:
    return re.search(rf'<li class="[^"]*" id="c-{customer}".*?</li>\s*(?=<li class="call|</ol>)',
                     page + "</ol>", re.DOTALL)[0]  # fmt: skip


class TestSignIn:
    def test_a_page_leads_to_it_and_back(self, app):
        browser = Browser(app)
        answer = browser.get("/calls?q=zoe")
        assert (answer.status_code, answer.location) == (302, "/sign-in?next=/calls?q%3Dzoe")
        answer = browser.post("/sign-in", on="/sign-in", key=desk.secret(ANNA), next="/calls?q=zoe")
        assert answer.location == "/calls?q=zoe"
        assert "Anna, agent" in browser.get("/calls").text

    @pytest.mark.parametrize("target", ["//evil.example/", "https://evil.example", "/\\evil", "x"])
    def test_leads_to_no_other_site(self, app, target):
        answer = Browser(app).post("/sign-in", on="/sign-in", key=desk.secret(ANNA), next=target)
        assert answer.location == "/calls"

    def test_a_wrong_key_and_the_whole_line_of_a_key_are_refused(self, app):
        for key in ("another key of 16", ANNA):
            answer = Browser(app).post("/sign-in", on="/sign-in", key=key)
            assert answer.status_code == 401
            assert "not accepted" in answer.text

    def test_the_cookie_cannot_be_read_or_sent_by_another_site(self, app):
        answer = Browser(app).post("/sign-in", on="/sign-in", key=desk.secret(ANNA))
        cookie = answer.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert desk.secret(ANNA) not in cookie

    def test_a_key_that_is_withdrawn_ends_its_sessions(self, app, anna, served, url, tmp_path):
        cookie = anna.client.get_cookie("churn").value
        settings = {"SERVED": served, "LOG": url, "STATE": tmp_path}
        rest = create_app(settings | {"KEYS": BEN})
        client = rest.test_client()
        client.set_cookie("churn", cookie)
        assert client.get("/calls").status_code == 302
        again = create_app(
            {"SERVED": served, "LOG": url, "STATE": tmp_path, "KEYS": ",".join(KEYS)}
        )
        client = again.test_client()
        client.set_cookie("churn", cookie)  # of another process, before a restart
        assert client.get("/calls").status_code == 200

    def test_signing_out_ends_it(self, anna):
        anna.post("/sign-out")
        assert anna.get("/calls").status_code == 302

    def test_the_api_takes_the_session_of_this_sites_pages_only(self, anna, records):
        def what_if(**headers):
            return anna.client.post("/what-if", json=records[0], headers=headers).status_code

        assert what_if(**{"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}) == 200
        assert what_if(Origin="http://evil.example") == 401
        assert what_if(**{"Sec-Fetch-Site": "cross-site"}) == 401
        assert what_if(**{"X-API-Key": desk.secret(BEN)}) == 200
        assert what_if(**{"X-API-Key": "not a key of this"}) == 401

    def test_without_keys_all_is_open_on_loopback_only(self, served, url, tmp_path):
        settings = {"SERVED": served, "LOG": url, "STATE": tmp_path}
        browser = Browser(create_app(settings))
        assert "Open to all here" in browser.get("/calls").text
        browser.post("/sign-in", on="/sign-in", name="  Zoë   the first ", next="/calls")
        browser.record("C0001", "called")
        with CallListStore(url) as store:
            assert store.find(LIST, "C0001").changed_by == "Zoë the first"
        answer = create_app(settings | {"HOST": "0.0.0.0"}).test_client().get("/calls")
        assert answer.status_code == 403
        assert "CHURN_KEYS" in answer.text

    def test_a_link_in_a_mail_is_asked_again_with_the_cookie(self, app):
        answer = Browser(app).get("/calls", headers={"Sec-Fetch-Site": "cross-site"})
        assert answer.status_code == 200
        assert 'http-equiv="refresh"' in answer.text


class TestToday:
    def test_agents_do_not_see_the_control_group(self, anna, app):
        page = anna.get("/calls?agent=everybody").text
        assert "C0002" in page
        assert CONTROL not in page
        assert "control" not in page.lower()
        assert CONTROL not in anna.get("/calls/download/csv?agent=everybody&state=all").text
        mia = Browser(app, MIA).get("/calls").text
        assert "1 customer is in the control group" in mia
        assert CONTROL not in mia

    def test_an_agent_begins_with_hers_and_nobodys(self, anna):
        assert "1 to 4 of 4 customers" in anna.get("/calls").text
        assert "1 to 5 of 5 customers" in anna.get("/calls?agent=everybody").text

    def test_a_row_says_what_to_know_before_a_call(self, anna):
        row = row_of(anna.get("/calls").text, "C0001")
        for words in ("Zoë C0001", 'href="tel:+15550001"', "89\u00a0%", "€19", "€123",
                      "Two year", "Tenure: 1 months", "South"):  # fmt: skip
            assert words in row

    def test_what_is_recorded_has_who_and_is_done(self, anna, url):
        answer = anna.record("C0001", "accepted", note=" wants  a discount ")
        assert answer.status_code == 303
        with CallListStore(url) as store:
            row, (event,) = store.find(LIST, "C0001"), store.events("C0001")
        assert (row.state, row.changed_by, row.agent) == ("accepted", "Anna", "Anna")
        assert (event.by, event.note) == ("Anna", "wants a discount")
        assert 'id="c-C0001"' not in anna.get("/calls").text
        assert "Accepted</b>" in row_of(anna.get("/calls?state=accepted").text, "C0001")

    def test_a_later_call_is_there_on_its_day(self, anna):
        anna.record("C0001", "later", due=str(TODAY + timedelta(days=3)))
        anna.record("C0004", "later", due=str(TODAY))
        page = anna.get("/calls").text
        assert 'id="c-C0001"' not in page
        assert 'id="c-C0004"' in page

    def test_of_two_agents_the_second_sees_what_the_first_did(self, anna, app, url):
        ben = Browser(app, BEN)
        anna.record("C0001", "accepted")
        answer = ben.record("C0001", "refused")
        assert answer.status_code == 409
        assert "Anna has set C0001 to accepted in the meantime" in answer.text
        with CallListStore(url) as store:
            assert store.find(LIST, "C0001").state == "accepted"
            assert len(store.events("C0001")) == 1

    @pytest.mark.parametrize(
        ("values", "status"),
        [
            ({"state": "eaten"}, 422), ({"state": "later", "due": "soon"}, 422),
            ({"state": "called", "note": "x" * 501}, 422), ({"version": "-1"}, 422),
        ],
    )  # fmt: skip
    def test_what_cannot_be_recorded_is_named(self, anna, values, status, url):
        values = {"state": "called", "version": "0"} | values
        answer = anna.post(f"/calls/{LIST}/C0001", **values)
        assert answer.status_code == status
        assert "Nothing is recorded" in answer.text
        with CallListStore(url) as store:
            assert store.events("C0001") == []

    def test_nothing_is_recorded_for_the_control_group_or_strangers(self, anna):
        assert anna.record(CONTROL, "called").status_code == 404
        assert anna.record("nobody", "called").status_code == 404

    def test_a_form_of_another_site_is_refused(self, anna, url):
        values = {"state": "called", "version": "0"}
        assert anna.client.post(f"/calls/{LIST}/C0001", data=values).status_code == 403
        wrong = values | {"token": "guessed"}
        assert anna.client.post(f"/calls/{LIST}/C0001", data=wrong).status_code == 403
        token = re.search(r'name="token" value="([^"]+)"', anna.get("/calls").text)[1]
        answer = anna.client.post(
            f"/calls/{LIST}/C0001", data=values | {"token": token},
            headers={"Origin": "http://evil.example"},
        )  # fmt: skip
        assert answer.status_code == 403
        with CallListStore(url) as store:
            assert store.events("C0001") == []

    def test_queries_that_mean_nothing_are_refused(self, anna):
        for query in ("sort=age", "state=eaten", "page=0", "colour=red"):
            assert anna.get(f"/calls?{query}").status_code == 422
        assert anna.get("/calls?list=none").status_code == 404
        assert "Nobody is found" in anna.get("/calls?q=%25").text

    def test_a_database_without_a_list_says_what_makes_one(self, served, tmp_path):
        app = create_app({"SERVED": served, "STATE": tmp_path, "LOG": f"sqlite:///{tmp_path}/x.db"})
        assert "score_flow.py" in Browser(app).get("/calls").text

    def test_without_a_log_there_is_no_desk(self, served, tmp_path):
        app = create_app({"SERVED": served, "STATE": tmp_path, "LOG": "off"})
        answer = Browser(app).get("/calls")
        assert answer.status_code == 503
        assert "prediction log is off" in answer.text


class TestCustomer:
    @pytest.fixture
    def known(self, url, records, served):
        """A customer of the list with two predictions, and how the model scores the later one."""
        record = records[0] | {served.contract.id: "C0001"}
        with PredictionLog(url) as log:
            for days, chance in ((40, 0.31), (0, 0.62)):
                at = NOW - timedelta(days=days)
                log.add([Prediction(f"p{days}", at, "ChurnFlow/9", "C0001", chance, True, 0.2,
                                    record)])  # fmt: skip
        with OutcomeStore(url) as outcomes:
            outcomes.add([Outcome("C0001", TODAY - timedelta(days=20), False, NOW)])
        return served.scorer(record)

    def test_has_risk_calls_and_outcomes(self, anna, known):
        anna.record("C0001", "refused", note="too dear")
        page = anna.get("/customers/C0001").text
        wanted = [
            f"{100 * known:.1f}\u00a0%", "2 predictions", "Refused, by Anna", "too dear",
            "Was still a customer", "On the call list, rank 1", "Risk 31.0\u00a0%",
        ]  # fmt: skip
        assert [words for words in wanted if words not in page] == []

    def test_what_if_begins_with_the_record(self, anna, known, records):
        page = anna.get("/customers/C0001/what-if").text
        assert f'data-typical="{known}"' in page
        charges = f"{records[0]['monthly_charges']:.15g}"
        assert f'name="monthly_charges" data-kind="number" value="{charges}"' in page

    def test_nobody_has_a_risk_without_a_record(self, anna):
        page = anna.get("/customers/X99").text
        assert "no risk is known" in page
        assert "\u00a0%</b>" not in page
        assert "unknown" in anna.get("/customers/X99/what-if").text

    def test_a_record_that_the_model_cannot_score_is_named(self, anna, known, url):
        with PredictionLog(url) as log:
            log.add([Prediction("new", NOW + timedelta(1), "ChurnFlow/9", "C0001", 0.5, True, 0.2,
                                {"tenure": "long"})])  # fmt: skip
        assert "cannot score the latest record: " in anna.get("/customers/C0001").text

    def test_agents_do_not_learn_who_is_in_the_control_group(self, anna, app):
        assert "control" not in anna.get(f"/customers/{CONTROL}").text.lower()
        assert "In the control group" in Browser(app, MIA).get(f"/customers/{CONTROL}").text

    def test_is_found_by_id_and_by_name(self, anna):
        assert anna.get("/customers?q=C0004").location == "/customers/C0004"
        found = anna.get("/customers?q=zoë").text
        assert 'href="/customers/C0001"' in found
        assert CONTROL not in found
        assert "Nothing is known" in anna.get("/customers?q=X99").text


class TestPlan:
    @pytest.fixture
    def scored(self, url, served):
        """The predictions of today's list, of 100 customers at each of two risks."""
        at = datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=UTC)
        with PredictionLog(url) as log:
            log.add([
                Prediction(f"{i}", at, "ChurnFlow/1", f"{i}", (0.05, 0.5)[i % 2], False, 0.2, {})
                for i in range(200)
            ])  # fmt: skip
        with CallListStore(url) as store:
            store.add(desk.a_list(counts={"customers": 2_000, "contact": 300}), [])

    def test_is_made_of_all_customers(self, anna, scored):
        page = anna.get("/plan?budget=10000&acceptance=0.5&offer_cost=10&contact_cost=0").text
        # 1,000 customers with a risk of 50 % bring 0.5 * (0.5 * 190 + 10) - 10 each.
        assert "€42,500" in page
        assert "by 1,000 calls" in page
        part = anna.get("/plan?budget=100", headers={"X-Part": "plan"}).text
        assert "by 100 calls" in part
        assert "<form" not in part
        assert "<b>Nothing</b>" in anna.get("/plan?customer_value=0").text
        assert anna.get("/plan?acceptance=2").status_code == 422

    def test_says_where_the_list_goes_by_another_policy(self, anna, url, scored):
        assert "goes by the learned policy" not in anna.get("/plan").text
        effect = desk.a_list(policy="effect", policy_version="EffectFlow/7")
        with CallListStore(url) as store:
            store.add(effect, [])
        assert "goes by the learned policy of EffectFlow/7" in anna.get("/plan").text
        bins = [[500, 0.5, 0.5, 0.5, [0.2, 0.1, 0.3]], [500, 0.9, 0.9, 0.9, [-0.1, -0.2, 0.0]]]
        with ReportStore(url) as store:
            for version in (6, 7):
                body = {"list": LIST, "policy": f"EffectFlow/{version}", "bins": bins}
                store.add(PLAN_BINS, TODAY, body)
        page = anna.get("/plan?budget=900&contact_cost=1&offer_cost=10&acceptance=0.3").text
        # 0.2 * 200 less 1 + 10 * (0.5 + 0.5 * 0.3): those whom a call makes leave get none.
        assert "€16,250" in page
        assert "€6,250 to €26,250" in page
        assert "by 500 calls" in page
        assert "those of whom it keeps 20.0 of 100" in page
        assert "the effect of a call that EffectFlow/7 has learned" in page
        with CallListStore(url) as store:
            store.add(desk.a_list(), [])

    def test_a_manager_saves_it_for_the_campaign(self, anna, app, scored, url):
        mia = Browser(app, MIA)
        assert mia.post("/plan", on="/plan", budget="150", acceptance="0.4").status_code == 303
        assert "Saved by Mia" in mia.get("/plan").text
        found = read_plan("spring", url)
        assert (found.budget, found.costs["acceptance"]) == (150, "0.4")
        assert 'id="save"' not in anna.get("/plan").text
        assert anna.post("/plan", on="/calls", budget="1").status_code == 403

    def test_without_predictions_says_so(self, anna):
        assert "nothing to plan with" in anna.get("/plan").text


class TestResults:
    def test_have_intervals_and_the_experiments_health(self, anna, url):
        assert "has not run yet" in anna.get("/results").text
        desk.fill_reports(url)
        page = anna.get("/results").text
        assert "hold at every look: −€11,090 to €39,000 saved, −15 to 191 customers kept" in page
        for name in ("discount", "North"):
            row = re.search(rf'<th scope="row">{name}</th>.*?</tr>', page, re.DOTALL)[0]
            assert "€16,320" in row
        assert "Kept of 100</th><th" in page
        wanted = [
            "€16,320", "−€2,400 to €32,020", "82 (12 to 160) stayed because of it", "Jan 2026",
            "11.2\u00a0%", "too few outcomes to compare", "Balance: broken",
            "Outcomes known: cannot", "0.811", "(0.830 to 0.870)",
            "Whom a call keeps: spring", "the learned policy", "€10,750", "−€1,200 to €10,100",
            "better left alone", "-3.0", "Not proven", "not judged again",
        ]  # fmt: skip
        assert [words for words in wanted if words not in page] == []
        assert page.count('class="column"') == 1


class TestHealth:
    @pytest.fixture
    def store(self, tmp_path):
        runs = tiny_runs()
        with reading_from(copy_store(tmp_path / "store")):
            promote(runs["good"], "the first")
            yield runs

    def test_says_why_and_what_to_do(self, anna, url, store):
        assert "No verdict yet" in anna.get("/monitor").text
        desk.fill_reports(url)
        page = anna.get("/monitor").text
        assert "The model should be replaced" in page
        assert "Tenure: the column is broken." in page
        assert "Repair the column where it comes from" in page
        assert "the first" in page

    def test_shows_the_challengers_and_why_each_is_no_champion(self, url, store, tmp_path):
        settings = {"SERVED": fetch_run(store["good"]), "LOG": url, "STATE": tmp_path}
        app = create_app(settings | {"KEYS": ",".join(KEYS)})
        page = Browser(app, ANNA).get("/monitor").text
        challengers = re.search(r'id="challengers".*?</section>', page, re.DOTALL)[0]
        assert store["better"] in challengers
        assert "log loss 0.4000 (in use: 0.5000)" in challengers
        assert "Not promoted; checks failed: calibrated." in challengers
        assert "Calibrated: slope of the calibration line" in challengers
        for kind in ("good", "bank", "fails"):  # the champion, another project's, no model
            assert store[kind] not in challengers
        assert "Promote it" not in page
        mia = Browser(app, MIA)
        assert "Promote it" in mia.get("/monitor").text
        answer = mia.post("/monitor/promote", run=store["better"], why="newer customers")
        assert answer.status_code == 303
        assert store["better"] not in re.search(
            r'id="challengers".*?</section>', mia.get("/monitor").text, re.DOTALL
        )[0]  # fmt: skip

    def test_a_manager_promotes_with_a_reason_and_rolls_back(self, app, store):
        mia = Browser(app, MIA)
        assert store["better"] in mia.get("/monitor/models").text
        answer = mia.post("/monitor/promote", run=store["better"], why="newer customers")
        assert answer.status_code == 303
        assert "newer customers (Mia)" in mia.get("/monitor").text
        assert champion().run == store["better"]
        assert mia.post("/monitor/rollback", why=" ").status_code == 422
        assert mia.post("/monitor/rollback", why="it was worse").status_code == 303
        assert (champion().run, champion().why) == (store["good"], "it was worse (Mia)")
        answer = mia.post("/monitor/promote", run="ChurnFlow/none", why="x")
        assert answer.status_code == 422

    def test_an_agent_promotes_nothing(self, anna, store):
        assert "Roll back" not in anna.get("/monitor").text
        assert anna.get("/monitor/models").status_code == 403
        assert anna.post("/monitor/promote", run=store["better"], why="x").status_code == 403
        assert champion().run == store["good"]


class TestFiles:
    def test_csv_reads_well_and_runs_no_formula(self, anna, url):
        with CallListStore(url) as store:
            row = desk.listed("=cmd()", 9, contact={"name": "+cmd|x", "phone": "+15550009"})
            store.add(desk.a_list(), [row])
        answer = anna.get("/calls/download/csv?state=all")
        assert f"calls-{TODAY}.csv" in answer.headers["Content-Disposition"]
        head, line = csv.reader(io.StringIO(answer.data.decode("utf-8-sig")))
        found = dict(zip(head, line, strict=True))
        assert found["Customer id"] == "'=cmd()"
        assert (found["Name"], found["Phone"]) == ("'+cmd|x", "+15550009")
        assert (found["Risk (%)"], found["Value at risk (EUR)"]) == ("81.0", "123.46")
        assert found["State"] == "open"

    def test_excel_has_numbers_as_numbers(self, anna):
        answer = anna.get("/calls/download/xlsx?agent=everybody")
        head, *rows = load_workbook(io.BytesIO(answer.data)).get_sheet_by_index(0).to_python()
        assert [row[head.index("Customer id")] for row in rows] == [
            "C0001", "C0002", "C0004", "C0005", "C0006",
        ]  # fmt: skip
        assert [row[head.index("Benefit of a call (EUR)")] for row in rows] == [19, 18, 16, 15, 14]
        assert rows[0][head.index("Name")] == "Zoë C0001"


class TestCampaign:
    """A list of a campaign with several actions, and its file."""

    @pytest.fixture
    def shop(self, served, url, tmp_path):
        (tmp_path / "campaign.toml").write_text(TWO_ACTIONS)
        with CallListStore(url) as store:
            offered = desk.listed("C0001", 1, action="discount")
            store.add(desk.a_list(), [offered, desk.listed("C0002", 2, action="gift")])
        settings = {"SERVED": served, "LOG": url, "STATE": tmp_path, "KEYS": ",".join(KEYS)}
        return create_app(settings | {"CAMPAIGN_FILE": str(tmp_path / "campaign.toml")})

    def test_a_row_and_the_files_say_what_to_offer_and_how(self, shop):
        anna = Browser(shop, ANNA)
        page = anna.get("/calls").text
        assert "<b>Offer</b> discount: 20 % off for a year, by phone" in row_of(page, "C0001")
        assert "<b>Offer</b> gift" in row_of(page, "C0002")
        head, *rows = csv.reader(io.StringIO(anna.get("/calls/download/csv").text.lstrip("\ufeff")))
        offers = [row[head.index("Offer")] for row in rows]
        assert offers == ["discount: 20 % off for a year, by phone", "gift"]

    def test_a_plan_begins_with_the_costs_of_the_file_and_says_of_which_action(self, shop):
        page = Browser(shop, MIA).get("/plan").text
        assert "several actions, discount, mail; this plan is of the first alone" in page

    def test_a_file_that_is_wrong_starts_no_app(self, tmp_path):
        (tmp_path / "campaign.toml").write_text("campaign = 3")
        with pytest.raises(ChurnError, match="actions: it is missing"):
            create_app({"STATE": tmp_path, "CAMPAIGN_FILE": str(tmp_path / "campaign.toml")})
