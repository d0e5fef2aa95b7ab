"""ScoreFlow: from a customer table to the day's call list, by the champion."""

from runtime import launch  # first: it makes churn importable and names the user

if __name__ == "__main__":
    launch.prepare()
# isort: split
from itertools import chain

from metaflow import FlowSpec, Parameter, card, current, resources, step, timeout

from runtime.deployment import Deployable, deployment_config


@Deployable()
class ScoreFlow(FlowSpec):
    """Score customers, and list those with the greatest expected profit of a call."""

    deployment_file = deployment_config()
    data = Parameter("data", default="telco", help="telco, file, folder, s3:// or database URL")
    query = Parameter("query", default="", help="SELECT, with a database URL")
    output = Parameter("output", default="calls.csv", help=".csv, .csv.gz or .parquet; s3:// too")
    model_run = Parameter("run", default="champion", help="champion, ChurnFlow/<id> or the id")
    id_column = Parameter("id", default="", help="column with the key, if not the contract's")
    campaign_path = Parameter(
        "campaign-file", default="", help="campaign.toml: actions, costs, capacities"
    )
    budget = Parameter("budget", default="", help="the most customers to call; the file's, or 500")
    planned = Parameter(
        "planned", default=False, is_flag=True, help="budget and costs of the plan saved in the app"
    )
    campaign_name = Parameter(
        "campaign",
        default="",
        help="name that draws the control group; the file's, or retention",
    )
    control = Parameter(
        "control", default="", help="share in the control group; the file's, or 0.1"
    )
    explore = Parameter(
        "explore", default="", help="calls of the budget drawn at random; the file's, or 0"
    )
    do_not_contact_list = Parameter(
        "do-not-contact", default="", help="file with an id a line; the file's"
    )
    do_not_contact_may_miss = Parameter(
        "do-not-contact-may-miss",
        default=False,
        is_flag=True,
        help="go on if the table has none of its ids",
    )
    cooldown = Parameter(
        "cooldown-days", default="", help="days without a call after a list; the file's, or 0"
    )
    separator = Parameter(
        "separator", default="", help="between a text file's cells, if not certain"
    )
    encoding = Parameter("encoding", default="", help="of a text file, if not UTF-8 or UTF-16")
    sheet = Parameter("sheet", default="", help="sheet of a workbook, if it has several")
    log_url = Parameter("log", default="", help="prediction log; CHURN_LOG, or in CHURN_STATE; off")
    as_of_day = Parameter("as-of", default="", help="the day, YYYY-MM-DD; today, in UTC")
    keep = Parameter("keep", default="", help="columns for the agents, or off; the contract's")
    segment_column = Parameter("segment", default="", help="column that groups the list for agents")
    agents = Parameter("agents", default="", help="names, commas between: they share the calls")
    policy_name = Parameter("policy", default="champion", help="risk, champion or EffectFlow/<id>")
    currency = Parameter("currency", default="", help="of all money, as EUR; the file's")
    webhook = Parameter("webhook", default="", help="URL to post the news of the list to; mailto:")
    everyone = Parameter(
        "everyone", default=False, is_flag=True, help="write the other customers too"
    )
    max_rejected = Parameter("max-rejected", default=0.05, help="largest share of rejected rows")
    shard_rows = Parameter("shard-rows", default=500_000, help="about so many customers a task")
    contact_cost = Parameter("contact-cost", default="", help="money per call; as in the run")
    offer_cost = Parameter("offer-cost", default="", help="money per offer; as in the run")
    acceptance = Parameter("acceptance", default="", help="share who accept; as in the run")
    customer_value = Parameter("customer-value", default="", help="money; as in the run")

    @timeout(hours=2)
    @step
    def start(self):
        """Check the settings, fetch the model, and split the table into shards."""
        from churn.campaign.call_list import listing_contract
        from churn.campaign.campaign_reading import read_campaign_file
        from churn.campaign.chunks import columns_needed, left_already, repeated_ids
        from churn.campaign.cooldown import resting_customers
        from churn.campaign.do_not_contact import read_ids
        from churn.campaign.effects import compare_with_newest, rest_of_drawn
        from churn.campaign.list_policy import ListPolicy
        from churn.campaign.shards import Source
        from churn.campaign.stored.listing import kept_names
        from churn.campaign.terms import settle_terms
        from churn.data.source import SourceOptions
        from churn.feedback.prediction_log import database_url
        from churn.pods import check_lasts
        from churn.registry.policies import fetch_policy
        from churn.registry.runs import fetch_model

        check_lasts(output=self.output, log=database_url(self.log_url))
        given_costs = {
            "contact_cost": self.contact_cost, "offer_cost": self.offer_cost,
            "acceptance": self.acceptance, "customer_value": self.customer_value,
        }  # fmt: skip
        given = {
            "campaign": self.campaign_name, "budget": self.budget, "explore": self.explore,
            "cooldown": self.cooldown, "control": self.control, "currency": self.currency,
            "do_not_contact": self.do_not_contact_list, "as_of": self.as_of_day,
            "max_rejected": self.max_rejected, "shard_rows": self.shard_rows,
            "output": self.output,
        }  # fmt: skip
        file = read_campaign_file(self.campaign_path)
        self.terms = settle_terms(given, given_costs, file, self.planned, self.log_url)
        self.campaign = self.terms.campaign
        self.deployment, self.model = fetch_model(self.model_run)
        self.actions = self.terms.actions(self.deployment.costs)
        self.costs_used = self.terms.describe(self.actions, self.deployment.run)
        learned = fetch_policy(self.policy_name, self.campaign.campaign)
        contract = self.deployment.contract.model_copy(update={"as_of": self.campaign.as_of})
        self.contract = listing_contract(contract, self.id_column, self.actions.named)
        if file:
            file.check_contract(self.contract)
        options = SourceOptions.check(
            separator=self.separator, encoding=self.encoding, sheet=self.sheet
        ).over(contract.source)
        self.policy = ListPolicy(
            self.actions, self.deployment.reliability, self.contract, self.deployment.run, learned
        )
        self.policy, drawn_by = compare_with_newest(self.policy, self.campaign)
        self.excluded = read_ids(self.terms.do_not_contact, self.contract.id)
        self.drawn_days = rest_of_drawn(self.campaign, contract, file)
        self.resting = resting_customers(
            self.log_url, self.campaign.as_of, self.campaign.cooldown, self.drawn_days
        )
        self.kept_names = kept_names(contract, self.keep, self.segment_column)
        needed = [*columns_needed(self.contract, self.actions), *self.kept_names]
        self.source = Source.open(self.data, self.query, needed, options)
        self.shards = self.source.shards(self.shard_rows)
        self.warnings = [self.terms.plan.words] if self.terms.plan else []
        self.warnings += drawn_by
        self.warnings += [f"The table: {note}." for note in self.source.notes]
        self.warnings.append(left_already(self.source, self.shards, contract))
        self.repeated = repeated_ids(self.source, self.shards, self.contract.id)
        self.next(self.score, foreach="shards")

    @resources(cpu=2)
    @timeout(hours=2)
    @step
    def score(self):
        """Score a shard, and keep the customers with the greatest expected profit of a call."""
        from churn.campaign.chunks import clean_chunks
        from churn.campaign.shortlist import score_shard
        from churn.modeling.threads import bounded_threads, threads_per_task

        chunks = clean_chunks(self.source, self.input, self.contract, self.actions, self.repeated)
        model = self.model  # loads the libraries whose threads are bounded below
        with bounded_threads(threads_per_task(len(self.shards))):
            self.part, self.scored = score_shard(
                chunks,
                model,
                self.campaign,
                self.policy,
                self.excluded,
                self.everyone,
                self.resting,
            )
        self.next(self.rank)

    @timeout(hours=2)
    @card(type="blank", id="calls")
    @step
    def rank(self, inputs):
        """Merge the shards, mark the control group, explain the risks, and write the list."""
        from cards.calls import calls_card
        from churn.campaign.call_list import everyone_else, make_list
        from churn.campaign.cooldown import describe_resting
        from churn.campaign.do_not_contact import check_matches
        from churn.campaign.export import write_list, write_rejected
        from churn.campaign.plan_effects import store_bins
        from churn.campaign.stored.listing import kept_columns, store_list
        from churn.feedback.batch import log_sample
        from churn.registry.runs import with_scorer
        from churn.words import names

        # These are equal in every task, but not merged: the pickle of a set differs by process.
        same = (
            "campaign", "contract", "costs_used", "deployment", "terms", "excluded", "policy",
            "resting", "warnings", "kept_names", "drawn_days",
        )  # fmt: skip
        for name in same:
            setattr(self, name, getattr(inputs[0], name))
        run = self.deployment.run
        self.call_list = make_list(
            _each(inputs, "part"), with_scorer(self.deployment), self.contract, self.campaign,
            self.policy,
        )  # fmt: skip
        counts = self.call_list.counts
        self.warnings.append(
            check_matches(
                self.excluded, counts["do_not_contact"], counts["customers"],
                required=not self.do_not_contact_may_miss,
            )
        )  # fmt: skip
        self.warnings.append(
            describe_resting(
                self.resting, counts["resting"], self.campaign.cooldown, self.drawn_days
            )
        )
        tables = [self.call_list.calls]
        if self.everyone:
            scored = _each(inputs, "scored")
            tables = chain(tables, everyone_else(scored, self.call_list, self.campaign))
        write_list(tables, self.output)
        self.warnings.append(
            write_rejected(self.call_list.rejected, counts["rejected"], self.output)
        )
        scored, day = self.call_list.scored, self.campaign.as_of
        self.logged = log_sample(self.call_list.sample, scored, self.deployment, day, self.log_url)
        calls, source = self.call_list, inputs[0].source
        kept = kept_columns(source, inputs[0].shards, calls.rows, self.kept_names)
        self.stored = store_list(
            calls, self.contract, self.campaign, run, self.log_url, kept,
            currency=self.terms.currency, segment=self.segment_column.strip(),
            agents=names(self.agents), notes=[self.costs_used],
        )  # fmt: skip
        store_bins(calls, self.campaign, self.log_url)
        current.card["calls"].extend(calls_card(self))
        self.next(self.end)

    @timeout(hours=1)
    @step
    def end(self):
        """Print the summary."""
        from churn.campaign.call_list import describe_list, describe_problems, list_message
        from churn.monitoring.notify import announce

        print("\n".join(filter(None, self.warnings)))
        print("\n".join(describe_problems(self.call_list.problems)))
        print("\n".join([str(self.call_list), *self.call_list.describe_actions()]))
        print("\n".join(describe_list(self.contract)))
        print(self.policy)
        print(self.costs_used)
        print(f"Written to {self.output}.")
        print(self.logged)
        print(self.stored)
        if self.webhook:
            where = f"{current.flow_name}/{current.run_id}"
            subject = f"{self.call_list.counts['contact']:,} customers to call"
            announce(self.webhook, subject, list_message(self.call_list, self.campaign, where))


def _each(inputs, name: str):
    """An artifact of each task, one at a time, since Metaflow keeps read artifacts in memory."""
    for task in inputs:
        yield getattr(task, name)
        delattr(task, name)


if __name__ == "__main__":
    launch.start(ScoreFlow)
