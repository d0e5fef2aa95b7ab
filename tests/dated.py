"""A run on a generated table that has what Telco has not: dates, many towns, an NA, a project."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from churn.data.inference import infer_contract
from churn.data.source import SourceOptions
from running import FlowRun, run_flow

TOWNS = 120
SEARCH = '[[candidates]]\nfamily = "logistic"\nparams = { C = 1.0 }\n'


def dated_table(n: int = 1200) -> pd.DataFrame:
    """Customers whose risk depends on the days since they joined, and on their town."""
    rng = np.random.default_rng(0)
    town, days = rng.integers(0, TOWNS, n), rng.integers(1, 700, n)
    phone = rng.random(n) < 0.8
    chance = 1 / (1 + np.exp(1.5 + days / 300 - rng.normal(size=TOWNS)[town]))
    today = datetime.now(UTC).date()
    return pd.DataFrame(
        {
            "customer": [f"C{i}" for i in range(n)],
            "joined": [(today - timedelta(days=int(d))).strftime("%d/%m/%Y") for d in days],
            "town": [f"Town {i}" for i in town],
            "region": rng.choice(["EU", "NA", "AS", ""], n),
            "has phone": np.where(phone, "yes", "no"),
            "lines": np.where(phone, rng.choice(["one", "several"], n), "none"),
            "fee": rng.gamma(4, 15, n).round(2).astype(str),
            "exited": np.where(rng.random(n) < chance, "yes", "no"),
        }
    )


def run_dated(folder: Path) -> FlowRun:
    """Train by a contract that states its project, horizon, a contradiction, and what it keeps."""
    folder.mkdir()
    table = dated_table()
    table["name"] = [f"Zoë {i}" for i in range(len(table))]
    table["phone"] = [f"0{i:04d}" for i in range(len(table))]
    table.to_csv(folder / "customers.csv", index=False)
    raw = table.replace({"": None})
    inferred = infer_contract(
        raw, "exited", id="customer", options=SourceOptions(), keep=["name", "phone"]
    )
    values = {
        "project": "bank",
        "horizon_days": 60,
        "contradictions": ('(`has phone` == 0) * (lines != "none")',),
    }
    (folder / "contract.toml").write_text(inferred.model_copy(update=values).to_toml())
    (folder / "search.toml").write_text(SEARCH)
    run = run_flow(
        "--config", "contract", str(folder / "contract.toml"),
        "--config", "candidates", str(folder / "search.toml"),
        "run", "--data", str(folder / "customers.csv"),
    )  # fmt: skip
    assert run.code == 0, run.output
    return run
