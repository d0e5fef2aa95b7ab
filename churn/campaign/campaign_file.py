"""`campaign.toml`: a campaign with its actions, costs, capacities and rules, checked whole.

ScoreFlow, EffectFlow, the app and `churn campaign` read the same file. What a flow's own parameter
says wins over the file.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from churn.campaign.rules import Rule, rule_problems
from churn.campaign.stored.entries import CONTACT, CONTROL
from churn.data.amounts import NUMBER
from churn.data.contract import Contract
from churn.errors import ChurnError

if TYPE_CHECKING:  # the app reads a campaign, and does not load pandas
    from churn.campaign.actions import Actions

__all__ = ["ActionEntry", "CampaignFile"]

OF_RUN = "(not given; that of the model's run)"
RESERVED = (CONTACT, CONTROL, "no call", "call", "risk", "none")


def _name(text: str) -> str:
    if text in RESERVED:
        raise ValueError(f"another name than {', '.join(RESERVED)}, which mean something else")
    if any(mark in text for mark in ";,\n"):
        raise ValueError("a name without semicolon, comma or line break")
    return text


def _share(value: float | str) -> float | str:
    return _cost(value, most=1.0)


def _cost(value: float | str, most: float = float("inf")) -> float | str:
    """A constant, or the name of a column; a text that is a number is that number."""
    if isinstance(value, str):
        if not value.strip():
            raise ValueError("a number, or the name of a column")
        if not NUMBER.fullmatch(value.strip()):
            return value.strip()
        value = float(value)
    if not 0 <= value <= most or value == float("inf"):
        raise ValueError("a share from 0 to 1" if most == 1 else "a number of 0 or more")
    return value


def _rules(texts: tuple[str, ...]) -> tuple[str, ...]:
    problems = [f"{text!r}: {', '.join(found)}" for text in texts if (found := rule_problems(text))]
    if problems:
        raise ValueError("rules over columns, but " + "; ".join(problems))
    return texts


Cost = Annotated[float | str, AfterValidator(_cost)]
Share = Annotated[float | str, AfterValidator(_share)]
Rules = Annotated[tuple[str, ...], AfterValidator(_rules)]


class ActionEntry(BaseModel):
    """One of `[[actions]]`: an offer by a channel.

    Attributes
    ----------
    name : str
    offer, channel : str
        In words, for the people who make it.
    contact_cost, offer_cost, acceptance
        See `churn.evaluation.retention_costs.RetentionCosts`; those of the model's run where they
        are not given.
    capacity : int or None
        The most customers of a day who get it.
    eligible : tuple of str
        Rules, see `churn.campaign.rules`: a customer may get it if all of them hold.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, AfterValidator(_name)] = Field(min_length=1, max_length=60)
    offer: str = ""
    channel: str = ""
    contact_cost: Cost | None = None
    offer_cost: Cost | None = None
    acceptance: Share | None = None
    capacity: int | None = Field(default=None, ge=1)
    eligible: Rules = ()

    @property
    def costs(self) -> dict[str, float | str]:
        """The costs that are given."""
        given = self.model_dump(include={"contact_cost", "offer_cost", "acceptance"})
        return {name: value for name, value in given.items() if value is not None}


