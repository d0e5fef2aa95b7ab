"""A fitted model as plain values: a list of steps, each of which computes one number of a record.

A run stores its model as a program for scoring one customer at a time. It has texts, numbers and
lists only: `churn.scoring.export` creates it from a fitted model, `churn.scoring.compiler` compiles
it into a function. Reading a program executes nothing. A step refers to steps before it by their
places in the list, so that a program always terminates.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from churn.errors import ChurnError
from churn.scoring.estimator_steps import (
    BoostedTrees,
    Forest,
    Network,
    Networks,
    ObliviousTrees,
)
from churn.scoring.steps import (
    Binary,
    CategoryColumn,
    Clip,
    Constant,
    Curve,
    FlagColumn,
    Lookup,
    NumberColumn,
    Staircase,
    TextComparison,
    Unary,
    WeightedSum,
)

# The maximum number of problems that are named: a broken program is not corrected by hand.
SHOWN = 10

Steps = Annotated[
    NumberColumn | FlagColumn | CategoryColumn | Constant | Unary | Binary | TextComparison | Clip
    | WeightedSum | Lookup | Staircase | Curve | ObliviousTrees | BoostedTrees | Forest | Network
    | Networks,
    Field(discriminator="op"),
]  # fmt: skip


class Program(BaseModel):
    """A program whose last step is the probability of leaving."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    steps: list[Steps] = Field(min_length=1)

    @model_validator(mode="after")
    def _refers_backwards(self) -> Self:
        for place, step in enumerate(self.steps):
            late = [other for other in step.inputs if other >= place]
            if late:
                raise ValueError(f"step {place} refers to step {late[0]}, which is not before it")
            if isinstance(step, TextComparison) and not isinstance(
                self.steps[step.column], CategoryColumn
            ):
                raise ValueError(f"step {place} compares with a text what is no category")
        return self

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> "Program":
        """Validate a program strictly.

        Raises
        ------
        ChurnError
            Naming its problems: an unknown operation, an entry that is missing, unexpected or of
            another type, a reference to a step that does not precede it.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            found = error.errors(include_url=False, include_input=False)
            problems = [
                f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}".lstrip(": ")
                for item in found[:SHOWN]
            ]
            if len(found) > SHOWN:
                problems.append(f"and {len(found) - SHOWN} more")
            raise ChurnError("The compiled model cannot be used:", problems) from None

    def to_plain(self) -> dict[str, Any]:
        """The program as dicts, lists, texts and numbers; `parse` reads it."""
        return self.model_dump(exclude_none=False)
