"""The results of calls in the body of a request: read strictly, with every problem at once."""

import math
from datetime import UTC, date, datetime
from functools import cache
from typing import Annotated, Any, NotRequired

from pydantic import AfterValidator, Field, TypeAdapter, WithJsonSchema

from churn.campaign.stored.call_results import EXPECTED, RESULTS, CallResult
from churn.data.ids import id_text
from churn.feedback.outcomes.body import CUSTOMER, DAY, DAY_SCHEMA, WORDS
from churn.scoring.json_body import InvalidRequest, ObjectReader, Place, parse, typed_dict
from churn.scoring.pydantic_compat import annotated, list_of

CALLS = "calls"
SUMMARY = "The results of calls cannot be taken"
MAX_TEXT = 1_000
BY = "the API"
_TEXT = f"a text of at most {MAX_TEXT} characters"
_EXPECTED = {
    "customer": WORDS["customer"], **EXPECTED, "by": _TEXT, "note": _TEXT, "action": _TEXT,
    "campaign": _TEXT,
}  # fmt: skip


def _to_day(text: str) -> date:
    if not DAY.fullmatch(text) or (day := date.fromisoformat(text)) > datetime.now(UTC).date():
        raise ValueError("no day")
    return day


def _to_result(text: str) -> str:
    if text not in RESULTS:
        raise ValueError("no result")
    return text


def _to_cost(value: float) -> float:
    if not 0 <= value < math.inf:
        raise ValueError("no cost")
    return value


def _text(about: str) -> Any:
    text = Annotated[str, Field(strict=True, max_length=MAX_TEXT)]
    return NotRequired[Annotated[text | None, Field(description=about)]]


_RESULT = {"type": "string", "enum": list(RESULTS)}
_COST = {"type": "number", "minimum": 0, "examples": [12.5]}
_FIELDS = {
    "customer": CUSTOMER,
    "result": Annotated[
        str,
        AfterValidator(_to_result),
        WithJsonSchema(_RESULT),
        Field(strict=True, description="What came of the call"),
    ],
    "date": NotRequired[
        Annotated[
            Annotated[str, AfterValidator(_to_day), WithJsonSchema(DAY_SCHEMA), Field(strict=True)]
            | None,
            Field(description="The day of the call, in UTC. By default today"),
        ]
    ],
    "cost": NotRequired[
        Annotated[
            Annotated[float, AfterValidator(_to_cost), WithJsonSchema(_COST), Field(strict=True)]
            | None,
            Field(description="Money that was spent"),
        ]
    ],
    "action": _text("What the customer got, where it is another action than the list's"),
    "campaign": _text("Whose list. By default that of CHURN_CAMPAIGN_FILE, or retention"),
    "by": _text("Who called"),
    "note": _text("What the person who called noted"),
}

_CALL = typed_dict("Call", _FIELDS)


@cache
def _reader() -> ObjectReader:
    return ObjectReader(_CALL, "call", CALLS, _expected)


@cache
def calls_type(most: int) -> TypeAdapter[dict[str, Any]]:
    """The type of a body, `{"calls": [...]}`, of so many results at most."""
    many = annotated(list_of(_CALL), Field(min_length=1, max_length=most))
    return TypeAdapter[dict[str, Any]](typed_dict("Calls", {CALLS: many}))


def has_calls(body: bytes) -> bool:
    """Whether a body is about calls, and not about outcomes.

    Raises
    ------
    InvalidRequest
        If it is not JSON.
    """
    if f'"{CALLS}"'.encode() not in body:  # most are outcomes, which are read in one pass
        return False
    sent = parse(body)
    return isinstance(sent, dict) and CALLS in sent and "outcomes" not in sent


def read_calls(body: bytes, most: int, campaign: str) -> dict[str, list[CallResult]]:
    """Read the results of calls in a request.

    Parameters
    ----------
    body : bytes
        JSON in UTF-8.
    most : int
        The maximum number of results.
    campaign : str
        That of results which name none.

    Returns
    -------
    dict of str to list of CallResult
        By campaign.

    Raises
    ------
    InvalidRequest
        Naming every problem.
    """
    sent, problems = _reader().read_list(body, most, SUMMARY)
    if problems.total:
        raise InvalidRequest(f"{SUMMARY}: {problems}.", problems)
    today = datetime.now(UTC).date()
    found: dict[str, list[CallResult]] = {}
    for one in filter(None, sent):
        found.setdefault(one.get("campaign") or campaign, []).append(
            CallResult(
                str(id_text(one["customer"])), one["result"], one.get("date") or today,
                one.get("by") or BY, one.get("note") or "", one.get("cost"),
                one.get("action") or "",
            )
        )  # fmt: skip
    return found


def _expected(place: Place, error: str, _guess: bool) -> str:
    if error == "extra_forbidden":
        return "no such field"
    return _EXPECTED[str(place[0])] if place else "an object with customer and result"
