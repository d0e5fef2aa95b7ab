"""The loop of the year without processes: its lists, experiments and policies by the library alone.

Each month a logistic regression is fitted anew on the last month's customers who were not called;
the list, the database, the experiment's checks, the learners, and the gate for policies are those
of the flows. They learn every second month, from the third on, and the team explores less once a
policy is proven. The app and MonitorFlow are left out.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score
from year_market import Market, Plan
from year_policies import EXPLORE_PROVEN, HORIZON, Best, ByRisk, MonthResult, Once, first_of

from churn.campaign.call_list import listing_contract, make_list
from churn.campaign.campaign_reading import load_campaign_file
from churn.campaign.chunks import clean_chunks, columns_needed, repeated_ids
from churn.campaign.cooldown import resting_customers
from churn.campaign.effects import check_settings, read_campaign
from churn.campaign.list_policy import ListPolicy
from churn.campaign.shards import Source
from churn.campaign.shortlist import score_shard
from churn.campaign.stored.listing import store_list
from churn.campaign.terms import DEFAULTS, settle_terms
from churn.data.inference import infer_contract
from churn.data.parsing import labels
from churn.errors import ChurnError
from churn.evaluation.calibration import reliability
from churn.evaluation.retention_costs import RetentionCosts
from churn.feedback.outcomes import Outcome, OutcomeStore
from churn.modeling.model import ChurnModel
from churn.modeling.search_space import BASELINE
from churn.scoring.deployment import Deployment
from churn.scoring.explanations import Explainer
from churn.scoring.export.models import compare, compile_model
from churn.targeting.effects import cross_fit
from churn.targeting.experiment import require_sound
from churn.targeting.learned import LearnedPolicy
from churn.targeting.policies import A_YEAR
from churn.targeting.report import judge

LEARN = range(3, 100, 2)


class LibraryLoop:
    """The loop, see above."""

    name = "this loop"

    def __init__(
        self, plan: Plan, offer: RetentionCosts, budget: int, folder: Path, explore: float
    ):
        self.plan, self.offer, self.budget, self.folder = plan, offer, budget, folder
        self.market = Market(plan, offer)
        table = self.market.table()
        self.labelled = [table.assign(churn=self.market.live().left.astype(int))]
        self.url = f"sqlite:///{folder / 'lists.db'}"
        self.file = folder / "campaign.toml"
        self.explore = explore
        self.champion: LearnedPolicy | None = None
        self.candidate: LearnedPolicy | None = None
        history = self.labelled[0].drop(columns="customer_id")
        self.contract = infer_contract(history, "churn", positive="1")
        self.contract = listing_contract(self.contract, "customer_id", named=True)
        self.fit()

    def fit(self) -> None:
        """Fit the model on the newest month's customers who were not called.

        Not on each customer's newest label of several months, see `Loop._newest`.
        """
        newest = self.labelled[-1]
        self.model = ChurnModel(self.contract, BASELINE).fit(newest)
        chance = self.model.predict_proba(newest)[:, 1]
        scorer = compile_model(self.model)
        self.deployment = Deployment(
            run="ChurnFlow/1", candidate="logistic", contract=self.contract, scorer=scorer,
            agreement=compare(scorer, self.model, newest), explainer=Explainer.of_model(self.model),
            metrics={}, evaluated_on="training",
            reliability=reliability(labels(newest, self.contract), chance).to_dict("records"),
            importances=[], lineage={}, fingerprint="", customers=len(newest), created_at=None,
            family="", costs={},
        )  # fmt: skip

    def month(self) -> MonthResult:
        number = self.market.month
        notes = self.learn(number) if number in LEARN and self.explore else []
        table = self.market.table(broken=number == self.plan.broken)
        self.made = self.make(table, number)
        calls = self.made.calls.to_pandas()
        called = calls.loc[calls["arm"] == "contact", "customer_id"].astype(int).to_numpy()
        chances = self.model.predict_proba(table)[:, 1]
        table = self.market.table()
        month = self.market.live(called)
        end = first_of(number + 1)
        left_on = (pd.Timestamp(end) - pd.Timedelta(days=14)).date()
        now = pd.Timestamp(end, tz="UTC").to_pydatetime()
        with OutcomeStore(self.url) as store:
            store.add(
                Outcome(str(one), left_on if gone else end, bool(gone), now)
                for one, gone in zip(table["customer_id"], month.left, strict=True)
            )
        free = ~np.isin(table["customer_id"], called)
        self.labelled.append(table[free].assign(churn=month.left[free].astype(int)))
        self.fit()
        quality = roc_auc_score(month.leaving, chances)
        return MonthResult(-month.lost - month.spent, len(called), quality, notes)

    def make(self, table: pd.DataFrame, number: int):
        self.file.write_text(
            f'campaign = "year"\nbudget = {self.budget}\nexploration_share = {self.explore}\n'
            f'horizon_days = {HORIZON}\n[[actions]]\nname = "offer"\n'
        )
        given = dict.fromkeys(DEFAULTS, "") | {
            "as_of": str(first_of(number)), "max_rejected": 0.05, "shard_rows": 500_000,
            "output": "calls.csv",
        }  # fmt: skip
        terms = settle_terms(given, {}, load_campaign_file(str(self.file)))
        actions = terms.actions({})
        contract = self.contract.model_copy(update={"as_of": terms.campaign.as_of})
        policy = ListPolicy(
            actions, self.deployment.reliability, contract, "ChurnFlow/1", self.champion,
            self.candidate,
        )  # fmt: skip
        path = self.folder / "customers.parquet"
        table.to_parquet(path, index=False)
        source = Source.open(str(path), columns=columns_needed(contract, actions))
        shards = source.shards(500_000)
        resting = resting_customers(self.url, terms.campaign.as_of, 0, HORIZON)
        repeated = repeated_ids(source, shards, contract.id)
        parts = [
            score_shard(
                clean_chunks(source, shard, contract, actions, repeated), self.model,
                terms.campaign, policy, (), resting=resting,
            )[0]
            for shard in shards
        ]  # fmt: skip
        made = make_list(parts, self.deployment, contract, terms.campaign, policy)
        none = pd.DataFrame(index=made.rows)
        store_list(made, contract, terms.campaign, f"ScoreFlow/{number}", self.url, none)
        return made

    def learn(self, number: int) -> list[str]:
        """Learn from the months before; `learned` where the list goes by effects from now on."""
        day = first_of(number).replace(day=2)
        settings = check_settings("auto", 0, 0, str(day), "", load_campaign_file(str(self.file)))
        found = read_campaign(self.url, self.contract, settings)
        try:
            require_sound(found.checks)
        except ChurnError as error:
            print(number, error, flush=True)
            return []
        effects = cross_fit(found.known, self.plan.seed)
        report = judge(
            found.known,
            effects,
            found.checks,
            found.costs,
            found.budget,
            self.plan.seed,
            proof=A_YEAR,
        )
        self.report = report
        policy = LearnedPolicy.fit(found.known, report, "year", f"EffectFlow/{number}")
        one = next(value for value in report.values if value.policy == "hybrid")
        print(
            f"month {number}: {report.customers} rows, gain {one.gain:.3f} se {one.gain_se:.3f} "
            f"t {one.gain / max(one.gain_se, 1e-9):.2f} differs {one.differs:.3f} "
            f"effective {one.effective:.0f} budget {found.budget:.3f}", flush=True,
        )  # fmt: skip
        if report.chosen.policy != "hybrid":
            self.candidate = policy
            return []
        before, self.champion, self.candidate = self.champion, policy, None
        self.explore = min(self.explore, EXPLORE_PROVEN)
        return [] if before else ["learned"]


class FittedOnce(Once):
    """The list by risk, by the loop's first model."""

    def __init__(self, loop: LibraryLoop):
        self.plan, self.offer, self.budget, self.loop = loop.plan, loop.offer, loop.budget, loop
        self.model = loop.model
        self.market = Market(loop.plan, loop.offer)
        self.market.live()


class FittedByRisk(FittedOnce):
    """The list by risk, by the loop's present model."""

    name, broken_months = ByRisk.name, ByRisk.broken_months

    def month(self) -> MonthResult:
        self.model = self.loop.model
        return super().month()


class FittedBest(FittedOnce):
    """Whoever knows the true effects of the month."""

    name, broken_months = Best.name, Best.broken_months

    def benefits(self, table: pd.DataFrame, chances: np.ndarray) -> np.ndarray:
        return self.market.benefits()
