"""The steps of a program that are estimators: trees, forests and nets."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from churn.scoring.steps import Finite, Ref, Step, same_length

# The maximum depth of a boosted tree, which is compiled into nested conditions.
MAX_DEPTH = 300


class ObliviousTree(Step):
    """A customer goes right at level i where columns[i] is above cuts[i], which adds 2 ** i.

    A cut of None sends missing values to the left and all others to the right.
    """

    columns: list[Ref]
    cuts: list[Finite | None]
    values: list[Finite]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        same_length(columns=self.columns, cuts=self.cuts)
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
        same_length(**rest)
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
        same_length(weights=self.weights, biases=self.biases)
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


def _chained(layers: list[Layer], width: int) -> None:
    for number, layer in enumerate(layers):
        if len(layer.weights[0]) != width:
            raise ValueError(f"layer {number} must have {width} inputs")
        width = len(layer.weights)
    if width != 1:
        raise ValueError("the last layer must have one output")


def _within(columns: list[int], width: int) -> None:
    if max(columns, default=-1) >= width:
        raise ValueError(f"column {max(columns)} is not among the {width} of the trees")
