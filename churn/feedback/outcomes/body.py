"""Outcomes in the body of a request: read strictly, with every problem at once."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import cache
from typing import Annotated, Any, NotRequired

from pydantic import (
    AfterValidator,
    Field,
    PlainValidator,
    TypeAdapter,
    WithJsonSchema,
)

from churn.data.ids import id_text
from churn.feedback.outcomes.entries import FIRST, Outcome, check_day
from churn.scoring.json_body import (
    InvalidRequest,
    ObjectReader,
    Place,
    Problem,
    shown,
    typed_dict,
)
from churn.scoring.pydantic_compat import annotated, list_of
from churn.scoring.request_schema import MAX_ID

OUTCOMES = "outcomes"
SUMMARY = "The outcomes cannot be taken"
DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
# RFC 3339.
TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
WORDS = {
    "customer": f"an id that is not empty, of at most {MAX_ID} characters, or a whole number",
    "date": f"a day like 2025-01-31, from {FIRST} to tomorrow",
    "left": "true or false",
    "recorded": f"a time with its zone like 2025-01-31T09:30:00Z, from {FIRST} to tomorrow",
}


def _to_customer(value: Any) -> str | int:
    if isinstance(value, str) and len(value) <= MAX_ID and id_text(value) is not None:
        return value
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**MAX_ID:
        return value
    raise ValueError("no key of a customer")


def _to_day(text: str) -> date:
    if not DAY.fullmatch(text):
        raise ValueError("no day")
    return check_day(date.fromisoformat(text))


def _to_time(text: str) -> datetime:
    if not TIME.fullmatch(text):
        raise ValueError("no time")
    time = datetime.fromisoformat(text.upper())
    check_day(time.date())
    return time


_CUSTOMER = {
    "type": ["string", "integer"], "minLength": 1, "maxLength": MAX_ID, "examples": ["C0042"],
}  # fmt: skip
DAY_SCHEMA = {"type": "string", "format": "date", "examples": ["2025-01-31"]}
_TIME = {"type": "string", "format": "date-time", "examples": ["2025-02-01T09:30:00Z"]}
CUSTOMER = Annotated[
    Any,
    PlainValidator(_to_customer),
    WithJsonSchema(_CUSTOMER),
    Field(description="Who the customer is"),
]
_FIELDS = {
    "customer": CUSTOMER,
    "date": Annotated[
        str,
        AfterValidator(_to_day),
        WithJsonSchema(DAY_SCHEMA),
        Field(strict=True, description="The day in UTC, like 2025-01-31; tomorrow is the last"),
    ],
    "left": Annotated[
        bool,
        Field(
            strict=True,
            description="Whether the customer had left on that day, or was still there",
            examples=[True],
        ),
    ],
    "recorded": NotRequired[
        Annotated[
            Annotated[str, AfterValidator(_to_time), WithJsonSchema(_TIME), Field(strict=True)]
            | None,
            Field(description="When it was recorded; the latest holds. By default now"),
        ]
    ],
}


_OUTCOME = typed_dict("Outcome", _FIELDS)


@cache
def _reader() -> ObjectReader:
    return ObjectReader(_OUTCOME, "outcome", OUTCOMES, _expected)


@cache
def body_type(most: int) -> TypeAdapter[dict[str, Any]]:
    """The type of a body, `{"outcomes": [...]}`, of so many outcomes at most."""
    many = annotated(list_of(_OUTCOME), Field(min_length=1, max_length=most))
    return TypeAdapter[dict[str, Any]](typed_dict("Outcomes", {OUTCOMES: many}))


def read_body(body: bytes, most: int) -> list[Outcome]:
    """Read the outcomes of a request.

    Parameters
    ----------
    body : bytes
        JSON in UTF-8.
    most : int
        The maximum number of outcomes.

    Raises
    ------
    InvalidRequest
        Naming every problem: an invalid outcome, a day after tomorrow, or a customer who both left
        and stayed on one day in outcomes recorded at the same time.
    """
    sent, problems = _reader().read_list(body, most, SUMMARY)
    if problems.total:
        raise InvalidRequest(f"{SUMMARY}: {problems}.", problems)
    now = datetime.now(UTC)
    rows = [
        Outcome(one["customer"], one["date"], one["left"], one.get("recorded") or now)
        for one in sent
        if one is not None
    ]
    problems.add(*_contradictions(rows))
    if problems.total:
        raise InvalidRequest(f"{SUMMARY}: {problems}.", problems)
    return rows


def _expected(place: Place, error: str, _guess: bool) -> str:
    if error == "extra_forbidden":
        return "no such field"
    return WORDS[str(place[0])] if place else "an object with customer, date and left"


def _contradictions(rows: list[Outcome]) -> Iterator[Problem]:
    first: dict[tuple[str | None, date, datetime], int] = {}
    for place, row in enumerate(rows):
        before = first.setdefault((id_text(row.customer), row.date, row.recorded), place)
        if rows[before].left != row.left:
            wanted = f"the same as {OUTCOMES}[{before}].left, or with another 'recorded'"
            yield Problem(f"{OUTCOMES}[{place}].left", wanted, shown(row.left))
