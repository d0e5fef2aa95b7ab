"""Checks of a request other than of its JSON: media type, encoding, query."""

from collections.abc import Collection

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge

from churn.data.values import FLAGS
from churn.scoring.json_body import Problem
from churn.words import plural
from serve.problem_details import Refused
from serve.proxies import unproxied
from serve.responses import JSON

MAX_SHOWN = 80
# The key of the WSGI environment for a body that the server has read and checked already.
BODY = "churn.body"


def json_body() -> bytes:
    """The body of the current request.

    Raises
    ------
    Refused
        If its media type is not JSON, it is compressed, or it ends before its Content-Length.
    """
    asked = unproxied(request)  # the proxy costs as much as an attribute itself
    if asked.environ.get("CONTENT_TYPE") != JSON and not asked.is_json:
        wrong = Problem("Content-Type", JSON, (asked.mimetype or "nothing")[:MAX_SHOWN])
        raise Refused(415, f"The body must be {JSON}.", [wrong])
    encoding = asked.headers.get("Content-Encoding", "identity")
    if encoding.strip().lower() != "identity":
        wrong = Problem("Content-Encoding", "identity", encoding[:MAX_SHOWN])
        raise Refused(415, "The body must not be compressed.", [wrong])
    read: bytes | None = asked.environ.get(BODY)
    if read is not None:
        return read
    body: bytes = asked.get_data(cache=False)
    most = asked.max_content_length
    if asked.content_length is None and most is not None and len(body) >= most:
        raise RequestEntityTooLarge  # a chunked body is truncated at the limit
    if asked.content_length is not None and len(body) < asked.content_length:
        raise incomplete_body(len(body), asked.content_length)
    return body


def incomplete_body(got: int, length: int) -> Refused:
    """The refusal of a body that ends early."""
    wrong = Problem("the body", f"{length} bytes, as of its Content-Length", f"{got} bytes")
    return Refused(400, "The body is incomplete.", [wrong])


def check_query(known: Collection[str]) -> None:
    """Check that the query of the current request has only known parameters, each once.

    Raises
    ------
    Refused
    """
    if not request.query_string:
        return
    problems = []
    for name, values in request.args.lists():
        if name not in known:
            expected = f"one of: {', '.join(sorted(known))}" if known else "no parameters here"
            problems.append(Problem("the query", expected, name[:MAX_SHOWN]))
        elif len(values) > 1:
            problems.append(Problem(f"?{name}", "one value", plural(len(values), "value")))
    if problems:
        raise Refused(422, "The query cannot be understood.", problems[:100])


def query_flag(name: str) -> bool:
    """A parameter that is on or off, off unless given."""
    if not request.query_string:
        return False
    text = request.args.get(name, "no")
    if text.lower() not in FLAGS:
        _refuse(name, "1 or 0", text)
    return bool(FLAGS[text.lower()])


def query_number(name: str, default: int, high: int) -> int:
    """A parameter that is a whole number from 1 to `high`."""
    text = request.args.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= high):
        _refuse(name, f"a whole number from 1 to {high}", text)
    return int(text)


def _refuse(name: str, expected: str, text: str) -> None:
    wrong = Problem(f"?{name}", expected, text[:MAX_SHOWN])
    raise Refused(422, "The query cannot be understood.", [wrong])
