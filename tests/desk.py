"""A desk with lists, people and a model: for tests of its routes and of its pages."""

import re
from datetime import UTC, date, datetime

from churn.campaign.stored import CallListStore, ListedCustomer, StoredList
from churn.feedback.reports import ReportStore

ANNA, BEN = "agent:Anna:anna's own key 1234", "agent:Ben:ben's own key 12345"
MIA, EVE = "manager:Mia:mia's own key 12345", "engineer:Eve:eve's own key 12345"
KEYS = [ANNA, BEN, MIA, EVE]
TODAY = datetime.now(UTC).date()
LIST, BIG = "today", "big"
CONTROL = "C0003"
MANY = 100_000


def secret(key: str) -> str:
    return key.split(":")[2]


def a_list(name: str = LIST, as_of: date = TODAY, **values) -> StoredList:
    return StoredList(
        name, datetime.now(UTC), as_of, "spring", "ChurnFlow/1", "risk", "ChurnFlow/1", "EUR",
        "customer_id", {"customers": 6, "contact": 5, "control": 1},
        {"value": 130.0, "low": 90.0, "high": 160.0}, ["Ranked by a note."],
    )._replace(**values)  # fmt: skip


def listed(customer: str, rank: int, name: str = LIST, **values) -> ListedCustomer:
    return ListedCustomer(
        name, customer, rank, False, None, ["contact", "control"], "contact", None,
        0.9 - rank / 100, 123.456, 20.0 - rank, 10.0, 30.0,
        ["Tenure: 1 months rather than 29 months (+22.2 points)"],
        "Contract: Two year instead of Month-to-month", ("North", "South")[rank % 2],
        {"name": f"Zoë {customer}", "phone": f"+1 555 {rank:04d}"}, None,
    )._replace(**values)  # fmt: skip


def fill(url: str) -> None:
    """Write today's list of six customers anew, the third of them in the control group."""
    with CallListStore(url) as store:
        with store.connected() as connection:
            for table in ("listed_customers", "call_events"):
                connection.exec_driver_sql(f"DELETE FROM {table} WHERE list_id = '{LIST}'")
        customers = [
            listed(f"C{number:04d}", number, control=f"C{number:04d}" == CONTROL)
            for number in range(1, 7)
        ]
        store.add(a_list(), [row._replace(agent="Ben") if row.rank == 2 else row
                             for row in customers])  # fmt: skip


def fill_reports(url: str, months: int = 1) -> None:
    """Write a verdict, and the results of months that can be compared and of one that cannot."""
    arms = {
        "contact": {"drawn": 900, "known": 890, "left": 100, "expected": 160.0},
        "control": {"drawn": 100, "known": 98, "left": 20, "expected": 18.0},
    }
    known = arms | {
        "kept": {"value": 81.6, "low": 12.2, "high": 160.1},
        "saved": {"value": 16_320.0, "low": -2_400.5, "high": 32_020.0}, "insufficient": [],
        "always": {"kept": {"value": 81.6, "low": -15.3, "high": 190.7},
                   "saved": {"value": 16_320.0, "low": -11_090.0, "high": 39_000.0}},
    }  # fmt: skip
    open_ = arms | {"kept": None, "saved": None, "insufficient": ["Too few to compare: …"]}
    health = [
        {"name": "Sample ratio", "ok": True, "text": "100 are in the control group."},
        {"name": "Balance", "ok": False, "text": "The risk differs."},
        {"name": "Outcomes known", "ok": None, "text": "Nobody knows."},
    ]
    campaign = {
        "campaign": "spring", "problem": "", "total": known, "health": health,
        "months": [*({"month": f"2026-{one:02d}", **known} for one in range(1, months + 1)),
                   {"month": f"2026-{months + 1:02d}", **open_}],
        "groups": {"offer": [{"name": "discount", **known}, {"name": "mail", **open_}],
                   "segment": [{"name": "North", **known}]},
    }  # fmt: skip
    broken = "tenure: the column is broken"
    ends = {"value": 0.85, "low": 0.83, "high": 0.87}
    verdict = {
        "verdict": "retrain", "run": "ChurnFlow/1", "monitor": "MonitorFlow/1", "retrained": None,
        "reasons": [{"verdict": "retrain", "about": "drift", "text": broken}],
        "remarks": ["No cohort can be evaluated yet."], "customers": 1_000, "alarms": 1,
        "columns": 20, "states": {}, "labels": {"roc_auc": "ROC-AUC"},
        "expected": {"roc_auc": ends},
        "cohorts": [{"cohort": "2026-01", "customers": 900, "known": 800, "left": 0.2,
                     "expected_left": 0.21, "metrics": {"roc_auc": ends | {"value": 0.811}}}],
    }  # fmt: skip
    effects = {
        "campaign": "spring", "run": "EffectFlow/1", "why": "Not proven: do not use it.",
        "customers": 5_900, "budget": 0.1, "reached": "Nothing is recorded about the calls.",
        "review": "EffectFlow/0, by which the list goes, is not judged again.",
        "actions": [
            {"action": name, "effect": {"value": 0.03, "low": 0.01, "high": 0.05},
             "money": {"value": 4.5, "low": 1.5, "high": 7.5}} for name in ("discount", "mail")
        ],
        "policies": [{"policy": "the learned policy", "treated": 0.08, "value": 10.75,
                      "gain": 7.03, "low": -1.2, "high": 10.1}],
        "kinds": [{"kind": "better left alone", "share": 0.12, "risk": 0.4, "effect": -0.03},
                  {"kind": "leaves anyway", "share": 0.0, "risk": float("nan"),
                   "effect": float("nan")}],
        "checks": [{"name": "balance", "passed": True, "finding": "p = 0.4"}],
    }  # fmt: skip
    with ReportStore(url) as store:
        store.add("effects", TODAY, effects)
        store.add("savings", TODAY, {"campaigns": [campaign]})
        store.add("verdict", TODAY, verdict)


def fill_big(url: str) -> None:
    """Write a list of 100,000 customers, by the database itself."""
    with CallListStore(url) as store:
        store.add(a_list(BIG, date(2026, 1, 2)), [listed("B", 0, BIG)])
        with store.connected() as connection:
            columns = ", ".join(
                name for name in (*ListedCustomer._fields, "searched")
                if name not in ("customer", "rank", "searched", "version")
            )  # fmt: skip
            connection.exec_driver_sql(
                f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MANY})"
                f" INSERT INTO listed_customers (customer, rank, searched, version, {columns})"
                f" SELECT 'B' || i, i, 'zoë b' || i, 0, {columns} FROM listed_customers, n"
                f" WHERE list_id = '{BIG}' AND customer = 'B'"
            )
            connection.exec_driver_sql("DELETE FROM listed_customers WHERE customer = 'B'")


class Browser:
    """A browser without scripts, by Flask's client: it keeps cookies and sends forms."""

    def __init__(self, app, key: str = ""):
        self.client = app.test_client()
        if key:
            answer = self.post("/sign-in", on="/sign-in", key=secret(key), next="/calls")
            assert answer.status_code == 302, answer.text

    def get(self, path: str, **options):
        return self.client.get(path, **options)

    def post(self, path: str, on: str = "/calls", **values: str):
        """Send a form with the token of the page `on`."""
        token = re.search(r'name="token" value="([^"]+)"', self.get(on).text)[1]
        return self.client.post(path, data={"token": token} | values)

    def record(self, customer: str, state: str, version: int = 0, **values: str):
        path = f"/calls/{LIST}/{customer}"
        return self.post(path, state=state, version=str(version), **values)
