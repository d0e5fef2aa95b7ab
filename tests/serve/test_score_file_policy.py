"""What a call of a file's customers brings goes by the policy that ScoreFlow's list goes by."""

import csv
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from churn.campaign.actions import Actions
from churn.campaign.experiment import experiment_features
from churn.campaign.list_policy import ListPolicy
from churn.campaign.plan import PlanSettings, make_plan
from churn.campaign.plan_effects import effect_bins
from churn.campaign.score_file import RISK, Job, main
from churn.evaluation.retention_costs import RetentionCosts
from churn.registry.policies import dump_policy, promote_policy
from churn.targeting.experiment import Experiment, constant_propensity
from churn.targeting.learned import LearnedPolicy
from churn.targeting.learners import Hybrid
from running import ROOT, STORE, flow_environment

CAMPAIGN = "of a file"
FLOW = """
from dataclasses import replace
from pathlib import Path

from metaflow import FlowSpec, current, step


class EffectFlow(FlowSpec):
    @step
    def start(self):
        from churn.registry.model_file import load_model
        from churn.registry.policies import describe_policy, dump_policy

        policy = load_model(Path(__file__).with_name("policy").read_bytes())
        policy = replace(policy, run=f"EffectFlow/{current.run_id}")
        self.policy_file = dump_policy(policy)
        self.decision = describe_policy(policy, self.policy_file)
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    EffectFlow()
"""


def learn(telco_run) -> LearnedPolicy:
    """A policy of customers half of whom were called, which keeps those without dependents."""
    contract, frame = telco_run.data.contract, telco_run.data.frame.iloc[:3_000]
    chance = telco_run.model.predict_proba(frame)[:, 1]
    rng = np.random.default_rng(0)
    alone = frame["dependents"].to_numpy(dtype=float) == 0
    action = rng.integers(0, 2, len(frame))
    kept = np.where(alone, 0.6 * chance, -0.3 * (1 - chance)) * action
    stayed = (rng.random(len(frame)) < 1 - chance + kept).astype(float)
    features = experiment_features(frame, contract, chance)
    propensity = constant_propensity(action, np.array([0.5, 0.5]))
    experiment = Experiment(
        features, action, stayed, propensity, ("no call", "call"), offset=1 - chance
    )
    groups = pd.DataFrame({"predicted": [-0.1, 0.2], "low": [-0.2, 0.1], "high": [0.0, 0.3]})
    typical = {
        name: str(column.mode()[0]) if column.dtype == "category" else float(column.median())
        for name, column in features.items()
    }
    hybrid = Hybrid.fit(experiment, 0)
    return LearnedPolicy(CAMPAIGN, "", hybrid, {"call": groups}, typical, {"call": 0.1})


@pytest.fixture(scope="module")
def promoted(telco_run, tmp_path_factory) -> tuple[str, LearnedPolicy]:
    """A promoted run with the policy of a campaign."""
    folder, policy = tmp_path_factory.mktemp("effects"), learn(telco_run)
    (folder / "effect_flow.py").write_text(FLOW)
    (folder / "policy").write_bytes(dump_policy(policy))
    subprocess.run(
        [sys.executable, "effect_flow.py", "run", "--run-id-file", "id"], cwd=folder, check=True,
        env=flow_environment(METAFLOW_USER="churn", PYTHONPATH=str(ROOT)), capture_output=True,
    )  # fmt: skip
    run = f"EffectFlow/{(folder / 'id').read_text().strip()}"
    assert (STORE / ".metaflow" / run).exists()
    promote_policy(run, "for a test", CAMPAIGN)
    return run, policy


def score(folder, telco_run, customers, **values) -> tuple[Job, pd.DataFrame]:
    folder.mkdir()
    job = Job("mine.csv", 1, "Anna", telco_run.pathspec, "2026-03-02", "ready", **values)
    customers.to_csv(job.write(folder).file(folder), index=False)
    assert main(folder) == 0
    with (folder / "scored.csv").open() as file:
        return Job.read(folder), pd.DataFrame(csv.DictReader(file))


def test_what_a_call_brings_is_the_learned_effect_in_money(
    telco_run, customers, promoted, tmp_path
):
    run, policy = promoted
    job, scored = score(tmp_path / "one", telco_run, customers, campaign=CAMPAIGN)
    assert job.policy == run
    assert f"the effect of a call that {run} has learned" in job.notes[0]
    contract = telco_run.data.contract
    frame = telco_run.data.frame.loc[customers.index]
    chance = telco_run.model.predict_proba(frame)[:, 1]
    effect = policy.effects(experiment_features(frame, contract, chance), 1 - chance)[:, 0]
    costs = telco_run.data.costs
    expected = effect * costs.customer_value - costs.spending(chance, frame)
    found = scored["benefit_of_a_call"].astype(float).to_numpy()
    np.testing.assert_allclose(found, expected, rtol=0, atol=0.0051)
    assert (scored["worth_a_call"] == "yes").tolist() == (expected > 0).tolist()
    _, by_risk = score(tmp_path / "two", telco_run, customers, campaign=CAMPAIGN, policy=RISK)
    assert not np.allclose(found, by_risk["benefit_of_a_call"].astype(float), atol=1)


def test_a_plan_by_that_policy_brings_what_its_list_brings(telco_run, promoted):
    _, policy = promoted
    contract, frame = telco_run.data.contract, telco_run.data.frame
    chance, times = telco_run.model.predict_proba(frame)[:, 1], 2
    for value in (200.0, 60.0):
        costs = RetentionCosts(1.0, 10.0, 0.3, value)
        ranks = ListPolicy(Actions.one(costs), [], contract, "ChurnFlow/1", policy)
        bins = effect_bins(frame.assign(probability=chance), times * len(frame), ranks)
        benefit = np.sort(ranks.benefits(chance, frame)[:, 0])[::-1]
        for budget in (100, 1_000, len(frame)):
            plan = make_plan(bins, PlanSettings(times * budget, 1.0, 10.0, 0.3, value))
            own = benefit[:budget]
            assert plan.by_effect
            assert plan.money["value"] == pytest.approx(times * own[own > 0].sum(), rel=0.01)
            assert plan.money["low"] <= plan.money["value"] <= plan.money["high"]
            assert plan.pays == pytest.approx(times * (benefit > 0).sum(), rel=0.03)


def test_without_a_promoted_policy_it_goes_by_risk_and_says_so(telco_run, customers, tmp_path):
    job, _ = score(tmp_path / "one", telco_run, customers, campaign="of nobody")
    assert job.policy == RISK
    assert job.notes[0] == "What a call brings goes by risk and the assumed acceptance."
