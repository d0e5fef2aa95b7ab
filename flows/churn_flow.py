"""ChurnFlow: from a customer table to a chosen, evaluated, explained model."""

from runtime import console, launch  # first: it makes churn importable and names the user

if __name__ == "__main__":
    launch.prepare()
# isort: split
from metaflow import (
    Config,
    FlowSpec,
    Parameter,
    card,
    catch,
    current,
    resources,
    retry,
    step,
    timeout,
)

from runtime.deployment import Deployable, deployment_config


@Deployable()
class ChurnFlow(FlowSpec):
    """Train, choose and evaluate a churn model on a customer table."""

    contract_file = Config(
        "contract",
        default_value="inferred",
        parser="churn.data.contract.parse_toml",
        plain=True,
        help="contract file (TOML); inferred from the table when none is given",
    )
    candidates_file = Config(
        "candidates",
        default_value="built-in",
        parser="churn.modeling.search_file.parse_toml",
        plain=True,
        help="search space (TOML); the built-in one when none is given",
    )
    deployment_file = deployment_config()
    data = Parameter("data", default="telco", help="telco, file, folder, s3:// or database URL")
    query = Parameter("query", default="", help="SELECT, with a database URL")
    id_column = Parameter("id", default="", help="column with the customer's key")
    target_column = Parameter(
        "target", default="", help="column with the label, or a rule: date < day"
    )
    positive = Parameter("positive", default="", help="the target's value for 'left'")
    time_column = Parameter("time", default="", help="column with the date of the observation")
    separator = Parameter(
        "separator", default="", help="between a text file's cells, if not certain"
    )
    decimal = Parameter("decimal", default="", help="decimal mark, . or , if not certain")
    encoding = Parameter("encoding", default="", help="of a text file, if not UTF-8 or UTF-16")
    dates = Parameter("dates", default="", help="day-first or month-first, if not certain")
    sheet = Parameter("sheet", default="", help="sheet of a workbook, if it has several")
    call_lists = Parameter(
        "calls", default="", help="call lists, as calls-*.csv: called customers are left out"
    )
    log_url = Parameter(
        "log", default="", help="prediction log, whose call lists count too; CHURN_LOG; off"
    )
    max_rejected = Parameter("max-rejected", default=0.05, help="largest share of rejected rows")
    rejected_file = Parameter("rejected", default="rejected.csv", help="file for the rejected rows")
    leakage = Parameter(
        "leakage", default="drop", help="drop, drop-suspected, keep-suspected, stop or warn"
    )
    holdout = Parameter("holdout", default=0.2, help="share held out; 0: cross-validation only")
    renewals = Parameter("renewals", default=0, help="quarters of the hold-out that are renewed")
    folds = Parameter("folds", default=5, help="folds of the cross-validation")
    search_rows = Parameter("search-rows", default=20_000, help="most rows to try candidates on")
    budget_seconds = Parameter("budget-seconds", default=240.0, help="CPU seconds of the search")
    refit_rows = Parameter(
        "refit-rows", default=500_000, help="most rows to fit the chosen candidate to"
    )
    effort = Parameter("effort", default="default", help="default; high: up to ten times the CPU")
    margin = Parameter(
        "margin", default=0.1, help="standard errors that a model of half the cost may be behind"
    )
    contact_cost = Parameter("contact-cost", default="1", help="money per call, or a column")
    offer_cost = Parameter("offer-cost", default="10", help="money per offer taken, or a column")
    acceptance = Parameter(
        "acceptance", default="0.3", help="share of leavers who accept an offer, or a column"
    )
    customer_value = Parameter("customer-value", default="200", help="money, or a column")
    promote = Parameter("promote", default="auto", help="auto: if it passes the gate; or never")
    gate_margin = Parameter(
        "gate-margin", default=0.005, help="nats that a model may be behind the best champion ever"
    )
    seed = Parameter("seed", default=0, help="seed of everything random")

    @timeout(hours=1)
    @step
    def start(self):
        """Check the settings, and record the lineage of this run."""
        from churn.modeling.effort import EFFORTS
        from churn.modeling.search_file import settle_candidates
        from churn.registry.lineage import run_lineage
        from churn.registry.training_settings import check_training
        from churn.registry.visibility import check_visible

        self.costs = check_training(self)
        check_visible(self, self.promote)
        self.candidates = settle_candidates(self.candidates_file, EFFORTS[self.effort])
        self.lineage = run_lineage(self.seed)
        self.next(self.load)

    @timeout(hours=2)
    @step
    def load(self):
        """Read the table and its contract."""
        from churn.campaign.known_calls import known_calls
        from churn.campaign.reading import list_paths
        from churn.data.conversion import store_table
        from churn.data.inference import settle_contract
        from churn.data.source import notes
        from churn.metaflow_compat import table_folder

        options = self._source()
        table = store_table(self.data, self.query, options, table_folder(self))
        columns = table.columnwise()
        self.contract = settle_contract(
            columns, self.data, self.contract_file, options,
            id=self.id_column, target=self.target_column,
            positive=self.positive, time=self.time_column,
        )  # fmt: skip
        self.table = table.noted(notes(columns))
        self.lineage["data"] = table.digest
        paths = list_paths(self.call_lists)
        self.known_calls = known_calls(paths, self.log_url, self.lineage["data"])
        console.show(self.known_calls)
        self.next(self.validate)

    def _source(self):
        from churn.data.source import SourceOptions

        return SourceOptions.check(
            separator=self.separator, decimal=self.decimal, encoding=self.encoding,
            sheet=self.sheet, dates=self.dates,
        ).over(SourceOptions(**self.contract_file.get("source", {})))  # fmt: skip

    def _artifacts(self):
        from churn.registry.training_run import TrainingRun

        return TrainingRun(self, f"{current.flow_name}/{current.run_id}")

    @timeout(hours=2)
    @card(type="blank", id="data")
    @step
    def validate(self):
        """Reject broken rows, hold customers out, drop columns that leak the target."""
        from cards.data import data_card
        from churn.campaign.called import leave_out_called
        from churn.data.clean_table import validate_table
        from churn.data.console import describe_samples, describe_table
        from churn.data.holdout import holdout_mask, row_hashes, split_customers
        from churn.data.leakage import act_on, find_leaks, findings_table
        from churn.data.near_copies import find_near_copies
        from churn.data.rejected import MOST_KEPT, write_rejected
        from churn.data.rows import Part
        from churn.data.target import describe_target

        checked = validate_table(self.table, self.contract, self.max_rejected)
        customers, self.problems = checked.clean, checked.problems
        self.costs.check_columns_pay(customers)
        near = find_near_copies(customers, self.contract)
        held = holdout_mask(customers, self.contract, self.holdout, near, self.renewals)
        seen, groups = Part(customers, ~held), near and near.groups[~held]
        leaks = find_leaks(seen, checked.labels[~held], self.contract, groups)
        self.leaks = findings_table(leaks)
        self.full_contract = self.contract
        self.contract = act_on(leaks, self.contract, self.leakage)
        self.split = split_customers(customers, self.contract, held)
        self.target_summary = describe_target(customers, self.contract)
        console.show(write_rejected(checked.rejected, self.rejected_file))
        console.show(describe_table(self.table, checked, leaks, self.contract, self.split))
        self.near_copies = str(near or "")
        self.samples = describe_samples(len(customers), len(seen), near is not None)
        console.show("\n".join(filter(None, [self.near_copies, self.samples])))
        self.customers, self.rejected = customers, checked.rejected.head(MOST_KEPT)
        self.groups = near and near.groups
        # By them the hold-out is decided; without near copies they follow from the customer alone.
        self.hashes = near and row_hashes(customers, self.full_contract, near)
        self.split, self.weights, self.called = leave_out_called(
            customers, self.split, self.contract, self.known_calls.calls
        )
        console.show(self.called)
        self.lineage |= {"contract": self.contract.digest, "renewals": self.renewals}
        current.card["data"].extend(data_card(self._artifacts()))
        self.next(self.featurize)

    @timeout(hours=2)
    @step
    def featurize(self):
        """Encode the training rows once, cross-validate the baseline, and plan the search."""
        from churn.data.rows import Part
        from churn.modeling.budget import plan_budget
        from churn.modeling.effort import EFFORTS
        from churn.modeling.repeated import cross_validate_repeatedly
        from churn.modeling.sample import draw_search_sample
        from churn.modeling.search_space import BASELINE
        from churn.modeling.threads import threads_per_task
        from churn.statistics.weighting import take

        train = self.split == "train"
        self.sample = draw_search_sample(
            Part(self.customers, train), self.contract, self.folds, self.search_rows, self.seed,
            take(self.groups, train), take(self.weights, train),
        )  # fmt: skip
        effort = EFFORTS[self.effort]
        self.baseline = cross_validate_repeatedly(
            BASELINE, self.sample, self.seed, threads_per_task(1), repeats=effort.repeats
        )
        budget = effort.budget(self.budget_seconds)
        self.limits = plan_budget(self.candidates, self.sample, budget)
        self.next(self.train, foreach="candidates")

    @resources(cpu=2)
    @timeout(hours=2)
    @retry(times=1, minutes_between_retries=0)
    @catch(var="died", print_exception=False)
    @step
    def train(self):
        """Cross-validate one candidate; a task that is killed is tried once more."""
        from churn.modeling.effort import EFFORTS
        from churn.modeling.search import describe_result, try_candidate
        from churn.modeling.threads import threads_per_task

        threads = threads_per_task(len(self.candidates))
        self.trial, self.error = try_candidate(
            self.input, self.sample, self.seed, threads, print, self.baseline, self.limits,
            EFFORTS[self.effort].repeats,
        )  # fmt: skip
        console.show(describe_result(self.input, self.trial, self.error))
        self.next(self.pick_best)

    @resources(cpu=2)
    @timeout(hours=4)
    @card(type="blank", id="leaderboard")
    @step
    def pick_best(self, inputs):
        """Stack the candidates, choose the best for its cost, and refit it on all training rows."""
        from cards.leaderboard import leaderboard_card
        from churn.data.rows import Part
        from churn.evaluation.profit import settle_threshold
        from churn.modeling.model import ChurnModel
        from churn.modeling.sample import describe_refit, draw_refit_rows
        from churn.modeling.search import collect
        from churn.modeling.selection import choose, leaderboard
        from churn.modeling.stacking import stack
        from churn.modeling.threads import threads_per_task
        from churn.registry.model_file import dump_model
        from churn.statistics.weighting import take
        from churn.words import plural

        self.merge_artifacts(inputs, exclude=["died", "trial", "error"])
        # A task that died has no other artifacts.
        results = [None if task.died else (task.trial, task.error) for task in inputs]
        search = collect(self.candidates, results, self.baseline)
        self.search = search.without_predictions()
        console.show(f"candidates to stack: {len(search.trials)}")
        tried = [*search.trials, *stack(search.trials, self.sample, self.seed, console.show)]
        self.trial = choose(tried, self.sample, self.margin)
        self.leaderboard = leaderboard(tried, search.stopped, self.trial, self.sample)
        train = Part(self.customers, self.split == "train")
        threshold = settle_threshold(
            self.trial.probabilities, train.read(self.sample.rows), self.costs, self.sample.weights
        )
        fitted = draw_refit_rows(len(train), self.refit_rows, self.seed)
        self.refit = describe_refit(len(fitted), len(train))
        console.show(f"fitting {self.trial.candidate.name} on {plural(len(fitted), 'customer')}")
        console.show(self.refit)
        candidate = self.sample.rescale(self.trial.candidate, len(fitted))
        model = ChurnModel(self.contract, candidate, self.seed, threshold)
        weights, groups = (
            take(take(rows, self.split == "train"), fitted) for rows in (self.weights, self.groups)
        )
        model.fit(train.read(fitted), threads_per_task(1), weights, groups)
        self.model_file = dump_model(model)
        current.card["leaderboard"].extend(leaderboard_card(self._artifacts()))
        self.next(self.evaluate)

    @resources(cpu=2)
    @timeout(hours=4)
    @card(type="blank", id="model")
    @step
    def evaluate(self):
        """Evaluate on the hold-out, once; compile the model, and decide on its promotion."""
        from functools import partial

        from cards.model import model_card
        from churn.data.holdout import held_by_hash, row_hashes
        from churn.data.rows import Part
        from churn.evaluation.leak_prices import leak_prices
        from churn.evaluation.report import evaluate_model
        from churn.modeling.effort import EFFORTS
        from churn.modeling.sample import draw_refit_rows
        from churn.monitoring.drift import Reference
        from churn.registry.deploy import deploy
        from churn.registry.gate import decide
        from churn.registry.model_file import load_model
        from churn.registry.out_of_fold import keep_out_of_fold
        from churn.statistics.weighting import take

        model = load_model(self.model_file)
        parts = [self.split == part for part in ("train", "holdout")]
        train, holdout = (Part(self.customers, part) for part in parts)
        weights = tuple(take(self.weights, part) for part in parts)
        console.show(f"evaluating {self.trial.candidate.name} on customers it has not seen")
        self.report = evaluate_model(
            model, train, holdout, self.sample, self.trial, self.baseline, self.costs, weights,
            draw_refit_rows(len(train), self.refit_rows, self.seed),
        )  # fmt: skip
        self.leak_prices = leak_prices(
            self.leaks, self.full_contract, self.contract, train, holdout, self.seed, weights
        )
        self.metrics, self.fingerprint = self.report.metrics, self.report.fingerprint
        run = f"{current.flow_name}/{current.run_id}"
        console.show("compiling it, and comparing both on these customers")
        deployment = deploy(
            run, model, self.model_file, self.report, train, holdout, self.costs, self.lineage
        )
        self.deployment, self.agreement = deployment.to_document(), deployment.agreement
        self.out_of_fold = keep_out_of_fold(
            train.read(self.sample.rows), self.contract, self.trial.probabilities,
            self.sample.weights, EFFORTS[self.effort].repeats,
        )  # fmt: skip
        self.reference = Reference.of_run(
            deployment, self.customers, self.split, self.sample.rows, self.trial.probabilities
        )
        console.show("comparing it with the champion, if there is one")
        if self.hashes is None:
            hashes = row_hashes(holdout, self.full_contract)
        else:
            hashes = self.hashes[parts[1]]
        self.decision = decide(
            model,
            self.report,
            holdout,
            self.agreement,
            self.leaks,
            self.gate_margin,
            self.search,
            self.leakage == "keep-suspected",
            self.out_of_fold,
            partial(held_by_hash, hashes, self.holdout) if self.contract.time is None else None,
            weights[1],
            self.called.withheld,
        )
        self.gate_report = self.decision.to_document(self.promote)
        current.card["model"].extend(model_card(self._artifacts()))
        self.next(self.end)

    @timeout(hours=1)
    @step
    def end(self):
        """Print the summary, and promote the model if it passed the gate."""
        from churn.registry.looks import count_looks, describe_looks, record_look
        from churn.registry.promotion import describe_promotion, project_of
        from churn.registry.run_summary import summarize_run
        from churn.registry.runs import promote

        run = f"{current.flow_name}/{current.run_id}"
        project = project_of(self.contract)
        print(summarize_run(self._artifacts()))
        if self.report.evaluated_on == "hold-out":
            record_look(run, project, self.renewals)
            print(describe_looks(count_looks(project, self.renewals), self.renewals))
        if self.promote == "auto" and self.decision.passed:
            promoted = promote(run, self.decision.why, finished=False, project=project)
            print(describe_promotion(promoted))


if __name__ == "__main__":
    launch.start(ChurnFlow)
