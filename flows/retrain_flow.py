"""RetrainFlow: retrain whenever that is MonitorFlow's verdict.

It does on a scheduler what `--retrain` of MonitorFlow does in a shell: Argo Workflows starts it
after each run of MonitorFlow. By hand: `python flows/retrain_flow.py --trigger MonitorFlow/12 run`.
"""

from runtime import launch  # first: it makes churn importable and names the user

if __name__ == "__main__":
    launch.prepare()
# isort: split
from metaflow import FlowSpec, Parameter, current, step, trigger_on_finish


@trigger_on_finish(flow="MonitorFlow")
class RetrainFlow(FlowSpec):
    """Run ChurnFlow on the newest labelled table if MonitorFlow's verdict is to retrain."""

    data = Parameter("data", default="", help="the newest labelled table; MonitorFlow's --data")

    @step
    def start(self):
        """Read the verdict."""
        from runtime.retraining import due

        trigger = current.get("trigger")  # None unless an event triggered the run
        self.looked = trigger and trigger.run.pathspec
        self.deployment, self.table, self.call_lists, self.log = due(self.looked, self.data)
        self.next(self.retrain)

    @step
    def retrain(self):
        """Retrain; the gate decides."""
        from runtime.retraining import retrain

        self.retrained = None
        if self.deployment:
            self.retrained = retrain(self.deployment, self.table, self.call_lists, self.log)
        self.next(self.end)

    @step
    def end(self):
        """Print the result."""
        if self.retrained:
            print(f"{self.looked} asks to retrain. Retrained: {self.retrained}.")
        else:
            print(f"{self.looked} left nothing to do.")


if __name__ == "__main__":
    launch.start(RetrainFlow)
