"""Settings of a command line, checked all at once before anything is read."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from churn.errors import ChurnError

Model = TypeVar("Model", bound=BaseModel)
Parsed = TypeVar("Parsed")


def validate_settings(
    model: type[Model], values: Mapping[str, object], parse_costs: Callable[[], Parsed]
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
