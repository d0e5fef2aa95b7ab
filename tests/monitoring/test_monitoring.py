"""Monitoring: what raises an alarm and what does not, who is graded, and what becomes of it."""

import http.server
import json
import threading
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from churn.data.contract import Contract
from churn.data.parsing import labels, parse_features
from churn.data.readers import TELCO
from churn.data.synthetic import generate_sample_data
from churn.errors import ChurnError
from churn.evaluation.metrics import evaluate
from churn.evaluation.profit import RetentionCosts
from churn.feedback.outcomes import Outcome, OutcomeStore
from churn.feedback.prediction_log import Prediction, PredictionLog
from churn.modeling.model import ChurnModel
from churn.modeling.search_space import BASELINE
from churn.monitoring import notify, performance, verdict
from churn.monitoring.drift import LEVEL, Reference, compare, questions
from churn.monitoring.evidently_report import evidently_report
from churn.monitoring.inputs import ScoredCustomers, open_log, read_answers, read_outcomes
from churn.monitoring.profit_drift import appraise, terms
from churn.monitoring.settings import MonitorSettings
from churn.monitoring.stattests import CHISQUARE, FISHER, p_value
from churn.scoring.deployment import Deployment
from churn.scoring.explanations import Explainer
from churn.scoring.export.models import compare as hold_to
from churn.scoring.export.models import compile_model, records

