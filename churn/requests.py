"""Scoring requests: the contract as a Pydantic model, and every problem of a body at once."""

import json
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    WithJsonSchema,
    create_model,
)

from churn.cells import FLAGS, MISSING
from churn.contract import Contract, Feature
from churn.errors import ChurnError

BATCH = "customers"
MAX_ID = 200
MAX_SHOWN = 80
MAX_GUESSES = 100
MAX_PROBLEMS = 200_000


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a request: where, what was expected there, and what came."""

    where: str
    expected: str
    got: str


class Requests:
    """Reads scoring requests about customers that keep a contract.

    Parameters
    ----------
    contract : Contract
    max_batch : int
        The most customers in one request.

    Attributes
    ----------
    record : type of BaseModel
        One customer: a field for each feature, and the id, which may be left out.
    batch : type of BaseModel
        `{"customers": [...]}`.
    """

    def __init__(self, contract: Contract, max_batch: int):
        self.contract = contract
        self.max_batch = max_batch
        self.record = request_model(contract)
        many = Annotated[list[self.record], Field(min_length=1, max_length=max_batch)]
        self.batch = create_model("Batch", __config__=ConfigDict(extra="forbid"), **{BATCH: many})

    def read_record(self, body: bytes) -> tuple[list[dict], list[Problem]]:
        """Read one customer; see `read_batch`."""
        return self._read(self.record, body)

    def read_batch(self, body: bytes) -> tuple[list[dict], list[Problem]]:
        """Read a batch of customers.

        Parameters
        ----------
        body : bytes
            JSON in UTF-8.

        Returns
        -------
        records : list of dict
            Values by column: float for numbers and flags, str for categories, None where missing;
            empty when there is a problem.
        problems : list of Problem
            Every problem of every customer.

        Raises
        ------
        ChurnError
            If the body is not JSON.
        """
        return self._read(self.batch, body)

    def _read(self, model, body):
        try:
            found = model.model_validate_json(body)
        except ValidationError as error:
            if error.error_count() > MAX_PROBLEMS:
                most = f"at most {MAX_PROBLEMS} problems, which would all be named"
                return [], [Problem("the body", most, f"{error.error_count()} problems")]
            details = error.errors(include_url=False, include_context=False)
            if details[0]["type"] == "json_invalid":
                message = details[0]["msg"].removeprefix("Invalid JSON: ")
                raise ChurnError("The body is not JSON.", [message]) from None
            return [], [
                Problem(
                    _where(detail["loc"]),
                    # Looking for what was meant takes time, so a body full of junk gets no help.
                    self._expected(detail, model is self.batch, guess=i < MAX_GUESSES),
                    "nothing" if detail["type"] == "missing" else _shown(detail["input"]),
                )
                for i, detail in enumerate(details)
            ]
        records = getattr(found, BATCH) if model is self.batch else [found]
        return [record.model_dump(by_alias=True) for record in records], []

    def _expected(self, detail: dict, in_batch: bool, guess: bool) -> str:
        path = detail["loc"][2:] if in_batch else detail["loc"]
        if detail["type"] == "extra_forbidden":
            known = [*self.contract.features, self.contract.id or ""] if path else [BATCH]
            close = get_close_matches(str(detail["loc"][-1]), known, n=1) if guess else []
            return "no such field" + (f"; did you mean {close[0]}?" if close else "")
        if in_batch and len(detail["loc"]) < 2:
            whole = f"a list of 1 to {self.max_batch} customers"
            return whole if detail["loc"] else f"an object with {BATCH!r}, {whole}"
        if not path:
            return "an object with a value for each feature"
        if path[0] == self.contract.id:
            return f"a text of up to {MAX_ID} characters, or a whole number"
        return expected(self.contract.features[path[0]])


def request_model(contract: Contract) -> type[BaseModel]:
    """The contract as a Pydantic model of one customer.

    Returns
    -------
    type of BaseModel
        Its aliases are the names of the columns, which need not be Python's. A feature that may
        be missing may be left out or null; any other field than the features and the id is
        refused. Texts are never taken for numbers, nor true and false.
    """
    fields: dict[str, Any] = {}
    if contract.id:
        described = Field(None, alias=contract.id, description="Who the customer is")
        fields["key"] = (_ID, described)
    for i, (name, feature) in enumerate(contract.features.items()):
        kind = _FIELDS[feature.kind](feature)
        default = None if feature.nullable else ...
        described = Field(default, alias=name, description=feature.description or None)
        fields[f"f{i}"] = (kind | None if feature.nullable else kind, described)
    return create_model("Customer", __config__=ConfigDict(extra="forbid"), **fields)


def expected(feature: Feature) -> str:
    """What a feature's value must be, in words."""
    if feature.kind == "number":
        words = "a whole number" if feature.integer else "a number"
        low, high = (f"{end:.15g}" if end is not None else "" for end in (feature.min, feature.max))
        if low and high:
            words += f" from {low} to {high}"
        elif low or high:
            words += f" of at least {low}" if low else f" of at most {high}"
    elif feature.kind == "flag":
        words = "true or false (or 1 or 0, yes or no)"
    elif feature.unseen == "flag":
        words = "a text"
    else:
        words = "one of " + ", ".join(map(repr, feature.categories))
    return words + (", or null" if feature.nullable else "")


def _number(feature):
    kind = Annotated[float, Field(strict=True, ge=feature.min, le=feature.max, allow_inf_nan=False)]
    if feature.integer:
        kind = Annotated[kind, AfterValidator(_whole), Field(json_schema_extra={"type": "integer"})]
    return kind


def _category(feature):
    if feature.unseen == "refuse":
        return Literal[feature.categories]
    return Annotated[str, Field(strict=True), AfterValidator(_filled)]


def _flag(feature):
    choices = [True, False, 1, 0, *FLAGS]
    return Annotated[float, BeforeValidator(_to_flag), WithJsonSchema({"enum": choices})]


_FIELDS = {"number": _number, "category": _category, "flag": _flag}


def _whole(value: float) -> float:
    if not value.is_integer():
        raise ValueError("not a whole number")
    return value


def _filled(text: str) -> str:
    # The table's reader takes these for a missing value; here a missing value is null.
    if text.strip() in MISSING:
        raise ValueError("stands for a missing value")
    return text


def _to_flag(value):
    if isinstance(value, str):
        value = FLAGS.get(value.strip().lower(), value)
    if isinstance(value, bool | int | float) and value in (0, 1):
        return float(value)
    raise ValueError("neither yes nor no")


def _to_id(value):
    if value is None or (isinstance(value, str) and len(value) <= MAX_ID):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**MAX_ID:
        return value
    raise ValueError("no id")


_ID = Annotated[
    str | int | None,
    PlainValidator(_to_id),
    WithJsonSchema({"type": ["string", "integer", "null"], "maxLength": MAX_ID}),
]


def _where(loc: tuple) -> str:
    parts = (f"[{part}]" if isinstance(part, int) else f".{_cut(part)}" for part in loc)
    return "".join(parts).removeprefix(".") or "the body"


def _shown(value) -> str:
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return _cut(json.dumps(value, ensure_ascii=False))


def _cut(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 1]}…"
