"""The settings of a day's call list, checked before anything is read."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, date, datetime
from functools import partial
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from churn.errors import ChurnError
from churn.evaluation.retention_costs import RetentionCosts
from churn.settings import validate_settings

FORMATS = (".csv", ".csv.gz", ".parquet")


class Campaign(BaseModel):
    """The settings of a day's call list.

    Attributes
    ----------
    campaign : str
        The name that decides, with the id, which customers are in the control group.
    budget : int
        The most customers to call.
    explore : int
        How many of these calls are drawn at random; see `churn.campaign.exploration`.
    cooldown : int
        Days for which a customer on a list is on no other one; 0 for no rest.
    control : float
        The share of customers worth a call who are not called, to measure the effect of calling.
    as_of : date
        The day of the list.
    max_rejected : float
        The largest share of rows that may be rejected.
    shard_rows : int
        The approximate number of customers per task.
    output : str
        Where the list is written.
    """

    model_config = ConfigDict(frozen=True)

    campaign: str = Field(min_length=1)
    budget: int = Field(ge=1)
    explore: int = Field(default=0, ge=0)
    cooldown: int = Field(default=0, ge=0)
    control: float = Field(ge=0, le=0.5)
    as_of: Annotated[date, BeforeValidator(date.fromisoformat)]
    max_rejected: float = Field(ge=0, le=1)
    shard_rows: int = Field(ge=1)
    output: str

    @property
    def ranked(self) -> int:
        """The most customers to call by their rank."""
        return self.budget - self.explore

    @property
    def shortlisted(self) -> int:
        """The most customers to call by their rank, were all of the exploration among them."""
        # Also those of the control group whom the draw leaves out use no call.
        return self.ranked + 2 * self.explore

    @classmethod
    def check(cls, given_costs: Mapping[str, str], **values: Any) -> "Campaign":
        """Validate all of them at once, before anything is read.

        Parameters
        ----------
        given_costs : mapping of str to str
            The costs of the command line; see `list_costs`.
        values
            By the names of the attributes; without a day it is today, in UTC.

        Raises
        ------
        ChurnError
            Naming every value out of its range.
        """
        values["as_of"] = values["as_of"] or f"{datetime.now(UTC):%Y-%m-%d}"
        settings, _, problems = validate_settings(
            cls, values, partial(RetentionCosts.parse, **_given(given_costs))
        )
        if settings is not None and settings.explore >= settings.budget:
            problems.append(f"--explore {settings.explore}: less than --budget {settings.budget}")
        if not values["output"].lower().endswith(FORMATS):
            problems.append(f"--output {values['output']}: it ends in none of {', '.join(FORMATS)}")
        if problems or settings is None:
            raise ChurnError("The list cannot be made:", problems)
        return settings


def list_costs(
    run_costs: Mapping[str, float | str], given_costs: Mapping[str, str]
) -> RetentionCosts:
    """The costs that a list is ranked by.

    Parameters
    ----------
    run_costs : mapping of str to float or str
        The costs of the run that made the model; see `churn.scoring.deployment.Deployment`.
    given_costs : mapping of str to str
        Those of the command line, which replace them; empty texts do not.
    """
    return RetentionCosts.parse(**{**run_costs, **_given(given_costs)})


def describe_costs(
    costs: RetentionCosts, given_costs: Mapping[str, str], run: str, by: str = "the command line"
) -> str:
    """The costs that a list is ranked by, and which of them are not the run's, as a sentence."""
    terms = ", ".join(f"{_words(name)} {term}" for name, term in asdict(costs).items())
    changed = " and ".join(map(_words, _given(given_costs)))
    source = f"those of {run}" + (f", but for {changed} of {by}" if changed else "")
    return f"Ranked by a {terms}: {source}."


def _given(given_costs: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in given_costs.items() if text}


def _words(name: str) -> str:
    return name.replace("_", " ")
