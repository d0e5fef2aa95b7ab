"""The whole loop: a campaign with calls at random, its outcomes, the learned policy, the list."""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from churn.__main__ import main
from churn.cli.prune import _needed
from churn.data.synthetic import generate_sample_data
from churn.feedback.outcomes import Outcome, OutcomeStore
from running import SESSION, FlowRun, once, run_flow

DAY = date(2026, 3, 2)
LATER = DAY + timedelta(days=60)
CUSTOMERS, CALLS = 9_000, 3_000


def saved(table: pd.DataFrame, chance: np.ndarray) -> np.ndarray:
    """Customers without dependents can be kept; a call makes the others leave."""
    return np.where(table["partner"].to_numpy() == 1, 0.7 * chance, -0.3 * (1 - chance))


@dataclass(frozen=True)
class Campaign:
    """A finished campaign, and the runs of the flows about it."""

    score: FlowRun
    effect: FlowRun
    again: FlowRun
    folder: Path


def make_campaign(model: str) -> Campaign:
    folder = SESSION / "effects"
    folder.mkdir()
    table, chance = generate_sample_data(CUSTOMERS, seed=7, return_probability=True)
    table.drop(columns="churn").to_parquet(folder / "customers.parquet")
    url = f"sqlite:///{folder / 'log.db'}"
    common = (
        "run", "--run", model, "--data", str(folder / "customers.parquet"), "--log", url,
        "--customer-value", "300", "--campaign", "spring", "--budget", str(CALLS),
    )  # fmt: skip
    score = run_flow(
        *common, "--explore", "2900", "--as-of", str(DAY), "--output", str(folder / "calls.csv"),
        flow="score_flow.py",
    )  # fmt: skip
    calls = pd.read_csv(folder / "calls.csv", dtype={"customer_id": str})
    of = calls.merge(
        table.assign(customer_id=table["customer_id"].astype(str), truth=chance), on="customer_id"
    )
    kept = saved(of, of["truth"].to_numpy()) * (of["arm"] == "contact")
    left = np.random.default_rng(0).random(len(of)) < of["truth"] - kept
    now = datetime.fromisoformat(f"{LATER}T00:00:00+00:00")
    with OutcomeStore(url) as store:
        store.add(
            Outcome(customer, DAY + timedelta(days=20), bool(gone), now)
            for customer, gone in zip(of["customer_id"], left, strict=True)
        )
    effect = run_flow(
        "run", "--run", model, "--log", url, "--campaign", "spring", "--as-of", str(LATER),
        "--budget", "0.1", "--promote", "auto", flow="effect_flow.py",
    )  # fmt: skip
    again = run_flow(
        *common, "--budget", "400", "--as-of", str(LATER), "--output", str(folder / "later.csv"),
        flow="score_flow.py",
    )  # fmt: skip
    return Campaign(score, effect, again, folder)


@pytest.fixture(scope="module")
def campaign(quick_run) -> Campaign:
    return once("effects", lambda: make_campaign(quick_run.pathspec))


def test_the_lists_have_calls_at_random(campaign):
    assert campaign.score.code == 0, campaign.score.output
    assert "2,900 of the calls are drawn at random" in campaign.score.output
    assert "The list goes by risk" in campaign.score.output


def test_a_proven_gain_makes_the_learned_policy_the_list_s(campaign):
    assert campaign.effect.code == 0, campaign.effect.output
    assert "drawn with a known probability of a call" in campaign.effect.output
    assert "Nothing is recorded about the calls" in campaign.effect.output
    assert "its gain over risk is above zero" in campaign.effect.output
    assert "goes by EffectFlow/" in campaign.effect.output


def test_the_next_list_calls_whom_a_call_keeps(campaign):
    assert campaign.again.code == 0, campaign.again.output
    assert "goes by the effect of a call that EffectFlow/" in campaign.again.output
    table, chance = generate_sample_data(CUSTOMERS, seed=7, return_probability=True)
    truth = pd.Series(saved(table, chance), index=table["customer_id"].astype(str))
    by_effect = pd.read_csv(campaign.folder / "later.csv", dtype={"customer_id": str})
    called = by_effect[by_effect["arm"] == "contact"]
    assert set(called["policy"]) == {"effect"}
    assert (truth[called["customer_id"]] > 0).mean() > 0.95
    riskiest = pd.Series(chance, index=truth.index).nlargest(len(called)).index
    assert truth[called["customer_id"]].sum() > 2 * truth[riskiest].sum()
    assert called["reason_1"].str.startswith("a call keeps").all()
    assert (called["net_benefit_low"] <= called["net_benefit"]).all()


def test_a_policy_is_listed_rolled_back_and_promoted_again(campaign, capsys):
    run = re.search(r"EffectFlow/\d+", campaign.effect.output)[0]

    def churn(*arguments: str) -> str:
        main(["policies", *arguments])
        done = capsys.readouterr()
        return done.out + done.err

    assert re.search(rf"\* +{run} +spring +5,9", churn())
    assert _needed("off")[run] == "it was promoted"  # so `churn prune` keeps it
    again = churn("rollback", "--campaign", "spring", "--why", "to see it")
    assert again == "The list goes by risk again.\n"
    assert "goes by risk, and before that there was nothing" in churn(
        "rollback", "--campaign", "spring", "--why", "once more"
    )
    assert f"* {run}" not in churn()
    assert churn("promote", run, "--why", "it was fine") == f"The list goes by {run} now.\n"
    assert "goes by EffectFlow" in churn("promote", run, "--why", "twice")
    assert "risk" in churn("promote", "risk", "--campaign", "spring", "--why", "summer")
    rows = churn("history", "--campaign", "spring").splitlines()[1:]
    assert [row.split()[1] for row in rows] == ["risk", run, "risk", run]
    assert "names no policy" in churn("promote", "ChurnFlow/1", "--why", "no policy")
