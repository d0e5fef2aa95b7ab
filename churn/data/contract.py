"""The schema of a customer table: one contract for training, scoring and serving."""

import hashlib
import json
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Container, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from churn.data.expressions import Formula
from churn.data.source import SourceOptions
from churn.data.values import MISSING, as_text
from churn.errors import ChurnError

NOTHING_ACTIONABLE = (
    "Nothing is marked as changeable yet: `actionable = true` in the contract marks a feature that "
    "the business can change, and then the best change is named"
)
# The defaults of entries that a contract file leaves out of a feature.
UNSET = {"decimal": ".", "missing": [], "order": ""}


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Number(_Frozen):
    """A quantity; stored as float64, missing as NaN.

    `decimal` is the decimal mark in texts, `missing` lists texts that stand for a missing value
    in addition to the usual ones (`churn.data.values.MARKERS`).
    """

    numeric: ClassVar[bool] = True

    kind: Literal["number"] = "number"
    integer: bool = False
    min: float | None = Field(None, allow_inf_nan=False)
    max: float | None = Field(None, allow_inf_nan=False)
    decimal: Literal[".", ","] = "."
    missing: tuple[str, ...] = ()
    unit: str = ""
    nullable: bool = False
    actionable: bool = False
    description: str = ""

    def say(self, value: Any) -> str:
        """A value as text, for people."""
        return "missing" if _missing(value) else f"{float(value):,.6g} {self.unit}".strip()

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min:g} is above max {self.max:g}")
        return self


class Category(_Frozen):
    """One of a list of texts; `unseen` decides whether a request with another text is refused.

    `missing` lists texts that stand for a missing value in addition to the usual ones
    (`churn.data.values.MISSING`); a usual one that is in `categories` is a category.
    """

    numeric: ClassVar[bool] = False

    kind: Literal["category"] = "category"
    categories: tuple[str, ...] = Field(min_length=1)
    unseen: Literal["refuse", "flag"] = "refuse"
    missing: tuple[str, ...] = ()
    nullable: bool = False
    actionable: bool = False
    description: str = ""

    def say(self, value: Any) -> str:
        """A value as text, for people."""
        return "missing" if _missing(value) else str(value)

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if len(set(self.categories)) < len(self.categories):
            raise ValueError("a category is listed twice")
        for text in self.categories:
            if text != as_text(text, keep=MISSING[1:]):
                raise ValueError(f"a cell that says {text!r} is never read as that category")
            if text in self.missing:
                raise ValueError(f"{text!r} is both a category and missing")
        return self


class Flag(_Frozen):
    """Yes or no; read from yes/no, true/false, t/f, y/n or 1/0, stored as 1.0 or 0.0."""

    numeric: ClassVar[bool] = False

    kind: Literal["flag"] = "flag"
    nullable: bool = False
    actionable: bool = False
    description: str = ""

    def say(self, value: Any) -> str:
        """A value as text, for people."""
        return "missing" if _missing(value) else ("yes" if value else "no")


class Date(_Frozen):
    """A day; stored as the days from it to the day of the observation, float64, missing as NaN.

    The day of the observation is that of the time column, or `as_of`. A model thus never sees an
    absolute date, and a customer of next month is scored by the time since an event. `order`
    specifies which of two numbers before a year is the day.
    """

    numeric: ClassVar[bool] = True
    integer: ClassVar[bool] = True
    min: ClassVar[None] = None
    max: ClassVar[None] = None
    unit: ClassVar[str] = "days"

    kind: Literal["date"] = "date"
    order: Literal["", "day-first", "month-first"] = ""
    missing: tuple[str, ...] = ()
    nullable: bool = False
    actionable: ClassVar[bool] = False
    description: str = ""

    def say(self, value: Any) -> str:
        """A value as text, for people."""
        if _missing(value):
            return "missing"
        days = round(float(value))
        return f"{days:,} days ago" if days >= 0 else f"in {-days:,} days"


def _missing(value: Any) -> bool:
    return value is None or value != value


class TargetRule(_Frozen):
    """A label made from a date: a customer left whose `column` is before a day.

    See `churn.data.target_rule`.
    """

    column: str
    before: date
    order: Literal["", "day-first", "month-first"] = ""

    @classmethod
    def parse(cls, text: str) -> "TargetRule | None":
        """A rule like `last_trip_date < 2014-06-01`; None if the text is not a rule."""
        found = _RULE.fullmatch(text.strip())
        return cls(column=found[1], before=date.fromisoformat(found[2])) if found else None

    @staticmethod
    def free_name(names: Container[str]) -> str:
        """A name for the label that no column has."""
        name = "left"
        while name in names:
            name = f"_{name}"
        return name


