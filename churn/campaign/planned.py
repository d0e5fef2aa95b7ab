"""The plan that was saved in the app for a campaign, as settings of ScoreFlow."""

from dataclasses import dataclass

from churn.errors import ChurnError
from churn.feedback.prediction_log import database_url
from churn.feedback.reports import PLAN, ReportStore

COSTS = ("contact_cost", "offer_cost", "acceptance", "customer_value")


@dataclass(frozen=True)
class Planned:
    """A saved plan.

    Attributes
    ----------
    budget : int
    costs : dict of str to str
        See `churn.campaign.settings.list_costs`.
    words : str
        Who saved it, and when, as a sentence.
    """

    budget: int
    costs: dict[str, str]
    words: str


def read_plan(campaign: str, url: str) -> Planned:
    """The latest plan of a campaign.

    Parameters
    ----------
    url : str
        See `PredictionLog`; where it is empty, the one that the environment names.

    Raises
    ------
    ChurnError
        If there is none.
    """
    with ReportStore(database_url(url)) as store:
        for report in store.latest(PLAN, 1_000):
            body = report.body
            if body["campaign"] == campaign:
                words = (
                    f"The plan that {body['by']} saved on {report.at:%Y-%m-%d %H:%M} UTC is used: "
                    f"at most {body['budget']:,} calls."
                )
                return Planned(body["budget"], {name: f"{body[name]:g}" for name in COSTS}, words)
        hint = f"save one on the page /plan, for the campaign {campaign}, in {store.where}"
        raise ChurnError("There is no plan to follow:", [hint])
