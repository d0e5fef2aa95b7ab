"""The knobs of a training run, checked before anything is read."""

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, Field, ValidationError

from churn.errors import ChurnError
from churn.evaluation.profit import RetentionCosts


class Settings(BaseModel):
    """What a run may be told beside its table: shares, folds, seed, and what to do about leaks."""

    holdout: float = Field(ge=0, le=0.9)
    folds: int = Field(ge=2, le=50)
    search_rows: int = Field(ge=100)
    budget_seconds: float = Field(gt=0)
    margin: float = Field(ge=0)
    seed: int = Field(ge=0, lt=2**32)
    max_rejected: float = Field(ge=0, le=1)
    leakage: Literal["drop", "stop", "warn"]
    promote: Literal["auto", "never"]
    gate_margin: float = Field(ge=0)

    @classmethod
    def check(cls, offer: Mapping[str, str], **values) -> RetentionCosts:
        """Look at all of them at once.

        Parameters
        ----------
        offer : mapping of str to str
            See `RetentionCosts.parse`.
        values
            By the names of the attributes.

        Returns
        -------
        RetentionCosts

        Raises
        ------
        ChurnError
            Naming every value out of its range.
        """
        _, parsed, problems = validate_settings(cls, values, offer)
        if problems:
            raise ChurnError("The run cannot start:", problems)
        return parsed


def validate_settings(
    model: type[BaseModel], values: Mapping, offer: Mapping[str, str]
) -> tuple[BaseModel | None, RetentionCosts | None, list[str]]:
    """Settings and an offer, either None where it cannot be used, and all that is wrong.

    Parameters
    ----------
    model : type of the settings
    values : mapping
        By the names of its fields.
    offer : mapping of str to str
        See `RetentionCosts.parse`.

    Returns
    -------
    settings, offer, problems
        A problem with a setting is told by the option of the command line that sets it.
    """
    settings, parsed, problems = None, None, []
    try:
        settings = model(**values)
    except ValidationError as error:
        problems += [
            f"--{str(item['loc'][0]).replace('_', '-')} {item['input']}: {item['msg']}"
            for item in error.errors()
        ]
    try:
        parsed = RetentionCosts.parse(**offer)
    except ChurnError as error:
        problems += error.problems
    return settings, parsed, problems
