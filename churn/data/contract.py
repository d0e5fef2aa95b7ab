"""What a customer table must look like: the one truth for training, scoring and serving."""

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Annotated, Literal

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from churn.data.expressions import Formula
from churn.data.source import SourceOptions
from churn.data.values import MISSING, as_text
from churn.errors import ChurnError


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Number(_Frozen):
    """A quantity; stored as float64, missing as NaN."""

    kind: Literal["number"] = "number"
    integer: bool = False
    min: float | None = Field(None, allow_inf_nan=False)
    max: float | None = Field(None, allow_inf_nan=False)
    unit: str = ""
    nullable: bool = False
    actionable: bool = False
    description: str = ""

    def say(self, value) -> str:
        """A value as text, for people."""
        return "missing" if _missing(value) else f"{float(value):,.6g} {self.unit}".strip()

    @model_validator(mode="after")
    def _ordered(self):
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min:g} is above max {self.max:g}")
        return self


class Category(_Frozen):
    """One of a list of texts; `unseen` decides whether a request with another one is refused."""

    kind: Literal["category"] = "category"
    categories: tuple[str, ...] = Field(min_length=1)
    unseen: Literal["refuse", "flag"] = "refuse"
    nullable: bool = False
    actionable: bool = False
    description: str = ""

    def say(self, value) -> str:
        """A value as text, for people."""
        return "missing" if _missing(value) else str(value)

    @model_validator(mode="after")
    def _distinct(self):
        if len(set(self.categories)) < len(self.categories):
            raise ValueError("a category is listed twice")
        for text in self.categories:
            if text != text.strip() or text in MISSING:
                raise ValueError(f"a cell that says {text!r} is never read as that category")
        return self


class Flag(_Frozen):
    """Yes or no; read from yes/no, true/false, t/f, y/n or 1/0, stored as 1.0 or 0.0."""

    kind: Literal["flag"] = "flag"
    nullable: bool = False
    actionable: bool = False
    description: str = ""

    def say(self, value) -> str:
        """A value as text, for people."""
        return "missing" if _missing(value) else ("yes" if value else "no")


def _missing(value) -> bool:
    return value is None or value != value


Feature = Annotated[Number | Category | Flag, Field(discriminator="kind")]


class Contract(_Frozen):
    """The columns of a customer table.

    Attributes
    ----------
    project : str
        The business that the contract belongs to: a champion is one per project.
    horizon_days : int or None
        Within how many days after the observation a customer counts as having left.
    target : str
        The column with the label: whether the customer left.
    positive : str
        The value of `target` that means "left".
    negative : tuple of str
        The values of `target` that mean "stayed".
    id, time : str or None
        The columns with the customer's key and with the date of the observation.
    ignore : tuple of str
        Columns of the table that are no features.
    source : SourceOptions
        How the table's file is written, where that is not recognised.
    features : dict of str to Number, Category or Flag
        The model's inputs, in the order of the matrix.
    derived : dict of str to str
        New number columns as formulas over features; see `churn.data.expressions`.
    """

    project: str = Field("", max_length=100)
    horizon_days: int | None = Field(None, ge=1, le=3650)
    target: str
    positive: str
    negative: tuple[str, ...] = Field(min_length=1)
    id: str | None = None
    time: str | None = None
    ignore: tuple[str, ...] = ()
    source: SourceOptions = SourceOptions()
    features: dict[str, Feature] = Field(min_length=1)
    derived: dict[str, str] = {}

    @model_validator(mode="after")
    def _agrees_with_itself(self):
        problems = []
        if label_key(self.positive) in map(label_key, self.negative):
            problems.append(f"{self.positive!r} is both positive and negative")
        roles = [self.target, self.id, self.time, *self.ignore, *self.features, *self.derived]
        roles = [name for name in roles if name is not None]
        twice = sorted({name for name in roles if roles.count(name) > 1})
        if twice:
            problems.append(f"these columns have two roles: {', '.join(twice)}")
        problems += [
            f"derived.{name}: {problem}"
            for name, text in self.derived.items()
            for problem in Formula.problems(text, self.features)
        ]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @classmethod
    def parse(cls, values: dict) -> "Contract":
        """Build a contract from a plain dict.

        Raises
        ------
        ChurnError
            Naming every entry that is wrong.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            problems = [
                f"{'.'.join(map(str, item['loc'])) or 'contract'}: {item['msg']}"
                for item in error.errors()
            ]
            raise ChurnError("The contract cannot be used:", problems) from None

    @classmethod
    def read(cls, path: str | Path) -> "Contract":
        """Read a contract file (TOML)."""
        return cls.parse(parse_toml(Path(path).read_text("utf-8")))

    def to_toml(self) -> str:
        """The contract as a file that a person can read and edit."""
        values = self.model_dump(mode="json", exclude_none=True)
        values["source"] = {k: v for k, v in values["source"].items() if v}
        return tomli_w.dumps(
            {k: v for k, v in values.items() if v or k not in ("project", "source")}
        )

    @property
    def columns(self) -> list[str]:
        """Every column a training table must have."""
        keys = [name for name in (self.id, self.time) if name is not None]
        return [*keys, *self.features, self.target]

    @property
    def digest(self) -> str:
        """SHA-256 of the contract, in hex."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def without(self, names: list[str]) -> "Contract":
        """The same contract, with `names` and whatever is derived from them left out."""
        features = {k: v for k, v in self.features.items() if k not in names}
        gone = set(names)
        derived = {
            name: text
            for name, text in self.derived.items()
            if name not in gone and not Formula(text).columns & gone
        }
        ignore = (*self.ignore, *(name for name in self.features if name in names))
        values = self.model_dump() | {"features": features, "derived": derived, "ignore": ignore}
        return Contract.parse(values)


def parse_toml(text: str) -> dict:
    """Read the text of a contract file into the plain dict that Metaflow stores as Config.

    The word `inferred` in its place stands for no contract, an empty dict.
    """
    if text == "inferred":
        return {}
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ChurnError("The contract is not a TOML file:", [str(error)]) from None
    return Contract.parse(values).model_dump(mode="json")


def label_key(text: str) -> str:
    """What a value of the target is compared by: its words, without case and extra blanks.

    `True.` is `true`, as some public tables write it, and `1.0` is `1`.
    """
    key = " ".join((as_text(text) or "").split()).casefold()
    return key.removesuffix(".") if key in ("true.", "false.") else key


def label(name: str) -> str:
    """The name of a column, for people."""
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]
