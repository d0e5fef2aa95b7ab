"""MonitorFlow: what became of a model's predictions, and whether it is still right.

Ends with 0 if all is well, 3 if it should be watched, 4 if it should be retrained; with 1 if it
failed, and 2 if the command line is wrong.
"""

import launch  # first: it makes churn importable and names the user

if __name__ == "__main__":
    launch.prepare()
# isort: split
import sys

from metaflow import FlowSpec, Parameter, card, current, step


class MonitorFlow(FlowSpec):
    """Look at a model in use: drift, matured outcomes, money, and a verdict."""

    model_run = Parameter("run", default="champion", help="champion, ChurnFlow/<id> or the id")
    log_url = Parameter("log", default="", help="prediction log; CHURN_LOG, or in CHURN_STATE")
    as_of = Parameter("as-of", default="", help="the day of looking, YYYY-MM-DD; now")
    since = Parameter("since", default="", help="first day to compare; 30 days before the last")
    until = Parameter("until", default="", help="day to end before; the day of looking")
    outcomes_table = Parameter("outcomes", default="", help="table: customer, date, left")
    call_lists = Parameter("calls", default="", help="lists of score_flow.py, commas between")
    horizon = Parameter("horizon", default=30, help="days within which customers may leave")
    completeness = Parameter("completeness", default=0.5, help="share of labels a cohort needs")
    least = Parameter("least", default=200, help="fewest customers to compare")
    months = Parameter("months", default=12, help="cohorts to look at")
    contact_cost = Parameter("contact-cost", default="", help="money per call; as in the run")
    offer_cost = Parameter("offer-cost", default="", help="money per offer; as in the run")
    acceptance = Parameter("acceptance", default="", help="share of leavers; as in the run")
    customer_value = Parameter("customer-value", default="", help="money; as in the run")
    retrain_it = Parameter("retrain", default=False, is_flag=True, help="run ChurnFlow if needed")
    data = Parameter("data", default="", help="the newest labelled table, for --retrain")
    metrics_file = Parameter("metrics-file", default="", help="….prom, for Prometheus")
    webhook = Parameter("webhook", default="", help="URL that is told the verdict, as JSON")

    @step
    def start(self):
        """Check the settings, take the model, and the customers it knows."""
        from datetime import UTC, datetime

        from churn.monitoring.inputs import read_reference
        from churn.monitoring.profit_drift import terms
        from churn.monitoring.settings import MonitorSettings
        from churn.registry.runs import fetch_run

        offer = {
            "contact_cost": self.contact_cost, "offer_cost": self.offer_cost,
            "acceptance": self.acceptance, "customer_value": self.customer_value,
        }  # fmt: skip
        self.look = MonitorSettings.check(
            offer, as_of=self.as_of, since=self.since, until=self.until, horizon=self.horizon,
            completeness=self.completeness, least=self.least, months=self.months,
            retrain=self.retrain_it, data=self.data,
        )  # fmt: skip
        self.clock = datetime.now(UTC)
        self.deployment = fetch_run(self.model_run)
        self.reference, known = read_reference(self.deployment)
        self.offer = terms(known, offer)
        self.next(self.compare)

    @step
    def compare(self):
        """Set the customers of the period, and what they are worth, beside those it knows."""
        from churn.monitoring.drift import compare, questions
        from churn.monitoring.evidently_report import evidently_report
        from churn.monitoring.inputs import open_log, read_answers
        from churn.monitoring.profit_drift import appraise

        run, contract = self.deployment.run, self.deployment.contract
        with open_log(self.log_url) as (log, _):
            self.answered = read_answers(log, run, contract, *self.look.period(self.clock))
        both = self.reference, self.answered.features, self.answered.probabilities, contract
        self.drift = compare(*both, self.look.least)
        self.money = appraise(*both, self.offer, self.look.least)
        self.evidently = None if self.drift.too_few else evidently_report(list(questions(*both)))
        self.next(self.grade)

    @step
    def grade(self):
        """Grade the cohorts that have matured."""
        from churn.monitoring.inputs import open_log, read_answers, read_outcomes
        from churn.monitoring.performance import grade, month, read_call_days

        run, contract = self.deployment.run, self.deployment.contract
        now, first = self.look.now(self.clock), self.look.first_month(self.clock)
        with open_log(self.log_url) as (log, store):
            answered = read_answers(log, run, contract, first, now, month)
            customers = answered.answers["customer"]
            key = contract.id or "customer"
            outcomes = read_outcomes(store, customers, self.outcomes_table, key)
        calls = read_call_days([path for path in self.call_lists.split(",") if path])
        look = self.look
        self.quality = grade(
            answered, self.deployment, outcomes, calls, now, look.horizon, look.completeness
        )
        self.next(self.judge)

    @card(type="blank", id="monitor")
    @step
    def judge(self):
        """Come to a verdict."""
        import monitor_cards
        from churn.monitoring.verdict import judge

        run = self.deployment.run
        self.verdict = judge(run, self.answered, self.drift, self.money, self.quality)
        current.card["monitor"].extend(monitor_cards.monitor(self))
        self.next(self.retrain)

    @step
    def retrain(self):
        """Train anew on the newest labelled table, if that is the verdict; the gate decides."""
        from churn.monitoring.verdict import RETRAIN
        from retraining import train_anew

        self.retrained = None
        if self.retrain_it and self.verdict.verdict == RETRAIN:
            self.retrained = train_anew(self.deployment, self.data)
        self.next(self.end)

    @step
    def end(self):
        """Say what came out, to whoever wants to know."""
        from churn.monitoring.notify import message, post, prometheus_text, write_metrics

        now = self.look.now(self.clock)
        print(self.verdict)
        if self.retrained:
            print(f"Trained anew: {self.retrained}.")
        if self.metrics_file:
            text = prometheus_text(self.verdict, self.drift, self.money, self.quality, now)
            write_metrics(text, self.metrics_file)
        if self.webhook:
            where = f"{current.flow_name}/{current.run_id}"
            post(self.webhook, message(self.verdict, where, now, self.retrained))


def exit_code() -> int:
    """That of the run which this process started, and which succeeded."""
    from metaflow import Run, namespace

    namespace(None)
    return Run(f"{MonitorFlow.__name__}/{current.run_id}").data.verdict.exit_code


if __name__ == "__main__":
    try:
        launch.start(MonitorFlow)
    except SystemExit as stop:
        if stop.code or not {"run", "resume"} & set(sys.argv[1:]):
            raise
        sys.exit(exit_code())
