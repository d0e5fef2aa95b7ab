"""Outcomes that are posted to the app."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from churn.campaign.stored import CallListStore, ListedCustomer, StoredList
from churn.campaign.stored.call_results import EXPECTED
from churn.data.ids import id_text
from churn.feedback.outcomes import OutcomeStore
from churn.feedback.prediction_log import locations
from serve import create_app

GONE = {"customer": "C1", "date": "2024-11-01", "left": True}
STAYED = {"customer": 2, "date": "2024-11-01", "left": False, "recorded": None}


class App:
    """An app with no model, for outcomes need none, and the database it writes to."""

    def __init__(self, state, **more):
        self.url = locations({"CHURN_STATE": str(state)})[1]
        config = {"RUN": None, "STATE": state, "MAX_BATCH": 100, "TESTING": True}
        self.client = create_app(config | more).test_client()

    def tell(self, *outcomes, **more):
        return self.client.post("/outcomes", json={"outcomes": outcomes}, **more)

    def stored(self):
        with OutcomeStore(self.url) as store:
            return [row[:3] for row in store.between()]


@pytest.fixture
def app(tmp_path):
    return App(tmp_path / "state")


def problems_of(answer, status):
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/problem+json"
    return {one["where"]: one for one in json.loads(answer.data)["problems"]}


def test_what_is_told_is_in_the_database_and_counted(app):
    assert app.tell(GONE, STAYED).json == {"new": 2, "corrected": 0, "unchanged": 0}
    day = date(2024, 11, 1)
    assert app.stored() == [("2", day, False), ("C1", day, True)]
    assert app.tell(GONE, STAYED).json == {"new": 0, "corrected": 0, "unchanged": 2}
    assert app.tell(GONE | {"left": False}).json == {"new": 0, "corrected": 1, "unchanged": 0}
    late = GONE | {"recorded": "2024-11-02T09:30:00+01:00"}
    assert app.tell(late).json == {"new": 0, "corrected": 0, "unchanged": 1}
    assert app.stored() == [("2", day, False), ("C1", day, False)]


def test_every_problem_is_named_and_nothing_is_written(app):
    after = (datetime.now(UTC) + timedelta(days=2)).date()
    wrong = [
        {"customer": "", "date": "1.11.2024", "left": "yes", "recorded": "2024-11-01"},
        {"customer": 1.5, "date": f"{after}", "recorded": f"{after}T00:00:00Z", "churn": 1},
        GONE,
        "C1",
    ]
    found = problems_of(app.tell(*wrong), 422)
    assert set(found) == {
        *(f"outcomes[0].{name}" for name in ("customer", "date", "left", "recorded")),
        *(f"outcomes[1].{name}" for name in ("customer", "date", "left", "recorded", "churn")),
        "outcomes[3]",
    }
    assert found["outcomes[1].date"]["got"] == f'"{after}"'
    assert "tomorrow" in found["outcomes[1].date"]["expected"]
    assert found["outcomes[1].left"]["got"] == "nothing"
    assert app.stored() == []


@pytest.mark.parametrize("customer", ["", " ", "\r", "NA", "x" * 201, True, 1.5, None])
def test_what_is_no_id_is_no_customer(app, customer):
    found = problems_of(app.tell(GONE | {"customer": customer}), 422)
    assert set(found) == {"outcomes[0].customer"}


def test_a_day_ahead_may_be_told_where_it_is_that_day_already(app):
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date()
    assert app.tell(GONE | {"date": f"{tomorrow}"}).status_code == 200


def test_who_left_and_stayed_is_asked_which(app):
    found = problems_of(app.tell(GONE, STAYED, GONE | {"left": False}), 422)
    assert set(found) == {"outcomes[2].left"}
    assert "outcomes[0]" in found["outcomes[2].left"]["expected"]
    assert app.stored() == []
    corrected = [
        GONE | {"recorded": "2024-11-03T00:00:00Z", "left": False},
        GONE | {"recorded": "2024-11-02T00:00:00Z"},
    ]
    assert app.tell(*corrected).json == {"new": 1, "corrected": 0, "unchanged": 1}
    assert app.stored() == [("C1", date(2024, 11, 1), False)]


@pytest.mark.parametrize(
    "body",
    [{}, [], 3, None, {"outcomes": []}, {"outcomes": [GONE] * 101}, {"outcomes": [], "x": 1}],
)
def test_what_is_no_list_of_outcomes_is_refused(app, body):
    answer = app.client.post("/outcomes", data=json.dumps(body), content_type="application/json")
    assert problems_of(answer, 422)
    assert app.stored() == []


def test_a_body_that_is_no_json_is_refused(app):
    for body in (b"", b"{", b"\xff", b'"\\ud800"'):
        answer = app.client.post("/outcomes", data=body, content_type="application/json")
        assert set(problems_of(answer, 400)) == {"the body"}
    assert set(problems_of(app.client.post("/outcomes", data=b"{}"), 415)) == {"Content-Type"}


def test_without_a_log_there_is_no_place_for_outcomes(tmp_path):
    problems_of(App(tmp_path, LOG="off").tell(GONE), 503)


def test_a_database_that_is_away_is_said_and_back_again(tmp_path):
    folder = tmp_path / "database"
    url = f"sqlite:///{folder / 'log.db'}"
    app = App(tmp_path / "state", LOG=url)
    app.url = url
    app.tell(GONE)
    folder.rename(tmp_path / "away")
    folder.write_text("in the way")
    problems_of(app.tell(STAYED), 503)
    folder.unlink()
    (tmp_path / "away").rename(folder)
    assert app.tell(STAYED).json == {"new": 1, "corrected": 0, "unchanged": 0}
    assert len(app.stored()) == 2


def test_outcomes_want_the_key(tmp_path):
    key = "a-key-of-some-length"
    app = App(tmp_path, KEYS=key)
    assert set(problems_of(app.tell(GONE), 401)) == {"X-API-Key"}
    assert app.stored() == []
    assert app.tell(GONE, headers={"X-API-Key": key}).status_code == 200


times = st.datetimes(datetime(1900, 1, 2), datetime(2024, 1, 1), timezones=st.timezones())
valid = st.fixed_dictionaries(
    {
        "customer": st.text(max_size=200).filter(id_text) | st.integers(-(10**199), 10**199),
        "date": st.dates(date(1900, 1, 1), datetime.now(UTC).date()).map(str),
        "left": st.booleans(),
    },
    optional={
        "recorded": st.none() | times.map(lambda time: time.astimezone(UTC).isoformat()),
    },
)
odd = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=12,
)
fuzz = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@fuzz
@given(outcomes=st.lists(valid, min_size=1, unique_by=lambda one: id_text(one["customer"])))
def test_whatever_is_an_outcome_is_taken(app, outcomes):
    answer = app.tell(*outcomes)
    assert answer.status_code == 200, answer.text
    assert sum(answer.json.values()) == len(outcomes)


@fuzz
@given(data=st.data())
def test_no_json_is_too_odd(app, data):
    one = data.draw(odd | st.fixed_dictionaries(dict.fromkeys([*GONE, "recorded"], odd)))
    body = data.draw(st.sampled_from([one, {"outcomes": one}, {"outcomes": [GONE, one]}]))
    answer = app.client.post("/outcomes", data=json.dumps(body), content_type="application/json")
    assert answer.status_code in (200, 422), answer.text


CALLED = {
    "customer": "7", "result": "accepted", "date": "2026-03-05", "cost": 12.5, "by": "Anna",
    "campaign": "spring",
}  # fmt: skip


@pytest.fixture
def with_list(app, tmp_path):
    """An app with a list of `spring`: 7 and 8 are to be called, 9 is in the control group."""
    of = StoredList(
        "1", datetime(2026, 3, 2, tzinfo=UTC), date(2026, 3, 2), "spring", "ChurnFlow/1", "risk",
        "ChurnFlow/1", "", "id", {}, {}, [],
    )  # fmt: skip
    rows = [
        ListedCustomer(
            "1", customer, rank, customer == "9", "list", None, "discount", 0.5, 0.5, 1.0, 1.0,
            1.0, 1.0, [], None, None, {}, None,
        )
        for rank, customer in enumerate("789", start=1)
    ]  # fmt: skip
    with CallListStore(app.url) as store:
        store.add(of, rows)

    def call(*calls):
        return app.client.post("/outcomes", json={"calls": calls})

    return app, call


def counts(**some):
    names = ("new", "known", "older", "unlisted", "control", "other")
    return dict.fromkeys(names, 0) | some


def test_results_of_calls_are_on_the_list_repeated_corrected_and_late(with_list):
    app, call = with_list
    missed = {"customer": 8, "result": "not_reached", "date": "2026-03-05", "campaign": "spring"}
    assert call(CALLED, missed).json == counts(new=2)
    assert call(CALLED, missed).json == counts(known=2)
    assert call(CALLED | {"result": "called", "date": "2026-03-03"}).json == counts(older=1)
    assert call(CALLED | {"result": "refused", "cost": 4, "action": "mail"}).json == counts(
        new=1, other=1
    )
    with CallListStore(app.url) as store:
        now, before = store.events("7")
        assert (before.state, before.cost, before.by) == ("accepted", 12.5, "Anna")
        assert (now.state, now.cost, now.note) == ("refused", 4.0, "mail instead of discount")
        assert now.at.date() == date(2026, 3, 5)
        assert store.find("1", "8").state == "not_reached"
        assert store.events("8")[0].by == "the API"


def test_calls_of_nobody_s_list_and_of_the_control_group_are_counted_and_not_recorded(with_list):
    app, call = with_list
    others = [CALLED | {"customer": one} for one in ("9", "10")]
    assert call(CALLED | {"campaign": None}, *others).json == counts(unlisted=2, control=1)
    with CallListStore(app.url) as store:
        assert [store.events(one) for one in ("7", "9", "10")] == [[], [], []]


def test_the_campaign_is_that_of_the_app_where_a_call_names_none(tmp_path, with_list):
    assert with_list
    file = tmp_path / "campaign.toml"
    file.write_text('campaign = "spring"\n[[actions]]\nname = "discount"\n')
    own = App(tmp_path / "state", CAMPAIGN_FILE=str(file))
    answer = own.client.post("/outcomes", json={"calls": [{"customer": "7", "result": "called"}]})
    assert answer.json == counts(new=1)


def test_every_problem_of_calls_is_named_in_the_words_of_the_table_and_nothing_is_recorded(
    with_list,
):
    app, call = with_list
    after = str((datetime.now(UTC) + timedelta(days=1)).date())
    wrong = [
        {"customer": "", "result": "yes", "date": after, "cost": -1, "by": 3, "left": True},
        CALLED,
        {"date": "5.3.2026", "cost": "4"},
    ]
    found = problems_of(call(*wrong), 422)
    assert set(found) == {
        *(f"calls[0].{name}" for name in ("customer", "result", "date", "cost", "by", "left")),
        *(f"calls[2].{name}" for name in ("customer", "result", "date", "cost")),
    }
    for name in ("result", "date", "cost"):
        assert found[f"calls[0].{name}"]["expected"] == EXPECTED[name]
    with CallListStore(app.url) as store:
        assert store.events("7") == []


def test_a_request_has_outcomes_or_calls(with_list):
    app, _ = with_list
    both = {"outcomes": [GONE], "calls": [CALLED]}
    found = problems_of(app.client.post("/outcomes", json=both), 422)
    assert set(found) == {"calls"}
    assert app.stored() == []
    assert set(problems_of(app.client.post("/outcomes", json={"calls": []}), 422)) == {"calls"}
    many = {"calls": [CALLED] * 101}
    assert set(problems_of(app.client.post("/outcomes", json=many), 422)) == {"calls"}
    # A customer may be called so.
    named = app.tell(GONE | {"customer": '"calls"'})
    assert named.json == {"new": 1, "corrected": 0, "unchanged": 0}


def test_without_a_log_there_is_no_place_for_calls(tmp_path):
    client = App(tmp_path / "state", LOG="off").client
    answer = client.post("/outcomes", json={"calls": [CALLED]})
    assert answer.status_code == 503, answer.text
