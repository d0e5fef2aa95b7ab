"""The JSON body of a request: validated, with its problems named, at a bounded cost.

Pydantic makes an object for each problem (16 microseconds and 2.6 kB), so a small body can ask for
gigabytes. Three bounds hold here: an object with far too many fields is refused before it is
validated, at most MAX_NAMED problems are described, and all others are only counted.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import from_json
from typing_extensions import TypedDict

from churn.errors import ChurnError
from churn.scoring.pydantic_compat import annotated, json_validator, list_of, python_validator
from churn.words import plural

MAX_NAMED = 100
MAX_EXTRA_FIELDS = 100
MAX_SHOWN = 80
# A body of at most so many bytes has at most a few thousand problems.
SMALL_BODY = 16 * 1024

# The names of fields and the places in lists that lead to a value.
Place = tuple[int | str, ...]


@dataclass(frozen=True)
class Problem:
    """One problem of a request: the place, the expected value, and the value sent."""

    where: str
    expected: str
    got: str


@dataclass
class Problems:
    """The problems of a request: the first MAX_NAMED of them, and how many there are."""

    named: list[Problem] = field(default_factory=list)
    total: int = 0

    @property
    def room(self) -> int:
        """How many more problems can be named."""
        return MAX_NAMED - len(self.named)

    def add(self, *problems: Problem) -> None:
        self.named += problems[: self.room]
        self.total += len(problems)

    def __str__(self) -> str:
        if self.total == 1:
            return "1 problem"
        more = f", of which the first {MAX_NAMED} are named" if self.total > len(self.named) else ""
        return f"{plural(self.total, 'problem')}{more}"


class InvalidRequest(ChurnError):
    """A request body that is not valid.

    Attributes
    ----------
    wrong : list of Problem
        The first MAX_NAMED problems.
    total : int
        How many problems there are.
    malformed : bool
        Whether the body is not JSON.
    """

    def __init__(self, summary: str, problems: Problems, malformed: bool = False):
        wrong = problems.named
        super().__init__(summary, [f"{p.where}: {p.expected}, not {p.got}" for p in wrong])
        self.wrong = wrong
        self.total = problems.total
        self.malformed = malformed


class ObjectReader:
    """Reads JSON objects of one type.

    Parameters
    ----------
    kind : type of TypedDict
    noun : str
        What one object is, for messages: `customer`.
    several : str
        The only field of a body with a list of such objects: `customers`.
    expected : callable
        Returns what is expected at a place. It takes the place, the type of Pydantic's error, and
        whether there is time to look for a similar field name.
    """

    def __init__(
        self, kind: Any, noun: str, several: str, expected: Callable[[Place, str, bool], str]
    ):
        self.noun = noun
        self.several = several
        self.adapter = TypeAdapter[dict[str, Any]](kind)
        self._max_fields = len(kind.__annotations__) + MAX_EXTRA_FIELDS
        self._expected = expected
        self._from_json = json_validator(self.adapter)
        self._from_python = python_validator(self.adapter)
        # Unknown fields are ignored, so no object makes more problems than it has known fields.
        known = typed_dict(kind.__name__, kind.__annotations__, extra="ignore")
        items = annotated(list_of(known), Field(fail_fast=True))
        lists = typed_dict("List", {several: items}, extra="ignore")
        self._list_from_json = json_validator(TypeAdapter[dict[str, Any]](lists))

    def read(self, body: bytes, summary: str) -> dict[str, Any]:
        """Read a body that is one object.

        Parameters
        ----------
        body : bytes
            JSON in UTF-8.
        summary : str
            The summary of the error for an invalid body.

        Raises
        ------
        InvalidRequest
        """
        problems = Problems()
        if len(body) <= SMALL_BODY:
            try:
                found: dict[str, Any] = self._from_json(body)
                return found
            except ValidationError as error:
                if error.errors(include_url=False)[0]["type"] == "json_invalid":
                    parse(body)  # raises an error with the reason
                self._describe(error, (), problems)
        elif (read := self._check(parse(body), (), problems)) is not None:
            return read
        raise InvalidRequest(f"{summary}: {problems}.", problems)

    def read_list(
        self, body: bytes, max_items: int, summary: str
    ) -> tuple[list[dict[str, Any] | None], Problems]:
        """Read a body `{several: [...]}`, the valid objects however many are not.

        Parameters
        ----------
        body, summary
            See `read`.
        max_items : int
            How many objects it may have.

        Returns
        -------
        items : list of dict or None
            None for an object with a problem.
        problems : Problems

        Raises
        ------
        InvalidRequest
            If the body is no such list, or none of its objects is valid.
        """
        problems = Problems()
        ordinary = self._read_ordinary(body, max_items)
        if ordinary is not None:
            return ordinary, problems
        sent = parse(body)
        problems.add(*self._shape_problems(sent, max_items))
        if problems.total:
            raise InvalidRequest(f"{summary}: {problems}.", problems)
        place = self.several
        read = [self._check(item, (place, i), problems) for i, item in enumerate(sent[place])]
        if all(item is None for item in read):
            raise InvalidRequest(f"{summary}: {problems}.", problems)
        return read, problems

    def _read_ordinary(self, body: bytes, max_items: int) -> list[dict[str, Any] | None] | None:
        """The objects of a list without a problem, or None where each must be looked at.

        Parsed and validated in one pass, which ignores unknown and repeated fields. Each field has
        one colon: if there are as many colons as known fields, there are no others. A colon in a
        text only costs the second look.
        """
        try:
            items: list[dict[str, Any]] = self._list_from_json(body)[self.several]
        except ValidationError:
            return None
        if not 1 <= len(items) <= max_items or body.count(b":") != 1 + sum(map(len, items)):
            return None
        return list[dict[str, Any] | None](items)

    def _check(self, value: Any, place: Place, problems: Problems) -> dict[str, Any] | None:
        """The validated value, or None and its problems added."""
        if isinstance(value, dict) and len(value) > self._max_fields:
            most = f"an object of at most {self._max_fields} fields"
            problems.add(Problem(where(place), most, plural(len(value), "field")))
            return None
        try:
            found: dict[str, Any] = self._from_python(value)
            return found
        except ValidationError as error:
            self._describe(error, place, problems)
            return None

    def _describe(self, error: ValidationError, place: Place, problems: Problems) -> None:
        room = problems.room
        problems.total += error.error_count()
        if not room:
            return
        for detail in error.errors(include_url=False, include_context=False)[:room]:
            got = "nothing" if detail["type"] == "missing" else shown(detail["input"])
            expected = self._expected(detail["loc"], detail["type"], room > MAX_NAMED // 2)
            problems.named.append(Problem(where((*place, *detail["loc"])), expected, got))

    def _shape_problems(self, sent: Any, max_items: int) -> Iterable[Problem]:
        name = self.several
        whole = f"a list of 1 to {max_items} {self.noun}s"
        if not isinstance(sent, dict):
            yield Problem("the body", f"an object with {name!r}, {whole}", shown(sent))
            return
        for other in [key for key in sent if key != name][:MAX_NAMED]:
            yield Problem(
                where((other,)), f"no such field; the only one is {name}", shown(sent[other])
            )
        items = sent.get(name)
        if not isinstance(items, list) or not 1 <= len(items) <= max_items:
            yield Problem(name, whole, shown(items) if name in sent else "nothing")


def typed_dict(
    name: str, fields: dict[str, Any], extra: Literal["forbid", "ignore"] = "forbid"
) -> Any:
    """A type of JSON object with these fields; any other field is a problem, or ignored."""
    form: Any = TypedDict  # no checker of types can follow one that is made at run time
    made: Any = form(name, fields)
    made.__pydantic_config__ = ConfigDict(extra=extra)
    return made


def parse(body: bytes) -> Any:
    """The value of a body.

    Raises
    ------
    InvalidRequest
        If it is not JSON.
    """
    try:
        return from_json(body)
    except ValueError as error:
        problems = Problems()
        problems.add(Problem("the body", "JSON in UTF-8", str(error)))
        raise InvalidRequest("The body is not JSON.", problems, malformed=True) from None


def where(place: Place) -> str:
    """A place in a body: `customers[3].tenure`."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{_cut(part)}" for part in place)
    return "".join(parts).removeprefix(".") or "the body"


def shown(value: Any) -> str:
    """A value of a body in a few words."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, str):
        value = value[: MAX_SHOWN + 1]
    return _cut(json.dumps(value, ensure_ascii=False))


def _cut(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 1]}…"