CONTRACT = Contract.read(TELCO / "contract.toml")
JANUARY, APRIL = datetime(2026, 1, 10, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
NOBODY = pd.DataFrame({"customer": [], "arm": [], "day": pd.to_datetime([])})


@pytest.fixture(scope="session")
def watched() -> tuple[Deployment, Reference]:
    """A plain model, and customers it was graded on."""
    seen, known = generate_sample_data(4_000, seed=1), generate_sample_data(4_000, seed=2)
    model = ChurnModel(CONTRACT, BASELINE).fit(seen)
    chance = model.predict_proba(known)[:, 1]
    scorer = compile_model(model)
    deployment = Deployment(
        run="ChurnFlow/1", candidate="plain", contract=CONTRACT, scorer=scorer,
        agreement=hold_to(scorer, model, known.head(100)), reasons=Explainer.of_model(model),
        metrics=evaluate(labels(known, CONTRACT), chance), evaluated_on="hold-out", reliability=[],
        importances=[], lineage={}, fingerprint="", customers=4_000, made=None,
    )  # fmt: skip
    return deployment, Reference(parse_features(known, CONTRACT), chance)


def score(deployment: Deployment, typed: pd.DataFrame) -> np.ndarray:
    return np.array([deployment.scorer(record) for record in records(typed)])


@pytest.fixture(scope="session")
def look(watched):
    """Compares a period's customers with those that the model knows."""

    def compared(table: pd.DataFrame, **settings):
        deployment, reference = watched
        typed = parse_features(table, CONTRACT)
        return compare(reference, typed, score(deployment, typed), CONTRACT, **settings)

    return compared


def period(n: int = 800, seed: int = 10) -> pd.DataFrame:
    return generate_sample_data(n, seed).astype({"tenure": float})


def alarms(drift) -> set[tuple[str, str]]:
    return set(zip(drift.alarms["column"], drift.alarms["what"], strict=True))


class TestDrift:
    def test_unchanged_customers_raise_no_alarm(self, look):
        for seed in range(10, 18):
            assert alarms(look(period(seed=seed))) == set()

    @pytest.mark.parametrize("column", ["tenure", "monthly_charges", "total_charges"])
    def test_a_shift_of_one_standard_deviation_is_noticed(self, look, column):
        table = period()
        shifted = table.assign(**{column: table[column] + table[column].std()})
        assert (column, "values") in alarms(look(shifted))

    def test_a_new_category_is_noticed_and_the_known_ones_are_as_before(self, look):
        table = period()
        chosen = np.arange(len(table)) % 20 == 0
        new = table.assign(contract=table["contract"].astype(object).mask(chosen, "Weekly"))
        assert alarms(look(new)) == {("contract", "new category")}

    @pytest.mark.parametrize("column", ["tenure", "contract", "partner"])
    def test_a_column_that_is_all_missing_is_broken(self, look, column):
        drift = look(period().assign(**{column: None}))
        broken = drift.table[drift.table["broken"]]
        assert set(broken["column"]) == {column}
        assert broken["current"].tolist() == ["100.0%"]

    @pytest.mark.parametrize("factor", [100, 0.01])
    def test_a_wrong_unit_is_broken(self, look, factor):
        table = period()
        drift = look(table.assign(monthly_charges=table["monthly_charges"] * factor))
        assert set(drift.table["column"][drift.table["broken"]]) == {"monthly_charges"}

    def test_too_few_customers_raise_no_alarm_whatever_they_are(self, look):
        drift = look(period(199).assign(tenure=None))
        assert drift.too_few
        assert drift.alarms.empty
        assert not look(period(199), least=100).too_few

    def test_a_trifle_among_very_many_is_significant_and_no_alarm(self, look):
        table = period(20_000)
        drift = look(table.assign(monthly_charges=table["monthly_charges"] + 2))
        row = drift.table[drift.table["column"] == "monthly_charges"].iloc[0]
        assert row["adjusted"] < LEVEL
        assert ("monthly_charges", "values") not in alarms(drift)

    def test_customers_of_another_kind_are_noticed_in_categories_flags_and_scores(self, look):
        table = period(4_000)
        some = table[(table["contract"] == "Month-to-month") & (table["partner"] == 0)]
        assert {("contract", "values"), ("partner", "values"), ("score", "values")} <= alarms(
            look(some)
        )

    def test_the_tests_of_two_samples_keep_their_level(self):
        rng, levels = np.random.default_rng(0), ["a", "b", "c"]
        for method, make in (
            (CHISQUARE, lambda n: pd.Series(rng.choice(levels, n, p=[0.5, 0.3, 0.2]))),
            (FISHER, lambda n: pd.Series(rng.random(n) < 0.3)),
        ):
            found = [p_value(method, make(300), make(300)) for _ in range(400)]
            assert 0.01 <= np.mean(np.array(found) < 0.05) <= 0.09

    def test_evidently_s_report_has_every_question(self, watched):
        deployment, reference = watched
        typed = parse_features(period(), CONTRACT).assign(tenure=np.nan)
        asked = list(questions(reference, typed, score(deployment, typed), CONTRACT))
        page = evidently_report(asked)
        for name in ("score", "tenure: missing", "contract", "partner"):
            assert f"Drift in column '{name}'" in page.replace("\\u0027", "'").replace("&#39;", "'")


class TestMoney:
    def test_unchanged_customers_are_worth_what_they_were(self, watched):
        deployment, reference = watched
        typed = parse_features(period(2_000), CONTRACT)
        money = appraise(reference, typed, score(deployment, typed), CONTRACT, RetentionCosts())
        assert not money.changed
        assert not money.segments["changed"].any()
        assert money.top.now == pytest.approx(0.1, abs=0.03)
        assert money.mix < 0.2
        for _, rows in money.segments.groupby("feature"):
            for column in ("share", "share_before", "top", "top_before"):
                assert rows[column].sum() == pytest.approx(1)

    def test_customers_who_stay_are_worth_no_call_and_it_is_said_where(self, watched):
        deployment, reference = watched
        table = period(4_000)
        loyal = parse_features(table[table["tenure"] > 24], CONTRACT)
        money = appraise(reference, loyal, score(deployment, loyal), CONTRACT, RetentionCosts())
        assert money.changed
        assert money.profit.high < 0
        assert money.calls.now < money.calls.before
        assert money.segments["changed"].iloc[0]

    def test_a_value_that_is_not_known_leaves_the_customer_out(self, watched):
        deployment, reference = watched
        offer = terms(RetentionCosts(), {"customer_value": "monthly_charges", "contact_cost": ""})
        typed = parse_features(period(), CONTRACT)
        chance = score(deployment, typed)
        some = typed.assign(monthly_charges=typed["monthly_charges"].where(typed.index >= 100))
        money = appraise(reference, some, chance, CONTRACT, offer)
        assert (money.customers, money.untold) == (700, 100)
        none = appraise(reference, typed.assign(monthly_charges=np.nan), chance, CONTRACT, offer)
        assert none.profit is None
        assert not none.changed


def answered(customers, times, chance=0.5, features=None) -> ScoredCustomers:
    answers = pd.DataFrame({"customer": customers, "time": times}).assign(
        period=[performance.month(time) for time in times], probability=chance,
        prediction=[str(number) for number in range(len(customers))],
    )  # fmt: skip
    features = pd.DataFrame(index=answers.index) if features is None else features
    return ScoredCustomers(answers, features, {}, len(answers), 0)


def told(*rows) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["customer", "date", "left"])
    return frame.assign(recorded=pd.Timestamp(APRIL))


