"""Every error as problem details (RFC 9457)."""

import json
from collections.abc import Sequence
from dataclasses import asdict

from flask import Flask, Response, current_app, render_template, request
from werkzeug.exceptions import HTTPException, default_exceptions

from churn.errors import ChurnError
from churn.feedback.prediction_log import LogFailed
from churn.scoring.json_body import InvalidRequest, Problem
from serve.metrics import count_log_failure
from serve.served_model import NoModel

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 2


class Refused(Exception):
    """A request that cannot be answered.

    Parameters
    ----------
    status : int
    detail : str
        The problem, in one sentence.
    problems : list of Problem
    """

    def __init__(self, status: int, detail: str, problems: list[Problem] | None = None):
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.problems = problems or []


def init_app(app: Flask) -> None:
    """Answer every error of an app with problem details."""
    app.register_error_handler(Refused, _refused)
    app.register_error_handler(InvalidRequest, _invalid)
    app.register_error_handler(NoModel, _no_model)
    app.register_error_handler(LogFailed, _log_failed)
    app.register_error_handler(ChurnError, _unavailable)
    app.register_error_handler(HTTPException, _http)


def problem_json(status: int, detail: str, problems: Sequence[Problem] = ()) -> bytes:
    """Problem details as JSON."""
    body = {
        "type": "about:blank",  # RFC 9457: the status code is the only type
        "title": default_exceptions[status]().name,
        "status": status,
        "detail": detail,
        "problems": [asdict(problem) for problem in problems],
    }
    return json.dumps(body).encode()


def _respond(
    status: int, detail: str, problems: Sequence[Problem] = (), *, retry: bool = False
) -> Response:
    if request.blueprint == "desk" and request.accept_mimetypes.accept_html:
        page = render_template("problem.html", detail=detail, problems=problems, status=status)
        response = Response(page, status, mimetype="text/html")
    else:
        body = problem_json(status, detail, problems)
        response = Response(body, status, content_type=MEDIA_TYPE)
    if retry:
        response.headers["Retry-After"] = RETRY_SECONDS
    return response


def _refused(error: Refused) -> Response:
    return _respond(error.status, error.detail, error.problems)


def _invalid(error: InvalidRequest) -> Response:
    status = 400 if error.malformed else 422
    return _respond(status, error.summary, error.wrong)


def _log_failed(error: LogFailed) -> Response:
    count_log_failure()
    # The reason is logged for the operator of the server, and not sent to clients.
    current_app.logger.error("%s", error)
    detail = "The prediction log cannot be written, so nothing is answered."
    return _respond(503, detail, retry=True)


def _unavailable(error: ChurnError) -> Response:
    current_app.logger.error("%s", error)
    return _respond(503, error.summary, retry=True)


def _no_model(error: NoModel) -> Response:
    todo = [*error.problems]
    if request.blueprint == "page" and request.accept_mimetypes.accept_html:
        page = render_template("no_model.html", summary=error.summary, todo=todo)
        return Response(page, 503, mimetype="text/html")
    return _respond(503, " ".join([error.summary, *todo]), retry=True)


def _http(error: HTTPException) -> Response:
    detail = error.description or ""
    if error.code == 413:
        detail = f"The body is larger than {current_app.config['MAX_CONTENT_LENGTH']:,} bytes."
    response = _respond(error.code or 500, detail)
    for name, value in error.get_headers(request.environ):
        if name.lower() not in ("content-type", "content-length"):
            response.headers[name] = value  # Allow, with a 405
    return response
