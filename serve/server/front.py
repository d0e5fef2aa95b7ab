"""The front of a worker: a WSGI app that answers ordinary predictions, and calls Flask otherwise.

Granian calls it in one of many threads, each of which reads the body of its request first, within
the bounds of `serve.server.body`. Most threads only ever wait for slow clients: few execute Flask
at the same time, and few wait for the database, so that `/health` is answered even if all others
are busy.
"""

import gc
from io import BytesIO
from threading import get_ident
from time import monotonic, perf_counter
from wsgiref.types import StartResponse, WSGIEnvironment

from flask import Flask
from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.wrappers import Response

from serve import logs
from serve.fast_path import HEADERS as FAST_HEADERS
from serve.fast_path import PATH as FAST
from serve.fast_path import FastPath
from serve.instance import end_with_parent
from serve.metrics import BEGIN, observe
from serve.problem_details import MEDIA_TYPE, RETRY_SECONDS, Refused, problem_json
from serve.request_checks import BODY
from serve.response_headers import NO_STORE_HEADERS
from serve.server.body import BodyReader
from serve.server.queues import Queue
from serve.server.slow_clients import SlowClients
from serve.settings import Settings
from serve.tracing import App, traced

RUNNING, WAITING = 4, 64
UNBOUNDED = "/health"
DATABASE = frozenset({"/outcomes", "/predictions"})
DATABASE_RUNNING, DATABASE_WAITING = 2, 16

Answer = tuple[str, list[tuple[str, str]], bytes]


class Front:
    """An app as Granian's WSGI target."""

    def __init__(self, app: Flask):
        self._app = app
        rules = list(app.url_map.iter_rules())
        self._paths = frozenset(rule.rule for rule in rules)
        # The pages of the desk are read from the database.
        desk = {rule.rule.split("/")[1] for rule in rules if rule.endpoint.startswith("desk.")}
        self._desk = tuple(f"/{name}" for name in sorted(desk))
        self._fast = FastPath(app)
        seconds = app.config["BODY_SECONDS"]
        self._slow = SlowClients(app.config["PORT"], seconds)
        self._slow.watch()
        self._bodies = BodyReader(app.config["MAX_CONTENT_LENGTH"], seconds, self._slow)
        self._requests = Queue(RUNNING, WAITING, "Too many requests at once.")
        self._database = Queue(
            DATABASE_RUNNING, DATABASE_WAITING, "Too many requests wait for the database."
        )

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        """Answer one request (PEP 3333)."""
        begin = perf_counter()
        path = environ["PATH_INFO"]
        named = (logs.REQUEST_ID, logs.begin(environ))
        try:
            body = self._bodies.read(environ)
            if path == FAST and environ["REQUEST_METHOD"] == "POST" and not environ["QUERY_STRING"]:
                response = self._fast.respond(environ, body, begin)
                if response is not None:
                    logs.answered(environ, "200", perf_counter() - begin)
                    start_response("200 OK", [*FAST_HEADERS, named])
                    return [response]
            status, headers, response = self._flask(_with_body(environ, body, begin), path)
        except Refused as refused:
            status, headers, response = _refusal(refused)
            route = path if path in self._paths else "other"
            observe(route, str(refused.status), perf_counter() - begin)
        logs.answered(environ, status, perf_counter() - begin)
        start_response(status, [*headers, named])
        return [response]

    def _flask(self, environ: WSGIEnvironment, path: str) -> Answer:
        thread = get_ident()
        self._slow.answering[thread] = monotonic(), environ["REMOTE_ADDR"]
        try:
            if path == UNBOUNDED:
                return self._run(environ)
            database = path in DATABASE or path.startswith(self._desk)
            with self._database if database else self._requests:
                return self._run(environ)
        finally:
            del self._slow.answering[thread]

    def _run(self, environ: WSGIEnvironment) -> Answer:
        response = Response.from_app(self._app, environ, buffered=True)
        return response.status, list(response.headers), response.get_data()


def create_front() -> App:
    """The app with the settings of the environment, behind its front."""
    from serve import create_app

    logs.configure(Settings.read().logging, "worker")
    end_with_parent()
    front = traced(Front(create_app()))
    # What is loaded stays: the garbage collector need not look at it again.
    gc.collect()
    gc.freeze()
    return front


def _with_body(environ: WSGIEnvironment, body: bytes, begin: float) -> WSGIEnvironment:
    """The environment of a request whose body has been read and decoded."""
    environ.pop("HTTP_TRANSFER_ENCODING", None)
    environ["CONTENT_LENGTH"] = str(len(body)) if body else ""
    environ["wsgi.input"] = BytesIO(body)
    environ[BODY] = body
    environ[BEGIN] = begin
    return environ


def _refusal(refused: Refused) -> Answer:
    headers = [("Content-Type", MEDIA_TYPE), *NO_STORE_HEADERS]
    if refused.status == 503:
        headers.append(("Retry-After", str(RETRY_SECONDS)))
    status = f"{refused.status} {HTTP_STATUS_CODES[refused.status]}"
    return status, headers, problem_json(refused.status, refused.detail, refused.problems)
