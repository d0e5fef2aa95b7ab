"""The rows of stored call lists: a list, a listed customer, and what was done about one."""

from datetime import date, datetime
from typing import Any, NamedTuple

CONTACT, CONTROL = "contact", "control"
# The campaign of lists whose command names none.
CAMPAIGN = "retention"
OPEN, CALLED, NOT_REACHED = "open", "called", "not_reached"
ACCEPTED, REFUSED, LATER = "accepted", "refused", "later"
# The states of a listed customer, each with its words.
STATES = {
    OPEN: "open",
    CALLED: "called",
    NOT_REACHED: "not reached",
    ACCEPTED: "accepted",
    REFUSED: "refused",
    LATER: "call later",
}
# The states of customers who were spoken to.
DONE = (CALLED, ACCEPTED, REFUSED)


class StoredList(NamedTuple):
    """A day's call list.

    Attributes
    ----------
    list_id : str
        Its id; a day and a campaign have one list, see `churn.campaign.stored.listing.list_name`.
    created_at : datetime
        When it was written last, in UTC.
    as_of : date
        Its day.
    campaign, run : str
        `run` is the model's, `ChurnFlow/<id>`.
    policy, policy_version : str
        What ranked the customers.
    currency : str
        The currency of all money; empty where it is not known.
    key : str
        The column with the customer's key.
    counts : dict of str to int
        Those of `churn.campaign.call_list.CallList`.
    expected : dict of str to float
        Money that calling the list brings: value, low and high.
    notes : list of str
        What the list says about itself: the horizon, the costs.
    """

    list_id: str
    created_at: datetime
    as_of: date
    campaign: str
    run: str
    policy: str
    policy_version: str
    currency: str
    key: str
    counts: dict[str, int]
    expected: dict[str, float]
    notes: list[str]


class ListedCustomer(NamedTuple):
    """A customer on a call list, or in its control group.

    Attributes
    ----------
    list_id, customer : str
    rank : int
        From 1, the greatest net benefit first, the control group included.
    control : bool
        Whether the customer is in the control group, and so not to be called.
    stratum : str or None
        The group within which the action was drawn.
    eligible : dict of str to dict, list of str or None
        The actions that might have been drawn, see `options`.
    action : str or None
        The one that was, or `control`.
    propensity : float or None
        Its probability; None where the action was not drawn with a known one.
    call_cost : float or None
        Money that a call costs on average.
    benefit_by_risk : float or None
        The net benefit where the list goes by risk.
    weight : float or None
        How many customers of the stratum the row stands for.
    features : dict or None
        The values that the model was given.
    probability : float
        Of leaving.
    value_at_risk, net_benefit, net_benefit_low, net_benefit_high : float
        Money; see `churn.campaign.export.list_schema`.
    reasons : list of str
        What raises the risk most, in words.
    best_action : str or None
        The change by the business that would lower the risk most, in words.
    segment : str or None
    contact : dict of str to str
        The columns of the table that were kept, as name and phone.
    agent : str or None
        Whose call it is.
    state : str
        One of `STATES`.
    due : date or None
        Of a later call, the day.
    version : int
        Counts the changes of the row; see `CallListStore.record`.
    changed_by : str or None
    changed_at : datetime or None
    """

    list_id: str
    customer: str
    rank: int
    control: bool
    stratum: str | None
    eligible: dict[str, dict[str, float]] | list[str] | None
    action: str | None
    propensity: float | None
    probability: float
    value_at_risk: float
    net_benefit: float
    net_benefit_low: float
    net_benefit_high: float
    reasons: list[str]
    best_action: str | None
    segment: str | None
    contact: dict[str, str]
    agent: str | None
    call_cost: float | None = None
    benefit_by_risk: float | None = None
    weight: float | None = None
    features: dict[str, Any] | None = None
    state: str = OPEN
    due: date | None = None
    version: int = 0
    changed_by: str | None = None
    changed_at: datetime | None = None

    @property
    def options(self) -> dict[str, dict[str, float]]:
        """By the name of each action that might have been drawn, and `control`.

        Each has its `propensity`, and an action its `cost` and `benefit_by_risk`. Empty where
        nothing was drawn with a known probability.
        """
        if self.propensity is None or not 0 < self.propensity < 1:
            return {}
        if isinstance(self.eligible, dict):
            return self.eligible
        called = 1 - self.propensity if self.control else self.propensity
        money = {"cost": self.call_cost or 0.0, "benefit_by_risk": self.benefit_by_risk or 0.0}
        return {CONTROL: {"propensity": 1 - called}, CONTACT: {"propensity": called, **money}}

    @property
    def searched(self) -> str:
        """The text that a search looks in: the id and the contact details, in lower case."""
        return "\n".join([self.customer, *map(str, self.contact.values())]).casefold()


class Assignment(NamedTuple):
    """The group of a customer on a list; see `StoredList` and `ListedCustomer`."""

    customer: str
    control: bool
    as_of: date
    probability: float
    value_at_risk: float
    campaign: str
    key: str
    stratum: str | None
    propensity: float | None
    run: str
    action: str | None
    eligible: dict[str, dict[str, float]] | list[str] | None
    segment: str | None


class CallEvent(NamedTuple):
    """A change of a listed customer's state.

    Attributes
    ----------
    event : str
        Its id; ids sort by time.
    list_id, customer : str
    at : datetime
        In UTC.
    by : str
        The name of the person.
    before, state : str
    due : date or None
        Of a later call, the day.
    note : str
    cost : float or None
        Money that was spent.
    """

    event: str
    list_id: str
    customer: str
    at: datetime
    by: str
    before: str
    state: str
    due: date | None
    note: str
    cost: float | None = None


# A column of a listed customer, by its name.
Values = dict[str, Any]
