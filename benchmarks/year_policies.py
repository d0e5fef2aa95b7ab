"""The businesses of the year: whom each of them calls."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from serving import ROOT, Broken, Contender, serving
from sklearn.metrics import roc_auc_score
from sqlalchemy import create_engine, update
from year_market import LATE, Market, Plan

from churn.evaluation.profit import expected_profit
from churn.evaluation.retention_costs import RetentionCosts
from churn.feedback.outcomes import Outcome, OutcomeStore
from churn.feedback.prediction_log import PredictionLog
from churn.feedback.prediction_log.store import PREDICTIONS
from churn.registry.history import list_runs
from churn.registry.policies import champion_policy
from churn.registry.runs import champion, fetch_model, promote

BATCH = 1_000
# The days of February, since every cohort has to mature by the beginning of the next month.
HORIZON = 28
# The share of a month's outcomes that is known at its end; the others are known a month later.
IN_TIME = 0.7
# The share of the calls at random once a policy is proven.
EXPLORE_PROVEN = 0.2
FIRST_YEAR = 2025
SECONDS = 60


def first_of(month: int) -> date:
    """The first day of a month, counted from 0."""
    return date(FIRST_YEAR + month // 12, month % 12 + 1, 1)


@dataclass
class MonthResult:
    """The result of a month of a policy.

    Attributes
    ----------
    money : float
        The value of leavers and the cost of calls, negative.
    called : int
    roc_auc : float or None
        Of the scores, with the outcomes without calls as labels.
    notes : list of str
        Alarms and promotions.
    """

    money: float
    called: int = 0
    roc_auc: float | None = None
    notes: list[str] = field(default_factory=list)


class Nobody:
    """No customer is called."""

    name = "no calls"

    def __init__(self, plan: Plan, offer: RetentionCosts):
        self.market = Market(plan, offer)
        self.market.live()

    def month(self) -> MonthResult:
        month = self.market.live()
        return MonthResult(-month.lost - month.spent)


class Once:
    """A model that is trained once, and not monitored."""

    name = "trained once"
    # Without monitoring, it takes another month until the job upstream is repaired.
    broken_months = 2

    def __init__(self, plan: Plan, offer: RetentionCosts, run: str, budget: int):
        self.plan, self.offer, self.budget = plan, offer, budget
        _, self.model = fetch_model(run)
        self.market = Market(plan, offer)
        self.market.live()

    def benefits(self, table: pd.DataFrame, chances: np.ndarray) -> np.ndarray:
        """What a call of each customer is expected to bring."""
        return expected_profit(chances, table, self.offer)

    def month(self) -> MonthResult:
        since = self.market.month - self.plan.broken
        table = self.market.table(0 <= since < self.broken_months)
        chances = self.model.predict_proba(table)[:, 1]
        profit = self.benefits(table, chances)
        best = np.argsort(-profit, kind="stable")[: self.budget]
        called = table["customer_id"].to_numpy()[best[profit[best] > 0]]
        month = self.market.live(called)
        quality = roc_auc_score(month.leaving, chances)
        return MonthResult(-month.lost - month.spent, len(called), quality)


class ByRisk(Once):
    """The list by risk, by the loop's present model: what the loop would do without learning."""

    name = "by risk"
    broken_months = 1

    def month(self) -> MonthResult:
        _, self.model = fetch_model(champion().run)
        return super().month()


class Best(Once):
    """Whoever knows the true effects, and spends nothing on learning them."""

    name = "true best"
    broken_months = 0

    def benefits(self, table: pd.DataFrame, chances: np.ndarray) -> np.ndarray:
        return self.market.benefits()