_RULE = re.compile(r"(.+?)\s*<\s*(\d{4}-\d\d-\d\d)")
Feature = Annotated[Number | Category | Flag | Date, Field(discriminator="kind")]


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
    time_order : str
        Which of two numbers before a year is the day in the time column; empty for ISO 8601.
    target_rule : TargetRule or None
        How the label is made where no column has it; in a file it is the table `[target]`.
    as_of : date or None
        The day of the observation, where no time column has it: date features count days to it.
    ignore : tuple of str
        Columns of the table that are no features.
    keep : tuple of str
        Columns that go onto the call list as they are, such as a name and a phone number. They
        are no features, may be in `ignore`, and are not in the digest: no model sees them.
    source : SourceOptions
        The format of the table's file, where it is not recognised.
    features : dict of str to Number, Category, Flag or Date
        The model's inputs, in the order of the matrix.
    derived : dict of str to str
        New number columns as formulas over features; see `churn.data.expressions`.
    contradictions : tuple of str
        Formulas that are 1 for an impossible row: `(phone == 0) * (lines == "Yes")`. A row for
        which one of them is 1 is rejected.
    """

    project: str = Field("", max_length=100)
    horizon_days: int | None = Field(None, ge=1, le=3650)
    target: str
    positive: str
    negative: tuple[str, ...] = Field(min_length=1)
    id: str | None = None
    time: str | None = None
    time_order: Literal["", "day-first", "month-first"] = ""
    target_rule: TargetRule | None = None
    as_of: date | None = None
    ignore: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    source: SourceOptions = SourceOptions()
    features: dict[str, Feature] = Field(min_length=1)
    derived: dict[str, str] = {}
    contradictions: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _target_table(cls, values: Any) -> Any:
        if isinstance(values, dict) and isinstance(rule := values.get("target"), dict):
            rule = dict(rule)
            values = {"positive": "yes", "negative": ["no"]} | values
            values |= {"target": rule.pop("name", "left"), "target_rule": rule}
        return values

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        problems = []
        if label_key(self.positive) in map(label_key, self.negative):
            problems.append(f"{self.positive!r} is both positive and negative")
        keys = [name for name in (self.id, self.time) if name is not None]
        roles = [self.target, *keys, *self.ignore, *self.features, *self.derived]
        twice = sorted(name for name, count in Counter(roles).items() if count > 1)
        if twice:
            problems.append(f"these columns have two roles: {', '.join(twice)}")
        problems += self._unkept({*roles} - {*self.ignore})
        problems += [
            f"derived.{name}: {problem}"
            for name, text in self.derived.items()
            for problem in Formula.problems(text, self.features)
        ]
        problems += [
            f"contradictions: {text}: {problem}"
            for text in self.contradictions
            for problem in Formula.problems(text, self.features)
        ]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _unkept(self, used: set[str]) -> list[str]:
        """Why columns cannot be kept, a sentence for each kind of problem."""
        problems = []
        if taken := sorted(used & {*self.keep}):
            why = "a kept column has no other role, so delete its table or its entry"
            problems.append(f"keep: {', '.join(taken)}: {why}")
        if twice := sorted(name for name, count in Counter(self.keep).items() if count > 1):
            problems.append(f"keep: named twice: {', '.join(twice)}")
        return problems

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> "Contract":
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

    def __reduce__(self) -> tuple[Callable[..., "Contract"], tuple[dict[str, Any]]]:
        # As plain values, so that a model stored before a field was added gets its default.
        return Contract.model_validate, (self.model_dump(mode="json"),)

    @classmethod
    def read(cls, path: str | Path) -> "Contract":
        """Read a contract file (TOML)."""
        return cls.parse(parse_toml(Path(path).read_text("utf-8")))

    def to_toml(self) -> str:
        """The contract as a file that a person can read and edit."""
        values = self.model_dump(mode="json", exclude_none=True)
        values["source"] = {k: v for k, v in values["source"].items() if v}
        if self.target_rule:
            rule = {k: v for k, v in values.pop("target_rule").items() if v}
            rule["before"] = self.target_rule.before
            values["target"] = {"name": self.target} | rule
        if self.as_of:
            values["as_of"] = self.as_of
        for feature in values["features"].values():
            for name, unset in UNSET.items():
                if feature.get(name) == unset:
                    del feature[name]
        empty = {
            name
            for name in ("project", "source", "time_order", "contradictions", "keep")
            if not values[name]
        }
        tables = {name: v for name, v in values.items() if name not in empty}
        return tomli_w.dumps(dict(sorted(tables.items(), key=lambda of: isinstance(of[1], dict))))

    @property
    def columns(self) -> list[str]:
        """Every column a training table must have."""
        keys = [name for name in (self.id, self.time) if name is not None]
        label = self.target_rule.column if self.target_rule else self.target
        return [*keys, *self.features, label]

    @property
    def any_actionable(self) -> bool:
        """Whether the business can change any feature."""
        return any(feature.actionable for feature in self.features.values())

    @property
    def within(self) -> str:
        """When a customer leaves, for a sentence: ` within 30 days`; empty without a horizon."""
        days = self.horizon_days
        return "" if days is None else f" within {days:,} day{'s' if days > 1 else ''}"

    @property
    def digest(self) -> str:
        """SHA-256 of what a model depends on, all but `keep`, in hex."""
        text = json.dumps(self.model_dump(mode="json", exclude={"keep"}), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def without(self, names: list[str]) -> "Contract":
        """The contract without `names` and everything that is derived from them."""
        gone = set(names)
        features = {k: v for k, v in self.features.items() if k not in gone}
        derived = {
            name: text
            for name, text in self.derived.items()
            if name not in gone and not Formula(text).columns & gone
        }
        ignore = (*self.ignore, *(name for name in self.features if name in gone))
        kept = [text for text in self.contradictions if not Formula(text).columns & gone]
        values = self.model_dump() | {
            "features": features, "derived": derived, "ignore": ignore, "contradictions": kept,
        }  # fmt: skip
        return Contract.parse(values)


def parse_toml(text: str) -> dict[str, Any]:
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
    """The normal form in which values of the target are compared: no case, no extra blanks.

    `True.` is `true`, as some public tables write it, and `1.0` is `1`.
    """
    key = " ".join((as_text(text) or "").split()).casefold()
    return key.removesuffix(".") if key in ("true.", "false.") else key


_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[_\s]+")


def label(name: str) -> str:
    """The name of a column in words, for people: `NumOfProducts`, `num_of_products`."""
    words = [word if word.isupper() else word.lower() for word in _WORDS.split(name) if word]
    text = " ".join(words) if _WORDS.search(name) else name
    return text[:1].upper() + text[1:]
