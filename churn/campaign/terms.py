"""What a list is made by: the command line, a saved plan, the campaign's file, and defaults.

What the command line gives wins over the plan, the plan over the file, and the file over the costs
of the model's run and the defaults.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from churn.campaign.actions import Actions
from churn.campaign.campaign_file import CampaignFile
from churn.campaign.planned import Planned, read_plan
from churn.campaign.settings import Campaign, describe_costs, list_costs
from churn.campaign.stored.entries import CAMPAIGN
from churn.errors import ChurnError

__all__ = ["DEFAULTS", "Terms", "settle_terms"]

DEFAULTS: dict[str, Any] = {
    "campaign": CAMPAIGN, "budget": 500, "control": 0.1, "explore": 0, "cooldown": 0,
    "do_not_contact": "", "currency": "",
}  # fmt: skip
COSTS = ("contact_cost", "offer_cost", "acceptance", "customer_value")
# The costs of each action, which the command line cannot give where there are several.
OF_ACTION = COSTS[:3]


@dataclass(frozen=True)
class Terms:
    """The settings of a list, and what its actions are built from.

    Attributes
    ----------
    campaign : Campaign
    given_costs : dict of str to str
        Those of the command line and of the plan.
    do_not_contact, currency : str
    file : CampaignFile or None
    plan : Planned or None
    """

    campaign: Campaign
    given_costs: dict[str, str]
    do_not_contact: str
    currency: str
    file: CampaignFile | None
    plan: Planned | None

    def actions(self, run_costs: Mapping[str, float | str]) -> Actions:
        """The actions with their costs; those of the model's run where nothing else is given.

        Raises
        ------
        ChurnError
            Naming every cost that cannot be used.
        """
        if self.file is None:
            return Actions.one(list_costs(run_costs, self.given_costs))
        return self.file.build(dict(run_costs), self.given_costs)

    def describe(self, actions: Actions, run: str) -> str:
        """The costs that the list is ranked by, and where they are from."""
        by = "the plan or the command line" if self.plan else "the command line"
        if self.file is None:
            return describe_costs(actions.each[0].costs, self.given_costs, run, by)
        lines = []
        for one in actions:
            terms = ", ".join(
                f"{name.replace('_', ' ')} {term}" for name, term in asdict(one.costs).items()
            )
            what = f" ({one.words})" if one.words else ""
            lines.append(f"{one.name}{what}: {terms}.")
        given = f", but for those of {by}" if self.given_costs else ""
        lines.append(f"Costs that the campaign's file does not give are those of {run}{given}.")
        return " ".join(lines)


def settle_terms(
    given: Mapping[str, Any], given_costs: Mapping[str, str], file: CampaignFile | None,
    planned: bool = False, log_url: str = "",
) -> Terms:  # fmt: skip
    """Settle what a list is made by, before anything is read but the plan.

    Parameters
    ----------
    given : mapping of str to Any
        ScoreFlow's parameters, those of `DEFAULTS` and of `Campaign`; an empty text is not given.
    given_costs : mapping of str to str
        By the names of `COSTS`, in the same way.
    file : CampaignFile, optional
    planned : bool
        Whether to use the plan that was saved in the app.
    log_url : str
        The database with the plan.

    Raises
    ------
    ChurnError
        Naming every value that cannot be used.
    """
    own = {name: value for name, value in given.items() if value != "" or name not in DEFAULTS}
    in_file = file.settings() if file else {}
    costs = {name: text for name, text in given_costs.items() if text}
    _check_one_action(costs, file, planned)
    plan = None
    if planned:
        campaign = (DEFAULTS | in_file | own)["campaign"]
        plan = read_plan(str(campaign), log_url)
        costs = plan.costs | costs
        in_file = in_file | {"budget": plan.budget}
    values = DEFAULTS | in_file | own
    if file and "explore" not in own:
        values["explore"] = _explored(file.exploration_share, values["budget"])
    rest = {name: values.pop(name) for name in ("do_not_contact", "currency")}
    return Terms(Campaign.check(costs, **values), costs, **rest, file=file, plan=plan)


def _explored(share: float, budget: Any) -> int:
    try:
        return round(share * int(budget))
    except ValueError:  # `Campaign.check` names it
        return 0


def _check_one_action(costs: Mapping[str, str], file: CampaignFile | None, planned: bool) -> None:
    if file is None or len(file.actions) == 1:
        return
    problems = [
        f"--{name.replace('_', '-')}: say in the file of which action; it has {len(file.actions)}"
        for name in OF_ACTION
        if name in costs
    ]
    if planned:
        problems.append(f"--planned: a plan has one action, the file has {len(file.actions)}")
    if problems:
        raise ChurnError("The list cannot be made:", problems)