class TestLabels:
    @pytest.mark.parametrize(
        ("outcomes", "label"),
        [
            ([], np.nan),
            ([("2026-01-11", True)], 1),
            ([("2026-02-09", True)], 1),
            ([("2026-02-10", True)], 0),
            ([("2026-02-08", False)], np.nan),
            ([("2026-02-09", False)], 0),
            ([("2026-01-10", True)], np.nan),
            ([("2025-12-01", True), ("2026-03-01", False)], np.nan),
            ([("2026-01-20", True), ("2026-03-01", False)], 1),
            ([("2026-01-12", False), ("2026-03-01", True)], 0),
        ],
    )
    def test_left_within_the_horizon_or_still_there_after_it(self, outcomes, label):
        asked = answered(["7", "8", None], [JANUARY] * 3).answers
        frame = told(*(("7", date.fromisoformat(day), left) for day, left in outcomes))
        found = performance.labels(asked, frame, horizon=30)
        np.testing.assert_equal(found, [label, np.nan, np.nan])


@pytest.fixture(scope="session")
def january(watched):
    """2,000 customers asked about in January, and who of them left."""
    deployment, _ = watched
    table, truth = generate_sample_data(2_000, seed=30, return_probability=True)
    typed = parse_features(table, CONTRACT)
    ids = [f"c{number}" for number in range(len(table))]
    asked = answered(ids, [JANUARY] * len(ids), score(deployment, typed), typed)
    return asked, labels(table, CONTRACT), truth


def happened(asked: ScoredCustomers, left: np.ndarray) -> pd.DataFrame:
    days = np.where(left, date(2026, 1, 20), date(2026, 2, 15))
    customers = asked.answers["customer"]
    return told(*zip(customers, days, left.astype(bool), strict=True))


