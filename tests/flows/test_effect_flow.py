"""The whole loop: two actions at random, their outcomes, the learned policy, the next list."""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from card_pages import check_cards
from churn.__main__ import main
from churn.campaign.champion_review import ChampionReview, conclude
from churn.cli.prune import _needed
from churn.data.synthetic import generate_sample_data
from churn.feedback.outcomes import Outcome, OutcomeStore
from churn.targeting.policies import A_YEAR, PolicyValue
from running import SESSION, FlowRun, once, run_flow

DAY = date(2026, 3, 2)
LATER = DAY + timedelta(days=60)
CUSTOMERS = 9_000


CAMPAIGN = """
campaign = "spring"
customer_value = 300
budget = 3000
exploration_share = 0.9667
horizon_days = 30
[[actions]]
name = "discount"
channel = "phone"
[[actions]]
name = "visit"
capacity = 1500
"""


def saved(table: pd.DataFrame, chance: np.ndarray) -> pd.DataFrame:
    """A discount keeps customers with a partner, and makes the others leave; a visit keeps those.

    The share of the customers that each action keeps.
    """
    partner = table["partner"].to_numpy() == 1
    return pd.DataFrame(
        {
            "discount": np.where(partner, 0.7 * chance, -0.3 * (1 - chance)),
            "visit": np.where(partner, 0.0, 0.7 * chance),
        }
    )


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
    (folder / "campaign.toml").write_text(CAMPAIGN)
    common = (
        "run", "--run", model, "--data", str(folder / "customers.parquet"), "--log", url,
        "--campaign-file", str(folder / "campaign.toml"),
    )  # fmt: skip
    score = run_flow(
        *common, "--as-of", str(DAY), "--output", str(folder / "calls.csv"),
        flow="score_flow.py",
    )  # fmt: skip
    calls = pd.read_csv(folder / "calls.csv", dtype={"customer_id": str})
    of = calls.merge(
        table.assign(customer_id=table["customer_id"].astype(str), truth=chance), on="customer_id"
    )
    by_action = saved(of, of["truth"].to_numpy()).assign(control=0.0)
    kept = by_action.to_numpy()[
        np.arange(len(of)), by_action.columns.get_indexer(of["assigned_action"])
    ]
    left = np.random.default_rng(0).random(len(of)) < of["truth"] - kept
    now = datetime.fromisoformat(f"{LATER}T00:00:00+00:00")
    with OutcomeStore(url) as store:
        store.add(
            Outcome(customer, DAY + timedelta(days=20), bool(gone), now)
            for customer, gone in zip(of["customer_id"], left, strict=True)
        )
    effect = run_flow(
        "run", "--run", model, "--log", url, "--as-of", str(LATER),
        "--campaign-file", str(folder / "campaign.toml"), "--budget", "0.1",
        "--promote", "auto", flow="effect_flow.py",
    )  # fmt: skip
    again = run_flow(
        *common, "--budget", "400", "--explore", "0", "--as-of", str(LATER),
        "--output", str(folder / "later.csv"), flow="score_flow.py",
    )  # fmt: skip
    return Campaign(score, effect, again, folder)


@pytest.fixture(scope="module")
def campaign(quick_run) -> Campaign:
    return once("effects", lambda: make_campaign(quick_run.pathspec))


def test_the_lists_have_calls_at_random(campaign):
    assert campaign.score.code == 0, campaign.score.output
    assert "2,900 of the calls are drawn at random" in campaign.score.output
    assert "The list goes by risk" in campaign.score.output
    assert re.search(r"visit: 1,\d+ customers of at most 1,500", campaign.score.output)
    calls = pd.read_csv(campaign.folder / "calls.csv")
    assert calls["assigned_action"].value_counts()["visit"] <= 1_500
    assert set(calls["channel"].dropna()) == {"phone"}


def test_a_proven_gain_makes_the_learned_policy_the_list_s(campaign):
    assert campaign.effect.code == 0, campaign.effect.output
    assert "drawn with a known probability of a call" in campaign.effect.output
    assert re.search(r"^ *discount: [+-]\d", campaign.effect.output, re.MULTILINE)
    assert re.search(r"^ *visit: \+\d", campaign.effect.output, re.MULTILINE)
    assert "Nothing is recorded about the calls" in campaign.effect.output
    assert "its gain over risk is above zero" in campaign.effect.output
    assert "goes by EffectFlow/" in campaign.effect.output


@pytest.mark.scheduled
def test_its_card_can_be_read_on_any_screen(campaign, chromium, tmp_path):
    run = re.search(r"EffectFlow/\d+", campaign.effect.output)[0]
    check_cards(run, chromium, tmp_path / "cards", {"effects"})


