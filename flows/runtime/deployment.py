"""How a flow is deployed on a scheduler: when it starts, with which parameters, and its retries.

A workflow that starts by itself has the defaults of its parameters, so a deployment needs others
than the command line. They are in a TOML file, next to the schedule:

    python flows/score_flow.py --config deployment score.toml argo-workflows create
"""

import sys
import tomllib
from typing import Any

from metaflow import Config, FlowMutator, retry, schedule

from churn.errors import ChurnError
from churn.metaflow_compat import ARGO_COMMAND, with_default
from churn.pods import in_pod

NONE = "none"
# An interrupted pod is tried again; a ChurnError is not, see `churn.metaflow_compat.run_flow`.
RETRIES = {"times": 2, "minutes_between_retries": 1}
SCHEDULE = {"cron", "timezone"}


def parse(text: str) -> dict[str, Any]:
    """Read a deployment file into the plain dict that Metaflow stores as Config.

    Parameters
    ----------
    text : str
        TOML with a table `parameters`, by the options of the command line without dashes, and
        optionally a table `schedule` with `cron` and `timezone`; or `none`, which is an empty dict.

    Raises
    ------
    ChurnError
        If it is not TOML, or has other entries.
    """
    if text == NONE:
        return {}
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ChurnError("The deployment is not a TOML file:", [str(error)]) from None
    problems = [
        f"{name}: the tables are `parameters` and `schedule`"
        for name in values
        if name not in ("parameters", "schedule")
    ]
    when = values.get("schedule", {})
    if when and ("cron" not in when or set(when) - SCHEDULE):
        problems.append("schedule: it has `cron`, as in crontab(5), and optionally `timezone`")
    if problems:
        raise ChurnError("The deployment file cannot be used:", problems)
    return values


def deployment_config() -> Config:
    """The Config `deployment` of a flow that is `Deployable`."""
    return Config(
        "deployment",
        default_value=NONE,
        parser="runtime.deployment.parse",
        plain=True,
        help="schedule and parameters on a cluster (TOML)",
    )


class Deployable(FlowMutator):
    """Applies the Config `deployment` of a flow, and retries, to what a scheduler runs."""

    def pre_mutate(self, mutable_flow):
        """Set the schedule, and the defaults of the parameters."""
        deployment = dict(dict(mutable_flow.configs)["deployment"] or {})
        if when := deployment.get("schedule"):
            mutable_flow.add_decorator(schedule, deco_kwargs=dict(when))
        defaults = dict(deployment.get("parameters", {}))
        for attribute, parameter in list(mutable_flow.parameters):
            if parameter.name in defaults:
                changed = with_default(parameter, defaults.pop(parameter.name))
                mutable_flow.add_parameter(attribute, changed, overwrite=True)
        if defaults:
            problems = [f"parameters: the flow has no --{name}" for name in defaults]
            raise ChurnError("The deployment file cannot be used:", problems)

    def mutate(self, mutable_flow):
        """Retry each step in a pod; on a machine of one's own `resume` does that."""
        if in_pod() or ARGO_COMMAND in sys.argv:
            for _, step in mutable_flow.steps:
                step.add_decorator(retry, deco_kwargs=RETRIES)