class TestCohorts:
    def test_a_model_that_keeps_its_promise_is_not_worse(self, watched, january):
        asked, left, _ = january
        quality = performance.grade(asked, watched[0], happened(asked, left), NOBODY, APRIL)
        assert quality.judged == "2026-01"
        assert quality.worse == ()
        row = quality.cohorts.iloc[0]
        assert (row["known"], row["completeness"], row["contacted"]) == (2_000, 1, 0)
        expected = evaluate(left, asked.probabilities)
        for name in ("roc_auc", "log_loss", "brier"):
            assert row[name] == pytest.approx(expected[name]["value"])

    def test_a_model_that_does_not_is_and_it_is_said_how(self, watched, january):
        asked, left, _ = january
        turned = left[np.random.default_rng(0).permutation(len(left))]
        quality = performance.grade(asked, watched[0], happened(asked, turned), NOBODY, APRIL)
        assert any("roc auc" in text for text in quality.worse)
        everyone = (np.arange(len(left)) % 2 == 0) | (left == 1)
        quality = performance.grade(asked, watched[0], happened(asked, everyone), NOBODY, APRIL)
        assert any("times as many" in text for text in quality.worse)

    def test_a_cohort_is_not_graded_before_its_last_day_and_the_horizon_are_over(
        self, watched, january
    ):
        asked, left, _ = january
        outcomes = happened(asked, left)
        ripe = asked.answers["time"].max() + timedelta(days=30)
        for now, state in ((ripe - timedelta(seconds=1), "waiting"), (ripe, "judged")):
            quality = performance.grade(asked, watched[0], outcomes, NOBODY, now)
            assert quality.cohorts["state"].tolist() == [state]
        assert performance.grade(asked, watched[0], outcomes, NOBODY, JANUARY).judged is None

    def test_few_labels_show_and_do_not_judge(self, watched, january):
        asked, left, _ = january
        some = happened(asked, 1 - left).head(800)
        quality = performance.grade(asked, watched[0], some, NOBODY, APRIL)
        row = quality.cohorts.iloc[0]
        assert (row["state"], row["completeness"]) == ("few", 0.4)
        assert row["roc_auc"] < 0.3
        assert (quality.judged, quality.worse) == (None, ())
        assert performance.grade(asked, watched[0], some, NOBODY, APRIL, completeness=0.3).worse

    def test_customers_who_were_called_are_stood_in_for_by_their_control_group(
        self, watched, january
    ):
        asked, left, _ = january
        listed = np.argsort(-asked.probabilities)[:600]
        arm = np.where(np.arange(600) % 3 == 0, "control", "contact")
        calls = pd.DataFrame(
            {
                "customer": asked.answers["customer"].to_numpy()[listed],
                "arm": arm,
                "day": pd.Timestamp("2026-01-12"),
            }
        )
        kept = left.copy()
        kept[listed[arm == "contact"]] = 0  # every call worked
        outcomes = happened(asked, kept)
        blind = performance.grade(asked, watched[0], outcomes, NOBODY, APRIL)
        assert blind.worse
        seen = performance.grade(asked, watched[0], outcomes, calls, APRIL)
        row = seen.cohorts.iloc[0]
        assert (row["contacted"], row["control"]) == (0.2, 0.1)
        assert seen.worse == ()
        assert row["left"] == pytest.approx(left.mean(), abs=0.04)
        nobody_else = calls[calls["arm"] == "contact"]
        alone = performance.grade(asked, watched[0], outcomes, nobody_else, APRIL)
        assert alone.cohorts["state"].tolist() == ["few"]

    def test_calls_before_the_prediction_or_after_its_horizon_do_not_count(self, january):
        asked = january[0].answers.head(3)
        days = pd.to_datetime(["2026-01-09", "2026-01-10", "2026-02-10"])
        calls = pd.DataFrame({"customer": asked["customer"], "arm": "contact", "day": days})
        assert performance.arms(asked, calls, 30).tolist() == ["", "contact", ""]

    def test_predictions_about_nobody_in_particular_and_no_list_are_no_fault(self):
        asked = answered([None, None], [JANUARY] * 2).answers
        assert performance.arms(asked, performance.read_call_days([]), 30).tolist() == ["", ""]
        assert np.isnan(performance.labels(asked, told(), 30)).all()

    def test_what_is_no_call_list_is_told(self, tmp_path):
        path = tmp_path / "x.csv"
        path.write_text("id,name\n1,a\n")
        with pytest.raises(ChurnError, match="lacks arm, as_of"):
            performance.read_call_days([str(path)])


@pytest.fixture
def log(tmp_path) -> str:
    return f"sqlite:///{tmp_path / 'log.db'}"


def predictions(rows) -> list[Prediction]:
    return [
        Prediction(str(number), time, run, customer, chance, False, 0.5, inputs)
        for number, (time, run, customer, chance, inputs) in enumerate(rows)
    ]


