"""The settings of a training run, checked before anything is read."""

from dataclasses import fields
from functools import partial
from typing import Any, Literal

from pydantic import BaseModel, Field

from churn.errors import ChurnError
from churn.evaluation.retention_costs import RetentionCosts
from churn.settings import validate_settings


class TrainingSettings(BaseModel):
    """The settings of a training run, without its table and the costs of retention."""

    holdout: float = Field(ge=0, le=0.9)
    renewals: int = Field(ge=0)
    folds: int = Field(ge=2, le=50)
    search_rows: int = Field(ge=100)
    refit_rows: int = Field(ge=100)
    budget_seconds: float = Field(gt=0)
    effort: Literal["default", "high"]
    margin: float = Field(ge=0)
    seed: int = Field(ge=0, lt=2**32)
    max_rejected: float = Field(ge=0, le=1)
    leakage: Literal["drop", "drop-suspected", "keep-suspected", "stop", "warn"]
    promote: Literal["auto", "never"]
    gate_margin: float = Field(ge=0)


COST_PARAMETERS = tuple(field.name for field in fields(RetentionCosts))
# The parameters with which another table is trained in the same way; the contract has the columns.
SEARCH_PARAMETERS = (
    *(name for name in TrainingSettings.model_fields if name != "promote"),
    *COST_PARAMETERS,
)


def check_training(parameters: Any) -> RetentionCosts:
    """Validate the parameters of a training run, all of them at once.

    Parameters
    ----------
    parameters : object
        With the parameters as attributes: the flow.

    Returns
    -------
    RetentionCosts

    Raises
    ------
    ChurnError
        Naming every value out of its range.
    """
    values = {name: getattr(parameters, name) for name in TrainingSettings.model_fields}
    costs = {name: getattr(parameters, name) for name in COST_PARAMETERS}
    _, parsed, problems = validate_settings(
        TrainingSettings, values, partial(RetentionCosts.parse, **costs)
    )
    if problems or parsed is None:
        raise ChurnError("The run cannot start:", problems)
    return parsed