class CampaignFile(BaseModel):
    """A campaign.

    Attributes
    ----------
    campaign : str
        Its name, which decides, with the id, who is in the control group.
    currency : str
        Of all money, as EUR.
    customer_value : float or str
        Money that a customer who stays is worth, or its column.
    budget : int
        The most customers of a day who get an action; by default the sum of the capacities.
    control_share : float
        The share of the customers worth an action who get none, to measure the effect.
    exploration_share : float
        The share of the actions that is drawn at random, to learn whom an action keeps.
    cooldown_days : int
        Days for which a customer on a list is on no other one.
    horizon_days : int
        Days until the outcome of an action is known.
    do_not_contact : str
        A file with an id a line; relative to the campaign's file.
    suppress : tuple of str
        Rules: a customer gets no action if one of them holds.
    actions : tuple of ActionEntry
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    campaign: str = Field(min_length=1)
    currency: str = ""
    customer_value: Cost | None = None
    budget: int | None = Field(default=None, ge=1)
    control_share: float = Field(default=0.1, ge=0, le=0.5)
    exploration_share: float = Field(default=0.0, ge=0, lt=1)
    cooldown_days: int = Field(default=0, ge=0)
    horizon_days: int | None = Field(default=None, ge=1)
    do_not_contact: str = ""
    suppress: Rules = ()
    actions: tuple[ActionEntry, ...] = Field(min_length=1)

    def words(self, action: str) -> str:
        """What an action offers and how, as `discount: 20 % off, by phone`; else its name."""
        for one in self.actions:
            if one.name == action:
                how = f"by {one.channel}" if one.channel else ""
                return ": ".join(
                    filter(None, [one.name, ", ".join(filter(None, [one.offer, how]))])
                )
        return action

    @property
    def calls(self) -> int | None:
        """The budget, or the sum of the capacities; None where neither is given."""
        if self.budget is not None:
            return self.budget
        capacities = [one.capacity for one in self.actions]
        return None if None in capacities else sum(filter(None, capacities))

    def settings(self) -> dict[str, Any]:
        """What it says, by the names of ScoreFlow's parameters."""
        found = {
            "campaign": self.campaign, "budget": self.calls, "control": self.control_share,
            "cooldown": self.cooldown_days, "do_not_contact": self.do_not_contact,
            "currency": self.currency,
        }  # fmt: skip
        return {name: value for name, value in found.items() if value not in (None, "")}

    def describe(self) -> Iterator[str]:
        """What it says, a line each."""
        lines = {
            "Campaign": self.campaign,
            "Money in": self.currency or "(not given)",
            "Customers of a day who get an action": f"at most {self.calls or '(not given; 500)'}",
            "In the control group, of those worth an action": f"{self.control_share:.1%}",
            "Drawn at random, of the actions": f"{self.exploration_share:.1%}",
            "Days without another action after a list": self.cooldown_days,
            "Days until an outcome is known": self.horizon_days or "(the contract's, or 30)",
            "No action for whom one of these holds": ", ".join(self.suppress) or "(no rule)",
            "Worth of a customer who stays": self.customer_value or OF_RUN,
        }
        yield from (f"{name}: {value}" for name, value in lines.items())
        for one in self.actions:
            yield f"Action {one.name!r}: {one.offer or '(no offer)'}, by {one.channel or '(any)'}"
            capacity = "as many as the budget allows" if one.capacity is None else one.capacity
            yield f"  customers of a day: at most {capacity}"
            for name in ("contact_cost", "offer_cost", "acceptance"):
                yield f"  {name.replace('_', ' ')}: {one.costs.get(name, OF_RUN)}"
            yield f"  for everybody for whom these hold: {', '.join(one.eligible) or '(no rule)'}"

    def check_contract(self, contract: Contract) -> None:
        """Check the rules against the kinds and categories of the contract's features.

        Raises
        ------
        ChurnError
            Naming every rule that cannot be used.
        """
        rules = [("suppress", text) for text in self.suppress]
        rules += [(f"action {one.name!r}", text) for one in self.actions for text in one.eligible]
        problems = [
            f"{where}: {text!r}: {problem}"
            for where, text in rules
            for problem in rule_problems(text, contract)
        ]
        if problems:
            raise ChurnError("The rules of the campaign cannot be used:", problems)

    def build(self, costs: dict[str, float | str], given: dict[str, str]) -> "Actions":
        """The actions with all their costs.

        Parameters
        ----------
        costs : dict of str to float or str
            Those of the model's run.
        given : dict of str to str
            Those of the command line, which replace the file's.

        Raises
        ------
        ChurnError
            Naming every action whose costs cannot be used.
        """
        from churn.campaign.actions import Action, Actions
        from churn.evaluation.retention_costs import RetentionCosts

        each, problems = [], []
        value = {} if self.customer_value is None else {"customer_value": self.customer_value}
        for entry in self.actions:
            try:
                own = RetentionCosts.parse(**{**costs, **value, **entry.costs, **given})
            except ChurnError as error:
                problems += [f"action {entry.name!r}: {problem}" for problem in error.problems]
                continue
            rules = tuple(map(Rule, entry.eligible))
            each.append(Action(entry.name, own, entry.offer, entry.channel, entry.capacity, rules))
        if problems:
            raise ChurnError("The costs of the campaign cannot be used:", problems)
        return Actions(tuple(each), tuple(map(Rule, self.suppress)), named=True)