class TestReading:
    def test_a_customer_counts_once_a_period_and_other_runs_do_not(self, log):
        start = datetime(2026, 1, 1, tzinfo=UTC)
        day = timedelta(days=1)
        rows = [
            (start + 2 * day, "ChurnFlow/1", "a", 0.1, {"tenure": 1}),
            (start + 3 * day, "ChurnFlow/1", "a", 0.2, {"tenure": 2}),
            (start + 40 * day, "ChurnFlow/1", "a", 0.3, {"tenure": 3}),
            (start + 4 * day, "ChurnFlow/1", None, 0.4, {"tenure": "a while"}),
            (start + 5 * day, "ChurnFlow/1", None, 0.5, {"contract": "Weekly"}),
            (start + 6 * day, "ChurnFlow/2", "b", 0.6, {}),
        ]
        with PredictionLog(log) as database:
            database.add(predictions(rows))
        with open_log(log) as (database, _):
            found = read_answers(
                database, "ChurnFlow/1", CONTRACT, start, start + 60 * day, performance.month
            )
        assert sorted(found.probabilities) == [0.1, 0.3, 0.4, 0.5]
        assert (found.predictions, found.others) == (5, 1)
        assert found.unreadable == {"tenure": 1}
        by = found.features.set_index(found.answers["probability"])
        assert by.loc[0.3, "tenure"] == 3
        assert by.loc[0.5, "contract"] == "Weekly"

    def test_of_very_many_some_are_drawn_always_the_same(self, log):
        rows = [
            (JANUARY + timedelta(seconds=n), "ChurnFlow/1", f"c{n % 500}", 0.5, {"tenure": n})
            for n in range(1_000)
        ]
        with PredictionLog(log) as database:
            database.add(predictions(rows))
            drawn = [
                read_answers(database, "ChurnFlow/1", CONTRACT, JANUARY, APRIL, most=most)
                for most in (100, 50)
            ]
        hundred, fifty = (set(found.answers["customer"]) for found in drawn)
        assert (len(hundred), len(fifty)) == (100, 50)
        assert fifty < hundred
        assert (drawn[0].features["tenure"] < 500).all()  # the first about each

    def test_an_empty_log_is_told(self, log):
        with pytest.raises(ChurnError, match="no predictions"), open_log(log):
            pass

    def test_outcomes_of_the_database_and_of_a_table_are_one_the_later_holds(self, log, tmp_path):
        path = tmp_path / "outcomes.csv"
        path.write_text(
            "customer_id,date,left,recorded\n"
            "a,2026-02-01,no,2026-02-02T00:00:00Z\n"
            "b,2026-02-01,no,2026-02-04T00:00:00Z\n"
        )
        between = datetime(2026, 2, 3, tzinfo=UTC)
        with OutcomeStore(log) as store:
            store.add([Outcome(name, date(2026, 2, 1), True, between) for name in "abc"])
            found = read_outcomes(store, pd.Series(["a", "b", None]), str(path), "customer_id")
        assert dict(zip(found["customer"], found["left"], strict=True)) == {"a": True, "b": False}


@pytest.fixture(scope="session")
def judged(watched, january):
    """The verdict on a period, all else being well."""
    deployment, reference = watched
    asked, left, _ = january
    quality = performance.grade(asked, deployment, happened(asked, left), NOBODY, APRIL)

    def judge(table: pd.DataFrame, quality=quality, unreadable=None):
        typed = parse_features(table, CONTRACT)
        chance = score(deployment, typed)
        period = ScoredCustomers(pd.DataFrame(), typed, unreadable or {}, len(typed), 3)
        drift = compare(reference, typed, chance, CONTRACT)
        money = appraise(reference, typed, chance, CONTRACT, RetentionCosts())
        found = verdict.judge(deployment.run, period, drift, money, quality)
        return found, drift, money, quality

    return judge


class TestVerdict:
    def test_all_well_is_ok(self, judged):
        found = judged(period())[0]
        assert (found.verdict, found.exit_code, found.reasons) == ("ok", 0, ())
        assert "3 predictions of other runs were left out." in found.remarks

    def test_drift_is_watched_and_a_broken_column_asks_for_more(self, judged):
        table = period()
        dearer = table.assign(monthly_charges=table["monthly_charges"] * 1.1)
        found = judged(dearer)[0]
        assert (found.verdict, found.exit_code) == ("watch", 3)
        broken = judged(table.assign(tenure=None))[0]
        assert (broken.verdict, broken.exit_code) == ("retrain", 4)
        assert "tenure: missing in 100.0%, was 0.0%; the column is broken" in str(broken)

    def test_a_broken_promise_asks_for_a_new_model(self, judged, watched, january):
        asked, left, _ = january
        bad = performance.grade(asked, watched[0], happened(asked, 1 - left), NOBODY, APRIL)
        found = judged(period(), quality=bad)[0]
        assert found.verdict == "retrain"
        assert {reason.about for reason in found.reasons if reason.verdict == "retrain"} == {
            "quality"
        }

    def test_cells_that_cannot_be_read_are_watched(self, judged):
        assert judged(period(), unreadable={"tenure": 7})[0].verdict == "ok"
        assert judged(period(), unreadable={"tenure": 8})[0].verdict == "watch"

    def test_too_few_customers_are_ok_and_it_is_said(self, judged):
        found = judged(period(100).assign(tenure=None))[0]
        assert found.verdict == "ok"
        assert found.remarks[0].startswith("Too few to compare: 100 customers")