def test_the_next_list_has_whom_an_action_keeps_and_the_right_one(campaign):
    assert campaign.again.code == 0, campaign.again.output
    assert "goes by the effect of an action that EffectFlow/" in campaign.again.output
    table, chance = generate_sample_data(CUSTOMERS, seed=7, return_probability=True)
    truth = saved(table, chance).set_index(table["customer_id"].astype(str))
    by_effect = pd.read_csv(campaign.folder / "later.csv", dtype={"customer_id": str})
    called = by_effect[by_effect["arm"] == "contact"]
    assert set(called["policy"]) == {"effect"}
    assert set(called["assigned_action"]) == {"discount", "visit"}
    right = truth.idxmax(axis=1)[called["customer_id"]].to_numpy() == called["assigned_action"]
    assert right.mean() > 0.9
    of_called = truth.loc[called["customer_id"]]
    gain = of_called.to_numpy()[
        np.arange(len(called)), truth.columns.get_indexer(called["assigned_action"])
    ]
    riskiest = pd.Series(chance, index=truth.index).nlargest(len(called)).index
    assert gain.sum() > 1.5 * truth["discount"][riskiest].sum()
    assert called["reason_1"].str.contains(r"^'(?:discount|visit)' keeps").all()
    assert (called["net_benefit_low"] <= called["net_benefit"]).all()


def test_a_policy_is_listed_rolled_back_and_promoted_again(campaign, capsys):
    run = re.search(r"EffectFlow/\d+", campaign.effect.output)[0]

    def churn(*arguments: str) -> str:
        main(["policies", *arguments])
        done = capsys.readouterr()
        return done.out + done.err

    assert re.search(rf"\* +{run} +spring +5,8", churn())
    assert _needed("off")[run] == "it was promoted"  # so `churn prune` keeps it
    again = churn("rollback", "--campaign", "spring", "--why", "to see it")
    assert again == "The list goes by risk again.\n"
    assert "goes by risk, and before that there was nothing" in churn(
        "rollback", "--campaign", "spring", "--why", "once more"
    )
    assert f"* {run}" not in churn()
    assert churn("promote", run, "--why", "it was fine") == f"The list goes by {run} now.\n"
    assert "nothing is changed" in churn("promote", run, "--why", "twice")
    assert "risk" in churn("promote", "risk", "--campaign", "spring", "--why", "summer")
    rows = churn("history", "--campaign", "spring").splitlines()[1:]
    assert [row.split()[1] for row in rows] == ["risk", run, "risk", run]
    assert "names no policy" in churn("promote", "ChurnFlow/1", "--why", "no policy")


def test_a_policy_that_loses_ends_and_the_list_goes_by_risk(campaign, capsys):
    run = re.search(r"EffectFlow/\d+", campaign.effect.output)[0]
    main(["policies", "promote", run, "--why", "it was fine"])
    value = PolicyValue("champion", 0.1, 0.1, 0, 0, -4, 1, 0, 0, proof=A_YEAR)
    review, unproven = ChampionReview(run, 5_000, value), {"proven": False}
    sentence = conclude("EffectFlow/9", "spring", unproven, review, promote=False)
    assert f"goes by {run} still; churn policies promote risk --campaign spring" in sentence
    capsys.readouterr()
    for _ in range(2):  # a retried step changes nothing more
        sentence = conclude("EffectFlow/9", "spring", unproven, review, promote=True)
        assert sentence == "The list of 'spring' goes by risk from now on."
    main(["policies", "history", "--campaign", "spring"])
    newest, before = capsys.readouterr().out.splitlines()[1:3]
    assert "risk" in newest
    assert "EffectFlow/9" in newest
    assert "it was fine" in before
    main(["policies", "promote", run, "--why", "a person wants it back"])
    of_another = ChampionReview("EffectFlow/8", 5_000, value)
    sentence = conclude("EffectFlow/9", "spring", unproven, of_another, promote=True)
    assert sentence == f"The list of 'spring' goes by {run} meanwhile, and is left as it is."
    still = "The list of 'spring' is left as it is."
    assert conclude("EffectFlow/9", "spring", unproven, None, promote=True) == still


@pytest.mark.scheduled
def test_the_policy_in_use_is_judged_by_what_came_after_it(campaign, quick_run):
    run = re.search(r"EffectFlow/\d+", campaign.effect.output)[0]
    main(["policies", "promote", run, "--why", "for the test"])
    url = f"sqlite:///{campaign.folder / 'log.db'}"
    done = run_flow(
        "run", "--run", quick_run.pathspec, "--log", url, "--as-of", str(LATER),
        "--campaign", "spring", "--promote", "never", flow="effect_flow.py",
    )  # fmt: skip
    assert done.code == 0, done.output
    assert f"{run}, by which the list goes, is not judged again: of those drawn" in done.output
