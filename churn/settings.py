"""The knobs of a training run, checked before anything is read."""

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, Field, ValidationError

from churn.errors import ChurnError
from churn.worth import Offer


class Settings(BaseModel):
    """What a run may be told beside its table: shares, folds, seed, and what to do about leaks."""

    holdout: float = Field(ge=0, le=0.9)
    folds: int = Field(ge=2, le=50)
    search_rows: int = Field(ge=100)
    budget_seconds: float = Field(gt=0)
    margin: float = Field(ge=0)
    seed: int = Field(ge=0, lt=2**32)
    max_rejected: float = Field(ge=0, le=1)
    leakage: Literal["drop", "stop", "tell"]
    promote: Literal["auto", "never"]
    gate_margin: float = Field(ge=0)

    @classmethod
    def check(cls, offer: Mapping[str, str], **values) -> Offer:
        """Look at all of them at once.

        Parameters
        ----------
        offer : mapping of str to str
            See `Offer.parse`.
        values
            By the names of the attributes.

        Returns
        -------
        Offer

        Raises
        ------
        ChurnError
            Naming every value out of its range.
        """
        problems = []
        try:
            cls(**values)
        except ValidationError as error:
            problems += by_option(error)
        try:
            parsed = Offer.parse(**offer)
        except ChurnError as error:
            problems += error.problems
        if problems:
            raise ChurnError("The run cannot start:", problems)
        return parsed


def by_option(error: ValidationError) -> list[str]:
    """What is wrong with settings, each by the option of the command line that sets it."""
    return [
        f"--{str(item['loc'][0]).replace('_', '-')} {item['input']}: {item['msg']}"
        for item in error.errors()
    ]
