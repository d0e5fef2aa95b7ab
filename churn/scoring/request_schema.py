"""Scoring requests: the contract as a Pydantic type, and the problems of a body in words."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from difflib import get_close_matches
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,  # Pydantic accepts typing's only from Python 3.12 on
)

from pydantic import AfterValidator, Field, TypeAdapter, WithJsonSchema

from churn.data.contract import Category, Contract, Date, Feature, Flag, Number
from churn.data.dates import day_of
from churn.data.ids import LARGEST_FLOAT_ID
from churn.data.values import FLAGS, MISSING, USUAL_FLAGS
from churn.scoring.contradictions import Contradictions
from churn.scoring.json_body import (
    InvalidRequest,
    ObjectReader,
    Place,
    Problems,
    typed_dict,
    where,
)
from churn.scoring.pydantic_compat import Either, annotated, core_schema, list_of

BATCH = "customers"
MAX_ID = 200
SUMMARY = "The request breaks the model's contract"


class RequestSchema:
    """Reads scoring requests for customers and validates them against a contract.

    Parameters
    ----------
    contract : Contract
    max_batch : int
        The most customers in one request.
    today : callable, optional
        The day to which dates count days; by default the present one, in UTC.

    Attributes
    ----------
    record : TypeAdapter
        One customer: a field for each feature, and the id, which may be left out.
    batch : TypeAdapter
        `{"customers": [...]}`.
    """

    def __init__(self, contract: Contract, max_batch: int, today: Callable[[], date] | None = None):
        self.contract = contract
        self.max_batch = max_batch
        self._contradictions = Contradictions(contract)
        customer = record_type(contract, today or _today)
        self._reader = ObjectReader(customer, "customer", BATCH, self._expected)
        self.record = self._reader.adapter
        many = annotated(list_of(customer), Field(min_length=1, max_length=max_batch))
        self.batch = TypeAdapter[dict[str, Any]](typed_dict("Batch", {BATCH: many}))

    def read_record(self, body: bytes) -> dict[str, Any]:
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
            Naming the first problems, and how many there are.
        """
        record = self._reader.read(body, SUMMARY)
        if self._contradictions:
            problems = Problems()
            problems.add(*self._contradictions.problems(record))
            if problems.total:
                raise InvalidRequest(f"{SUMMARY}: {problems}.", problems)
        return record

    def read_batch(self, body: bytes) -> tuple[list[dict[str, Any] | None], Problems]:
        """Read a batch of customers, the valid ones however many are not.

        Parameters
        ----------
        body : bytes
            JSON in UTF-8.

        Returns
        -------
        records : list of dict or None
            See `read_record`; None for a customer with a problem.
        problems : Problems

        Raises
        ------
        InvalidRequest
            If no customer can be scored, naming the first problems, and how many there are.
        """
        records, problems = self._reader.read_list(body, self.max_batch, SUMMARY)
        if self._contradictions:
            for i, record in enumerate(records):
                if record is not None and not self._contradictions.holds(record):
                    found = self._contradictions.problems(record)
                    problems.add(
                        *(replace(one, where=where((BATCH, i, one.where))) for one in found)
                    )
                    records[i] = None
            if all(record is None for record in records):
                raise InvalidRequest(f"{SUMMARY}: {problems}.", problems)
        return records, problems

    def _expected(self, place: Place, error: str, guess: bool) -> str:
        if error == "extra_forbidden":
            known = [*self.contract.features, self.contract.id or ""]
            close = get_close_matches(str(place[-1])[:MAX_ID], known, n=1) if guess else []
            return "no such field" + (f"; did you mean {close[0]}?" if close else "")
        if not place:
            return "an object with a value for each feature"
        if place[0] == self.contract.id:
            return f"a text of up to {MAX_ID} characters, or a whole number"
        return expected(self.contract.features[str(place[0])])


def record_type(contract: Contract, today: Callable[[], date]) -> Any:
    """The contract as the type of one customer.

    Returns
    -------
    type of TypedDict
        Its keys are the names of the columns. A feature that may be missing may be left out or
        null; any other field than the features and the id is refused. Texts and booleans are never
        taken for numbers.
    """
    fields: dict[str, Any] = {}
    if contract.id:
        fields[contract.id] = NotRequired[Annotated[_ID, Field(description="Who the customer is")]]
    for name, feature in contract.features.items():
        kind = _date(feature, today) if feature.kind == "date" else _FIELDS[feature.kind](feature)
        described = Field(description=feature.description or None)
        if feature.nullable:
            fields[name] = NotRequired[annotated(kind | None, described)]
        else:
            fields[name] = annotated(kind, described)
    return typed_dict("Customer", fields)


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
    elif feature.kind == "date":
        words = "a date like 2025-01-31"
    elif feature.unseen == "flag":
        words = "a text, no word for a missing value"
    else:
        words = "one of " + ", ".join(map(repr, feature.categories))
    return words + (", or null" if feature.nullable else "")


def _number(feature: Number) -> Any:
    kind = annotated(float, Field(strict=True, ge=feature.min, le=feature.max, allow_inf_nan=False))
    if feature.integer:
        integer = Field(json_schema_extra={"type": "integer"})
        kind = annotated(kind, AfterValidator(_whole), integer)
    return kind


def _category(feature: Category) -> Any:
    if feature.unseen == "refuse":
        form: Any = Literal
        return form[feature.categories]

    def filled(text: str) -> str:
        # In a table these texts are missing values; in a request a missing value is null.
        word = text.strip()
        if word not in feature.categories and (word in MISSING or word in feature.missing):
            raise ValueError("stands for a missing value")
        return text

    return Annotated[str, Field(strict=True), AfterValidator(filled)]


def _flag(feature: Flag) -> Any:
    choices = [True, False, 1, 0, *FLAGS]
    usual = core_schema.literal_schema([True, False, *USUAL_FLAGS])
    return Annotated[Any, Either(usual, _to_flag), WithJsonSchema({"enum": choices})]


def _today() -> date:
    return datetime.now(UTC).date()


def _date(feature: Date, today: Callable[[], date]) -> Any:
    def days_since(text: str) -> float:
        day = day_of(text.strip(), feature.order)
        if day is None:
            raise ValueError("not a date")
        return float((today() - day).days)

    schema = {"type": "string", "format": "date"}
    text = Annotated[str, Field(strict=True)]
    return Annotated[text, AfterValidator(days_since), WithJsonSchema(schema)]


_FIELDS: dict[str, Callable[..., Any]] = {
    "number": _number, "category": _category, "flag": _flag,
}  # fmt: skip


def _whole(value: float) -> float:
    if not value.is_integer():
        raise ValueError("not a whole number")
    return value


def _to_flag(value: Any) -> float:
    if isinstance(value, str):
        value = FLAGS.get(value.strip().lower(), value)
    if isinstance(value, bool | int | float) and value in (0, 1):
        return float(value)
    raise ValueError("neither yes nor no")


def _to_id(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**MAX_ID:
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < LARGEST_FLOAT_ID:
        return int(value)  # as in a table, 7.0 is 7
    raise ValueError("no id")


_ID = Annotated[
    Any,
    Either(
        core_schema.nullable_schema(core_schema.str_schema(strict=True, max_length=MAX_ID)), _to_id
    ),
    WithJsonSchema({"type": ["string", "integer", "null"], "maxLength": MAX_ID}),
]
