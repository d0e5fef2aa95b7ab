"""EffectFlow: learn from a campaign whom a call keeps, and decide how its list is ranked."""

from runtime import launch  # first: it makes churn importable and names the user

if __name__ == "__main__":
    launch.prepare()
# isort: split
from metaflow import FlowSpec, Parameter, card, current, resources, step, timeout

from runtime.deployment import Deployable, deployment_config


@Deployable()
class EffectFlow(FlowSpec):
    """Check a campaign's experiment, learn effects, and compare policies in money."""

    deployment_file = deployment_config()
    campaign_path = Parameter("campaign-file", default="", help="campaign.toml; see ScoreFlow")
    campaign_name = Parameter("campaign", default="", help="whose lists; the file's, or retention")
    model_run = Parameter("run", default="champion", help="champion, ChurnFlow/<id> or the id")
    log_url = Parameter("log", default="", help="prediction log; CHURN_LOG, or in CHURN_STATE")
    as_of_day = Parameter("as-of", default="", help="the day, YYYY-MM-DD; today, in UTC")
    horizon = Parameter(
        "horizon",
        default=0,
        help="days until an outcome is known; the file's, the contract's, or 30",
    )
    budget = Parameter("budget", default=0.0, help="share of customers to call; that of the lists")
    promote_it = Parameter("promote", default="auto", help="auto, if it is proven, or never")
    seed = Parameter("seed", default=0, help="of the folds")

    @timeout(hours=2)
    @step
    def start(self):
        """Read the campaign's lists and outcomes, and check the experiment."""
        from churn.campaign.campaign_reading import read_campaign_file
        from churn.campaign.effects import check_settings, read_campaign
        from churn.feedback.prediction_log import database_url
        from churn.pods import check_lasts
        from churn.registry.runs import fetch_run
        from churn.registry.visibility import check_visible
        from churn.targeting.effects import FOLDS
        from churn.targeting.experiment import require_sound

        self.settings = check_settings(
            self.promote_it, self.budget, self.horizon, self.as_of_day, self.campaign_name,
            read_campaign_file(self.campaign_path),
        )  # fmt: skip
        check_visible(self, self.promote_it)
        check_lasts(log=database_url(self.log_url))
        deployment = fetch_run(self.model_run)
        self.found = read_campaign(self.log_url, deployment.contract, self.settings)
        require_sound(self.found.checks)
        self.folds = list(range(FOLDS))
        self.next(self.learn, foreach="folds")

    @resources(cpu=2)
    @timeout(hours=2)
    @step
    def learn(self):
        """Predict the effects on a fold of the customers from all others."""
        from churn.targeting.effects import fit_fold

        self.fold = fit_fold(self.found.known, self.input, self.seed)
        print(f"{len(self.fold.rows):,} customers, predicted from the others")
        self.next(self.judge)

    @timeout(hours=2)
    @card(type="blank", id="effects")
    @step
    def judge(self, inputs):
        """Compare the policies, and fit the learned one on all customers."""
        from cards.effects import effects_card
        from churn.campaign.champion_review import review_champion
        from churn.campaign.effects import capacity_shares, customer_kinds, decide
        from churn.registry.policies import describe_policy, dump_policy
        from churn.targeting.effects import combine_folds
        from churn.targeting.learned import LearnedPolicy
        from churn.targeting.policies import A_YEAR
        from churn.targeting.report import judge

        self.found, self.settings = inputs[0].found, inputs[0].settings
        known, found = self.found.known, self.found
        effects = combine_folds(known, [one.fold for one in inputs])
        capacities = capacity_shares(found, self.settings.capacities)
        self.report = judge(
            known, effects, found.checks, found.costs, found.budget, self.seed, capacities, A_YEAR
        )
        run = f"{current.flow_name}/{current.run_id}"
        campaign, until = self.settings.campaign, found.days.max().item()
        self.review = review_champion(campaign, found, effects, capacities, self.seed)
        policy = LearnedPolicy.fit(known, self.report, campaign, run, self.seed, until)
        self.policy_file = dump_policy(policy)
        self.decision = describe_policy(policy, self.policy_file, **decide(self.report))
        self.quarters = customer_kinds(found, effects)
        current.card["effects"].extend(effects_card(self))
        self.next(self.end)

    @timeout(hours=1)
    @step
    def end(self):
        """Promote the learned policy if its gain is proven, end the champion's use if it loses."""
        from churn.campaign.champion_review import conclude
        from churn.campaign.effects import effects_report, per_protocol, store_report
        from churn.targeting.report import lines

        campaign = self.settings.campaign
        reached = per_protocol(self.report, self.found.reached)
        review = [] if self.review is None else [self.review.sentence()]
        print("\n".join([*self.found.notes, *lines(self.report), *reached, *review]))
        run = f"{current.flow_name}/{current.run_id}"
        body = effects_report(
            campaign, run, self.report, self.quarters, self.found.reached, self.review
        )
        store_report(self.log_url, self.as_of_day, body)
        promote = self.promote_it == "auto"
        print(conclude(run, campaign, self.decision, self.review, promote=promote))


if __name__ == "__main__":
    launch.start(EffectFlow)