class Loop:
    """The whole project: the app, the call list, outcomes, monitoring, retraining.

    Parameters
    ----------
    folder : Path
        For tables, lists and the state of the app.
    run_flow : callable
        Runs a flow by the name of its file and its arguments, and returns its exit code.
    explore : float
        The share of the calls that is drawn at random.
    """

    name = "this loop"

    def __init__(
        self, plan: Plan, offer: RetentionCosts, budget: int, folder: Path,
        run_flow: Callable[..., int], explore: float = 0.0,
    ):  # fmt: skip
        self.plan, self.offer, self.budget = plan, offer, budget
        self.folder, self.run_flow = folder, run_flow
        self.market = Market(plan, offer)
        table = self.market.table()
        left = self.market.live().left
        self.labelled = [_label(table, left)]
        self.late = pd.DataFrame()
        self.log = f"sqlite:///{folder / 'state' / 'predictions.db'}"
        # The app has logged all customers already, so the lists are in a database of their own.
        self.lists = f"sqlite:///{folder / 'lists.db'}"
        self.campaign = folder / "campaign.toml"
        self.explore, self.learned = explore, False
        self._write_campaign()
        self.port = ""
        self.begun, self.asked = datetime.now(UTC), 0
        self.calls: list[Path] = []

    def train(self) -> str:
        """Train the first model, on the history."""
        data = self._write("history", self.labelled[0])
        roles = ("--id", "customer_id", "--target", "churn", "--positive", "1")
        if self.run_flow("churn_flow", "run", "--data", data, *roles, "--budget-seconds", 10):
            raise Broken("the first model could not be trained")
        if champion() is None:
            # Of few customers the gate may have too few to tell it from a plain regression.
            promote(list_runs()[0].pathspec, "the first model, by a person")
        return champion().run

    @contextmanager
    def app(self) -> Iterator[None]:
        """A context in which the app serves the champion."""
        own = {
            "HOST": "127.0.0.1", "PORT": "{port}", "CHURN_RUN": "champion",
            "CHURN_STATE": str(self.folder / "state"),
        }  # fmt: skip
        body = json.dumps(_records(self.market.table().head(1))[0]).encode()
        contender = Contender("the app", [sys.executable, ROOT / "serve"], own, path="/what-if")
        with serving(contender, body) as (_, self.port, _):
            yield

    def month(self) -> MonthResult:
        number, run = self.market.month, champion().run
        today, tomorrow = first_of(number), first_of(number).replace(day=2)
        upstream = self.market.table(broken=number == self.plan.broken)
        data = self._write(f"customers-{number}", upstream)
        chances = self._ask(upstream, today)
        calls = self.folder / f"calls-{number}.csv"
        learned = self._learn(tomorrow) if number > 1 and self.explore else []
        command = ("run", "--data", data, "--output", calls, "--campaign-file", self.campaign)
        if self.run_flow("score_flow", *command, "--as-of", today, "--log", self.lists):
            raise Broken("the call list could not be made")
        self.calls.append(calls)
        listed = pd.read_csv(calls)
        called = listed.loc[listed["arm"] == "contact", "customer_id"].to_numpy()
        newest = self._write("labelled", self._newest())
        watched = self.run_flow(
            "monitor_flow", "run", "--log", self.log, "--since", today, "--until", tomorrow,
            "--as-of", tomorrow, "--horizon", HORIZON, "--calls", ",".join(map(str, self.calls)),
            "--retrain", "--data", newest,
        )  # fmt: skip
        result = MonthResult(0.0, len(called), notes=_notes(watched) + learned)
        if champion().run != run:
            result.notes.append("promoted")
        # After an alarm the column is repaired, and the history is delivered anew.
        table = self.market.table()
        month = self.market.live(called)
        self._tell(table, month.left, first_of(number + 1))
        free = ~np.isin(table["customer_id"], called)
        self.labelled.append(_label(table[free], month.left[free]))
        result.money = -month.lost - month.spent
        result.roc_auc = roc_auc_score(month.leaving, chances)
        return result

    def _learn(self, today: date) -> list[str]:
        """Run EffectFlow on the months before; `learned` where its policy is new the list's."""
        # It fails as long as there are too few outcomes.
        self.run_flow(
            "effect_flow", "run", "--campaign-file", self.campaign, "--log", self.lists,
            "--as-of", today, may_fail=True,
        )  # fmt: skip
        before, self.learned = self.learned, champion_policy("year") is not None
        if before or not self.learned:
            return []
        self.explore = min(self.explore, EXPLORE_PROVEN)
        self._write_campaign()
        return ["learned"]

    def _write_campaign(self) -> None:
        self.campaign.write_text(
            f'campaign = "year"\nbudget = {self.budget}\nexploration_share = {self.explore}\n'
            f'horizon_days = {HORIZON}\n[[actions]]\nname = "offer"\n'
        )

    def _ask(self, table: pd.DataFrame, today: date) -> np.ndarray:
        """Score all customers by the app, once it serves the champion, logged as of `today`."""
        wanted, found = champion().run, []
        records = _records(table)
        self._until(lambda: self._post("/what-if", records[0])["run"] == wanted, "the champion")
        for start in range(0, len(records), BATCH):
            answer = self._post("/predict/batch", {"customers": records[start : start + BATCH]})
            if answer["problems"]:
                raise Broken(f"refused: {answer['problems'][:3]}")
            found += [one["probability"] for one in answer["predictions"]]
        # The year takes minutes, so the new predictions are dated as of `today`.
        self.asked += len(records)
        with PredictionLog(self.log) as log:
            self._until(lambda: log.count() == self.asked, "the prediction log")
        day = datetime(today.year, today.month, today.day, 9, tzinfo=UTC)
        moved = update(PREDICTIONS).where(PREDICTIONS.c.time >= self.begun).values(time=day)
        engine = create_engine(self.log)
        with engine.begin() as connection:
            connection.execute(moved)
        engine.dispose()
        return np.array(found)

    def _tell(self, table: pd.DataFrame, left: np.ndarray, end: date) -> None:
        """Post the month's outcomes: most at once, the others a month later."""
        days = np.where(left, str(end.replace(day=1) - pd.Timedelta(days=14))[:10], str(end))
        rows = pd.DataFrame({"customer": table["customer_id"].to_numpy(), "date": days})
        rows["left"] = left
        late = np.random.default_rng((self.plan.seed, LATE, end.month)).random(len(rows)) >= IN_TIME
        now = pd.concat([self.late, rows[~late]])
        self.late = rows[late]
        known = datetime(end.year, end.month, end.day, tzinfo=UTC)
        with OutcomeStore(self.lists) as store:
            store.add(
                Outcome(str(row.customer), date.fromisoformat(row.date), bool(row.left), known)
                for row in now.itertuples()
            )
        for start in range(0, len(now), BATCH):
            part = now.iloc[start : start + BATCH].to_dict("records")
            self._post("/outcomes", {"outcomes": part})

    def _newest(self) -> pd.DataFrame:
        """The last month's known outcomes.

        Not each customer's newest of two months: who left in the first of them has no other, so
        leavers would be counted from two months, and stayers from one.
        """
        last = self.labelled[-1]
        return last[~last["customer_id"].isin(self.late["customer"] if len(self.late) else [])]

    def _write(self, name: str, table: pd.DataFrame) -> Path:
        path = self.folder / f"{name}.parquet"
        table.to_parquet(path, index=False)
        return path

    def _post(self, path: str, body) -> dict:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )  # fmt: skip
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            return json.load(answer)

    @staticmethod
    def _until(holds: Callable[[], bool], what: str) -> None:
        patience = time.monotonic() + SECONDS
        while not holds():
            if time.monotonic() > patience:
                raise Broken(f"{what} is not there after {SECONDS} s")
            time.sleep(0.2)


def run_flow(name: str, *arguments, log: Path, may_fail: bool = False) -> int:
    """Run a flow as a user does; its output is appended to a file."""
    command = [sys.executable, ROOT / "flows" / f"{name}.py", *arguments]
    with log.open("a") as output:
        print(f"\n$ {' '.join(map(str, command))}", file=output, flush=True)
        done = subprocess.run(
            list(map(str, command)), stdin=subprocess.DEVNULL, stdout=output,
            stderr=subprocess.STDOUT, env=os.environ | {"CHURN_LOG": ""},
        )  # fmt: skip
    if done.returncode not in (0, *ALARMS) and not may_fail:
        raise Broken(f"{name} failed\n{log.read_text()[-5000:]}")
    return done.returncode


ALARMS = {3: "watch", 4: "retrain"}


def _notes(code: int) -> list[str]:
    return [ALARMS[code]] if code else []


def _label(table: pd.DataFrame, left: np.ndarray) -> pd.DataFrame:
    return table.assign(churn=left.astype(int))


def _records(table: pd.DataFrame) -> list[dict]:
    return json.loads(table.to_json(orient="records"))