class TestTelling:
    def test_prometheus_reads_the_metrics(self, judged, tmp_path):
        from prometheus_client.parser import text_string_to_metric_families

        path = tmp_path / "churn.prom"
        path.write_text("old")
        found = judged(period().assign(tenure=None))
        notify.write_metrics(notify.prometheus_text(*found, APRIL), path)
        samples = {
            (sample.name, *sorted(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(path.read_text())
            for sample in family.samples
        }
        run = ("run", "ChurnFlow/1")
        assert samples["churn_monitor_verdict", run] == 2
        assert samples["churn_monitor_effect", ("column", "tenure"), run, ("what", "missing")] == 1
        assert samples["churn_monitor_quality", ("metric", "roc_auc"), run] > 0.8
        assert samples["churn_monitor_label_completeness", run] == 1
        assert [entry.name for entry in tmp_path.iterdir()] == ["churn.prom"]

    def test_a_metrics_file_that_cannot_be_written_is_told(self, tmp_path):
        with pytest.raises(ChurnError, match="cannot be written"):
            notify.write_metrics("", tmp_path / "nowhere" / "churn.prom")

    def test_a_webhook_gets_the_verdict_and_a_failing_one_is_told_without_its_path(self, judged):
        got = []

        class Hook(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200 if self.path == "/good" else 500)
                self.end_headers()

            def log_message(self, *_):
                pass

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            url = f"http://127.0.0.1:{server.server_port}"
            found = judged(period().assign(tenure=None))[0]
            notify.post(f"{url}/good", notify.message(found, "MonitorFlow/9", APRIL))
            with pytest.raises(ChurnError, match="was not told") as failure:
                notify.post(f"{url}/secret", {})
            server.shutdown()
        assert got[0]["verdict"] == "retrain"
        assert got[0]["monitor"] == "MonitorFlow/9"
        assert got[0]["reasons"][0]["about"] == "drift"
        assert "secret" not in str(failure.value)


GOOD = {
    "as_of": "", "since": "", "until": "", "horizon": 30, "completeness": 0.5, "least": 200,
    "months": 12, "retrain": False, "data": "",
}  # fmt: skip


class TestSettings:
    def test_the_period_is_the_thirty_days_before_one_looks(self):
        look = MonitorSettings.check({}, **GOOD | {"as_of": "2026-04-01"})
        assert look.period(JANUARY) == (APRIL - timedelta(days=30), APRIL)
        assert look.first_month(JANUARY) == datetime(2025, 4, 1, tzinfo=UTC)
        assert MonitorSettings.check({}, **GOOD).period(JANUARY)[1] == JANUARY

    def test_everything_that_is_wrong_is_named(self):
        bad = {
            "as_of": "soon", "horizon": 0, "completeness": 2, "least": 1, "retrain": True,
        }  # fmt: skip
        with pytest.raises(ChurnError) as failure:
            MonitorSettings.check({"acceptance": "2"}, **GOOD | bad)
        for name in ("--as-of", "--horizon", "--completeness", "--least", "--data", "--acceptance"):
            assert name in str(failure.value)
        with pytest.raises(ChurnError, match="--since 2026-05-01"):
            MonitorSettings.check({}, **GOOD | {"since": "2026-05-01", "until": "2026-04-01"})
