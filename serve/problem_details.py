"""Errors as RFC 9457 problem details, for whoever asks and whatever went wrong."""

import json
from dataclasses import asdict

from flask import Flask, Response, current_app, render_template, request
from werkzeug.exceptions import HTTPException, default_exceptions

from churn.errors import ChurnError
from churn.feedback.prediction_log import LogFailed
from churn.scoring.json_body import InvalidRequest, Problem
from serve.metrics import count_log_failure
from serve.served_model import NoModel

MEDIA_TYPE = "application/problem+json"


class Refused(Exception):
    """A request that cannot be answered.

    Parameters
    ----------
    status : int
    detail : str
        What is wrong, in one sentence.
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


def _answer(status: int, detail: str, problems: list[dict]) -> Response:
    body = {
        "type": "about:blank",  # RFC 9457: no more is meant than what the status says
        "title": default_exceptions[status]().name,
        "status": status,
        "detail": detail,
        "problems": problems,
    }
    return Response(json.dumps(body), status, content_type=MEDIA_TYPE)


def _refused(error: Refused) -> Response:
    return _answer(error.status, error.detail, [asdict(problem) for problem in error.problems])


def _invalid(error: InvalidRequest) -> Response:
    status = 400 if error.malformed else 422
    return _answer(status, error.summary, [asdict(problem) for problem in error.wrong])


def _log_failed(error: LogFailed) -> Response:
    count_log_failure()
    # What the disk said is for those who run the server, not for whoever asks it.
    current_app.logger.error("%s", error)
    return _answer(503, "The prediction log cannot be written, so nothing is answered.", [])


def _unavailable(error: ChurnError) -> Response:
    current_app.logger.error("%s", error)
    return _answer(503, error.summary, [])


def _no_model(error: NoModel) -> Response:
    todo = [*error.problems]
    if request.blueprint == "page" and request.accept_mimetypes.accept_html:
        page = render_template("no_model.html", summary=error.summary, todo=todo)
        return Response(page, 503, mimetype="text/html")
    return _answer(503, " ".join([error.summary, *todo]), [])


def _http(error: HTTPException) -> Response:
    detail = error.description
    if error.code == 413:
        detail = f"The body is larger than {current_app.config['MAX_CONTENT_LENGTH']:,} bytes."
    answer = _answer(error.code, detail, [])
    for name, value in error.get_headers(request.environ):
        if name.lower() not in ("content-type", "content-length"):
            answer.headers[name] = value  # Allow, with a 405
    return answer
