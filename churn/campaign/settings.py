"""The settings of a day's call list, checked before anything is read."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import partial
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from churn.errors import ChurnError
from churn.evaluation.retention_costs import RetentionCosts
from churn.settings import validate_settings

FORMATS = (".csv", ".csv.gz", ".parquet")


class Campaign(BaseModel):
    """What a day's list is told beside its table.

    Attributes
    ----------
    campaign : str
        The name by which the control group is drawn.
    budget : int
        The most customers to call.
    control : float
        The share of those worth a call who are not called, to see what calling is good for.
    as_of : date
        The day of the list.
    max_rejected : float
        The largest share of rows that may be rejected.
    shard_rows : int
        About so many customers to a task.
    output : str
        Where the list is written.
    """

    model_config = ConfigDict(frozen=True)

    campaign: str = Field(min_length=1)
    budget: int = Field(ge=1)
    control: float = Field(ge=0, le=0.5)
    as_of: Annotated[date, BeforeValidator(date.fromisoformat)]
    max_rejected: float = Field(ge=0, le=1)
    shard_rows: int = Field(ge=1)
    output: str

    @classmethod
    def check(cls, offer: Mapping[str, str], **values) -> tuple["Campaign", RetentionCosts]:
        """Look at all of them at once.

        Parameters
        ----------
        offer : mapping of str to str
            See `RetentionCosts.parse`.
        values
            By the names of the attributes; without a day it is today, in UTC.

        Raises
        ------
        ChurnError
            Naming every value out of its range.
        """
        values["as_of"] = values["as_of"] or f"{datetime.now(UTC):%Y-%m-%d}"
        settings, parsed, problems = validate_settings(
            cls, values, partial(RetentionCosts.parse, **offer)
        )
        if not values["output"].lower().endswith(FORMATS):
            problems.append(f"--output {values['output']}: it ends in none of {', '.join(FORMATS)}")
        if problems:
            raise ChurnError("The list cannot be made:", problems)
        return settings, parsed
