"""A fitted model as plain values: a list of steps, each of which computes one number of a record.

A run stores its model as a program for scoring one customer at a time. It has texts, numbers and
lists only: `churn.scoring.export` creates it from a fitted model, `churn.scoring.compiler` compiles
it into a function. Reading a program executes nothing. A step refers to steps before it by their
places in the list, so that a program always terminates.
"""

from collections.abc import Mapping, Sized
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from churn.errors import ChurnError

Ref = Annotated[int, Field(ge=0)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
# The maximum number of problems that are named: a broken program is not corrected by hand.
SHOWN = 10
# The maximum depth of a boosted tree, which is compiled into nested conditions.
MAX_DEPTH = 300


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
        _same_length(weights=self.weights, terms=self.terms)
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
        _same_length(breaks=self.breaks, at_breaks=self.at_breaks)
        if len(self.pieces) != len(self.breaks) + 1:
            raise ValueError("there must be one piece more than breaks")
        if any(len(piece) != 6 or not piece[1] for piece in self.pieces):
            raise ValueError("a piece must be start, width, a, b, c, d with a width")
        _ascending(breaks=self.breaks)
        return self


class ObliviousTree(Step):
    """A customer goes right at level i where columns[i] is above cuts[i], which adds 2 ** i.

    A cut of None sends missing values to the left and all others to the right.
    """

    columns: list[Ref]
    cuts: list[Finite | None]
    values: list[Finite]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        _same_length(columns=self.columns, cuts=self.cuts)
        if len(self.cuts) > 12 or len(self.values) != 2 ** len(self.cuts):
            raise ValueError("there must be 2 ** depth values, and 12 levels at the most")
        return self


class ObliviousTrees(Step):
    """The sum of a baseline and of oblivious trees, whose columns are places in `columns`."""

    op: Literal["oblivious_trees"]
    columns: list[Ref]
    baseline: Finite
    trees: list[ObliviousTree]

    @property
    def inputs(self) -> list[int]:
        return self.columns

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for tree in self.trees:
            _within(tree.columns, len(self.columns))
        return self


class BinaryTree(Step):
    """A tree as arrays over its nodes, a node's children after it; a leaf has a column of -1.

    A customer goes left where the column is at most the cut; a missing value goes left if
    `missing_left`. Where `levels` is a list, the column is a category, and a level in the list goes
    to the opposite side of a missing value.
    """

    columns: list[Annotated[int, Field(ge=-1)]]
    cuts: list[float]
    levels: list[list[Finite] | None] | None = None
    lefts: list[int]
    rights: list[int]
    missing_left: list[bool]
    values: list[Finite]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        rest = {name: value for name, value in vars(self).items() if value is not None}
        _same_length(**rest)
        if not self.columns:
            raise ValueError("a tree must have a node")
        if any(cut != cut for cut in self.cuts):
            raise ValueError("a cut must be a number")
        places = range(len(self.columns))
        inner = [place for place in places if self.columns[place] >= 0]
        children = [child[place] for place in inner for child in (self.lefts, self.rights)]
        if not all(
            place < child[place] <= places[-1]
            for place in inner
            for child in (self.lefts, self.rights)
        ):
            raise ValueError("the children of a node must be behind it")
        if len(set(children)) < len(children):
            raise ValueError("a node must not have two parents")
        return self

    @property
    def depth(self) -> int:
        """The most splits from the root to a leaf."""
        depths = [0] * len(self.columns)
        for node, column in enumerate(self.columns):
            if column >= 0:
                for child in (self.lefts[node], self.rights[node]):
                    depths[child] = depths[node] + 1
        return max(depths)


class BoostedTrees(Step):
    """The sum of a baseline and of trees, whose columns are places in `columns`."""

    op: Literal["boosted_trees"]
    columns: list[Ref]
    baseline: Finite
    trees: list[BinaryTree]

    @property
    def inputs(self) -> list[int]:
        return self.columns

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for tree in self.trees:
            _within(tree.columns, len(self.columns))
            if tree.depth > MAX_DEPTH:
                raise ValueError(f"a tree must be at most {MAX_DEPTH} deep")
        return self


class Forest(Step):
    """The mean of trees over columns in single precision."""

    op: Literal["forest"]
    columns: list[Ref]
    trees: list[BinaryTree] = Field(min_length=1)

    @property
    def inputs(self) -> list[int]:
        return self.columns

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for tree in self.trees:
            _within(tree.columns, len(self.columns))
            if tree.levels is not None:
                raise ValueError("a forest has no categories")
        return self


class Layer(Step):
    """A layer of a neural net: weights (n_outputs rows of n_inputs) and biases."""

    weights: list[list[Finite]] = Field(min_length=1)
    biases: list[Finite]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        _same_length(weights=self.weights, biases=self.biases)
        if len(set(map(len, self.weights))) != 1:
            raise ValueError("the rows of weights must be of one length")
        return self


class Network(Step):
    """A neural net with ReLU activations and a linear last layer of one output."""

    op: Literal["network"]
    columns: list[Ref]
    layers: list[Layer] = Field(min_length=1)

    @property
    def inputs(self) -> list[int]:
        return self.columns

    @model_validator(mode="after")
    def _fits(self) -> Self:
        _chained(self.layers, len(self.columns))
        return self


class Networks(Step):
    """The mean of the outputs of nets as in `Network`, whose layers have the same sizes."""

    op: Literal["networks"]
    columns: list[Ref]
    nets: list[Annotated[list[Layer], Field(min_length=1)]] = Field(min_length=1)

    @property
    def inputs(self) -> list[int]:
        return self.columns

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for layers in self.nets:
            _chained(layers, len(self.columns))
        if len({tuple(len(layer.biases) for layer in layers) for layers in self.nets}) > 1:
            raise ValueError("the nets must be of the same sizes")
        return self


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


def _chained(layers: list[Layer], width: int) -> None:
    for number, layer in enumerate(layers):
        if len(layer.weights[0]) != width:
            raise ValueError(f"layer {number} must have {width} inputs")
        width = len(layer.weights)
    if width != 1:
        raise ValueError("the last layer must have one output")


def _same_length(**lists: Sized) -> None:
    if len(set(map(len, lists.values()))) > 1:
        raise ValueError(f"{', '.join(lists)} must be of one length")


def _ascending(**lists: list[float]) -> None:
    for name, values in lists.items():
        if any(a >= b for a, b in pairwise(values)):
            raise ValueError(f"{name} must ascend")


def _within(columns: list[int], width: int) -> None:
    if max(columns, default=-1) >= width:
        raise ValueError(f"column {max(columns)} is not among the {width} of the trees")
