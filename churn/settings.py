"""The settings of a training run, checked before anything is read."""

from collections.abc import Callable, Mapping
from typing import Literal, TypeVar

from pydantic import BaseModel, Field, ValidationError

from churn.errors import ChurnError

Model = TypeVar("Model", bound=BaseModel)
Parsed = TypeVar("Parsed")


class Settings(BaseModel):
    """What a training run takes beside its table and the costs of retention."""

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
    def check(cls, parse_costs: Callable[[], Parsed], **values) -> Parsed:
        """Validate all of them at once.

        Parameters
        ----------
        parse_costs : callable
            Returns the costs of retention, or raises a ChurnError; see `RetentionCosts.parse`.
        **values
            By the names of the attributes.

        Returns
        -------
        Whatever `parse_costs` returns.

        Raises
        ------
        ChurnError
            Naming every value out of its range.
        """
        _, costs, problems = validate_settings(cls, values, parse_costs)
        if problems or costs is None:
            raise ChurnError("The run cannot start:", problems)
        return costs


def validate_settings(
    model: type[Model], values: Mapping, parse_costs: Callable[[], Parsed]
) -> tuple[Model | None, Parsed | None, list[str]]:
    """Settings and costs, either None where it cannot be used, and everything that is wrong.

    Parameters
    ----------
    model : type of the settings
    values : mapping
        By the names of its fields.
    parse_costs : callable
        Returns the costs of retention, or raises a ChurnError.

    Returns
    -------
    settings, costs, problems
        A problem with a setting begins with the option of the command line that sets it.
    """
    settings, costs, problems = None, None, []
    try:
        settings = model(**values)
    except ValidationError as error:
        problems += [
            f"--{str(item['loc'][0]).replace('_', '-')} {item['input']}: {item['msg']}"
            for item in error.errors()
        ]
    try:
        costs = parse_costs()
    except ChurnError as error:
        problems += error.problems
    return settings, costs, problems
