"""The steps of a program that read a column or compute with numbers."""

from collections.abc import Sized
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Ref = Annotated[int, Field(ge=0)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class Step(BaseModel):
    """One number of a record, computed from the steps in `inputs`."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    @property
    def inputs(self) -> list[int]:
        """The places of the steps that this one reads."""
        return []


class NumberColumn(Step):
    """A number of the record; NaN where missing."""

    op: Literal["number"]
    name: str


class FlagColumn(Step):
    """A flag as 1.0 or 0.0; NaN where missing."""

    op: Literal["flag"]
    name: str


class CategoryColumn(Step):
    """The place of a category in a list; NaN where it is missing or not in the list."""

    op: Literal["category"]
    name: str
    categories: list[str]


class Constant(Step):
    """The same number for every record."""

    op: Literal["constant"]
    value: float


class Unary(Step):
    """A function of one step.

    `finite` replaces an infinite number by NaN, `log_odds` is ln(p / (1 - p)).
    """

    op: Literal["negate", "finite", "sigmoid", "log_odds"]
    of: Ref

    @property
    def inputs(self) -> list[int]:
        return [self.of]


class Binary(Step):
    """A function of two steps; a comparison is 1.0 or 0.0, and 0.0 where a side is missing."""

    op: Literal[
        "add", "subtract", "multiply", "divide",
        "equal", "differ", "less", "less_equal", "greater", "greater_equal",
    ]  # fmt: skip
    left: Ref
    right: Ref

    @property
    def inputs(self) -> list[int]:
        return [self.left, self.right]


class TextComparison(Step):
    """Whether a category is a text, or another one: 1.0 or 0.0, and 0.0 where it is missing."""

    op: Literal["equal_text", "differ_text"]
    column: Ref
    text: str

    @property
    def inputs(self) -> list[int]:
        return [self.column]


class Clip(Step):
    """A number kept between two bounds."""

    op: Literal["clip"]
    of: Ref
    low: Finite
    high: Finite

    @property
    def inputs(self) -> list[int]:
        return [self.of]


class WeightedSum(Step):
    """intercept + weights[0] * terms[0] + …"""

    op: Literal["sum"]
    intercept: Finite
    weights: list[Finite]
    terms: list[Ref]

    @property
    def inputs(self) -> list[int]:
        return self.terms

    @model_validator(mode="after")
    def _fits(self) -> Self:
        same_length(weights=self.weights, terms=self.terms)
        return self


class Lookup(Step):
    """A number for each code of a column: values[code], or `otherwise` where there is none."""

    op: Literal["lookup"]
    column: Ref
    values: list[Finite]
    otherwise: Finite

    @property
    def inputs(self) -> list[int]:
        return [self.column]


class Staircase(Step):
    """A number for each interval between cuts: values[i] up to and with cuts[i]."""

    op: Literal["staircase"]
    column: Ref
    cuts: list[Finite]
    values: list[Finite]
    missing: Finite

    @property
    def inputs(self) -> list[int]:
        return [self.column]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if len(self.values) != len(self.cuts) + 1:
            raise ValueError("there must be one value more than cuts")
        _ascending(cuts=self.cuts)
        return self


class Curve(Step):
    """A cubic polynomial between any two breaks, and a line beyond the first and the last.

    Between breaks[i - 1] and breaks[i] it is a + u (b + u (c + u d)) with u = (x - start) / width
    and (start, width, a, b, c, d) = pieces[i]; at breaks[i] it is at_breaks[i].
    """

    op: Literal["curve"]
    column: Ref
    breaks: list[Finite]
    at_breaks: list[Finite]
    pieces: list[list[Finite]]
    missing: Finite

    @property
    def inputs(self) -> list[int]:
        return [self.column]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        same_length(breaks=self.breaks, at_breaks=self.at_breaks)
        if len(self.pieces) != len(self.breaks) + 1:
            raise ValueError("there must be one piece more than breaks")
        if any(len(piece) != 6 or not piece[1] for piece in self.pieces):
            raise ValueError("a piece must be start, width, a, b, c, d with a width")
        _ascending(breaks=self.breaks)
        return self


def same_length(**lists: Sized) -> None:
    """Check that the entries of a step are of one length."""
    if len(set(map(len, lists.values()))) > 1:
        raise ValueError(f"{', '.join(lists)} must be of one length")


def _ascending(**lists: list[float]) -> None:
    for name, values in lists.items():
        if any(a >= b for a, b in pairwise(values)):
            raise ValueError(f"{name} must ascend")
