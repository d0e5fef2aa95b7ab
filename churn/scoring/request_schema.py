"""Scoring requests: the contract as a Pydantic type, and every problem of a body at once."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,  # Pydantic takes no older one than 3.12's
)

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
)
from pydantic_core import core_schema, from_json, to_json
from typing_extensions import TypedDict

from churn.data.contract import Contract, Feature
from churn.data.values import FLAGS, MISSING, USUAL_FLAGS
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


class InvalidRequest(ChurnError):
    """A body that cannot be answered.

    Attributes
    ----------
    wrong : list of Problem
    malformed : bool
        Whether it is no JSON at all.
    """

    def __init__(self, summary: str, wrong: list[Problem], malformed: bool = False):
        super().__init__(summary, [f"{p.where}: {p.expected}, not {p.got}" for p in wrong])
        self.wrong = wrong
        self.malformed = malformed


class RequestSchema:
    """Reads scoring requests about customers that keep a contract.

    Parameters
    ----------
    contract : Contract
    max_batch : int
        The most customers in one request.

    Attributes
    ----------
    record : TypeAdapter
        One customer: a field for each feature, and the id, which may be left out.
    batch : TypeAdapter
        `{"customers": [...]}`.
    """

    def __init__(self, contract: Contract, max_batch: int):
        self.contract = contract
        self.max_batch = max_batch
        customer = record_type(contract)
        many = Annotated[list[customer], Field(min_length=1, max_length=max_batch)]
        self.record = TypeAdapter(customer)
        self.batch = TypeAdapter(typed_dict("Batch", {BATCH: many}))
        # What TypeAdapter itself does on top takes a third of the time of a record.
        self._read_record = self.record.validator.validate_json
        self._read_batch = self.batch.validator.validate_json

    def read_record(self, body: bytes) -> dict:
        """Read one customer.

        Parameters
        ----------
        body : bytes
            JSON in UTF-8.

        Returns
        -------
        dict
            Values by column: float for numbers, str for categories, flags as they were sent, see
            `Scorer`; None, or no entry, where missing.

        Raises
        ------
        InvalidRequest
            Naming every problem.
        """
        try:
            return self._read_record(body)
        except ValidationError as error:
            raise _invalid(self._problems(error, in_batch=False)) from None

    def read_batch(self, body: bytes) -> tuple[list[dict | None], list[Problem]]:
        """Read a batch of customers, the good ones however many are bad.

        Parameters
        ----------
        body : bytes
            JSON in UTF-8.

        Returns
        -------
        records : list of dict or None
            See `read_record`; None for a customer with a problem.
        problems : list of Problem
            Every problem of every customer.

        Raises
        ------
        InvalidRequest
            If nobody can be scored, naming every problem.
        """
        try:
            return self._read_batch(body)[BATCH], []
        except ValidationError as error:
            problems = self._problems(error, in_batch=True)
            places = {detail["loc"][1] for detail in _details(error) if len(detail["loc"]) > 1}
            # Something is wrong with the batch itself where a problem is at no customer.
            if any(len(detail["loc"]) < 2 for detail in _details(error)):
                raise _invalid(problems) from None
            sent = from_json(body)[BATCH]
            good = [record for i, record in enumerate(sent) if i not in places]
            if not good:
                raise _invalid(problems) from None
            scored = iter(self._read_batch(to_json({BATCH: good}))[BATCH])
            return [None if i in places else next(scored) for i in range(len(sent))], problems

    def _problems(self, error: ValidationError, in_batch: bool) -> list[Problem]:
        # Looking for what was meant takes time, so a body full of junk gets no help.
        return problems_of(
            error, lambda detail, i: self._expected(detail, in_batch, guess=i < MAX_GUESSES)
        )

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


def record_type(contract: Contract) -> type:
    """The contract as the type of one customer.

    Returns
    -------
    type of TypedDict
        Its keys are the names of the columns. A feature that may be missing may be left out or
        null; any other field than the features and the id is refused. Texts are never taken for
        numbers, nor true and false.
    """
    fields: dict[str, Any] = {}
    if contract.id:
        fields[contract.id] = NotRequired[Annotated[_ID, Field(description="Who the customer is")]]
    for name, feature in contract.features.items():
        kind = _FIELDS[feature.kind](feature)
        described = Field(description=feature.description or None)
        if feature.nullable:
            fields[name] = NotRequired[Annotated[kind | None, described]]
        else:
            fields[name] = Annotated[kind, described]
    return typed_dict("Customer", fields)


def typed_dict(name: str, fields: dict[str, Any]) -> type:
    """A type of JSON object with these fields and no others."""
    made = TypedDict(name, fields)
    made.__pydantic_config__ = ConfigDict(extra="forbid")
    return made


def problems_of(error: ValidationError, expected: Callable[[dict, int], str]) -> list[Problem]:
    """Every problem of a body.

    Parameters
    ----------
    error : ValidationError
        Of `validate_json`.
    expected : callable
        What was expected, of a detail of the error and its number.

    Raises
    ------
    InvalidRequest
        If the body is no JSON.
    """
    details = _details(error)
    if details[0]["type"] == "json_invalid":
        message = details[0]["msg"].removeprefix("Invalid JSON: ")
        wrong = Problem("the body", "JSON in UTF-8", message)
        raise InvalidRequest("The body is not JSON.", [wrong], malformed=True) from None
    return [
        Problem(
            _where(detail["loc"]),
            expected(detail, i),
            "nothing" if detail["type"] == "missing" else shown(detail["input"]),
        )
        for i, detail in enumerate(details)
    ]


def _details(error: ValidationError) -> list[dict]:
    if error.error_count() > MAX_PROBLEMS:
        most = f"at most {MAX_PROBLEMS} problems, which would all be named"
        wrong = Problem("the body", most, f"{error.error_count()} problems")
        raise _invalid([wrong]) from None
    return error.errors(include_url=False, include_context=False)


def _invalid(problems: list[Problem]) -> InvalidRequest:
    what = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    return InvalidRequest(f"The request breaks the model's contract: {what}.", problems)


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
    usual = core_schema.literal_schema([True, False, *USUAL_FLAGS])
    return Annotated[Any, _Either(usual, _to_flag), WithJsonSchema({"enum": choices})]


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


@dataclass(frozen=True, eq=False)
class _Either:
    """What is usual, else what a function takes: to ask that about every value takes its time."""

    usual: core_schema.CoreSchema
    other: Callable

    def __get_pydantic_core_schema__(self, source, handler):
        return core_schema.union_schema(
            [self.usual, core_schema.no_info_plain_validator_function(self.other)],
            mode="left_to_right",
            custom_error_type="refused",
            custom_error_message="neither",
        )


def _to_flag(value):
    if isinstance(value, str):
        value = FLAGS.get(value.strip().lower(), value)
    if isinstance(value, bool | int | float) and value in (0, 1):
        return float(value)
    raise ValueError("neither yes nor no")


def _to_id(value):
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**MAX_ID:
        return value
    raise ValueError("no id")


_ID = Annotated[
    Any,
    _Either(
        core_schema.nullable_schema(core_schema.str_schema(strict=True, max_length=MAX_ID)), _to_id
    ),
    WithJsonSchema({"type": ["string", "integer", "null"], "maxLength": MAX_ID}),
]


def _where(loc: tuple) -> str:
    parts = (f"[{part}]" if isinstance(part, int) else f".{_cut(part)}" for part in loc)
    return "".join(parts).removeprefix(".") or "the body"


def shown(value) -> str:
    """A value of a body in few words."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return _cut(json.dumps(value, ensure_ascii=False))


def _cut(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 1]}…"
