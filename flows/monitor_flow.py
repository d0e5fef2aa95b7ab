"""MonitorFlow: monitor a model in use.

Exits with 0 for ok, 3 for watch, 4 for retrain, 5 for insufficient data; with 1 if it failed, and 2
if the command line is wrong.
"""

from runtime import launch  # first: it makes churn importable and names the user

if __name__ == "__main__":
    launch.prepare()
# isort: split
import sys

from metaflow import FlowSpec, Parameter, card, current, step, timeout

from runtime.deployment import Deployable, deployment_config


@Deployable()
class MonitorFlow(FlowSpec):
    """Examine a model in use: drift, outcomes, expected profit, and a verdict."""

    deployment_file = deployment_config()
    model_run = Parameter("run", default="champion", help="champion, ChurnFlow/<id> or the id")
    log_url = Parameter("log", default="", help="prediction log; CHURN_LOG, or in CHURN_STATE")
    as_of = Parameter("as-of", default="", help="day of the examination, YYYY-MM-DD; now")
    since = Parameter("since", default="", help="first day to compare; 30 days before --until")
    until = Parameter("until", default="", help="first day not to compare; that of --as-of")
    outcomes_table = Parameter(
        "outcomes", default="", help="table: id column or customer, date, left"
    )
    call_lists = Parameter("calls", default="", help="call lists, commas between, or calls-*.csv")
    horizon = Parameter(
        "horizon", default="", help="days within which leaving is predicted; the contract's, or 30"
    )
    completeness = Parameter(
        "completeness", default=0.5, help="share of known outcomes a cohort needs"
    )
    min_customers = Parameter(
        "min-customers", default=200, help="fewest customers of a period to compare"
    )
    months = Parameter("months", default=12, help="monthly cohorts to evaluate")
    contact_cost = Parameter("contact-cost", default="", help="money per call; as in the run")
    offer_cost = Parameter("offer-cost", default="", help="money per offer; as in the run")
    acceptance = Parameter(
        "acceptance", default="", help="share of leavers who accept; as in the run"
    )
    customer_value = Parameter("customer-value", default="", help="money; as in the run")
    retrain_it = Parameter(
        "retrain", default=False, is_flag=True, help="run ChurnFlow if the verdict says so"
    )
    workflow = Parameter(
        "workflow",
        default="churnflow",
        help="ChurnFlow's on Argo Workflows, which --retrain starts",
    )
    data = Parameter("data", default="", help="the newest labelled table, for --retrain")
    metrics_file = Parameter("metrics-file", default="", help="file for Prometheus: ….prom")
    pushgateway = Parameter("pushgateway", default="", help="URL; the default is CHURN_PUSHGATEWAY")
    webhook = Parameter("webhook", default="", help="URL to post the verdict to; mailto:")

    @timeout(hours=1)
    @step
    def start(self):
        """Check the settings, and fetch the model."""
        from datetime import UTC, datetime

        from churn.feedback.prediction_log import database_url
        from churn.monitoring.settings import MonitorSettings
        from churn.pods import check_lasts
        from churn.registry.runs import fetch_run

        check_lasts(metrics_file=self.metrics_file, log=database_url(self.log_url))
        self.settings = MonitorSettings.check(
            self._costs(), as_of=self.as_of, since=self.since, until=self.until,
            horizon=self.horizon, completeness=self.completeness, min_customers=self.min_customers,
            months=self.months, retrain=self.retrain_it, data=self.data,
        )  # fmt: skip
        self.clock = datetime.now(UTC)
        self.deployment = fetch_run(self.model_run)
        self.next(self.read)

    @timeout(hours=2)
    @step
    def read(self):
        """Read the reference, the predictions, the outcomes, and the calls."""
        from churn.campaign.known_calls import known_calls
        from churn.campaign.reading import absolute, list_paths
        from churn.campaign.results import results_by_month
        from churn.monitoring.cohorts import month
        from churn.monitoring.inputs import open_log, read_outcomes, read_reference
        from churn.monitoring.predictions import Window, read_predictions, same_model
        from churn.monitoring.profit_drift import terms

        self.reference, known = read_reference(self.deployment)
        self.offer = terms(known, self._costs())
        settings, contract = self.settings, self.deployment.contract
        period = Window(*settings.period(self.clock))
        months = Window(settings.first_month(self.clock), settings.now(self.clock), month)
        both = Window(min(period.start, months.start), max(period.end, months.end))
        paths = list_paths(self.call_lists)
        self.calls, self.call_paths = (
            known_calls(paths, self.log_url).calls,
            ",".join(absolute(paths)),
        )
        with open_log(self.log_url) as (log, store):
            runs = same_model(log, self.deployment, both)
            self.scored, self.by_month = read_predictions(log, runs, contract, [period, months])
            customers = self.by_month.answers["customer"]
            self.outcomes = read_outcomes(store, customers, self.outcomes_table, contract)
            called = self.calls["customer"]
            of_called = read_outcomes(store, called, self.outcomes_table, contract)
        self.results = results_by_month(self.calls, of_called)
        self.next(self.compare)

    @timeout(hours=2)
    @step
    def compare(self):
        """Compare the customers of the period, and their expected profit, with the reference."""
        from churn.monitoring.drift import compare
        from churn.monitoring.profit_drift import appraise

        both = self.reference, self.scored.features, self.scored.probabilities
        contract, minimum = self.deployment.contract, self.settings.min_customers
        self.drift = compare(*both, contract, minimum)
        self.money = appraise(*both, contract, self.offer, minimum)
        self.next(self.evaluate)

    @timeout(hours=2)
    @step
    def evaluate(self):
        """Evaluate the predictions of the months whose horizon is over."""
        from churn.monitoring.cohorts import evaluate_cohorts

        settings = self.settings
        days, self.horizon_note = settings.days_to_leave(self.deployment.contract)
        self.quality = evaluate_cohorts(
            self.by_month, self.deployment, self.outcomes, self.calls, settings.now(self.clock),
            days, settings.completeness,
        )  # fmt: skip
        self.next(self.judge)

    @timeout(hours=1)
    @card(type="blank", id="monitor")
    @step
    def judge(self):
        """Decide the verdict."""
        from cards import monitoring
        from churn.monitoring.verdict import judge

        run = self.deployment.run
        self.verdict = judge(run, self.scored, self.drift, self.money, self.quality)
        current.card["monitor"].extend(monitoring.monitor(self))
        self.next(self.retrain)

    @timeout(hours=24)
    @step
    def retrain(self):
        """Retrain on the newest labelled table, if that is the verdict; the gate decides."""
        from churn.monitoring.verdict import RETRAIN
        from runtime.retraining import retrain

        self.retrained = None
        if self.retrain_it and self.verdict.verdict == RETRAIN:
            self.retrained = retrain(
                self.deployment, self.data, self.call_paths, self.log_url, self.workflow
            )
        self.next(self.end)

    @timeout(hours=1)
    @card(type="blank", id="evidently")
    @step
    def end(self):
        """Send the verdict; then make Evidently's report, which does not affect it."""
        from cards import monitoring
        from churn.monitoring.drift import two_sample_tests
        from churn.monitoring.evidently_report import evidently_report
        from churn.monitoring.metrics import push_metrics, verdict_metrics, write_metrics
        from churn.monitoring.notify import announce, message

        now = self.settings.now(self.clock)
        print(self.verdict)
        print(self.horizon_note)
        where = f"{current.flow_name}/{current.run_id}"
        self._store_reports(where, now)
        if self.retrained:
            print(f"Retrained: {self.retrained}.")
        found = verdict_metrics(self.verdict, self.drift, self.money, self.quality, now)
        if self.metrics_file:
            write_metrics(found, self.metrics_file)
        push_metrics(found, self.pushgateway)
        if self.webhook:
            subject = f"Churn model: {self.verdict.verdict}"
            announce(self.webhook, subject, message(self.verdict, where, now, self.retrained))
        self.evidently = None
        if not self.drift.too_few:
            both = self.reference, self.scored.features, self.scored.probabilities
            tests = list(two_sample_tests(*both, self.deployment.contract))
            self.evidently = evidently_report(tests)
        current.card["evidently"].extend(monitoring.evidently(self.evidently))

    def _store_reports(self, where, now) -> None:
        """Keep the verdict and the results where the app shows them."""
        from churn.feedback.prediction_log import database_url
        from churn.feedback.reports import SAVINGS, VERDICT, ReportStore
        from churn.monitoring.reports import verdict_report

        report = verdict_report(self.verdict, self.drift, self.quality, where, self.retrained)
        with ReportStore(database_url(self.log_url)) as store:
            store.add(VERDICT, now.date(), report)
            store.add(SAVINGS, now.date(), {"campaigns": self.results})

    def _costs(self) -> dict[str, str]:
        return {
            "contact_cost": self.contact_cost, "offer_cost": self.offer_cost,
            "acceptance": self.acceptance, "customer_value": self.customer_value,
        }  # fmt: skip


def exit_code() -> int:
    """The exit code of the successful run that this process started."""
    from metaflow import Run, namespace

    namespace(None)
    return Run(f"{MonitorFlow.__name__}/{current.run_id}").data.verdict.exit_code


if __name__ == "__main__":
    try:
        launch.start(MonitorFlow)
    except SystemExit as stop:
        started = {"run", "resume"} & set(sys.argv[1:]) and current.run_id  # not with --help
        if stop.code or not started:
            raise
        sys.exit(exit_code())
