"""First paint of the desk's pages on a year of data, as a ratio to a static page.

    python benchmarks/desk.py --run champion [--repeats 5] [--list-size 100000]

A server with one worker serves a run of ChurnFlow from a log of its own: a list for each of 250
days with 500 customers, one list with 100,000, 20,000 predictions, the outcomes of all that were
called, and the reports of MonitorFlow. Chromium opens each page in turn and then all again, each in
a fresh context without a cache; the time is that of the first contentful paint (Paint Timing, W3C),
the figure the median of the repeats. The static page is a file of the same server with the same
style sheets. Everything runs on the same cores.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.request import urlopen

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from churn.campaign.stored import CallListStore, ListedCustomer, StoredList  # noqa: E402
from churn.feedback.outcomes import Outcome, OutcomeStore  # noqa: E402
from churn.feedback.prediction_log import Prediction, PredictionLog  # noqa: E402
from churn.feedback.reports import SAVINGS, VERDICT, ReportStore  # noqa: E402
from churn.registry.runs import fetch_run  # noqa: E402
from churn.scoring.deployment import Deployment  # noqa: E402

DAYS, A_DAY = 250, 500
SCORED, READY_SECONDS = 20_000, 60
TODAY = datetime.now(UTC).date()
PAINT = """() => new Promise(done => {
  const find = () => performance.getEntriesByName("first-contentful-paint")[0];
  const wait = () => find() ? done(find().startTime) : setTimeout(wait, 5);
  wait();
})"""


def listed(name: str, number: int, rank: int, chance: float) -> ListedCustomer:
    """A customer as ScoreFlow stores one."""
    return ListedCustomer(
        name, f"C{number:06d}", rank, rank % 10 == 0, "list", ["contact", "control"],
        "control" if rank % 10 == 0 else "contact", 0.1 if rank % 10 == 0 else 0.9, chance,
        200 * chance, 57 * chance - 11, 40 * chance - 11, 70 * chance - 11,
        ["Tenure: 1 months rather than 29 months (+22.2 points)"] * 3,
        "Contract: Two year instead of Month-to-month (risk 77.6% instead of 94.5%)",
        ("North", "South", "West")[number % 3], {"name": f"Zoe {number}", "phone": "+1 555 0100"},
        None,
    )  # fmt: skip


def fill(url: str, model: Deployment, size: int) -> None:
    """Write a year of data."""
    rng = np.random.default_rng(0)
    record = {name: value for name, value in model.explainer.typical.items() if value is not None}
    with CallListStore(url) as calls, OutcomeStore(url) as outcomes, PredictionLog(url) as log:
        number = 0
        for back in range(DAYS, -1, -1):
            day, many = TODAY - timedelta(days=back), size if back == 0 else A_DAY
            name = f"{day:%Y%m%d}-benchmark"
            chances = np.sort(rng.beta(4, 4, many))[::-1]
            rows = [
                listed(name, number + rank, rank, float(chance))
                for rank, chance in enumerate(chances, 1)
            ]
            number += many
            expected = {"value": 9_000.0, "low": 7_000.0, "high": 11_000.0}
            counts = {"customers": SCORED, "contact": many, "control": many // 10}
            calls.add(
                StoredList(name, datetime.now(UTC), day, "retention", model.run, "risk", model.run,
                           "USD", "customer_id", counts, expected, []),
                rows,
            )  # fmt: skip
            if 0 < back < DAYS:
                outcomes.add(
                    Outcome(row.customer, day + timedelta(days=30), False, datetime.now(UTC))
                    for row in rows[:100]
                )
        midnight = datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=UTC)
        log.add([
            Prediction(f"p{i}", midnight, model.run, f"C{number - i:06d}", float(chance), False,
                       0.2, record)
            for i, chance in enumerate(rng.beta(1, 3, SCORED))
        ])  # fmt: skip
        log.add([
            Prediction(f"old{i}", midnight - timedelta(days=i), model.run, f"C{number:06d}", 0.5,
                       True, 0.2, record)
            for i in range(1, DAYS)
        ])  # fmt: skip
    fill_reports(url, model)
    return


def fill_reports(url: str, model: Deployment) -> None:
    """Write a year of verdicts and results."""
    arm = {"drawn": 9_000, "known": 8_900, "left": 2_000, "expected": 2_600.0}
    figures = {
        "contact": arm, "control": arm, "kept": {"value": 80.0, "low": 20.0, "high": 140.0},
        "saved": {"value": 16e3, "low": 4e3, "high": 28e3}, "insufficient": [],
    }  # fmt: skip
    months = [f"{date(TODAY.year - 1, 1 + i, 1):%Y-%m}" for i in range(12)]
    health = [{"name": name, "ok": True, "text": "…"} for name in ("Balance", "Sample ratio")]
    campaign = {
        "campaign": "retention", "problem": "", "total": figures, "health": health,
        "months": [{"month": month, **figures} for month in months],
    }  # fmt: skip
    verdict = {
        "verdict": "ok", "run": model.run, "monitor": "", "retrained": None, "reasons": [],
        "remarks": [], "customers": SCORED, "alarms": 0, "columns": 20, "cohorts": [],
        "labels": {}, "expected": {}, "states": {},
    }  # fmt: skip
    with ReportStore(url) as store:
        store.add(SAVINGS, TODAY, {"campaigns": [campaign]})
        for back in range(52):
            store.add(VERDICT, TODAY - timedelta(weeks=back), verdict)


def measure(base: str, customer: str, repeats: int) -> dict[str, float]:
    """The median of the first contentful paint of each page, in milliseconds."""
    from playwright.sync_api import sync_playwright

    pages = {
        "a static page": "/static/page.html", "Today, 100,000 customers": "/calls",
        "Today, a search": "/calls?q=zoe+777", "Customers": "/customers?q=zoe+77",
        "a customer": f"/customers/{customer}", "Plan": "/plan", "Results": "/results",
        "Health": "/monitor",
    }  # fmt: skip
    found: dict[str, list[float]] = {name: [] for name in pages}
    with sync_playwright() as driver:
        chromium = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for repeat in range(repeats + 1):
            for name, path in pages.items():
                context = browser.new_context(viewport={"width": 1280, "height": 900})
                page = context.new_page()
                page.goto(base + path)
                paint = page.evaluate(PAINT)
                if repeat:  # the first opens connections and loads libraries
                    found[name].append(paint)
                context.close()
        browser.close()
    return {name: statistics.median(times) for name, times in found.items()}


def wait(url: str) -> None:
    """Wait until the server is ready."""
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end:
        with suppress(OSError):
            urlopen(url).close()
            return
        time.sleep(0.2)
    raise SystemExit("the server is not ready")


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", default="champion")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--list-size", type=int, default=100_000)
    parser.add_argument("--port", type=int, default=8765)
    options = parser.parse_args()
    model = fetch_run(options.run)
    static = ROOT / "serve" / "static" / "page.html"
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/log.db"
        fill(url, model, options.list_size)
        static.write_text(
            '<!doctype html><link rel="stylesheet" href="page.css">'
            '<link rel="stylesheet" href="desk.css"><h1>A static page</h1>'
        )
        settings = os.environ | {
            "CHURN_RUN": model.run, "CHURN_LOG": url, "CHURN_STATE": folder, "CHURN_WORKERS": "1",
            "PORT": str(options.port),
        }  # fmt: skip
        server = subprocess.Popen([sys.executable, "-m", "serve"], cwd=ROOT, env=settings)
        try:
            base = f"http://127.0.0.1:{options.port}"
            wait(f"{base}/ready")
            customer = f"C{DAYS * A_DAY + options.list_size:06d}"
            found = measure(base, customer, options.repeats)
        finally:
            server.terminate()
            server.wait(20)
            static.unlink()
    least = found["a static page"]
    print("| page | first paint, ms | times a static page |\n| --- | ---: | ---: |")
    for name, milliseconds in found.items():
        print(f"| {name} | {milliseconds:.0f} | {milliseconds / least:.1f} |")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
